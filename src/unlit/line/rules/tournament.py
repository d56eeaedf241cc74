"""Which of several candidates wins; pure, and fixed before any of them is built."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unlit.core.ids import CandidateId
from unlit.core.states import Verdict

RULE: Final = (
    "verdict of validation, then its lower bound, then its estimate, then fewer changed files, "
    "then the lower number"
)
_RANK: Final = {Verdict.SHIP: 0, Verdict.UNDECIDED: 1, Verdict.NOT_YET: 2}
_NOT_GRADED: Final = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate of a tournament.

    Attributes:
        verdict: Of its validation; `None` when it was not graded.
        why: Why it was not graded.
    """

    candidate: CandidateId
    number: int
    agent: str
    verdict: Verdict | None = None
    lower: float | None = None
    estimate: float | None = None
    files: int = 0
    why: str = ""


def rank(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Order entries, the winner first; those that were not graded come last."""
    return tuple(sorted(entries, key=_place))


def _place(entry: Entry) -> tuple[int, float, float, int, int]:
    verdict = _NOT_GRADED if entry.verdict is None else _RANK.get(entry.verdict, 3)
    lower = -1.0 if entry.lower is None else entry.lower
    estimate = -1.0 if entry.estimate is None else entry.estimate
    return (verdict, -lower, -estimate, entry.files, entry.number)


def chosen_bits(entries: Sequence[Entry]) -> float:
    """Bits that choosing the best tells about the validation scenarios: log2 of those compared.

    It makes the winner's validation number too good, which is why only the sealed look counts.
    """
    graded = sum(entry.verdict is not None for entry in entries)
    return math.log2(graded) if graded > 1 else 0.0
