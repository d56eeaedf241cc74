"""Real agents, unmodified, that use the context tools in a fence; a scripted model lets them.

Agents are looked for where `unlit agents install` puts them (or in UNLIT_AGENTS); those that are
not there are not exercised.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.agents import AGENTS

from unlit.context.adapters.index import Index
from unlit.context.library import Library
from unlit.context.mcp_server import Served
from unlit.context.model import Item, Ref, Trust
from unlit.core.ids import CandidateId, RunId
from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec, Mount, TwinRoute
from unlit.harness.fakes import ListSink
from unlit.harness.model import Job
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.line.certify import MODEL_HOSTS, MODEL_SERVICE, TASK, tiny_policy
from unlit.line.stages.build import environment_of
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog, Identity, parse_policy
from unlit.wiring.context_tools import VARIABLE, routes_of, rules_of, url_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.fence,
    pytest.mark.enable_socket,
    pytest.mark.timeout(400),
]

SECRET = "the quiet desks are upstairs"
RULE = '\n[[allow]]\nrole = "coder"\nhost = "context.unlit.internal"\ntwin = "context"\n'
NAMES = {
    "claude-code": "mcp__unlit-context__fetch",
    "codex": "mcp__unlit_context",
    "gemini-cli": "mcp_unlit-context_fetch",
    "goose": "unlit-context__fetch",
    "opencode": "unlit-context_fetch",
    "own": "context_fetch",
    "acp:claude": "mcp__unlit-context__fetch",
    "acp:gemini-cli": "mcp_unlit-context_fetch",
    "acp:opencode": "unlit-context_fetch",
    "acp:goose": "unlit-context__fetch",
    "acp:codex": "mcp__unlit_context",
}
"""What each agent calls the tool `fetch` of the server in its model calls; Codex offers the server
as a namespace, which the scripted model does not call: that it is offered shows that it is read."""

BY_HAND = ("acp:claude", "acp:codex", "acp:opencode")


class Notes:
    """A source with one thing."""

    kind = "note"

    def owns(self, text: str) -> Ref | None:
        return Ref("notes", "note", text) if text == "N-1" else None

    def search(self, query: str) -> Iterator[Ref]:
        yield Ref("notes", "note", "N-1")

    def fetch(self, ref: Ref) -> Item:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        return Item(ref, "1", "Desks", SECRET, Trust.INTERNAL, now)


class Kept:
    """A witness that says what was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def kept(self, call: str) -> str | None:
        return None

    def told(self, call: str, items: Any, answer: str) -> None:
        self.calls.append(call)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if name in BY_HAND else [])
        for name in sorted(NAMES)
    ],
)
async def test_an_agent_reads_through_its_own_configuration(name: str, tmp_path: Path) -> None:
    options = AgentOptions(overlays=tmp_path, tools=AGENTS, path=os.environ.get("PATH", ""))
    agent = make_agent(name, options)
    if agent.facts.needs:
        pytest.skip(f"not exercised: {agent.facts.needs[0]}")
    turns = [{"tool": {"name": NAMES[name], "arguments": {"text": "N-1"}}}, "It is read."]
    contains = TASK.partition(".")[0]
    script = parse_script({"parts": [{"when": {"contains": contains}, "turns": turns}]})
    twin = ModelTwin(script)
    policy = parse_policy(tiny_policy() + RULE)
    source: Any = Notes()
    witness = Kept()
    served = Served(Library({"notes": source}, Index(tmp_path / "i.db")), witness=witness)
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await FenceHost.start(tmp_path / "fences", audit)
    server = await ModelTwinServer.start(twin)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "README.md").write_text("# Tiny\n")
    sink = ListSink()
    try:
        with ExitStack() as stack:
            rules = rules_of(policy, "coder")
            routes = stack.enter_context(routes_of(rules, served))
            model = TwinRoute(MODEL_SERVICE, MODEL_HOSTS, server.address, "")
            mounts = tuple(Mount(Path(m.source), m.target) for m in agent.facts.mounts)
            env = {**environment_of(agent), VARIABLE: url_of(rules)}
            identity = Identity("r-1", "build", name, "coder")
            fence = await host.open(
                FenceSpec(
                    "coder", policy, identity, tmp_path / "work",
                    mounts=mounts, env=env, twins=(model, *routes),
                )
            )  # fmt: skip
            job = Job(RunId("r-1"), CandidateId("c1"), 1, TASK, deadline_s=240, tools=url_of(rules))
            end = await agent.run(job, fence, sink)
            await fence.close()
    finally:
        await server.close()
        await host.close()
        audit.close()
    offered = sorted({tool for seen in twin.seen for tool in seen.tools})
    assert NAMES[name] in offered, (offered, end, sink.events[-5:])
    if name.removeprefix("acp:") != "codex":
        assert witness.calls == ['["fetch", "N-1", true]'], (end, sink.events[-5:])
