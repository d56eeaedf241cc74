"""Verdicts and the exit codes of grading commands."""

import pytest

from unlit.core.states import TrajectoryState, Verdict


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.SHIP, 0),
        (Verdict.NOT_YET, 1),
        (Verdict.UNDECIDED, 1),
        (Verdict.NOT_EXERCISED, 1),
        (Verdict.HARNESS_FAULT, 5),
    ],
)
def test_a_verdict_ends_with_its_exit_code(verdict: Verdict, code: int) -> None:
    assert verdict.exit_code == code


def test_only_what_was_not_exercised_is_no_evidence() -> None:
    assert [state for state in TrajectoryState if not state.is_evidence] == ["not_exercised"]


def test_a_fault_that_stayed_counts_against_a_candidate() -> None:
    against = [state for state in TrajectoryState if state.is_against]
    assert against == ["not_satisfied", "harness_fault"]
