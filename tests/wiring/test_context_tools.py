"""The context tools from inside a real fence: by a real MCP client, with the policy's limits."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.twins.serving import serving

from unlit.core.errors import InvalidInput
from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec, Mount
from unlit.policy import AuditLog, Identity, load_policy, parse_policy, read_entries
from unlit.policy.audit.form import LOG_NAME
from unlit.policy.rules.exposure import ways_out
from unlit.twins.universe import Universe
from unlit.wiring.context_tools import VARIABLE, context_tools

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.fence,
    pytest.mark.enable_socket,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
SITE = "https://example.atlassian.net"
FACTORY = f"""
[factory]
name = "try"
[source.jira]
kind = "jira"
base_url = "{SITE}"
project = "SEC"
confirm = ["delete", "transition:Done"]
"""
POLICY = """
version = 1
[[allow]]
role = "context"
host = "example.atlassian.net"
twin = "jira"
[[allow]]
role = "coder"
host = "context.unlit.internal"
twin = "{twin}"
[files.coder]
write = ["."]
"""
SEED = {
    "jira": {
        "projects": [{"key": "SEC", "name": "Security"}],
        "issues": [{"project": "SEC", "summary": "Paging is wrong"}],
    }
}
BASE = Path(sys.base_prefix).resolve()
PYTHON = (Mount(BASE, str(BASE)), Mount(Path(sys.prefix), sys.prefix))
CLIENT = """
import asyncio, json, os, sys
import mcp

async def main():
    found = {}
    async with mcp.Client(os.environ["UNLIT_CONTEXT_URL"]) as client:
        found["tools"] = sorted(tool.name for tool in (await client.list_tools()).tools)
        for number, (name, given) in enumerate(json.loads(sys.argv[1])):
            answer = await client.call_tool(name, given)
            text = answer.content[0].text
            found[str(number)] = json.loads(text) if text[:1] in "[{" else text
    print(json.dumps(found))

asyncio.run(main())
"""
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list", {"source": "jira"}),
    ("fetch", {"text": f"{SITE}/browse/SEC-1"}),
    ("comment", {"text": "SEC-1", "body": "seen by an agent"}),
    ("create", {"source": "jira", "title": "Newer"}),
    ("transition", {"text": "SEC-1", "state": "Done"}),
    ("fetch", {"text": "https://elsewhere.example/1"}),
    ("search", {"query": "Paging"}),
]


@dataclass
class Office:
    """A repository with a tracker, and the folder it lies in."""

    universe: Universe
    world: str
    folder: Path
    repository: Path

    def policy(self, twin: str) -> None:
        (self.repository / "policy.toml").write_text(POLICY.format(twin=twin))

    @property
    def summaries(self) -> list[str]:
        rows = self.universe.state(self.world)["jira.issues"]
        return [str(row["summary"]) for row in rows]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "unlit.toml").write_text(FACTORY)
    universe = Universe(["jira"])
    world = universe.create_world(SEED)
    with serving(universe) as address:
        monkeypatch.setenv("UNLIT_TWIN_JIRA_URL", address)
        monkeypatch.setenv("UNLIT_TWIN_JIRA", universe.tokens(world)["jira"])
        monkeypatch.setenv("UNLIT_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        yield Office(universe, world, tmp_path, repository)


async def _converse(office: Office, role: str = "coder") -> tuple[dict[str, Any], str]:
    """Let a real client inside a real fence call every tool of `CALLS`."""
    policy = load_policy(office.repository / "policy.toml")
    audit = AuditLog.open(office.folder / "log", {}, SystemClock(), key_dir=office.folder / "keys")
    host = await FenceHost.start(office.folder / "fences", audit)
    try:
        async with context_tools(policy, "coder", office.repository) as (routes, env):
            spec = FenceSpec(
                role, policy, Identity("r-1", "build", "agent", role), office.repository,
                mounts=PYTHON, env={VARIABLE: env.get(VARIABLE, "")}, twins=routes,
            )  # fmt: skip
            fence = await host.open(spec)
            argv = [sys.executable, "-I", "-c", CLIENT, json.dumps(CALLS)]
            done = await fence.run(argv, timeout_s=120)
            shown = await fence.run(["sh", "-c", "env; cat /proc/*/environ"], timeout_s=60)
            report = await fence.close()
    finally:
        await host.close()
        audit.close()
    assert report.held
    told = done.stderr.decode()
    found = json.loads(done.stdout) if done.exit_code == 0 else {"failed": told}
    return found, shown.stdout.decode("utf-8", "replace")


async def test_a_real_client_in_a_fence_reads_and_its_writes_have_the_sources_rules(
    office: Office,
) -> None:
    office.policy("context-write")
    found, environment = await _converse(office)
    assert {"fetch", "comment", "create"} <= set(found["tools"])
    assert "delete" not in found["tools"]
    assert found["0"][0]["title"] == "Paging is wrong"
    assert found["1"][0]["trust"] in ("internal", "intent")
    assert found["2"] == {"source": "jira", "key": "SEC-1"}
    assert found["3"] == {"source": "jira", "key": "SEC-2"}
    assert found["4"]["error"] == "CTX-314", "what wants a second person waits for that person"
    assert found["5"]["error"] == "CTX-311"
    assert found["6"][0]["key"] == "SEC-1"
    assert set(office.summaries) == {"Paging is wrong", "Newer"}
    assert office.universe.tokens(office.world)["jira"] not in environment
    kinds = {(one.kind, one.fields.get("by")) for one in _entries(office.folder / "state")}
    assert ("source.change", "an agent") in kinds
    assert ("source.asked", "an agent") in kinds
    calls = [one for one in read_entries(office.folder / "log") if one.kind == "exchange"]
    assert calls, "the fence's own log has each call of the agent too"


async def test_reading_is_all_that_the_plain_rule_gives(office: Office) -> None:
    office.policy("context")
    found, _ = await _converse(office)
    assert "fetch" in found["tools"]
    assert not {"comment", "create", "transition", "edit", "assign", "start"} & set(found["tools"])
    assert "Unknown tool" in found["2"]
    assert office.summaries == ["Paging is wrong"]


async def test_a_role_without_the_rule_reaches_nothing(office: Office) -> None:
    office.policy("context-write")
    found, _ = await _converse(office, role="product")
    assert "error response" in found["failed"]
    denied = read_entries(office.folder / "log", denied=True)
    assert "context.unlit.internal" in str([one.fields for one in denied])
    assert office.summaries == ["Paging is wrong"]


def test_the_command_of_a_person_finds_the_tools_by_the_rule(office: Office) -> None:
    office.policy("context")
    body = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "fetch", "arguments": {"text": "SEC-1"}},
    }  # fmt: skip
    line = (
        'curl -sS -H "accept: application/json, text/event-stream" '
        f"-H 'content-type: application/json' -d '{json.dumps(body)}' \"$UNLIT_CONTEXT_URL\""
    )
    code = "import sys; from unlit.cli.fence import app; sys.exit(app(sys.argv[1:]) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--discard", "--", "sh", "-c", line],
        cwd=office.repository,
        env={**os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "Paging is wrong" in done.stdout, done.stderr


async def test_nobody_is_answered_but_through_a_gateway(office: Office) -> None:
    import httpx2

    office.policy("context")
    policy = load_policy(office.repository / "policy.toml")
    async with (
        context_tools(policy, "coder", office.repository) as (routes, _),
        httpx2.AsyncClient() as client,
    ):
        (route,) = routes
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for headers in ({}, {"x-twin-world": "guessed"}):
            answer = await client.post(f"http://{route.address}/mcp", json=call, headers=headers)
            assert answer.status_code == 403


BOTH = (
    POLICY.format(twin="context")
    + """
