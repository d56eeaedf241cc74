"""The state of one criterion from its own trajectories.

`met` once the ship rule's own e-value reaches 1/alpha on this criterion's trajectories; `not_met`
once a uniform-mixture e-value against "at least p1" reaches C/beta for C criteria. Both hold under
peeking; nothing is averaged. `not_met` vetoes `ship`; dividing beta by the number of criteria keeps
the chance that any criterion of a product whose criteria all hold at p1 is called not met at beta.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState
from unlit.evaluation.model import CriterionResult, Independence, ShipRule
from unlit.evaluation.rules.intervals import anytime
from unlit.evaluation.rules.ship import ShipTest, log_mixture_below


@dataclass(frozen=True, slots=True)
class CriterionCount:
    """What was counted for one criterion: its scenarios, trajectories and satisfied ones."""

    id: CriterionId
    text: str
    scenarios: tuple[ScenarioId, ...]
    trajectories: int
    satisfied: int
    tier: str | None = None


def criterion_state(rule: ShipRule, n: int, satisfied: int, *, among: int = 1) -> CriterionState:
    """Decide the state of one of `among` criteria from `satisfied` of `n` trajectories."""
    if n == 0:
        return CriterionState.NOT_EXERCISED
    if log_mixture_below(satisfied, n, rule.p1) >= math.log(among / rule.beta):
        return CriterionState.NOT_MET
    if ShipTest(rule, rule.alpha, n, satisfied).log_e >= math.log(1 / rule.alpha) - 1e-12:
        return CriterionState.MET
    return CriterionState.UNDECIDED


def criterion_result(
    count: CriterionCount, rule: ShipRule, independence: Independence, *, among: int = 1
) -> CriterionResult:
    """Return the result of one criterion with its anytime interval."""
    n = count.trajectories
    interval = anytime(count.satisfied, n, alpha=rule.alpha) if n else None
    return CriterionResult(
        id=count.id,
        text=count.text,
        scenarios=count.scenarios,
        trajectories=n,
        satisfied=count.satisfied,
        state=criterion_state(rule, n, count.satisfied, among=among),
        independence=independence,
        estimate=count.satisfied / n if n else None,
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
        tier=count.tier,
    )


def most_undecided(
    results: Mapping[CriterionId, CriterionCount], rule: ShipRule
) -> tuple[CriterionId, ...]:
    """Order undecided criteria by what is missing, least first: where to spend next.

    Trajectories drawn for this do not enter the ship test, whose draws follow the profile.
    """
    missing = []
    for key, count in results.items():
        state = criterion_state(rule, count.trajectories, count.satisfied, among=len(results))
        if state is CriterionState.UNDECIDED:
            test = ShipTest(rule, rule.alpha, count.trajectories, count.satisfied)
            missing.append((test.clean_runs_to_ship() or 0, key))
    return tuple(key for _, key in sorted(missing))
