"""Counting, averages, extremes, conditional sums, ranks."""

import math
import statistics
from collections.abc import Callable
from contextlib import suppress

from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.criteria import compile_criterion
from unlit.twins.services.google.sheets.formula.functions.registry import FUNCTIONS, whole
from unlit.twins.services.google.sheets.formula.model import (
    FormulaError,
    Matrix,
    Scalar,
    Value,
    fail,
)
from unlit.twins.services.google.sheets.formula.values import number
from unlit.twins.services.google.sheets.model import Failure


@whole("COUNT", 0)
def _count(*args: Value) -> Value:
    total = 0
    for item, ranged in values.flat(args):
        if isinstance(item, float) and not isinstance(item, bool):
            total += 1
        elif not ranged and item is not None and not isinstance(item, Failure):
            with suppress(FormulaError):  # text that is no number does not count
                number(item)
                total += 1
    return float(total)


@whole("COUNTA", 0)
def _counta(*args: Value) -> Value:
    return float(sum(item is not None for item, _ in values.flat(args)))


@whole("COUNTBLANK")
def _countblank(*args: Value) -> Value:
    return float(sum(item is None or item == "" for item, _ in values.flat(args)))


@whole("COUNTUNIQUE")
def _countunique(*args: Value) -> Value:
    return float(len({item for item, _ in values.flat(args) if item is not None}))


@whole("AVERAGE")
def _average(*args: Value) -> Value:
    found = values.numbers(args)
    if not found:
        raise fail(
            "DIVIDE_BY_ZERO", "Evaluation of function AVERAGE caused a divide by zero error."
        )
    return math.fsum(found) / len(found)


@whole("AVERAGEA")
def _averagea(*args: Value) -> Value:
    items = [item for item, _ in values.flat(args) if item is not None]
    if not items:
        raise fail(
            "DIVIDE_BY_ZERO", "Evaluation of function AVERAGEA caused a divide by zero error."
        )
    return math.fsum(float(x) if isinstance(x, float | bool) else 0.0 for x in items) / len(items)


def _over(make: Callable[[list[float]], float], fewest: int = 0) -> Callable[..., Value]:
    def run(*args: Value) -> Value:
        found = values.numbers(args)
        if len(found) < fewest:
            raise fail("DIVIDE_BY_ZERO", "Evaluation caused a divide by zero error.")
        return float(make(found))

    return run


for _names, _make, _fewest in (
    ("MAX", lambda xs: max(xs, default=0.0), 0),
    ("MIN", lambda xs: min(xs, default=0.0), 0),
    ("STDEV STDEV.S", lambda xs: statistics.stdev(xs), 2),
    ("STDEVP STDEV.P", lambda xs: statistics.pstdev(xs), 1),
    ("VAR VAR.S", lambda xs: statistics.variance(xs), 2),
    ("VARP VAR.P", lambda xs: statistics.pvariance(xs), 1),
    ("GEOMEAN", lambda xs: statistics.geometric_mean(xs), 1),
    ("HARMEAN", lambda xs: statistics.harmonic_mean(xs), 1),
):
    whole(_names)(_over(_make, _fewest))


@whole("MEDIAN")
def _median(*args: Value) -> Value:
    found = values.numbers(args)
    if not found:
        raise fail("NUM", "MEDIAN has no valid input data.")
    return float(statistics.median(found))


@whole("MODE MODE.SNGL")
def _mode(*args: Value) -> Value:
    found = values.numbers(args)
    if len(set(found)) == len(found):
        raise fail("N_A", "No value repeats.")
    return float(statistics.mode(found))


@whole("LARGE", 2, 2)
def _large(data: Value, n: Value) -> Value:
    found = sorted(values.numbers([data]), reverse=True)
    return _nth(found, int(number(n)))


@whole("SMALL", 2, 2)
def _small(data: Value, n: Value) -> Value:
    return _nth(sorted(values.numbers([data])), int(number(n)))


def _nth(found: list[float], n: int) -> float:
    if not 1 <= n <= len(found):
        raise fail("NUM", "Parameter 2 is out of range.")
    return found[n - 1]


@whole("PERCENTILE PERCENTILE.INC", 2, 2)
def _percentile(data: Value, share: Value) -> Value:
    return _at_share(data, number(share))


