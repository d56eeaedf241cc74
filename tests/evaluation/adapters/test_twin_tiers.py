"""Routes that a trajectory used carry their measured tier, with date and source."""

import pytest

from unlit.evaluation.adapters.twin_worlds import TwinWorlds
from unlit.evaluation.ports import WorldPlan
from unlit.twins.fidelity.tiers import measured
from unlit.twins.kit.http import Request


@pytest.mark.usefixtures("socket_enabled")
async def test_used_routes_name_what_was_measured_of_them() -> None:
    worlds = await TwinWorlds.start(("slack",))
    try:
        world = worlds.create("slot", WorldPlan({}, 1, None))
        token = worlds.universe.tokens(world)["slack"]
        for method in ("files.getUploadURLExternal", "chat.postMessage"):
            headers = {"authorization": f"Bearer {token}"}
            worlds.universe.answer("slack", Request("POST", f"/api/{method}", "", headers))
        used = {use.route: use for use in worlds.traffic(world).routes}
    finally:
        await worlds.close()
    alike = used["files.getUploadURLExternal"].measured
    assert used["files.getUploadURLExternal"].tier in ("values", "shape", "status")
    assert alike is not None
    assert alike["n"] > 0
    assert alike["date"] == measured()["date"]
    assert alike["source"]
    assert (used["chat.postMessage"].tier, used["chat.postMessage"].measured) == ("hand", None)
