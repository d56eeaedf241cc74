"""Old and new on the same sampled worlds: where they differ, with the command that shows it again.

The previous system is an oracle that nobody here wrote. Compared is what it printed and answered,
the files it left and what it did in services. Times, ids and other volatile parts do not count, nor
does the order in which a service lists things.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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

_BY_MACHINE: Final = re.compile(r"(^|/)(__pycache__|\.cache|node_modules)/|\.pyc$")
"""Files that a runtime makes for itself."""
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
    setting = replace(setting, keep_files=True)
    slots = (Slot("slot-old", pool, versions.old), Slot("slot-new", pool, versions.new))
    found: list[Divergence] = []
    skipped = 0
    try:
        for _ in range(worlds):
            draw = drawing.next(lists)
            before, after = [await slot.run(by_id[draw.scenario], draw, setting) for slot in slots]
            if not (_is_seen(before) and _is_seen(after)):
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


async def both(
    scenario: Scenario, draw: Draw, versions: Versions, setting: Setting, pool: Pool
) -> tuple[Outcome, Outcome]:
    """Run one draw on both and return what each did."""
    setting = replace(setting, keep_files=True)
    outcomes = []
    for name, folder in (("slot-old", versions.old), ("slot-new", versions.new)):
        slot = Slot(name, pool, folder)
        try:
            outcomes.append(await slot.run(scenario, draw, setting))
        finally:
            await slot.close()
    return outcomes[0], outcomes[1]


def _is_seen(outcome: Outcome) -> bool:
    """Say whether there is anything to compare: a driver that is missing shows nothing."""
    if outcome.state is TrajectoryState.HARNESS_FAULT:
        return False
    return outcome.state is not TrajectoryState.NOT_EXERCISED or bool(outcome.seen)


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
    for name in sorted({*old.contents, *new.contents}):
        if _BY_MACHINE.search(name) is None and _file(old.contents.get(name)) != _file(
            new.contents.get(name)
        ):
            parts.append(f"file {name}")
    return tuple(parts)


def shown(outcome: Outcome, limit: int = 2000) -> list[str]:
    """Return what an outcome showed, a line each, for a person who may see it."""
    lines = [
        f"step {seen.step} {name}: {str(value)[:limit]!r}"
        for seen in outcome.seen
        for name in (*_FIELDS, "problem")
        if (value := getattr(seen, name)) not in (None, "")
    ]
    for name, done in outcome.effects.items():
        lines += [f"{name} + {json.dumps(dict(row), default=str)[:limit]}" for row in done["added"]]
        lines += [
            f"{name} - {json.dumps(dict(row), default=str)[:limit]}" for row in done["removed"]
        ]
    lines += [
        f"file {name}: {data.decode('utf-8', 'backslashreplace')[:limit]!r}"
        for name, data in sorted(outcome.contents.items())
    ]
    return lines or [f"nothing ({outcome.state})"]


def _file(data: bytes | None) -> str | None:
    """Return a file without what varies; one that is no text as its digest."""
    if data is None:
        return None
    try:
        return _plain(data.decode("utf-8"))
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()


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
