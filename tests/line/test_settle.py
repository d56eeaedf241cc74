"""A worker killed after a run's last step leaves no run that is "running" for ever."""

from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.line.service import Line
from unlit.record.model import RunState


async def test_work_taken_over_after_its_last_step_ends_in_that_steps_state(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        assert (await line.wait(run)).state is RunState.WAITING
        before = await line.engine.steps(run, "line")
        await line.engine.rewind(run, "line", before[-1])  # another worker takes it up at its end
        await line.engine.wait(run, "line")
        assert world.store.run(run).state is RunState.WAITING  # type: ignore[union-attr] # it is there


@pytest.mark.parametrize("state", [RunState.SHIPPED, RunState.WAITING])
async def test_only_a_running_run_is_settled(
    tmp_path: Path, repository: Path, state: RunState
) -> None:
    from types import SimpleNamespace
    from typing import Any

    from unlit.line.stages.close import settle

    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
    work: Any = SimpleNamespace(services=world, run=run)
    world.store.change_run(run, world.clock.now(), state=RunState.RUNNING)
    settle(work, state)
    settle(work, RunState.ENDED)
    found = world.store.run(run)
    assert found is not None
    assert found.state is state