[[allow]]
role = "coder"
host = "write.unlit.internal"
twin = "context-write"
"""
)


async def test_a_rule_that_reads_leads_to_no_tool_that_writes_beside_one_that_does(
    office: Office,
) -> None:
    import httpx2

    (office.repository / "policy.toml").write_text(BOTH)
    policy = load_policy(office.repository / "policy.toml")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    tools: dict[str, set[str]] = {}
    async with (
        context_tools(policy, "coder", office.repository) as (routes, env),
        httpx2.AsyncClient() as client,
    ):
        assert env == {VARIABLE: "https://context.unlit.internal/mcp"}
        reading, writing = routes
        for route, key in ((reading, reading.world), (writing, writing.world), (writing, "")):
            answer = await client.post(
                f"http://{route.address}/mcp",
                json=call,
                headers={
                    "host": route.hosts[0],
                    "accept": "application/json, text/event-stream",
                    "x-twin-world": key or reading.world,
                },
            )
            if not key:
                assert answer.status_code == 403, "the key of the one does not open the other"
                continue
            found = answer.json()["result"]["tools"]
            tools[route.service] = {tool["name"] for tool in found}
    assert "create" in tools["context-write"]
    assert "fetch" in tools["context"]
    assert not {"create", "edit", "comment", "transition", "start", "assign"} & tools["context"]


async def test_the_rule_names_one_host(tmp_path: Path) -> None:
    text = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "*.internal.example"\ntwin = "context"\n'
    with pytest.raises(InvalidInput, match="no single host"):
        async with context_tools(parse_policy(text), "coder", tmp_path):
            pass


def test_tools_that_write_are_a_way_out_and_tools_that_read_are_none() -> None:
    said = {twin: parse_policy(POLICY.format(twin=twin)) for twin in ("context", "context-write")}
    assert ways_out(said["context"], "coder") == ()
    assert [rule.twin for rule in ways_out(said["context-write"], "coder")] == ["context-write"]


def _entries(state: Path) -> list[Any]:
    logs = {path.parent for path in state.rglob(LOG_NAME)}
    return [entry for folder in logs for entry in read_entries(folder)]
