"""Old and new on the same sampled worlds: where they differ, with the command that shows it again.

The previous system is an oracle that nobody here wrote. Times, ids and other volatile parts do not
count, nor does the order in which a service lists things.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.states import TrajectoryState
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.grading import Slot
from unlit.evaluation.ports import Pool
from unlit.evaluation.recording import VOLATILE, VOLATILE_KEYS
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import Drawing
from unlit.evaluation.trajectory import Outcome, Setting

_FIELDS: Final = ("exit_code", "status", "stdout", "stderr", "body")


@dataclass(frozen=True, slots=True)
class Divergence:
    """One sampled world in which old and new did not do the same.

    Attributes:
        parts: Where they differ, such as ``step 1 stdout`` or ``jira.issues``; no content.
    """

    n: int
    scenario: str
    seed: int
    parts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"n": self.n, "scenario": self.scenario, "seed": self.seed,
                "parts": list(self.parts)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Versions:
    """The two that are compared."""

    old: Path
    new: Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many worlds were tried, and in which of them old and new differ."""

    tried: int
    divergences: tuple[Divergence, ...]
    not_exercised: int = 0


async def compare(
    scenarios: Sequence[Scenario],
    versions: Versions,
    setting: Setting,
    pool: Pool,
    *,
    seed: int,
    worlds: int,
    lists: Mapping[str, Sequence[str]],
    tell: Callable[[Divergence | None, Draw], None] = lambda found, draw: None,
) -> Comparison:
    """Run both on the same draws."""
    drawing = Drawing(scenarios, seed, worlds)
    by_id = {str(scenario.id): scenario for scenario in scenarios}
    slots = (Slot("slot-old", pool, versions.old), Slot("slot-new", pool, versions.new))
    found: list[Divergence] = []
    skipped = 0
    try:
        for _ in range(worlds):
            draw = drawing.next(lists)
            before, after = [await slot.run(by_id[draw.scenario], draw, setting) for slot in slots]
            states = {before.state, after.state}
            if states & {TrajectoryState.HARNESS_FAULT}:
                skipped += 1
                continue
            parts = differences(before, after)
            divergence = Divergence(draw.index, draw.scenario, draw.seed, parts) if parts else None
            if divergence is not None:
                found.append(divergence)
            tell(divergence, draw)
    finally:
        for slot in slots:
            await slot.close()
    return Comparison(worlds - skipped, tuple(found), skipped)


def differences(old: Outcome, new: Outcome) -> tuple[str, ...]:
    """Return where two outcomes of the same draw differ."""
    parts = []
    for one, other in zip(old.seen, new.seen, strict=False):
        parts += [
            f"step {one.step} {name}"
            for name in _FIELDS
            if _field(one, name) != _field(other, name)
        ]
    if len(old.seen) != len(new.seen):
        parts.append("number of steps")
    for name in sorted({*old.effects, *new.effects}):
        if _effects(old.effects.get(name)) != _effects(new.effects.get(name)):
            parts.append(name)
    return tuple(parts)


def _field(seen: Observation, name: str) -> Any:
    value = getattr(seen, name)
    if not isinstance(value, str):
        return value
    try:
        return _stable(json.loads(value))
    except (ValueError, RecursionError):
        return _plain(value)


def _plain(text: str) -> str:
    for name, pattern in VOLATILE.items():
        text = pattern.sub(f"<{name}>", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip()


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "<any>" if VOLATILE_KEYS.search(k) else _stable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_stable(item) for item in value]
    return _plain(value) if isinstance(value, str) else value


def _effects(value: Any) -> list[str]:
    if not value:
        return []
    rows = [("added", row) for row in value["added"]] + [("removed", r) for r in value["removed"]]
    return sorted(json.dumps([kind, _stable(dict(row))], sort_keys=True, default=str)
                  for kind, row in rows)  # fmt: skip
