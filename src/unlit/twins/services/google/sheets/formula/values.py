"""Conversions between values, as Sheets makes them."""

from collections.abc import Iterable, Iterator

from unlit.twins.services.google.sheets import entry, show
from unlit.twins.services.google.sheets.formula.model import (
    FormulaError,
    Matrix,
    Scalar,
    Value,
    fail,
)
from unlit.twins.services.google.sheets.model import Failure


def scalar(value: Value) -> Scalar:
    """Return one value; of a table the first."""
    if isinstance(value, Matrix):
        return value.rows[0][0] if value.rows and value.rows[0] else None
    return value


def number(value: Value) -> float:
    """Return a number; texts that look like one count."""
    single = scalar(value)
    if isinstance(single, Failure):
        raise FormulaError(single)
    if single is None or single == "":
        if single == "":
            raise fail("VALUE", "Expects number values.")
        return 0.0
    if isinstance(single, bool):
        return float(single)
    if isinstance(single, float):
        return single
    understood = entry.typed(single).value
    if isinstance(understood, float) and not isinstance(understood, bool):
        return understood
    raise fail(
        "VALUE",
        f"Parameter expects number values. But '{single}' is a text and cannot be coerced to "
        f"a number.",
    )


def integer(value: Value) -> int:
    """Return a whole number, cut towards zero."""
    return int(number(value))


def text(value: Value) -> str:
    """Return a text."""
    single = scalar(value)
    if isinstance(single, Failure):
        raise FormulaError(single)
    return show.shown(single)


def truth(value: Value) -> bool:
    """Return a boolean."""
    single = scalar(value)
    if isinstance(single, Failure):
        raise FormulaError(single)
    if isinstance(single, str):
        if single.upper() in ("TRUE", "FALSE"):
            return single.upper() == "TRUE"
        raise fail("VALUE", f"'{single}' is a text and cannot be coerced to a boolean.")
    return bool(single)


def matrix(value: Value) -> Matrix:
    """Return a table; one value is a table of one."""
    return value if isinstance(value, Matrix) else Matrix(((value,),))


def flat(values: Iterable[Value]) -> Iterator[tuple[Scalar, bool]]:
    """Yield every value and whether it stood in a table."""
    for value in values:
        if isinstance(value, Matrix):
            for item in value.flat():
                yield item, True
        else:
            yield value, False


def numbers(values: Iterable[Value]) -> list[float]:
    """Return the numbers of arguments: texts and booleans of ranges are left out."""
    out: list[float] = []
    for item, ranged in flat(values):
        if isinstance(item, Failure):
            raise FormulaError(item)
        if ranged:
            if isinstance(item, float) and not isinstance(item, bool):
                out.append(item)
        elif item is not None:
            out.append(number(item))
    return out


def order(a: Scalar, b: Scalar) -> int:
    """Compare two values: numbers before texts before booleans; texts in any case."""
    for value in (a, b):
        if isinstance(value, Failure):
            raise FormulaError(value)
    if a is None:
        a = _blank(b)
    if b is None:
        b = _blank(a)
    if _rank(a) != _rank(b):
        return -1 if _rank(a) < _rank(b) else 1
    left = a.lower() if isinstance(a, str) else a
    right = b.lower() if isinstance(b, str) else b
    if left == right:
        return 0
    return -1 if left < right else 1  # type: ignore[operator] # both of one rank


def _blank(other: Scalar) -> Scalar:
    if isinstance(other, str):
        return ""
    return False if isinstance(other, bool) else 0.0


def _rank(value: Scalar) -> int:
    return 2 if isinstance(value, bool) else 1 if isinstance(value, str) else 0
