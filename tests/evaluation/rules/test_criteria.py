"""The state of one criterion, and the buckets an agent may see."""

import pytest

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState as State
from unlit.core.states import Partition
from unlit.evaluation.model import CriterionResult, Feedback, Independence, ShipRule
from unlit.evaluation.rules.criteria import (
    CriterionCount,
    criterion_result,
    criterion_state,
    most_undecided,
)
from unlit.evaluation.rules.feedback import bits, bucket, coarse, to_retire

NOBODY = Independence(None)


def result(n: int, k: int) -> CriterionResult:
    count = CriterionCount(CriterionId("AC-1"), "text", (ScenarioId("a"),), n, k)
    return criterion_result(count, ShipRule(0.8, 0.9), NOBODY)


@pytest.mark.parametrize(
    ("n", "k", "state"),
    [
        (0, 0, State.NOT_EXERCISED),
        (1, 0, State.UNDECIDED),
        (2, 0, State.NOT_MET),
        (3, 3, State.UNDECIDED),
        (25, 25, State.UNDECIDED),
        (26, 26, State.MET),
    ],
)
def test_a_criterion_is_decided_by_its_own_evidence(n: int, k: int, state: State) -> None:
    assert criterion_state(ShipRule(0.8, 0.9), n, k) is state


def test_many_criteria_need_more_to_be_called_not_met() -> None:
    assert criterion_state(ShipRule(), 1, 0, among=1) is State.NOT_MET
    assert criterion_state(ShipRule(), 1, 0, among=8) is State.UNDECIDED
    assert criterion_state(ShipRule(), 2, 0, among=8) is State.NOT_MET


def test_nothing_exercised_has_no_numbers() -> None:
    found = result(0, 0)
    assert (found.estimate, found.lower, found.upper) == (None, None, None)


def test_what_is_nearest_to_decided_comes_first() -> None:
    rows = {
        CriterionId(name): CriterionCount(CriterionId(name), "", (), n, n)
        for name, n in (("AC-1", 3), ("AC-2", 20), ("AC-3", 40), ("AC-4", 0))
    }
    assert most_undecided(rows, ShipRule(0.8, 0.9)) == ("AC-2", "AC-1")


def test_buckets_are_coarse() -> None:
    assert [bucket(k, 5) for k in range(6)] == ["none", "few", "few", "most", "most", "all"]
    assert bucket(0, 0) is None


def test_an_agent_learns_a_bucket_of_validation_and_nothing_of_sealed() -> None:
    results = [result(3, 3), result(0, 0)]
    assert coarse(results, Partition.VALIDATION) == (Feedback(CriterionId("AC-1"), "all"),)
    assert coarse(results, Partition.SEALED) == ()
    assert bits(coarse(results, Partition.VALIDATION)) == 2


def test_a_criterion_reported_twice_retires_its_scenarios() -> None:
    a, b = CriterionId("AC-1"), CriterionId("AC-2")
    assert to_retire([a, b, a]) == (a,)
