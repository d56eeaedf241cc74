"""Forecasts of a run, and how good they were; pure. Too few runs are said to be too few."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from unlit.core.ids import RunId
from unlit.core.states import Verdict
from unlit.record.model import Forecast, Run

ENOUGH_TO_FORECAST: Final = 5
ENOUGH_TO_JUDGE: Final = 10
MEASURES: Final = ("hours", "usd", "looks", "ship_probability")
COVERAGE: Final = 0.8
"""Low and high are the 10 % and 90 % quantiles."""


@dataclass(frozen=True, slots=True)
class Actual:
    """What a run really took."""

    run: RunId
    hours: float
    usd: float
    looks: float
    ship_probability: float

    def of(self, measure: str) -> float:
        """Return one measure."""
        return float(getattr(self, measure))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How forecasts of one measure by one source compare with what came.

    Attributes:
        inside: Share of actuals between low and high; 0.8 is right.
        bias: Median of log(actual / middle): above 0 is too hopeful. For probabilities, mean of
            actual minus forecast.
        shift: Median of hindsight minus middle: what people remember having said, moved.
        sentence: The same in words, or why nothing can be said.
    """

    measure: str
    source: str
    runs: int
    inside: float | None
    bias: float | None
    shift: float | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "measure": self.measure,
            "source": self.source,
            "runs": self.runs,
            "inside": self.inside,
            "bias": self.bias,
            "shift": self.shift,
            "sentence": self.sentence,
        }


def forecast(run: RunId, by: str, past: Sequence[Actual], at: datetime) -> tuple[Forecast, ...]:
    """Forecast a run from past ones of the same repository; nothing when there are too few."""
    if len(past) < ENOUGH_TO_FORECAST:
        return ()
    rows = []
    for measure in MEASURES:
        values = sorted(actual.of(measure) for actual in past)
        if measure == "ship_probability":
            # Laplace's rule: no certainty from few runs
            middle = (sum(values) + 1) / (len(values) + 2)
            rows.append(Forecast(run, "factory", measure, by, at, None, middle, None))
        else:
            low, middle, high = (next_quantile(values, share) for share in (0.1, 0.5, 0.9))
            rows.append(Forecast(run, "factory", measure, by, at, low, middle, high))
    return tuple(rows)


def actual_of(run: Run, usd: float, looks: int, now: datetime) -> Actual:
    """Measure a run that came to its gate or its end."""
    hours = (now - run.created_at).total_seconds() / 3600
    ships = 1.0 if run.verdict is Verdict.SHIP else 0.0
    return Actual(run.id, hours, usd, float(looks), ships)


def calibrate(rows: Sequence[Forecast]) -> tuple[Calibration, ...]:
    """Compare forecasts with what came, for each source and measure."""
    groups: dict[tuple[str, str], list[Forecast]] = {}
    for row in rows:
        if row.actual is not None and row.middle is not None:
            groups.setdefault((row.source, row.measure), []).append(row)
    return tuple(_calibration(*key, found) for key, found in sorted(groups.items()))


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between neighbours by their distance."""
    place = share * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def next_quantile(values: Sequence[float], share: float) -> float:
    """Return the quantile of the next value, given the sorted ones that came before.

    A next value falls below the k-th of n with chance k/(n+1), so 10 % to 90 % of nine or more
    holds it 80 % of the time; the quantiles of the values themselves, from five, 53 % only. Where
    they are too few for `share`, it is their least or greatest one.

    Source: Weibull's plotting position, Hyndman and Fan (1996), Am. Stat. 50, 361-365, type 6.
    """
    place = min(max(share * (len(values) + 1) - 1, 0), len(values) - 1)
    return quantile(values, place / max(1, len(values) - 1))


def _calibration(source: str, measure: str, rows: Sequence[Forecast]) -> Calibration:
    count = len(rows)
    shifts = sorted(
        r.hindsight - r.middle for r in rows if not (r.hindsight is None or r.middle is None)
    )
    shift = quantile(shifts, 0.5) if shifts else None
    if count < ENOUGH_TO_JUDGE:
        sentence = f"not enough runs: {count} of {ENOUGH_TO_JUDGE}"
        return Calibration(measure, source, count, None, None, shift, sentence)
    if measure == "ship_probability":
        gap = sum(_number(r.actual) - _number(r.middle) for r in rows) / count
        sentence = f"it shipped {abs(gap):.0%} {'more' if gap >= 0 else 'less'} often than said"
        return Calibration(measure, source, count, None, gap, shift, sentence)
    bounded = [r for r in rows if r.low is not None and r.high is not None]
    inside = (
        sum(_number(r.low) <= _number(r.actual) <= _number(r.high) for r in bounded) / len(bounded)
        if bounded
        else None
    )
    logs = sorted(
        math.log(_number(r.actual) / _number(r.middle))
        for r in rows
        if _number(r.actual) > 0 and _number(r.middle) > 0
    )
    bias = quantile(logs, 0.5) if logs else None
    return Calibration(measure, source, count, inside, bias, shift, _sentence(inside, bias))


def _sentence(inside: float | None, bias: float | None) -> str:
    parts = []
    if inside is not None:
        parts.append(f"{inside:.0%} came between low and high ({COVERAGE:.0%} is right)")
    if bias is not None:
        factor = math.exp(bias)
        parts.append(f"typically {factor:.2f} times what was said")
    return "; ".join(parts) or "nothing to compare"


def _number(value: float | None) -> float:
    return 0.0 if value is None else value