def _at_share(data: Value, k: float) -> float:
    found = sorted(values.numbers([data]))
    if not found or not 0 <= k <= 1:
        raise fail("NUM", "Parameter 2 is out of range.")
    place = k * (len(found) - 1)
    low = math.floor(place)
    high = min(low + 1, len(found) - 1)
    return found[low] + (found[high] - found[low]) * (place - low)


@whole("QUARTILE QUARTILE.INC", 2, 2)
def _quartile(data: Value, quarter: Value) -> Value:
    return _at_share(data, number(quarter) / 4)


@whole("RANK RANK.EQ", 2, 3)
def _rank(value: Value, data: Value, ascending: Value = False) -> Value:
    wanted = number(value)
    found = values.numbers([data])
    if wanted not in found:
        raise fail("N_A", "The value is not in the data.")
    up = values.truth(ascending)
    return 1.0 + sum((x < wanted) if up else (x > wanted) for x in found)


@whole("CORREL PEARSON", 2, 2)
def _correl(a: Value, b: Value) -> Value:
    return float(statistics.correlation(values.numbers([a]), values.numbers([b])))


def _matching(pairs: tuple[Value, ...]) -> list[bool]:
    hits: list[bool] | None = None
    for data, criterion in zip(pairs[::2], pairs[1::2], strict=True):
        test = compile_criterion(criterion)
        found = [test(item) for item in values.matrix(data).flat()]
        if hits is not None and len(hits) != len(found):
            raise fail("VALUE", "Array arguments are of different size.")
        hits = found if hits is None else [a and b for a, b in zip(hits, found, strict=True)]
    return hits or []


def _picked(data: Value, hits: list[bool]) -> list[float]:
    items = list(values.matrix(data).flat())
    return [
        x
        for x, hit in zip(items, hits, strict=False)
        if hit and isinstance(x, float) and not isinstance(x, bool)
    ]


@whole("COUNTIF", 2, 2)
def _countif(data: Value, criterion: Value) -> Value:
    return _each(criterion, lambda one: float(sum(_matching((data, one)))))


@whole("COUNTIFS", 2)
def _countifs(*pairs: Value) -> Value:
    return float(sum(_matching(pairs)))


@whole("SUMIF", 2, 3)
def _sumif(data: Value, criterion: Value, summed: Value | None = None) -> Value:
    picked = data if summed is None else summed
    return _each(criterion, lambda one: math.fsum(_picked(picked, _matching((data, one)))))


def _each(criterion: Value, make: Callable[[Scalar], float]) -> Value:
    if isinstance(criterion, Matrix) and criterion.height * criterion.width > 1:
        return Matrix(tuple(tuple(make(item) for item in row) for row in criterion.rows))
    return make(values.scalar(criterion))


@whole("SUMIFS", 3)
def _sumifs(summed: Value, *pairs: Value) -> Value:
    return math.fsum(_picked(summed, _matching(pairs)))


@whole("AVERAGEIF", 2, 3)
def _averageif(data: Value, criterion: Value, averaged: Value | None = None) -> Value:
    return _mean(_picked(data if averaged is None else averaged, _matching((data, criterion))))


@whole("AVERAGEIFS", 3)
def _averageifs(averaged: Value, *pairs: Value) -> Value:
    return _mean(_picked(averaged, _matching(pairs)))


def _mean(found: list[float]) -> float:
    if not found:
        raise fail(
            "DIVIDE_BY_ZERO", "Evaluation of function AVERAGEIF caused a divide by zero error."
        )
    return math.fsum(found) / len(found)


@whole("MAXIFS", 3)
def _maxifs(data: Value, *pairs: Value) -> Value:
    return max(_picked(data, _matching(pairs)), default=0.0)


@whole("MINIFS", 3)
def _minifs(data: Value, *pairs: Value) -> Value:
    return min(_picked(data, _matching(pairs)), default=0.0)


@whole("SUBTOTAL", 2)
def _subtotal(code: Value, *args: Value) -> Value:
    names: dict[int, str] = dict(
        enumerate(
            [
                "AVERAGE",
                "COUNT",
                "COUNTA",
                "MAX",
                "MIN",
                "PRODUCT",
                "STDEV",
                "STDEVP",
                "SUM",
                "VAR",
                "VARP",
            ],
            1,
        )
    )
    name = names.get(int(number(code)) % 100)
    if name is None:
        raise fail("VALUE", "SUBTOTAL does not know this function code.")
    return FUNCTIONS[name].make(*args)  # type: ignore[no-any-return] # registered functions return values
