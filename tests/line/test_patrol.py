"""Tickets are asked about, built and answered, once each, against our Jira twin."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.adapters.index import Index
from unlit.context.changes import Comment, Create
from unlit.context.connectors.jira import Jira
from unlit.context.library import Library
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.line.adopt import SPEC
from unlit.line.patrol import Ledger, Patrol, Post, Standing, Watch
from unlit.review.outside import Answer, Said

READY = re.sub(
    "<!--.*-->", "Whoever asks it knows that it lives.", SPEC.split("---", 2)[2]
).replace("| |", "| not relevant: a test |")


class _Line:
    """A line that is a list; what it began survives a patrol, as the record does."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.finished: list[str] = []
        self.ended: dict[str, str] = {}
        self.dies = False
        self.dies_after_begin = False
        self.full: str | None = None
        self.hold: asyncio.Event | None = None
        self.at_once = 0
        self.most = 0

    def refusal(self) -> str | None:
        return self.full

    def find(self, spec: Path) -> RunId | None:
        found = [f"r-{i}" for i, name in enumerate(self.begun, start=1) if name == spec.name]
        return RunId(found[-1]) if found else None

    async def begin(self, spec: Path) -> RunId:
        self.begun.append(spec.name)
        if self.dies_after_begin:
            raise OutsideFailed("X-001", "The machine went down.", "it did.", "start it again.")
        return RunId(f"r-{len(self.begun)}")

    async def finish(self, run: RunId) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.hold is not None:
                await self.hold.wait()
            if self.dies:
                raise OutsideFailed("X-001", "The machine went down.", "it did.", "start again.")
            self.finished.append(run)
        finally:
            self.at_once -= 1

    def standing(self, run: RunId) -> Standing:
        if run in self.ended:
            return Standing(f"unlit {run} {self.ended[run]}", f"{run} is {self.ended[run]}.")
        works = run not in self.finished
        return Standing(f"unlit {run} c1", f"Candidate 1 of {run} can ship.", works, not works)


class _Gate:
    """Takes decisions of one account, and ships."""

    def __init__(self, line: _Line) -> None:
        self.line = line
        self.said: list[Said] = []

    def decide(self, said: Said) -> Answer:
        self.said.append(said)
        if not said.account:
            return Answer("Nothing was decided.")
        self.line.ended[said.run] = "shipped"
        return Answer(f"{said.run}: {said.decision}.", settled=True)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {"jira": {"projects": [{"key": "SEC", "name": "Security"}]}}
    with wired(tmp_path, "jira", "https://example.atlassian.net", seeds) as wire:
        yield wire


def _patrol(
    wire: Wire, tmp_path: Path, line: _Line, gate: _Gate | None = None, parallel: int = 1
) -> Patrol:
    jira = Jira(wire.api, FakeClock(), project="SEC")
    library = Library({"jira": jira}, Index(Path(":memory:")))
    watch = Watch("jira", "project = SEC ORDER BY key", "ada@example.com", parallel)
    ledger, post = Ledger(tmp_path / "handled.json"), Post(tmp_path / "specs", gate=gate)
    return Patrol(watch, library, line, ledger, post)


def _ticket(wire: Wire, summary: str, description: str) -> None:
    Jira(wire.api, FakeClock(), project="SEC").apply(Create("SEC", summary, description))


def _comments(wire: Wire) -> list[str]:
    return [str(one["body"]) for one in wire.universe.state(wire.world)["jira.comments"]]


def test_a_ready_ticket_is_built_and_answered_once(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    assert asyncio.run(_patrol(wire, tmp_path, line).round()) == 2
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


def test_a_crash_between_beginning_and_writing_it_down_begins_nothing_twice(
    wire: Wire, tmp_path: Path
) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    line.dies_after_begin = True
    asyncio.run(_patrol(wire, tmp_path, line).round())
    line.dies_after_begin = False
    asyncio.run(_patrol(wire, tmp_path, line).round())
    assert line.begun == ["SEC-1.md"]
    assert line.finished == ["r-1"]


def test_a_comment_that_was_written_before_the_crash_is_not_written_again(
    wire: Wire, tmp_path: Path
) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    asyncio.run(_patrol(wire, tmp_path, line).round())
    ledger = Ledger(tmp_path / "handled.json")
    (ref,) = ledger.with_runs("jira")
    known = ledger.find(ref)
    assert known is not None
    ledger.keep(ref, replace(known, done="begun", told=""))
    asyncio.run(_patrol(wire, tmp_path, line).round())
    assert len([one for one in _comments(wire) if "can ship" in one]) == 1


def test_as_many_runs_as_may_be_are_worked_on_at_a_time(wire: Wire, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        _ticket(wire, f"The {name} change", READY)
    line = _Line()

    async def work() -> None:
        line.hold = asyncio.Event()
        patrol = _patrol(wire, tmp_path, line, parallel=2)
        await patrol.sweep()
        await asyncio.sleep(0)
        await patrol.sweep()
        assert len(line.begun) == 2
        line.hold.set()
        await patrol.round()

    asyncio.run(work())
    assert len(line.finished) == 3
    assert line.most == 2


def test_without_budget_nothing_begins_and_unclear_tickets_are_still_asked(
    wire: Wire, tmp_path: Path
) -> None:
    _ticket(wire, "The first change", READY)
    _ticket(wire, "Make it nicer", "When somebody looks, the program shall be nicer.")
    line = _Line()
    line.full = "today's budget is used up"
    said: list[str] = []
    patrol = _patrol(wire, tmp_path, line)
    patrol._say = said.append
    asyncio.run(patrol.round())
    assert line.begun == []
    assert len(_comments(wire)) == 1
    assert "nothing more is begun now: today's budget is used up" in said
    line.full = None
    asyncio.run(_patrol(wire, tmp_path, line).round())
    assert line.begun == ["SEC-1.md"]


def _say(wire: Wire, text: str) -> None:
    jira = Jira(wire.api, FakeClock(), project="SEC")
    jira.apply(Comment(Ref("jira", "issue", "SEC-1"), text))


def test_a_decision_in_the_ticket_is_taken_once_and_only_after_the_report(
    wire: Wire, tmp_path: Path
) -> None:
    _ticket(wire, "The first change", READY)
    _say(wire, "/approve too early")
    line = _Line()
    gate = _Gate(line)
    asyncio.run(_patrol(wire, tmp_path, line, gate).round())
    assert gate.said == []
    _say(wire, "looks fine to me\n/approve is not at the start")
    _say(wire, "/approve it is right")
    for _ in range(2):
        asyncio.run(_patrol(wire, tmp_path, line, gate).round())
    ((said),) = gate.said
    assert (said.run, said.decision, said.reason) == ("r-1", "approved", "it is right")
    assert said.place == "jira:SEC-1"
    assert said.account, "the account that Jira vouches for"
    comments = _comments(wire)
    assert len([one for one in comments if "r-1 is shipped." in one]) == 1, comments


def test_a_ticket_that_left_the_query_is_still_followed(wire: Wire, tmp_path: Path) -> None:
    _ticket(wire, "The first change", READY)
    line = _Line()
    line.dies = True
    asyncio.run(_patrol(wire, tmp_path, line).round())
    line.dies = False
    patrol = _patrol(wire, tmp_path, line)
    patrol._watch = replace(patrol._watch, query="project = SEC AND labels = none")
    asyncio.run(patrol.round())
    assert line.finished == ["r-1"]
    assert len([one for one in _comments(wire) if "can ship" in one]) == 1
