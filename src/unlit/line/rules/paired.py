"""Paired comparison of two ways to run the line; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import stdev
from typing import Any, Final

from unlit.evaluation.rules.special import student_quantile

ENOUGH: Final = 6
"""Pairs from which the sign-flip test can show anything at 5 %: five of a kind are 1 in 16."""
MEASURES: Final = ("satisfaction", "ships", "usd", "hours", "candidates")
_EXACT_UP_TO: Final = 12
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of one variant gave; unknown is `None`."""

    pair: str
    satisfaction: float | None
    ships: float | None
    usd: float | None
    hours: float | None
    candidates: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """B minus A in one measure, over pairs.

    Attributes:
        low: Lower end of the 95 % interval (Student's t over the pairs' differences).
        p: Two-sided p of the sign-flip permutation test; exact up to 12 pairs.
        sentence: A difference is called one where the interval and, where known, `p` agree on it.
    """

    measure: str
    pairs: int
    mean_a: float | None
    mean_b: float | None
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(a: Sequence[Result], b: Sequence[Result]) -> tuple[Difference, ...]:
    """Compare paired results, measure by measure; a pair with an unknown value is left out."""
    other = {row.pair: row for row in b}
    pairs = [(row, other[row.pair]) for row in a if row.pair in other]
    return tuple(_difference(measure, pairs) for measure in MEASURES)


def _difference(measure: str, pairs: Sequence[tuple[Result, Result]]) -> Difference:
    values = [(getattr(x, measure), getattr(y, measure)) for x, y in pairs]
    known = [(x, y) for x, y in values if x is not None and y is not None]
    if not known:
        return Difference(measure, 0, None, None, None, None, None, None, "not known")
    gaps = [y - x for x, y in known]
    count = len(gaps)
    mean = sum(gaps) / count
    mean_a, mean_b = sum(x for x, _ in known) / count, sum(y for _, y in known) / count
    if count < ENOUGH:
        sentence = f"not enough pairs: {count} of {ENOUGH}"
        return Difference(measure, count, mean_a, mean_b, mean, None, None, None, sentence)
    half = student_quantile(0.975, count - 1) * stdev(gaps) / math.sqrt(count)
    low, high = mean - half, mean + half
    p = sign_flip(gaps)
    # equal differences leave an interval no width: it may not stand alone
    shown = not low <= 0 <= high and (p is None or p <= _LEVEL)
    told = f"B {'higher' if mean > 0 else 'lower'}" if shown else "no difference shown"
    return Difference(measure, count, mean_a, mean_b, mean, low, high, p, told)


def sign_flip(gaps: Sequence[float]) -> float | None:
    """Return the exact two-sided p of flipping signs; `None` beyond 12 pairs that differ.

    Source: Fisher (1935), The Design of Experiments, §21.
    """
    moved = [gap for gap in gaps if gap != 0]
    if not moved:
        return 1.0
    if len(moved) > _EXACT_UP_TO:
        return None
    seen = abs(sum(moved)) - 1e-12
    flips = list(product((1, -1), repeat=len(moved)))
    extreme = sum(
        abs(sum(sign * gap for sign, gap in zip(signs, moved, strict=True))) >= seen
        for signs in flips
    )
    return extreme / len(flips)
