"""The base commit: a new scenario fails there for its stated reason; a regression passes there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from unlit.core.ids import ScenarioId
from unlit.core.states import TrajectoryState
from unlit.evaluation.grading import Slot
from unlit.evaluation.model import EvaluationRequest, Event
from unlit.evaluation.ports import Pool
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import draw_seed, sample
from unlit.evaluation.trajectory import Outcome, Setting


@dataclass(frozen=True, slots=True)
class BaseReport:
    """What the base commit did with the scenarios that say something about it.

    Attributes:
        checked: Scenarios that were run on the base.
        void: Scenarios that say nothing, with the reason in words without content.
        not_exercised: Scenarios that speak of a base and there was none.
    """

    checked: tuple[ScenarioId, ...] = ()
    void: Mapping[ScenarioId, str] = field(default_factory=dict)
    not_exercised: tuple[ScenarioId, ...] = ()


async def check_base(
    request: EvaluationRequest,
    scenarios: Sequence[Scenario],
    lists: Mapping[str, Sequence[str]],
    setting: Setting,
    pool: Pool,
    on_event: Callable[[Event], None],
) -> BaseReport:
    """Run once, on the base, each scenario that says what the base does."""
    speaking = [scenario for scenario in scenarios if scenario.fails_on_base or scenario.regression]
    if not speaking:
        return BaseReport()
    if request.base is None:
        return BaseReport(not_exercised=tuple(scenario.id for scenario in speaking))
    void: dict[ScenarioId, str] = {}
    slot = Slot("slot-base", pool, request.base)
    try:
        for scenario in speaking:
            seed = draw_seed(request.seed, f"base:{scenario.id}", 0)
            draw = Draw(0, scenario.id, seed, sample(scenario, seed, lists))
            outcome = await slot.run(scenario, draw, setting)
            problem = _problem(scenario, outcome)
            if problem is not None:
                void[scenario.id] = problem
    finally:
        await slot.close()
    on_event(
        Event("note", {"text": "base commit", "checked": len(speaking), "void": len(void)})
    )  # fmt: skip
    return BaseReport(tuple(scenario.id for scenario in speaking), void)


def _problem(scenario: Scenario, outcome: Outcome) -> str | None:
    if outcome.state is TrajectoryState.HARNESS_FAULT:
        return "the base commit could not be exercised"
    if scenario.regression:
        passed = outcome.state is TrajectoryState.SATISFIED
        return None if passed else "a regression scenario that the base commit fails"
    if outcome.state is TrajectoryState.SATISFIED:
        return "the base commit passes it already"
    return None if outcome.base_reason_holds else "the base commit fails it for another reason"
