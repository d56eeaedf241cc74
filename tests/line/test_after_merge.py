"""After the merge: attestations and the deploy, once each, whatever failed in between."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.line.test_trains import approve
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import RunId
from unlit.line.adapters.gate_room import GateRoom
from unlit.line.fakes import FakeShipper
from unlit.line.model import Shipped
from unlit.line.ports import AfterMerge, Recheck
from unlit.line.service import Line
from unlit.record.model import RunState
from unlit.review.rules.gates import GateRule, GateRules


class After(AfterMerge):
    """Says what it was asked, and fails as told."""

    def __init__(self, *, fails: int = 0, ok: bool = True) -> None:
        self.fails = fails
        self.ok = ok
        self.done: list[str] = []

    @override
    def attest(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, str]:
        self.done.append(f"attest {facts['commit'][:3]}")
        return {"provenance.dsse.json": "a file", "sbom.dsse.json": "one", "sbom.cdx.json": "it"}

    @override
    async def deploy(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if self.fails:
            self.fails -= 1
            raise InvalidInput("POL-101", "The policy is not one.", "why", "do")
        self.done.append("deploy")
        return {"ok": self.ok, "percent": 100, "restored": None, "steps": [], "words": "done"}


async def shipped(folder: Path, repository: Path, after: After) -> tuple[Any, list[str], str]:
    """Ship a run, and again when the first time failed; its run, the stages and the shipper."""
    shipper = FakeShipper()
    world = services(folder / "state", overlays(folder, "10"), [])
    world = replace(world, after=after, shipper=shipper)
    async with Line.open(world, durable_url(folder / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        approve(world, run)
        await line.ship(run)
        first = await line.wait(run)
        await line.ship(run)
        last = await line.wait(run)
        assert not await line.unfinished(run)
    told = next(row.detail for row in world.store.stages(run) if row.name == "attest")
    assert told == "2 attestations are written"
    assert first.state is last.state is RunState.SHIPPED
    assert shipper.shipped == [run]
    return last, after.done, first.note


async def test_a_shipped_run_is_attested_and_deployed_once(
    tmp_path: Path, repository: Path
) -> None:
    last, done, _ = await shipped(tmp_path, repository, After())
    assert done == ["attest ccc", "deploy"]
    assert last.note == ""


async def test_a_deploy_that_could_not_begin_leaves_the_run_shipped_and_is_tried_again(
    tmp_path: Path, repository: Path
) -> None:
    last, done, note = await shipped(tmp_path, repository, After(fails=1))
    assert "POL-101" in note
    assert done[-1] == "deploy"
    assert done.count("deploy") == 1
    assert last.state is RunState.SHIPPED


async def test_a_deploy_that_was_rolled_back_is_said_and_not_tried_by_itself(
    tmp_path: Path, repository: Path
) -> None:
    last, done, note = await shipped(tmp_path, repository, After(ok=False))
    assert (note, done.count("deploy")) == ("done", 1)
    assert last.note == "done"


class Once(FakeShipper):
    """Its remote is gone after the first time."""

    @override
    def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
        if self.shipped:
            raise OutsideFailed("SHP-044", "The remote does not answer.", "why", "do")
        return super().ship(run, recheck)


@pytest.mark.parametrize("in_the_way", ["remote", "ship gate"])
async def test_what_is_merged_stays_merged_when_attesting_is_tried_again(
    tmp_path: Path, repository: Path, in_the_way: str
) -> None:
    class Full(After):
        full = True

        @override
        def attest(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, str]:
            if self.full:
                raise OutsideFailed("SHP-031", "The disk is full.", "why", "make room.")
            return super().attest(run, facts)

    after, shipper = Full(), Once()
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    world = replace(world, after=after, shipper=shipper)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        approve(world, run)
        await line.ship(run)
        first = await line.wait(run)
        assert (first.state, first.note[:7]) == (RunState.SHIPPED, "SHP-031")
    after.full = False
    if in_the_way == "ship gate":  # a rule that came after the merge
        room = GateRoom(world.store, lambda: GateRules({"ship": GateRule("ship")}))
        world = replace(world, gates=room)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        await line.ship(run)
        last = await line.wait(run)
    assert (last.state, last.note) == (RunState.SHIPPED, "")
    assert after.done == ["attest ccc", "deploy"]


async def test_another_deploy_needs_no_remote_and_leaves_no_shipped_run_waiting(
    tmp_path: Path, repository: Path
) -> None:
    after, shipper = After(), Once()
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    world = replace(world, after=after, shipper=shipper)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        approve(world, run)
        await line.ship(run)
        first = await line.wait(run)
        await line.ship(run, anew=True)
        last = await line.wait(run)
    assert (first.state, last.state, last.note) == (RunState.SHIPPED, RunState.SHIPPED, "")
    assert after.done == ["attest ccc", "deploy", "attest ccc", "deploy"]
    (stage,) = [row for row in world.store.stages(run) if row.name == "ship"]
    assert stage.facts["commit"].startswith("ccc")
    assert stage.facts["again"]
