"""Verdicts and the exit codes of grading commands."""

import pytest

from unlit.core.states import Verdict


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
