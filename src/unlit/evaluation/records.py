"""What may leave the evaluator about one trajectory: ids, labels and numbers."""

from collections.abc import Iterator
from typing import Final

from unlit.core.ids import CriterionId
from unlit.core.states import TrajectoryState
from unlit.evaluation.model import TrajectoryRecord
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.trajectory import Outcome

JUDGED: Final = "judge"
"""Label of what only a judge can say."""
_LOOK_AT: Final = 200_000


def _waiting_for_judge(scenario: Scenario, outcome: Outcome) -> tuple[str, ...]:
    if outcome.state is not TrajectoryState.NOT_EXERCISED:
        return ()
    return tuple(
        f"{JUDGED} then[{n}]" for n, check in enumerate(scenario.then, 1) if check.kind == "judge"
    )


def judged_criteria(scenario: Scenario, outcome: Outcome) -> dict[str, bool]:
    """Return, for each criterion that a judge was to judge, whether every answer was yes.

    Where the product failed before, or the judge had no quote, the verdict is no: leaving such runs
    out would leave out the bad ones.
    """
    if not outcome.has_judge:
        return {}
    verdicts: dict[str, bool] = {}
    for number, check in enumerate(scenario.then):
        if check.kind != "judge":
            continue
        said = outcome.judged.get(number)
        for name in check.criterion or scenario.criteria:
            liked = said is not None and said.answer is True and _unharmed(outcome, name)
            verdicts[name] = verdicts.get(name, True) and liked
    return verdicts


def _unharmed(outcome: Outcome, criterion: CriterionId) -> bool:
    return outcome.state is TrajectoryState.NOT_EXERCISED or outcome.satisfies(criterion)


def outputs_of(outcome: Outcome) -> Iterator[str]:
    """Yield everything that the product printed or answered, as far as the leak proof looks."""
    for seen in outcome.seen:
        yield from (seen.stdout[:_LOOK_AT], seen.stderr[:_LOOK_AT], seen.body[:_LOOK_AT])
    yield from (text[:_LOOK_AT] for text in outcome.server_outputs)


def record_of(outcome: Outcome, scenario: Scenario, replay: str | None = None) -> TrajectoryRecord:
    """Return what may leave the evaluator about one trajectory: ids and labels."""
    named = {name for check in scenario.then for name in check.criterion}
    criteria = (*scenario.criteria, *sorted(named - set(scenario.criteria)))
    return TrajectoryRecord(
        n=outcome.draw.index,
        scenario=scenario.id,
        seed=outcome.draw.seed,
        state=outcome.state,
        criteria=criteria,
        reasons=outcome.labels() or _waiting_for_judge(scenario, outcome),
        twin_routes=tuple(
            {"service": use.service, "route": use.route, "tier": use.tier, "count": use.count}
            | ({} if use.measured is None else {"measured": dict(use.measured)})
            for use in outcome.traffic.routes
        ),
        attempts=outcome.attempts,
        failed=()
        if outcome.state is TrajectoryState.NOT_EXERCISED
        else tuple(name for name in criteria if not outcome.satisfies(name)),
        duration_s=round(outcome.duration_s, 3),
        replay=replay,
    )
