"""Rate limits, overload and cut streams between an agent and its model."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.agents import AGENTS

from unlit.core.system import SystemClock, SystemIds
from unlit.fence import FenceHost, TwinRoute
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.certify import MODEL_HOSTS, MODEL_SERVICE, TASK, Certificate, certify
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog
from unlit.record.engine import sqlite_url
from unlit.record.store import Store


async def through(name: str, root: Path, fault: dict[str, Any]) -> tuple[Certificate, ModelTwin]:
    options = AgentOptions(tools=AGENTS, path=os.environ.get("PATH", ""))
    agent = make_agent(name, options)
    if agent.facts.needs:
        pytest.skip(f"not exercised: {name} is not installed (unlit agents install {name})")
    first = {"say": "I write.", "bash": "printf 'hello\\n' > hello.txt", "fault": fault}
    when = {"contains": TASK.partition(".")[0], "tools": True}
    finish = {"say": "Written.", "bash": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}
    twin = ModelTwin(parse_script({"parts": [{"when": when, "turns": [first, finish, "Done."]}]}))
    clock = SystemClock()
    store = Store.open(sqlite_url(root / "record.db"))
    audit = AuditLog.open(root / "audit", {"program": "test"}, clock)
    host = await FenceHost.start(root / "fences", audit)
    server = await ModelTwinServer.start(twin)
    route = TwinRoute(MODEL_SERVICE, MODEL_HOSTS, server.address, "")
    try:
        fences = FenceRoom(host, store, clock, SystemIds(), {"coder": (route,)})
        return await certify(agent, fences, twin, turn_s=100), twin
    finally:
        await server.close()
        await host.close()
        audit.close()


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("name", ["own", "claude-code"])
@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "retry_after_s": 1, "times": 1}, {"status": 529, "times": 2}],
    ids=["rate-limit", "overload"],
)
async def test_a_passing_storm_is_weathered_and_billed_right(
    tmp_path: Path, name: str, fault: dict[str, Any]
) -> None:
    found, twin = await through(name, tmp_path, fault)
    assert found.ok, found.checks
    assert any(seen.status == fault["status"] for seen in twin.seen)


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
async def test_a_stream_that_ends_in_the_middle_ends_the_turn_with_a_name(tmp_path: Path) -> None:
    found, _ = await through("claude-code", tmp_path, {"cut": True, "times": 1000})
    outcome = next(check for check in found.checks if check.name == "outcome")
    assert outcome.detail in ("changed_nothing", "model_failed", "crashed", "garbage")


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
async def test_a_lasting_storm_is_the_models_failure(tmp_path: Path) -> None:
    found, _ = await through("own", tmp_path, {"status": 529, "times": 1000})
    outcome = next(check for check in found.checks if check.name == "outcome")
    assert outcome.detail == "model_failed"
