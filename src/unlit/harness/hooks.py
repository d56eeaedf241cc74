"""Tool hooks of a line in the words of agents that run them themselves. Pure."""

import json
from collections.abc import Mapping

_NAME = """sed -n 's/.*"tool_name": *"\\([^"]*\\)".*/\\1/p'"""


def claude_hooks(hooks: Mapping[str, str]) -> list[str]:
    """Return the words that give Claude Code the hooks; a `pre` that fails refuses the call."""
    ends = {"pre": ("PreToolUse", "exit 2"), "post": ("PostToolUse", "true")}
    table = {}
    for phase, command in hooks.items():
        event, otherwise = ends[phase]
        told = (
            f'call=$(cat); export TOOL_PHASE={phase} TOOL_NAME="$(printf %s "$call" | {_NAME})"; '
            f'printf %s "$call" | ( {command} ) >&2 || {otherwise}'
        )
        table[event] = [{"matcher": "*", "hooks": [{"type": "command", "command": told}]}]
    return ["--settings", json.dumps({"hooks": table})] if table else []
