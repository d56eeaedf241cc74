"""Paired comparison of two ways to run the line; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

ENOUGH: Final = 5
MEASURES: Final = ("satisfaction", "ships", "usd", "hours", "candidates")
_EXACT_UP_TO: Final = 12


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of one variant gave; unknown is `None`."""

    pair: str
    satisfaction: float | None
    ships: float
    usd: float | None
    hours: float
    candidates: float


@dataclass(frozen=True, slots=True)
class Difference:
    """B minus A in one measure, over pairs.

    Attributes:
        low: Lower end of the 95 % interval (Student's t over the pairs' differences).
        p: Two-sided p of the sign-flip permutation test; exact up to 12 pairs.
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
    half = _t(count - 1) * _deviation(gaps, mean) / math.sqrt(count)
    low, high = mean - half, mean + half
    told = "no difference shown" if low <= 0 <= high else f"B {'higher' if mean > 0 else 'lower'}"
    return Difference(measure, count, mean_a, mean_b, mean, low, high, sign_flip(gaps), told)


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


def _deviation(gaps: Sequence[float], mean: float) -> float:
    return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1))


def _t(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t (Cornish-Fisher expansion from the normal)."""
    exact: Mapping[int, float] = {4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
    if freedom in exact:
        return exact[freedom]
    z, v = 1.959964, float(freedom)
    return z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
