"""MCP both ways: our server to a real client, and other people's servers as a source."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mcp
import pytest
import uvicorn
from mcp.client.stdio import StdioServerParameters
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations
from tests.context.listening import listening
from tests.twins.serving import serving

from unlit.context.adapters.http_fetch import Broker, HttpFetch
from unlit.context.api import Api
from unlit.context.connectors.mcp import Mcp
from unlit.context.model import Ref, Trust
from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy
from unlit.twins.universe import Universe

MODULES = Path(os.environ.get("UNLIT_NODE_MODULES", "node_modules")).absolute()
EVERYTHING = MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
scheme = "http"
allow_private = true
"""
SEED = {
    "jira": {
        "projects": [{"key": "SEC", "name": "Security"}],
        "issues": [{"project": "SEC", "summary": "Paging is wrong"}],
    }
}
FACTORY = """
[factory]
name = "try"
[source.jira]
kind = "jira"
base_url = "https://example.atlassian.net"
project = "SEC"
confirm = ["delete", "transition:Done"]
"""
TWIN = """
version = 1
[[allow]]
role = "context"
host = "example.atlassian.net"
twin = "jira"
"""


def test_a_real_client_reads_and_writes_through_our_server(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "unlit.toml").write_text(FACTORY)
    (folder / "policy.toml").write_text(TWIN)
    universe = Universe(["jira"])
    world = universe.create_world(SEED)
    with serving(universe) as address:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "UNLIT_STATE_HOME": str(tmp_path / "state"),
            "UNLIT_TWIN_JIRA_URL": address,
            "UNLIT_TWIN_JIRA": universe.tokens(world)["jira"],
        }
        words = ["-m", "unlit", "context", "serve", "--repository", str(folder)]
        asked = asyncio.run(_converse(sys.executable, words, env))
        only = asyncio.run(_tools(sys.executable, [*words, "--read-only"], env))
    assert {"search", "fetch", "list", "create", "edit", "comment", "start"} <= asked["tools"]
    assert "delete" not in asked["tools"]
    assert only == {
        *("search", "fetch", "list", "statuses", "fields", "sources", "places", "people")
    }
    assert asked["list"][0]["title"] == "Paging is wrong"
    assert asked["fetch"][0]["key"] == "SEC-1"
    assert asked["create"] == {"source": "jira", "key": "SEC-2"}
    assert asked["done"]["error"] == "CTX-314"
    assert asked["nowhere"]["error"] == "CTX-311"
    issues = universe.state(world)["jira.issues"]
    assert {row["summary"] for row in issues} == {"Paging is wrong", "Newer"}
    assert "Done" not in {row["status"] for row in issues}


async def _tools(program: str, words: list[str], env: dict[str, str]) -> set[str]:
    async with mcp.Client(StdioServerParameters(command=program, args=words, env=env)) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def _converse(program: str, words: list[str], env: dict[str, str]) -> dict[str, Any]:
    async with mcp.Client(StdioServerParameters(command=program, args=words, env=env)) as client:

        async def call(name: str, **given: Any) -> Any:
            answer = await client.call_tool(name, given)
            return json.loads(answer.content[0].text)

        found: dict[str, Any] = {"tools": {one.name for one in (await client.list_tools()).tools}}
        found["list"] = await call("list", source="jira")
        found["fetch"] = await call("fetch", text="https://example.atlassian.net/browse/SEC-1")
        found["create"] = await call("create", source="jira", title="New", body="b")
        await call("edit", text="SEC-2", title="Newer")
        await call("comment", text="SEC-2", body="hm")
        await call("start", text="SEC-2")
        found["done"] = await call("transition", text="SEC-2", state="Done")
        found["nowhere"] = await call("fetch", text="https://elsewhere.example/1")
        return found


def _source(tmp_path: Path, port: int, project: str = "") -> Mcp:
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    identity = Identity("r-test", "context", "unlit", "context")
    policy = parse_policy(POLICY.format(port=port))
    fetch = HttpFetch(Broker(policy, identity, audit, {}), pause=lambda seconds: None)
    return Mcp(Api(fetch, f"http://127.0.0.1:{port}/mcp", "docs"), FakeClock(), "docs", project)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=[False, True], ids=["events", "json"])
def theirs(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server made with the protocol's own Python package; answers as events or as JSON."""
    server: MCPServer[Any] = MCPServer("handbook")

    @server.resource("doc://holidays", title="Holidays", description="How many days off")  # type: ignore[untyped-decorator]
    def holidays() -> str:
        return "Thirty days."

    @server.resource("doc://hours", title="Hours")  # type: ignore[untyped-decorator]
    def hours() -> str:
        return "Nine to five."

    @server.tool(annotations=ToolAnnotations(read_only_hint=True), description="Look up a word")  # type: ignore[untyped-decorator]
    def look_up(word: str) -> str:
        return f"{word}: see page 7"

    @server.tool()  # type: ignore[untyped-decorator]
    def erase() -> str:
        return "erased"

    port = _free()
    app = server.streamable_http_app(json_response=request.param)
    running = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert listening(port)
    yield port
    running.should_exit = True
    thread.join(10)


def test_resources_and_reading_tools_of_a_server_are_a_source(theirs: int, tmp_path: Path) -> None:
    docs = _source(tmp_path, theirs)
    (ref,) = docs.search("days off")
    item = docs.fetch(ref)
    assert item is not None
    assert (item.body, item.trust) == ("Thirty days.", Trust.PUBLIC)
    assert len(list(docs.search(""))) == 2
    assert docs.fetch(Ref("docs", "resource", "doc://gone")) is None
    assert [one.key for one in docs.places()] == ["tool:look_up"]
    asked = docs.owns('tool:look_up {"word": "desk"}')
    assert asked is not None
    item = docs.fetch(asked)
    assert item is not None
    assert item.body == "desk: see page 7"
    with pytest.raises(InvalidInput, match="only reads"):
        docs.fetch(Ref("docs", "tool", "erase"))
    with pytest.raises(InvalidInput, match="no arguments"):
        docs.fetch(Ref("docs", "tool", "look_up {"))
    with pytest.raises(OutsideFailed):
        docs.fetch(Ref("docs", "tool", "look_up {}"))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.skipif(not EVERYTHING.exists(), reason="server-everything (just node-clients)")
def test_a_server_of_the_protocols_authors_is_a_source(tmp_path: Path) -> None:
    port = _free()
    argv = ["node", str(EVERYTHING), "streamableHttp"]
    env = {"PATH": os.environ["PATH"], "PORT": str(port)}
    with subprocess.Popen(
        argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert listening(port)
            every = _source(tmp_path, port)
            refs = list(every.search(""))
            assert refs
            item = every.fetch(refs[0])
            assert item is not None
            assert item.body
            assert every.fetch(Ref("docs", "resource", "demo://nowhere")) is None
        finally:
            server.terminate()
