"""Which tools of an MCP server a program may call, read off its JSON-RPC messages.

Source: Model Context Protocol, revision 2025-06-18 (tools, streamable HTTP); JSON-RPC 2.0 batches.
"""

import json
from collections.abc import Sequence
from typing import Any

from unlit.policy.rules.globs import path_matches

UNREADABLE = "(unreadable message)"


def first_wrong_tool(body: bytes, allowed: Sequence[str]) -> str | None:
    """Return the first tool that a message calls and may not, or `None` if all is well.

    A message that cannot be read in exactly one way is wrong too: a key given twice may be read
    differently by the server.
    """
    try:
        value = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return UNREADABLE
    for message in value if isinstance(value, list) else [value]:
        if not isinstance(message, dict):
            return UNREADABLE
        if message.get("method") != "tools/call":
            continue
        params = message.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        if not isinstance(name, str):
            return UNREADABLE
        if not any(path_matches(glob, name) for glob in allowed):
            return name if name.isprintable() and len(name) <= 128 else UNREADABLE
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found
