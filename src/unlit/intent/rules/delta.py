"""What changed between two versions of a spec, and what that makes worthless.

A criterion whose sentence changed invalidates every scenario that speaks for it and every verdict
on it. A new example invalidates verdicts, because they were reached without it, and leaves
scenarios standing. Title, order and layout invalidate nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unlit.core.ids import CriterionId, ScenarioId
from unlit.intent.model import Criterion, Spec

Change = Literal["added", "removed", "reworded", "examples", "renamed"]


@dataclass(frozen=True, slots=True)
class CriterionDelta:
    """How one criterion changed; `old` or `new` is None when it was added or removed."""

    id: CriterionId
    change: Change
    old: str | None
    new: str | None

    @property
    def invalidates_scenarios(self) -> bool:
        """Whether scenarios for it may no longer mean what they say."""
        return self.change in ("removed", "reworded")

    @property
    def invalidates_verdicts(self) -> bool:
        """Whether past verdicts on it no longer hold."""
        return self.change != "renamed"


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference of two versions of one spec."""

    old_digest: str
    new_digest: str
    criteria: tuple[CriterionDelta, ...]
    boundaries: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    scenarios: tuple[ScenarioId, ...] = field(default=())
    verdicts: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.criteria or self.boundaries or self.other)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.delta/1`."""
        return {
            "schema": "unlit.delta/1",
            "old": self.old_digest,
            "new": self.new_digest,
            "criteria": [
                {"id": d.id, "change": d.change, "old": d.old, "new": d.new} for d in self.criteria
            ],
            "boundaries": list(self.boundaries),
            "other": list(self.other),
            "invalid_scenarios": list(self.scenarios),
            "invalid_verdicts": list(self.verdicts),
        }


def delta(
    old: Spec,
    new: Spec,
    *,
    scenarios: Mapping[ScenarioId, Iterable[CriterionId]] | None = None,
    verdicts: Mapping[str, Iterable[CriterionId]] | None = None,
) -> Delta:
    """Compare two versions.

    Args:
        old: Before.
        new: After.
        scenarios: Scenario to the criteria it speaks for.
        verdicts: Past evaluation to the criteria it judged.
    """
    changes = tuple(_criteria(old, new))
    touched = {entry.id for entry in changes if entry.invalidates_verdicts}
    rewritten = {entry.id for entry in changes if entry.invalidates_scenarios}
    boundaries = _boundaries(old, new)
    other = tuple(
        name
        for name in ("intent", "out_of_scope", "metric", "terms", "uses", "risk", "product")
        if getattr(old, name) != getattr(new, name)
    )
    # a boundary, a term or a service may bear on any criterion
    everywhere = bool(boundaries) or bool({"terms", "uses"} & set(other))
    return Delta(
        old.digest,
        new.digest,
        changes,
        boundaries,
        other,
        tuple(sorted(n for n, ids in (scenarios or {}).items() if rewritten & set(ids))),
        tuple(sorted(n for n, ids in (verdicts or {}).items() if everywhere or touched & set(ids))),
    )


def _criteria(old: Spec, new: Spec) -> Iterable[CriterionDelta]:
    before = {criterion.id: criterion for criterion in old.criteria}
    after = {criterion.id: criterion for criterion in new.criteria}
    for name in [*before, *(key for key in after if key not in before)]:
        a, b = before.get(name), after.get(name)
        if b is None and a is not None:
            yield CriterionDelta(name, "removed", a.text, None)
        elif a is None and b is not None:
            yield CriterionDelta(name, "added", None, b.text)
        elif a is not None and b is not None:
            change = _change(a, b)
            if change is not None:
                yield CriterionDelta(name, change, a.text, b.text)


def _change(a: Criterion, b: Criterion) -> Change | None:
    if a.text != b.text:
        return "reworded"
    if set(_examples(a)) != set(_examples(b)):
        return "examples"
    return "renamed" if a.title != b.title else None


def _examples(criterion: Criterion) -> list[tuple[str, str]]:
    return [(example.input, example.outcome) for example in criterion.examples]


def _boundaries(old: Spec, new: Spec) -> tuple[str, ...]:
    before = {row.case: row.behaviour for row in old.boundaries}
    after = {row.case: row.behaviour for row in new.boundaries}
    return tuple(
        case for case in dict.fromkeys([*before, *after]) if before.get(case) != after.get(case)
    )
