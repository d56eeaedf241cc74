"""The evidence that a judge is shown: named parts of what was seen. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.evaluation.checks.observation import Observation

_STEP: Final = re.compile(r"step\[(\d+)\]")
_ITEM: Final = re.compile(r"([a-z]+\.[a-zA-Z_]+)(?:\[(\d+)\])?")


def evidence_text(
    wanted: str | Sequence[str],
    seen: Sequence[Observation],
    state: Mapping[str, Sequence[Mapping[str, Any]]],
    files: Mapping[str, str],
) -> str:
    """Return the evidence: ``stdout``, ``talk``, ``step[2]``, ``file:PATH``, ``slack.messages``."""
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return "\n\n".join(_part(name, seen, state, files) for name in names)


def _part(
    name: str,
    seen: Sequence[Observation],
    state: Mapping[str, Sequence[Mapping[str, Any]]],
    files: Mapping[str, str],
) -> str:
    if name.startswith("file:"):
        return files.get(name.removeprefix("file:"), "")
    step = _STEP.fullmatch(name)
    if step:
        return "\n".join(_all(item) for item in seen if item.step == int(step[1]))
    if name == "talk":
        return "\n\n".join(item.body for item in seen if item.kind == "user")
    if name in ("stdout", "stderr", "body"):
        newest = [getattr(item, name) for item in reversed(seen) if getattr(item, name)]
        return str(newest[0]) if newest else ""
    item = _ITEM.fullmatch(name)
    if item is None:
        return ""
    rows = list(state.get(item[1], ()))
    chosen = rows if item[2] is None else rows[int(item[2]) : int(item[2]) + 1]
    return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in chosen)


def _all(item: Observation) -> str:
    parts = {
        "exit": item.exit_code, "status": item.status, "stdout": item.stdout,
        "stderr": item.stderr, "body": item.body,
    }  # fmt: skip
    return "\n".join(f"{name}: {value}" for name, value in parts.items() if value not in (None, ""))
