"""Agents do the tiny task for real: in a fence, on the model twin, under the vendors' names."""

import os
from pathlib import Path

import pytest
from tests.fixtures.agents import AGENTS

from unlit.core.system import SystemClock, SystemIds
from unlit.fence import FenceHost, TwinRoute
from unlit.harness.options import AgentOptions
from unlit.harness.registry import known_agents, make_agent
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.certify import (
    CONTENT,
    FILE,
    MODEL_HOSTS,
    MODEL_SERVICE,
    Certificate,
    certify,
    tiny_policy,
    tiny_script,
)
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog, parse_policy
from unlit.record.engine import sqlite_url
from unlit.record.store import Store


async def certificate(name: str, root: Path, options: AgentOptions) -> Certificate:
    clock = SystemClock()
    store = Store.open(sqlite_url(root / "record.db"))
    audit = AuditLog.open(root / "audit", {"program": "test"}, clock)
    host = await FenceHost.start(root / "fences", audit)
    server = await ModelTwinServer.start(ModelTwin(tiny_script()))
    route = TwinRoute(MODEL_SERVICE, MODEL_HOSTS, server.address, "")
    try:
        fences = FenceRoom(host, store, clock, SystemIds(), {"coder": (route,)})
        return await certify(make_agent(name, options), fences, server.twin, turn_s=100)
    finally:
        await server.close()
        await host.close()
        audit.close()


def overlays(root: Path, name: str, content: bytes) -> AgentOptions:
    (root / "1").mkdir(parents=True)
    (root / "1" / name).write_bytes(content)
    return AgentOptions(overlays=root)


def test_the_tiny_policy_is_a_policy() -> None:
    assert parse_policy(tiny_policy()).warnings == ()


@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
async def test_the_scripted_agent_is_certified(tmp_path: Path) -> None:
    options = overlays(tmp_path / "overlays", FILE, CONTENT)
    found = await certificate("scripted", tmp_path, options)
    assert found.ok, found.checks


@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
async def test_an_agent_that_writes_something_else_is_not(tmp_path: Path) -> None:
    options = overlays(tmp_path / "overlays", "other.txt", b"x")
    found = await certificate("scripted", tmp_path, options)
    assert [check.name for check in found.checks if not check.ok] == ["task", "nothing else"]


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("name", [name for name in known_agents() if name != "scripted"])
async def test_a_command_line_agent_is_certified(name: str, tmp_path: Path) -> None:
    options = AgentOptions(tools=AGENTS, path=os.environ.get("PATH", ""))
    if make_agent(name, options).facts.needs:
        pytest.skip(f"not exercised: {name} is not installed (unlit agents install {name})")
    found = await certificate(name, tmp_path, options)
    assert found.ok, found.checks


OWN_MODELS = (
    "google:gemini-2.5-pro",
    "openai-chat:gpt-5.2",
    "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "azure:gpt-5.2@https://unlit.openai.azure.com",
    "openrouter:anthropic/claude-sonnet-4.5",
    "ollama:qwen3-coder@https://models.example.com/v1",
    "openai-chat:qwen3-coder@https://models.example.com/v1",
)


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("model", OWN_MODELS)
async def test_our_loop_works_on_every_vendors_wire_format(model: str, tmp_path: Path) -> None:
    options = AgentOptions(tools=AGENTS, path=os.environ.get("PATH", ""))
    name = f"own:{model}"
    if make_agent(name, options).facts.needs:
        pytest.skip("not exercised: own is not installed (unlit agents install own)")
    found = await certificate(name, tmp_path, options)
    assert found.ok, found.checks
