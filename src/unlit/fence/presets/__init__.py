"""Policies for known coding agents, ready to use: one TOML file each, named for the agent."""

from importlib import resources
from typing import Final

from unlit.core.errors import UsageError

NAMES: Final = (
    "aider",
    "claude-code",
    "claude-code-login",
    "codex",
    "codex-login",
    "gemini-cli",
    "gemini-cli-login",
    "goose",
    "mini-swe-agent",
    "opencode",
)
"""With ``-login``, the person's own subscription is used instead of a key."""


def agent_of(name: str) -> str:
    """Return the agent that a preset is for."""
    return name.removesuffix("-login")


def preset_text(name: str) -> str:
    """Return the policy of a preset, as the file that a person may copy and edit.

    Raises:
        UsageError: There is no such preset.
    """
    if name not in NAMES:
        raise UsageError(
            "FEN-051",
            f"{name!r} is no preset.",
            f"these are: {', '.join(NAMES)}.",
            "choose one of them, or write a policy and name it with --policy.",
        )
    return (resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
