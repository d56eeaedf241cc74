"""How strong a scenario set is, from who was caught: mutants, a null program, a constant stub.

A scenario that a null program or a stub passes is void: it would pass anything. One that no mutant
ever fails is idle. A criterion that no caught mutant threatens is uncovered.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from unlit.core.ids import CriterionId, ScenarioId
from unlit.evaluation.model import Strength
from unlit.evaluation.rules.intervals import clopper_pearson

_QUICK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed product and the scenarios that noticed.

    Attributes:
        reached: Whether any scenario executes the changed place; others say nothing about the set.
        equivalent: Whether the change was shown to change nothing (same compiled code).
        started: Whether the changed product can run at all; others are no plausible defect.
    """

    id: str
    failed: frozenset[ScenarioId] = frozenset()
    ran: frozenset[ScenarioId] = frozenset()
    reached: bool = True
    equivalent: bool = False
    started: bool = True


@dataclass(frozen=True, slots=True)
class Battery:
    """What the whole "cannot fail" battery showed."""

    mutants: tuple[Mutant, ...]
    criteria: Mapping[ScenarioId, tuple[CriterionId, ...]]
    passed_by_null: frozenset[ScenarioId] = frozenset()
    passed_by_stub: frozenset[ScenarioId] = frozenset()
    passed_by_previous: frozenset[ScenarioId] | None = None
    may_pass_null: frozenset[ScenarioId] = field(default=frozenset())


def strength(battery: Battery) -> Strength:
    """Return kill rate with its exact interval, void and idle scenarios, uncovered criteria."""
    counted = [m for m in battery.mutants if m.reached and m.started and not m.equivalent]
    killed = sum(bool(mutant.failed) for mutant in counted)
    void = tuple(sorted((battery.passed_by_null | battery.passed_by_stub) - battery.may_pass_null))
    if not counted:
        return Strength(
            None, None, None, void, None, None,
            f"no mutant was reached; {len(void)} void scenarios",
        )  # fmt: skip
    caught = {name for mutant in counted for name in mutant.failed}
    idle = tuple(sorted(set(battery.criteria) - caught - set(void)))
    interval = clopper_pearson(killed, len(counted))
    sentence = (
        f"{killed} of {len(counted)} planted defects were noticed, "
        f"{interval.lower:.0%} to {interval.upper:.0%}; {len(void)} void and {len(idle)} idle "
        f"scenarios"
    )
    return Strength(
        mutants=len(counted),
        killed=killed,
        interval=interval,
        void=void,
        idle=idle,
        uncovered=uncovered(battery.criteria, caught - set(void)),
        sentence=sentence,
    )


def uncovered(
    criteria: Mapping[ScenarioId, Sequence[CriterionId]], caught: Iterable[ScenarioId]
) -> tuple[CriterionId, ...]:
    """Return the criteria for which no scenario ever caught anything."""
    threatened = {criterion for name in caught for criterion in criteria.get(name, ())}
    return tuple(sorted({c for names in criteria.values() for c in names} - threatened))


def kill_order(
    failed_so_far: Mapping[ScenarioId, int], took_s: Mapping[ScenarioId, float] | None = None
) -> tuple[ScenarioId, ...]:
    """Order scenarios so that those which catch most mutants for their time run first.

    Args:
        failed_so_far: How many mutants each has caught.
        took_s: How long each runs; coarse steps count, so that jitter changes no order.
    """

    def worth(name: ScenarioId) -> float:
        steps = round(math.log2(max(_QUICK_S, (took_s or {}).get(name, 0.0)) / _QUICK_S))
        return float((failed_so_far[name] + 1) / 2**steps)

    return tuple(sorted(failed_so_far, key=lambda name: (-worth(name), name)))
