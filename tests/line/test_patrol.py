"""Tickets are asked about, built and answered, once each, against our Jira twin."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.adapters.index import Index
from unlit.context.changes import Create
from unlit.context.connectors.jira import Jira
from unlit.context.library import Library
from unlit.core.clock import FakeClock
from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.line.adopt import SPEC
from unlit.line.patrol import Ledger, Patrol, Watch

READY = SPEC.split("---", 2)[2].replace("| |", "| not relevant: a test |")


class _Line:
    def __init__(self) -> None:
        self.begun: list[str] = []
        self.finished: list[str] = []
        self.dies = False

    async def begin(self, spec: Path) -> RunId:
        self.begun.append(spec.name)
        return RunId(f"r-{len(self.begun)}")

    async def finish(self, run: RunId) -> str:
        if self.dies:
            raise OutsideFailed("X-001", "The machine went down.", "it did.", "start it again.")
        self.finished.append(run)
        return f"Candidate 1 of {run} can ship."


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {"jira": {"projects": [{"key": "SEC", "name": "Security"}]}}
    with wired(tmp_path, "jira", "https://example.atlassian.net", seeds) as wire:
        yield wire


def _patrol(wire: Wire, tmp_path: Path, line: _Line) -> Patrol:
    jira = Jira(wire.api, FakeClock(), project="SEC")
    library = Library({"jira": jira}, Index(Path(":memory:")))
    watch = Watch("jira", "project = SEC ORDER BY key", "ada@example.com")
    return Patrol(watch, library, line, Ledger(tmp_path / "handled.json"), tmp_path / "specs")


def _ticket(wire: Wire, summary: str, description: str) -> None:
    Jira(wire.api, FakeClock(), project="SEC").apply(Create("SEC", summary, description))


def _comments(wire: Wire) -> list[str]:
    return [str(one["body"]) for one in wire.universe.state(wire.world)["jira.comments"]]


def test_a_ready_ticket_is_built_and_answered_once(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    assert asyncio.run(_patrol(wire, tmp_path, line).round()) == 1
    assert asyncio.run(_patrol(wire, tmp_path, line).round()) == 0
    assert line.begun == ["SEC-1.md"]
    assert line.finished == ["r-1"]
    assert len([one for one in _comments(wire) if "can ship" in one]) == 1
    (issue,) = wire.universe.state(wire.world)["jira.issues"]
    assert issue["assignee"]


def test_an_unclear_ticket_is_asked_about_once_for_each_version(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "Make it nicer", "When somebody looks, the program shall be nicer.")
    line = _Line()
    for _ in range(2):
        asyncio.run(_patrol(wire, tmp_path, line).round())
    assert line.begun == []
    assert len(_comments(wire)) == 1


def test_after_a_crash_the_run_goes_on_and_is_told_once(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    line.dies = True
    asyncio.run(_patrol(wire, tmp_path, line).round())
    line.dies = False
    asyncio.run(_patrol(wire, tmp_path, line).round())
    assert line.begun == ["SEC-1.md"]
    assert line.finished == ["r-1"]
    assert len([one for one in _comments(wire) if "can ship" in one]) == 1


def test_a_tracker_that_is_down_ends_the_round_only(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "The first change", READY)
    said: list[str] = []
    patrol = _patrol(wire, tmp_path, _Line())
    patrol._say = said.append
    patrol._watch = Watch("nowhere", "x")
    assert asyncio.run(patrol.round()) == 0
    assert "nowhere" in said[0]
