"""What differs between the states of two worlds."""

from collections.abc import Mapping
from typing import Any

State = Mapping[str, list[dict[str, Any]]]
Difference = dict[str, dict[str, list[dict[str, Any]]]]


def difference(before: State, after: State) -> Difference:
    """Return, for each collection that differs, the rows ``added`` and ``removed``."""
    out: Difference = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name, []), after.get(name, [])
        if old != new:
            out[name] = {
                "added": [row for row in new if row not in old],
                "removed": [row for row in old if row not in new],
            }
    return out
