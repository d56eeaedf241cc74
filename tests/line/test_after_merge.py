"""After the merge: attestations and the deploy, once each, whatever failed in between."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.line.test_trains import approve
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line.fakes import FakeShipper
from unlit.line.ports import AfterMerge
from unlit.line.service import Line
from unlit.record.model import RunState


class After(AfterMerge):
    """Says what it was asked, and fails as told."""

    def __init__(self, *, fails: int = 0, ok: bool = True) -> None:
        self.fails = fails
        self.ok = ok
        self.done: list[str] = []

    @override
    def attest(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, str]:
        self.done.append(f"attest {facts['commit'][:3]}")
        return {"provenance": "a file"}

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
