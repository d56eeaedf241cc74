"""Expected failures know their exit code and say what to do."""

import pytest

from unlit.core import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.OutcomeNotGoodEnough, 1),
        (errors.UsageError, 2),
        (errors.InvalidInput, 3),
        (errors.RefusedByPolicy, 4),
        (errors.OutsideFailed, 5),
        (errors.BudgetUsedUp, 6),
    ],
)
def test_each_kind_has_its_documented_exit_code(kind: type[errors.UnlitError], code: int) -> None:
    assert kind("X-001", "a", "b", "c").exit_code == code


def test_one_line_says_what_why_and_what_to_do() -> None:
    error = errors.UnlitError("X-001", "It broke.", "it is old.", "buy one.")
    assert str(error) == "X-001 It broke. | Why: it is old. | Do: buy one."
