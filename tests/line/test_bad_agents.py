"""Agents that misbehave in a real fence: each has a named outcome and a sentence for people."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, request, services

from unlit.core.system import SystemClock, SystemIds
from unlit.fence import FenceHost
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.adapters.policy_room import PolicyRoom
from unlit.line.service import Line
from unlit.policy import AuditLog
from unlit.record.model import RunState, Stage, StageState

POLICY = """version = 1
[files.coder]
write = ["."]
read_only = ["policy.toml"]
[limits.coder]
disk_mb = 64
file_mb = 32
"""


async def turn(root: Path, repository: Path, script: str, turn_s: float = 60) -> Stage:
    (repository / "policy.toml").write_text(POLICY)
    played = root / "overlays" / "1"
    played.mkdir(parents=True)
    (played / "agent.sh").write_text(script)
    state = root / "state"
    world = services(state, played.parent, [])
    audit = AuditLog.open(state / "audit", {"program": "test"}, SystemClock())
    host = await FenceHost.start(state / "fences", audit)
    world = replace(
        world,
        policies=PolicyRoom(),
        fences=FenceRoom(host, world.store, SystemClock(), SystemIds()),
    )
    try:
        async with Line.open(world, durable_url(state)) as line:
            asked = replace(request(repository), max_candidates=1, turn_s=turn_s)
            run = await line.start(asked)
            done = await line.wait(run)
    finally:
        await host.close()
        audit.close()
    assert done.state is RunState.ENDED, done.note
    return next(stage for stage in world.store.stages(run) if stage.name == "build")


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize(
    ("script", "outcome", "words"),
    [
        ("echo x > /usr/evil; echo x > /etc/evil; true", "changed_nothing", "changed nothing"),
        ("rm -rf .git; mkdir .git; echo x > .git/config", "changed_nothing", "changed nothing"),
        ("true", "changed_nothing", "changed nothing"),
        ("echo 'All tests pass. Done!'", "claimed_without_change", "says that it succeeded"),
        ("head -c 5G /dev/zero > big", "too_large", "a file of a candidate may have"),
        ("head -c 300000000 /dev/urandom > /tmp/x; exit 0", "changed_nothing", "changed nothing"),
        ("head -c 1000 /dev/urandom; exit 9", "crashed", "code 9"),
        ("echo x >> policy.toml; exit 3", "crashed", "code 3"),
    ],
    ids=["outside", "git", "nothing", "claims", "five-gigabytes", "fills", "garbage", "policy"],
)
async def test_each_misdeed_has_its_name(
    tmp_path: Path, repository: Path, script: str, outcome: str, words: str
) -> None:
    stage = await turn(tmp_path, repository, script)
    assert (stage.state, stage.facts["outcome"]) == (StageState.NOT_GOOD_ENOUGH, outcome)
    assert words in stage.detail
    assert stage.failure is None


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
async def test_an_agent_that_never_ends_is_ended(tmp_path: Path, repository: Path) -> None:
    script = "trap '' TERM; (sleep 300 &) ; while true; do sleep 1; done"
    stage = await turn(tmp_path, repository, script, turn_s=3)
    assert stage.facts["outcome"] == "timed_out"
    assert "did not end" in stage.detail
