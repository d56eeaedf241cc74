"""A grading is counted again by the rules that it was graded by."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from unlit.core.ids import CandidateId, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.record.model import Trajectory
from unlit.review.recounting import recounted, scenario_counts, ship_test_of
from unlit.review.rules.reading import points_of


def document(states: Sequence[str], *, sweep: int | None = None) -> Mapping[str, Any]:
    return {
        "ship": {"p0": 0.8, "p1": 0.9, "alpha": 0.05, "beta": 0.10},
        "satisfaction": {"sweep": sweep},
        "criteria": [{"id": "AC-1"}],
        "trajectories": [
            {"n": n, "scenario": f"s{n % 4}", "state": state, "criteria": ["AC-1"],
             "failed": ["AC-1"] if state == "not_satisfied" else []}
            for n, state in enumerate(states, 1)
        ],
    }  # fmt: skip


def test_a_harness_fault_counts_as_not_satisfied_everywhere() -> None:
    found = document(["satisfied", "harness_fault", "not_exercised", "satisfied"])
    again = ship_test_of(found)
    assert again is not None
    assert (again.satisfied, again.n) == (2, 3)
    assert sum(count.runs for count in scenario_counts(found)) == 3
    criterion = recounted(found)["criteria"][0]
    assert (criterion["satisfied"], criterion["trajectories"]) == (2, 3)


def test_what_is_drawn_is_what_is_counted() -> None:
    states = (TrajectoryState.SATISFIED, TrajectoryState.HARNESS_FAULT)
    rows = [
        Trajectory(RunId("r-1"), CandidateId("c1"), Partition.SEALED, n, ScenarioId("s"), state)
        for n, state in enumerate(states, 1)
    ]
    assert [point.estimate for point in points_of(rows, 0.05)] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("sweep", "verdict"), [(None, Verdict.SHIP), (30, Verdict.UNDECIDED), (13, Verdict.SHIP)]
)
def test_evidence_is_tested_where_the_grading_tested_it(
    sweep: int | None, verdict: Verdict
) -> None:
    """Twenty-six in a row ship; of the thirty of one sweep the last four fail."""
    again = ship_test_of(document(["satisfied"] * 26 + ["not_satisfied"] * 4, sweep=sweep))
    assert again is not None
    assert again.decision is verdict


def test_a_state_that_nobody_knows_counts_for_nothing() -> None:
    again = ship_test_of(document(["satisfied", "dreamt"]))
    assert again is not None
    assert again.n == 1
