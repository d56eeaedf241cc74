"""Unknown money is never zero."""

from decimal import Decimal

import pytest

from unlit.core.money import format_usd, total_usd


def test_one_unknown_amount_makes_the_total_unknown() -> None:
    assert total_usd([Decimal("1"), None]) is None


def test_nothing_spent_is_zero() -> None:
    assert total_usd([]) == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("6.835"), "$6.84"),
        (Decimal("0.0012"), "$0.0012"),
        (Decimal("0"), "$0.00"),
        (None, "not known"),
    ],
)
def test_amounts_are_shown_as_people_write_them(amount: Decimal | None, text: str) -> None:
    assert format_usd(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"), [("0.0151", "$0.0151"), ("0.02", "$0.02"), ("4.9960", "$4.9960")]
)
def test_amounts_that_are_compared_are_not_rounded_into_one_another(amount: str, text: str) -> None:
    assert format_usd(Decimal(amount), exact=True) == text
