"""Money is `Decimal` dollars; unknown is `None`, never zero."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

ZERO_USD: Final = Decimal("0")
_CENT: Final = Decimal("0.01")


def total_usd(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Add amounts; one unknown makes the total unknown.

    Returns:
        The sum in dollars (0 for no amounts), or `None` if any amount is unknown.
    """
    total = ZERO_USD
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def format_usd(amount: Decimal | None, *, exact: bool = False) -> str:
    """Render dollars for people: ``$6.84``; small amounts keep four places; unknown in words.

    Args:
        amount: Dollars.
        exact: Keep four places wherever two would round, for amounts that are compared.
    """
    if amount is None:
        return "not known"
    enough = amount == amount.quantize(_CENT) if exact else abs(amount) >= _CENT
    places = _CENT if amount == 0 or enough else Decimal("0.0001")
    return f"${amount.quantize(places, ROUND_HALF_UP)}"
