"""What an agent says of its own turn in `status.json`, cut to what it may say. Pure.

It may choose among the ways that the line leaves open, and tell later nodes something. It cannot
say anything of a candidate, a grade, a person's answer or the line's own bookkeeping.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.line.graphs.routing import Outcome

FILE: Final = "status.json"
LARGEST: Final = 64 * 1024
_OUTCOMES: Final = frozenset({"success", "partial_success", "retry", "fail"})
_KEYS: Final = 50
_TEXT: Final = 1_000
_RESERVED: Final = ("candidate", "verdict", "baseline.", "feedback", "remarks", "context.brief",
                    "graph.", "internal.", "parallel.", "stack.", "human.", "tool.", "outcome",
                    "preferred_label", "current_node", "last_stage")  # fmt: skip


def read_status(body: bytes) -> Outcome | None:
    """Read an agent's `status.json`; `None` when it is none, or says no outcome."""
    if len(body) > LARGEST:
        return None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    outcome = str(said.get("outcome") or said.get("status") or "").lower()
    if outcome not in _OUTCOMES:
        return None
    label = said.get("preferred_next_label") or said.get("preferred_label") or ""
    suggested = said.get("suggested_next_ids") or ()
    updates = said.get("context_updates") or {}
    return Outcome(
        outcome,
        str(label)[:_TEXT],
        tuple(str(name)[:_TEXT] for name in suggested[:_KEYS])
        if isinstance(suggested, list)
        else (),
        _allowed(updates) if isinstance(updates, dict) else {},
        str(said.get("notes") or said.get("failure_reason") or "")[:_TEXT],
    )


def _allowed(updates: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in list(updates.items())[:_KEYS]:
        plain = str(key).removeprefix("context.")
        if plain.startswith(_RESERVED) or str(key).startswith(_RESERVED):
            continue
        if isinstance(value, str | int | float | bool):
            found[str(key)[:200]] = value[:_TEXT] if isinstance(value, str) else value
    return found
