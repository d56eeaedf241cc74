"""What `unlit steer` says of who is there to hear."""

import pytest

from unlit.cli.onward import steered
from unlit.record.model import RunState


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.PAUSED])
def test_an_agent_at_work_was_told(state: RunState) -> None:
    assert steered("r-1", state).startswith("Said to the agent of r-1; `unlit replay r-1`")


@pytest.mark.parametrize("state", [RunState.WAITING, RunState.SHIPPED, RunState.FAILED])
def test_where_nobody_works_it_is_kept_and_the_way_to_another_candidate_named(
    state: RunState,
) -> None:
    told = steered("r-1", state)
    assert f"No agent of r-1 is at work ({state})" in told
    assert "`unlit comment r-1 TEXT`" in told
