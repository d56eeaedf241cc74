"""Did the metric move? Three answers of different strength, each called by its name.

Level 0 compares before and after and says that it is not causal. Level 1 is a difference in
differences: the change of treated units minus that of the others; one difference for each unit, so
that its error is clustered by unit (Bertrand, Duflo and Mullainathan 2004, QJE 119). Level 2 is a
randomised flag with CUPED: y - theta (x - mean x), theta = cov(y, x) / var(x) (Deng et al. 2013),
with a Welch interval for one look and an asymptotic confidence sequence for any number of looks
(Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Annals of Statistics 52, theorem 2.2; normal
mixture), which is the e-process of this setting. No Bayesian structural model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, variance
from typing import Final, Literal

from unlit.core.errors import InvalidInput
from unlit.evaluation.rules.special import normal_cdf, student_quantile

Level = Literal["before-after", "difference-in-differences", "randomised"]
ALPHA: Final = 0.05
PLANNED: Final = 1000
"""Sample size at which the confidence sequence is narrowest; fixed before looking."""
_MISMATCH: Final = 0.001
_TREND_POINTS: Final = 12

SAYS: Final[Mapping[Level, str]] = {
    "before-after": "before and after, not causal: whatever else changed then is in it",
    "difference-in-differences": "difference in differences: causal only if both groups would have "
    "moved alike without it (see the trend before)",
    "randomised": "randomised flag: causal for the users it was drawn from",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric.

    Attributes:
        unit: User, shop, region; empty where the metric has none.
        group: ``treated`` or ``control``; empty where everybody got the change.
        before: The unit's value of the covariate from before, for CUPED.
    """

    at: datetime
    value: float
    unit: str = ""
    group: str = ""
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its bounds."""

    estimate: float
    lower: float
    upper: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is settled at this confidence."""
        return self.lower > 0 or self.upper < 0


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One point of a plot: means of a span of time."""

    at: datetime
    treated: float | None
    control: float | None = None
    after: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a metric did.

    Attributes:
        change: Size of the move, with its interval.
        base: Mean it moved from.
        counts: What was counted: readings or units, by side.
        anytime: The interval that holds under repeated looks, for a randomised flag.
        pre_trend: Slope of the difference before the change, per day, with its interval.
        reduction: Share of variance that the covariate took away.
        warnings: What weakens the answer, as sentences.
    """

    level: Level
    change: Interval
    base: float
    counts: Mapping[str, int]
    confidence: float
    trend: tuple[TrendPoint, ...] = ()
    anytime: Interval | None = None
    pre_trend: Interval | None = None
    reduction: float | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """``moved up``, ``moved down`` or ``cannot tell``."""
        seen = self.anytime or self.change
        if not seen.excludes_zero:
            return "cannot tell"
        return "moved up" if seen.lower > 0 else "moved down"


def measure(
    readings: Sequence[Reading],
    since: datetime,
    *,
    randomised: bool = False,
    planned: int = PLANNED,
    alpha: float = ALPHA,
) -> Effect:
    """Measure a move at the strongest level that the readings carry.

    Args:
        readings: All that is known, in any order.
        since: When the change reached users.
        randomised: Whether the groups were drawn by chance; somebody has to say so.
        planned: Size at which the confidence sequence is narrowest.
        alpha: One minus the confidence.

    Raises:
        InvalidInput: Too few readings for any statement, or groups that nothing says are.
    """
    groups = {row.group for row in readings}
    if randomised:
        return _randomised(readings, since, planned, alpha)
    if groups >= {"treated", "control"}:
        return _differences(readings, since, alpha)
    return _before_after(readings, since, alpha)


def _before_after(readings: Sequence[Reading], since: datetime, alpha: float) -> Effect:
    old = [row.value for row in readings if row.at < since]
    new = [row.value for row in readings if row.at >= since]
    change = _welch(new, old, alpha, ("after", "before"))
    warnings = [] if min(len(old), len(new)) >= 20 else ["fewer than 20 readings on a side"]
    return Effect(
        "before-after", change, fmean(old), {"before": len(old), "after": len(new)}, 1 - alpha,
        _trend(readings, since), warnings=tuple(warnings),
    )  # fmt: skip


