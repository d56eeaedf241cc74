"""What a person is shown of a trajectory: what held, what broke, and what was never done."""

import pytest

from unlit.core.states import TrajectoryState
from unlit.evaluation.checks.outcome import Reason
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.evaluation.store import stated
from unlit.evaluation.trajectory import Outcome

TEXT = """\
id: a
story: s
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person, name: o}
owner: o
because: b
when:
  - cli: {run: [one]}
  - cli: {run: [two]}
  - cli: {run: [three]}
then: [{exit: 0}]
never: [traceback]
"""


def _scenario() -> Scenario:
    found = parse_scenario(TEXT, "a.yaml")
    assert isinstance(found, Scenario)
    return found


@pytest.mark.parametrize(
    ("state", "labels", "held"),
    [
        (TrajectoryState.SATISFIED, [], [True, True, True, True, True]),
        (TrajectoryState.NOT_SATISFIED, ["then[1] exit"], [True, True, True, False, True]),
        (TrajectoryState.NOT_SATISFIED, ["when[1] cli exit"], [False, None, None, None, None]),
        (TrajectoryState.NOT_SATISFIED, ["when[2] cli"], [True, False, None, None, None]),
        (TrajectoryState.HARNESS_FAULT, [], [None, None, None, None, None]),
        (TrajectoryState.NOT_EXERCISED, [], [None, None, None, None, None]),
    ],
)
def test_what_was_never_done_did_not_hold(
    state: TrajectoryState, labels: list[str], held: list[bool | None]
) -> None:
    scenario = _scenario()
    reasons = tuple(Reason(label, "text", ()) for label in labels)
    outcome = Outcome(Draw(1, scenario.id, 7, {}), state, reasons)
    assert [row["held"] for row in stated(scenario, outcome)] == held
