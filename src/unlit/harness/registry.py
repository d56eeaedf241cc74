"""Agents by name; an adapter is imported when it is asked for."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.harness.options import AgentOptions
from unlit.harness.ports import Agent
from unlit.harness.recipes import ACP

AGENTS: Final[dict[str, str]] = {
    "scripted": "unlit.harness.agents.scripted:make",
    "claude-code": "unlit.harness.agents.headless:make",
    "codex": "unlit.harness.agents.headless:make",
    "gemini-cli": "unlit.harness.agents.headless:make",
    "opencode": "unlit.harness.agents.headless:make",
    "goose": "unlit.harness.agents.headless:make",
    "aider": "unlit.harness.agents.headless:make",
    "mini-swe-agent": "unlit.harness.agents.headless:make",
    "acp": "unlit.harness.agents.acp:make",
    "own": "unlit.harness.agents.own:make",
}


def known_agents() -> tuple[str, ...]:
    """Return the names that `make_agent` takes, one for each ACP agent."""
    plain = [name for name in AGENTS if name != "acp"]
    return (*plain, *(f"acp:{name}" for name in ACP))


def make_agent(name: str, options: AgentOptions | None = None) -> Agent:
    """Make the agent that `name` names, ``NAME`` or ``NAME:ARGUMENT``.

    Raises:
        InvalidInput: There is no such agent.
    """
    known, _, argument = name.partition(":")
    target = AGENTS.get(known)
    if target is None and known.removesuffix("-acp") in ACP:
        raise InvalidInput(
            "HAR-001",
            f"There is no agent {known!r}.",
            "agents that speak the Agent Client Protocol are named acp:NAME.",
            f"use acp:{known.removesuffix('-acp')}.",
        )
    if target is None:
        raise InvalidInput(
            "HAR-001",
            f"There is no agent {known!r}.",
            "an agent needs an adapter.",
            f"use one of: {', '.join(known_agents())}.",
        )
    module, _, attribute = target.partition(":")
    maker: Callable[[str, AgentOptions], Any] = getattr(import_module(module), attribute)
    given = options or AgentOptions()
    made: Agent = maker(known, replace(given, argument=argument or given.argument))
    return made