def _differences(readings: Sequence[Reading], since: datetime, alpha: float) -> Effect:
    deltas: dict[str, list[float]] = {"treated": [], "control": []}
    base: list[float] = []
    lone = 0
    for (group, _), rows in _by_unit(readings).items():
        old = [row.value for row in rows if row.at < since]
        new = [row.value for row in rows if row.at >= since]
        if not old or not new or group not in deltas:
            lone += 1
            continue
        deltas[group].append(fmean(new) - fmean(old))
        if group == "treated":
            base.append(fmean(old))
    names = ("treated units seen before and after", "control units seen before and after")
    change = _welch(deltas["treated"], deltas["control"], alpha, names)
    warnings = [f"{lone} units were seen on one side only and are left out"] if lone else []
    pre = _pre_trend(readings, since, alpha)
    if pre is None:
        warnings.append("too few days before the change to look at the trend")
    elif pre.excludes_zero:
        warnings.append("the groups drifted apart already before the change")
    counts = {name: len(rows) for name, rows in deltas.items()}
    return Effect(
        "difference-in-differences", change, fmean(base), counts, 1 - alpha,
        _trend(readings, since), pre_trend=pre, warnings=tuple(warnings),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unit:
    treated: bool
    value: float
    before: float | None


def _randomised(readings: Sequence[Reading], since: datetime, planned: int, alpha: float) -> Effect:
    units = _units(readings, since)
    values, reduction = _cuped(units)
    on = [value for unit, value in zip(units, values, strict=True) if unit.treated]
    off = [value for unit, value in zip(units, values, strict=True) if not unit.treated]
    change = _welch(on, off, alpha, ("treated units", "control units"))
    warnings = []
    mismatch = _mismatch(len(on), len(off))
    if mismatch < _MISMATCH:
        warnings.append(
            f"{len(on)} and {len(off)} units are no even split (p = {mismatch:.1g}): find out why "
            "before believing anything else here"
        )
    base = fmean(unit.value for unit in units if not unit.treated)
    return Effect(
        "randomised", change, base, {"treated": len(on), "control": len(off)}, 1 - alpha,
        _trend(readings, since), anytime=_sequence(on, off, planned, alpha),
        reduction=reduction, warnings=tuple(warnings),
    )  # fmt: skip


def _units(readings: Sequence[Reading], since: datetime) -> list[_Unit]:
    found = []
    for (group, unit), rows in sorted(_by_unit(readings).items()):
        new = [row.value for row in rows if row.at >= since]
        if group not in ("treated", "control"):
            raise _unclear(f"unit {unit!r} is in no group, and a randomised flag has two")
        if not new:
            continue
        given = [row.before for row in rows if row.before is not None]
        old = given or [row.value for row in rows if row.at < since]
        found.append(_Unit(group == "treated", fmean(new), fmean(old) if old else None))
    return found


def _cuped(units: Sequence[_Unit]) -> tuple[list[float], float | None]:
    """Adjust each unit by what it was before; without that for every unit, leave them."""
    known = [(unit.value, unit.before) for unit in units if unit.before is not None]
    if len(known) < len(units) or len(units) < 4:
        return [unit.value for unit in units], None
    ys, xs = [y for y, _ in known], [x for _, x in known]
    y_mean, x_mean = fmean(ys), fmean(xs)
    sxx = math.fsum((x - x_mean) ** 2 for x in xs)
    sxy = math.fsum((x - x_mean) * (y - y_mean) for y, x in known)
    syy = math.fsum((y - y_mean) ** 2 for y in ys)
    if sxx <= 0 or syy <= 0:
        return ys, 0.0
    theta = sxy / sxx
    return [y - theta * (x - x_mean) for y, x in known], sxy * sxy / (sxx * syy)


def _sequence(on: Sequence[float], off: Sequence[float], planned: int, alpha: float) -> Interval:
    """The interval that holds at every look; wider than the one for a single look."""
    n = len(on) + len(off)
    share = len(on) / n
    on_mean, off_mean = fmean(on), fmean(off)
    estimate = on_mean - off_mean
    influence = [estimate + (value - on_mean) / share for value in on]
    influence += [estimate - (value - off_mean) / (1 - share) for value in off]
    spread = math.sqrt(variance(influence))
    log = -2 * math.log(alpha)
    rho2 = (log + math.log(log + 1)) / planned
    inner = n * rho2 + 1
    radius = spread * math.sqrt(2 * inner / (n * n * rho2) * math.log(math.sqrt(inner) / alpha))
    return Interval(estimate, estimate - radius, estimate + radius)


def _welch(
    new: Sequence[float], old: Sequence[float], alpha: float, names: tuple[str, str]
) -> Interval:
    for rows, name in ((new, names[0]), (old, names[1])):
        if len(rows) < 2:
            raise _unclear(f"there are {len(rows)} {name}, and an interval needs at least 2")
    estimate = fmean(new) - fmean(old)
    a, b = variance(new) / len(new), variance(old) / len(old)
    if a + b <= 0:
        return Interval(estimate, estimate, estimate)
    df = (a + b) ** 2 / (a * a / (len(new) - 1) + b * b / (len(old) - 1))
    half = student_quantile(1 - alpha / 2, df) * math.sqrt(a + b)
    return Interval(estimate, estimate - half, estimate + half)


def _pre_trend(readings: Sequence[Reading], since: datetime, alpha: float) -> Interval | None:
    """Slope of treated minus control over the days before, by least squares."""
    days: dict[int, dict[str, list[float]]] = {}
    for row in readings:
        if row.at < since and row.group in ("treated", "control"):
            day = math.floor((row.at - since).total_seconds() / 86_400)
            days.setdefault(day, {}).setdefault(row.group, []).append(row.value)
    points = [
        (float(day), fmean(groups["treated"]) - fmean(groups["control"]))
        for day, groups in sorted(days.items())
        if len(groups) == 2
    ]
    if len(points) < 3:
        return None
    x_mean, y_mean = fmean(x for x, _ in points), fmean(y for _, y in points)
    sxx = math.fsum((x - x_mean) ** 2 for x, _ in points)
    slope = math.fsum((x - x_mean) * (y - y_mean) for x, y in points) / sxx
    rest = math.fsum((y - y_mean - slope * (x - x_mean)) ** 2 for x, y in points)
    df = len(points) - 2
    half = student_quantile(1 - alpha / 2, df) * math.sqrt(rest / df / sxx)
    return Interval(slope, slope - half, slope + half)


def _trend(readings: Sequence[Reading], since: datetime) -> tuple[TrendPoint, ...]:
    """Means over equal spans of time, with the change at a border."""
    points: list[TrendPoint] = []
    for after in (False, True):
        rows = sorted(
            (row for row in readings if (row.at >= since) is after), key=lambda row: row.at
        )
        if not rows:
            continue
        span = (rows[-1].at - rows[0].at).total_seconds() / _TREND_POINTS or 1.0
        slots: dict[int, list[Reading]] = {}
        for row in rows:
            slot = int((row.at - rows[0].at).total_seconds() / span)
            slots.setdefault(min(slot, _TREND_POINTS - 1), []).append(row)
        for _, slot_rows in sorted(slots.items()):
            control = [row.value for row in slot_rows if row.group == "control"]
            rest = [row.value for row in slot_rows if row.group != "control"]
            points.append(TrendPoint(
                slot_rows[0].at, fmean(rest) if rest else None,
                fmean(control) if control else None, after,
            ))  # fmt: skip
    return tuple(points)


def _by_unit(readings: Sequence[Reading]) -> dict[tuple[str, str], list[Reading]]:
    found: dict[tuple[str, str], list[Reading]] = {}
    for row in readings:
        if not row.unit:
            raise _unclear("a reading names no unit, and comparing groups needs them")
        found.setdefault((row.group, row.unit), []).append(row)
    units = [unit for _, unit in found]
    if len(set(units)) != len(units):
        twice = next(unit for unit in units if units.count(unit) > 1)
        raise _unclear(f"unit {twice!r} is in both groups")
    return found


def _mismatch(on: int, off: int) -> float:
    """Two-sided p of an even split."""
    return 2 * normal_cdf(-abs(on - off) / math.sqrt(on + off))


def _unclear(why: str) -> InvalidInput:
    return InvalidInput(
        "SHP-061",
        f"The metric says nothing yet: {why}.",
        "a number without its uncertainty would look like knowledge.",
        "gather more, or compare in another way: see docs/how-to/watch-a-metric.md.",
    )
