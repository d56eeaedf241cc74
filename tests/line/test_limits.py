"""Limits per agent, provider and service hold over runs; a stage waits and says so."""

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.line.world import durable_url, overlays, request, services

from unlit.line.model import LineEvent
from unlit.line.rules.queues import Limit
from unlit.line.service import Line
from unlit.record.model import RunState
from unlit.record.slots import Slots


async def test_two_runs_of_one_agent_build_one_after_the_other(
    tmp_path: Path, repository: Path
) -> None:
    events: list[LineEvent] = []
    world = services(tmp_path / "state", overlays(tmp_path, "10"), events)
    (tmp_path / "overlays" / "1" / "agent.sh").write_text("sleep 1\n")
    world = replace(world, slots=Slots(world.store), limits={"agent:scripted": Limit(at_once=1)})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        runs = [await line.start(request(repository)) for _ in range(2)]
        done = await asyncio.gather(*(line.wait(run) for run in runs))  # both
    assert {run.state for run in done} == {RunState.WAITING}
    assert any("waits for agent scripted" in event.text for event in events)
    builds = [s for run in runs for s in world.store.stages(run) if s.key == "build/c1"]
    assert len(builds) == 2
    assert Slots(world.store).held() == {}, "all is given back"
