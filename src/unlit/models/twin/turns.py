"""Which turn of a conversation comes next; pure."""

import re
from collections.abc import Iterable
from typing import Final

_OURS: Final = re.compile(r"_t(\d+)_[0-9a-f]+$")


def call_id(turn: int, reply: str, number: int) -> str:
    """Return the id of a call: it says which turn it belongs to, counted from 0."""
    return f"call_t{turn}_{reply[:14]}{number}"


def turns_held(called: Iterable[Iterable[str]]) -> int:
    """Count the model's turns that a conversation holds.

    Args:
        called: The ids of the calls of each of the model's messages, in order.

    Returns:
        Their number; where a call of ours says which turn it was, counted on from there: clients
        fold old turns away and keep the newest ones.
    """
    turns = 0
    for ids in called:
        marks = [int(found[1]) for name in ids if (found := _OURS.search(name))]
        turns = max(marks, default=turns) + 1
    return turns
