"""`unlit agents list | check | install`: what can write code here, and may it be trusted."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.harness.options import AgentOptions
    from unlit.line.certify import Certificate

app = cyclopts.App(name="agents", help="Coding agents: list, check, install.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


@app.command(name="list")
def list_agents(*, as_json: Json = False) -> int:
    """List the agents that unlit knows, which this machine can run, and why not the others.

    Args:
        as_json: Print JSON.
    """
    from unlit.harness.registry import known_agents, make_agent

    options = _options()
    rows: list[dict[str, Any]] = []
    for name in known_agents():
        facts = make_agent(name, options).facts
        rows.append(
            {
                "name": name,
                "title": facts.title,
                "kind": facts.kind,
                "ready": not facts.needs,
                "needs": list(facts.needs),
                "protocol": facts.protocol or None,
                "key": facts.credential or None,
                "can": sorted(facts.can),
            }
        )
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.agents/1", "agents": rows}) + "\n")
        return 0
    for row in rows:
        why = "ready" if row["ready"] else "not here"
        sys.stdout.write(f"{row['name']:15} {row['kind']:9} {why:9} {row['title']}\n")
        sys.stdout.write("".join(f"                {need}\n" for need in row["needs"]))
    sys.stdout.write(
        "\nA key comes from a credential in policy.toml; the agent sees only a placeholder.\n"
    )
    return 0


@app.command
def check(name: str, *, turn_s: float = 180, as_json: Json = False) -> int:
    """Certify an agent on a tiny task, in a real fence, against a scripted model; costs nothing.

    Args:
        name: The agent, `NAME` or `NAME:MODEL`.
        turn_s: Most seconds it may take.
        as_json: Print JSON.
    """
    found = asyncio.run(_certify(name, turn_s))
    if as_json:
        sys.stdout.write(json.dumps(found.to_json()) + "\n")
    else:
        for row in found.checks:
            sys.stdout.write(f"{'ok ' if row.ok else 'NOT'} {row.name:13} {row.detail}\n")
        said = "may be trusted with a run" if found.ok else "may not be trusted with a run"
        sys.stdout.write(f"{name} {said}.\n")
    return 0 if found.ok else 1


@app.command
def install(name: str) -> int:
    """Install an agent from its package registry into a folder of its own.

    Args:
        name: The agent, `codex`, or the agent at a version of its package, `codex@0.169.0`.
    """
    from unlit.core.errors import UsageError
    from unlit.harness.recipes import RECIPES, recipe_of
    from unlit.harness.tools import install as put

    name, _, version = name.partition("@")
    recipe = recipe_of(name)
    if recipe is None:
        raise UsageError(
            "HAR-032",
            f"{name!r} is not an agent that comes from a registry.",
            "only command-line agents are installed.",
            f"use one of: {', '.join(sorted(recipe.agent for recipe in RECIPES.values()))}.",
        )
    sys.stderr.write(f"Installing {' '.join(recipe.package)} …\n")
    folder = put(recipe, _tools(), version or None)
    sys.stdout.write(
        f"{recipe.agent} is in {folder}. `unlit agents check {recipe.agent}` certifies it.\n"
    )
    return 0


async def _certify(name: str, turn_s: float) -> "Certificate":
    import tempfile
    from dataclasses import replace

    from unlit.core.system import SystemClock, SystemIds
    from unlit.fence import FenceHost, TwinRoute
    from unlit.harness.registry import make_agent
    from unlit.line.adapters.fence_room import FenceRoom
    from unlit.line.certify import (
        CONTENT,
        FILE,
        MODEL_HOSTS,
        MODEL_SERVICE,
        certify,
        tiny_script,
    )
    from unlit.models.twin.app import ModelTwin
    from unlit.models.twin.server import ModelTwinServer
    from unlit.policy import AuditLog
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store

    clock, ids = SystemClock(), SystemIds()
    with tempfile.TemporaryDirectory(prefix="unlit-agents-") as folder:
        root = Path(folder)
        (root / "overlays" / "1").mkdir(parents=True)
        (root / "overlays" / "1" / FILE).write_bytes(CONTENT)
        agent = make_agent(name, replace(_options(), overlays=root / "overlays"))
        store = Store.open(sqlite_url(root / "record.db"))
        audit = AuditLog.open(root / "audit", {"program": "unlit agents check"}, clock)
        host = await FenceHost.start(root / "fences", audit)
        server = await ModelTwinServer.start(ModelTwin(tiny_script()))
        route = TwinRoute(MODEL_SERVICE, MODEL_HOSTS, server.address, "")
        try:
            fences = FenceRoom(host, store, clock, ids, {"coder": (route,)})
            return await certify(agent, fences, server.twin, turn_s=turn_s)
        finally:
            await server.close()
            await host.close()
            audit.close()
            store.close()


def _options() -> "AgentOptions":
    from unlit.harness.options import AgentOptions

    return AgentOptions(tools=_tools(), path=_environment().get("PATH", os.defpath))


def _tools() -> Path:
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    return state_home(settings.env, settings.path("state_home")) / "agents"


def _environment() -> Any:
    from unlit.wiring.settings import read_settings

    return read_settings().env
