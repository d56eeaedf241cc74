"""A deploy in a real fence: the product is a folder outside, reached only as policy allows."""

from pathlib import Path

import pytest

from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.fence import capabilities
from unlit.policy import read_entries
from unlit.ship.adapters.fence_hands import DeployPlace, deploy_fence, health_of
from unlit.ship.rollout import Plan, roll_out

POLICY = """
version = 1
[files.deploy]
write = ["."]
"""
pytestmark = pytest.mark.fence


def can_fence() -> bool:
    works = {entry.name: entry.works for entry in capabilities().entries}
    return works.get("namespaces", False) and works.get("bubblewrap", False)


@pytest.mark.skipif(not can_fence(), reason="no fence on this machine (namespaces, bubblewrap)")
async def test_a_bad_version_is_rolled_back_inside_the_deploy_fence(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "good").write_text("ok\n")
    (tree / "broken").write_text("error\n")
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    state = tmp_path / "state"
    state.mkdir()
    async with deploy_fence(
        DeployPlace(RunId("r-a"), policy, state, {}), tree, SystemClock()
    ) as hands:
        health = health_of(hands, ["grep -q ok live"])
        plan = Plan("cp $UNLIT_COMMIT live", "cp $UNLIT_PREVIOUS live", (100,), looks=1)
        first = await roll_out(plan, "good", "good", hands, health, SystemClock())
        second = await roll_out(plan, "broken", "good", hands, health, SystemClock())
        escape = await hands.run("exec 3<>/dev/tcp/192.0.2.1/80", {})
    assert first.ok
    assert (second.ok, second.restored) == (False, True)
    assert escape[0] != 0
    kinds = {entry.kind for entry in read_entries(state / "audit" / "deploy")}
    assert {"fence.open", "fence.close"} <= kinds
