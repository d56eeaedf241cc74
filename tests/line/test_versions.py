"""A run begun by another version is refused in words; changed steps want a new version."""

import asyncio
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.test_trains import approve
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line import flow, graph_flow, tournament
from unlit.line.fakes import FakeShipper
from unlit.line.model import Shipped
from unlit.line.ports import Recheck
from unlit.line.service import Line
from unlit.record.model import RunState

STEPS = {
    "line-1": "sha256:55ff26a6614a",
    "line-2": "sha256:e3db98ccae2c",
    "line-3": "sha256:c03b0b2b4587",
    "line-4": "sha256:16ec76732547",
}
"""Version of the flow to the start of a digest of its steps' names in order. A changed digest wants
a new version in `flow.FLOW_VERSION` and a new row: runs of the old one must not go on in it."""


def steps() -> str:
    names: list[str] = []
    for module in (flow, graph_flow, tournament):
        text = Path(str(module.__file__)).read_text()
        names += re.findall(
            r'(?:perform|_stage|staged|_phase)\(\s*(?:work, |self\._work, )?"([\w/-]+)"', text
        )
        names += re.findall(r'"(unlit\.\w+|codergen|tool|wait\.human)":', text)
    return digest_json(names)


def test_changed_steps_have_a_new_version() -> None:
    assert steps().startswith(STEPS[flow.FLOW_VERSION]), steps()


async def test_a_run_of_another_version_is_refused_in_words(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [], pause_s=0.5)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
    world.store.change_run(run, world.clock.now(), state=RunState.RUNNING)
    monkeypatch.setattr(flow, "FLOW_VERSION", "line-999")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(InvalidInput, match=r"LIN-013 .* begun by version line-4"):
            await line.resume(run)


async def test_a_shipping_of_another_version_is_refused_in_words(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    class Slow(FakeShipper):
        @override
        def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
            begun.set()
            over.wait(100)
            raise RuntimeError("the process dies here")

    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        approve(world, run)
    stopped = replace(world, shipper=Slow())
    async with Line.open(stopped, durable_url(tmp_path / "state")) as line:
        await line.ship(run)
        assert await asyncio.to_thread(begun.wait, 90)
    over.set()
    monkeypatch.setattr(flow, "FLOW_VERSION", "line-999")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        assert await line.unfinished(run)
        with pytest.raises(InvalidInput, match=r"LIN-013 .* begun by version line-4"):
            await line.ship(run)
