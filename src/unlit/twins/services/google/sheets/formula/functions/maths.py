"""Arithmetic, rounding, trigonometry, random numbers."""

import math
from collections.abc import Callable
from typing import Any

from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.functions.registry import lazy, scalar, whole
from unlit.twins.services.google.sheets.formula.model import Matrix, Value, fail
from unlit.twins.services.google.sheets.formula.values import integer, number


@whole("SUM", 0)
def _sum(*args: Value) -> Value:
    return math.fsum(values.numbers(args))


@whole("PRODUCT")
def _product(*args: Value) -> Value:
    found = values.numbers(args)
    return float(math.prod(found)) if found else 0.0


@whole("SUMSQ")
def _sumsq(*args: Value) -> Value:
    return math.fsum(x * x for x in values.numbers(args))


@whole("SUMPRODUCT")
def _sumproduct(*args: Value) -> Value:
    tables = [values.matrix(arg) for arg in args]
    if len({(t.height, t.width) for t in tables}) != 1:
        raise fail("VALUE", "SUMPRODUCT has mismatched range sizes.")
    total = 0.0
    for cells in zip(*(t.flat() for t in tables), strict=True):
        product = 1.0
        for cell in cells:
            product *= float(cell) if isinstance(cell, float | bool) else 0.0
        total += product
    return total


def _one(make: Callable[[float], float]) -> Callable[[Value], Value]:
    def run(x: Value) -> Value:
        try:
            return float(make(number(x)))
        except (ValueError, OverflowError) as error:
            raise fail("NUM", "Parameter is out of range.") from error

    return run


for _name, _make in (
    ("ABS", abs),
    ("SQRT", math.sqrt),
    ("EXP", math.exp),
    ("LN", math.log),
    ("LOG10", math.log10),
    ("SIN", math.sin),
    ("COS", math.cos),
    ("TAN", math.tan),
    ("ASIN", math.asin),
    ("ACOS", math.acos),
    ("ATAN", math.atan),
    ("SINH", math.sinh),
    ("COSH", math.cosh),
    ("TANH", math.tanh),
    ("DEGREES", math.degrees),
    ("RADIANS", math.radians),
    ("INT", math.floor),
    ("SIGN", lambda x: (x > 0) - (x < 0)),
    ("FACT", lambda x: math.factorial(int(x))),
    ("EVEN", lambda x: math.copysign(math.ceil(abs(x) / 2) * 2, x)),
    ("ODD", lambda x: math.copysign(math.ceil((abs(x) - 1) / 2) * 2 + 1, x)),
):
    scalar(_name)(_one(_make))


@scalar("ATAN2", 2)
def _atan2(x: Value, y: Value) -> Value:
    return math.atan2(number(y), number(x))


@scalar("POWER POW", 2)
def _power(x: Value, y: Value) -> Value:
    try:
        found = number(x) ** number(y)
    except (ZeroDivisionError, OverflowError) as error:
        raise fail("NUM", "POWER result is out of range.") from error
    if isinstance(found, complex):
        raise fail("NUM", "POWER evaluates to an imaginary number.")
    return float(found)


@scalar("LOG", 1, 2)
def _log(x: Value, base: Value = 10.0) -> Value:
    try:
        return math.log(number(x), number(base))
    except (ValueError, ZeroDivisionError) as error:
        raise fail("NUM", "LOG parameter must be greater than 0.") from error


@scalar("MOD", 2)
def _mod(x: Value, y: Value) -> Value:
    if number(y) == 0:
        raise fail("DIVIDE_BY_ZERO", "Function MOD parameter 2 cannot be zero.")
    return number(x) % number(y)


@scalar("QUOTIENT", 2)
def _quotient(x: Value, y: Value) -> Value:
    if number(y) == 0:
        raise fail("DIVIDE_BY_ZERO", "Function QUOTIENT parameter 2 cannot be zero.")
    return float(int(number(x) / number(y)))


def _round(x: float, places: int, mode: str) -> float:
    scale = 10.0**places
    shifted = round(abs(x) * scale, 9)
    if mode == "up":
        whole_part = math.ceil(shifted)
    elif mode == "down":
        whole_part = math.floor(shifted)
    else:
        whole_part = math.floor(shifted + 0.5)
    return math.copysign(whole_part / scale, x)


@scalar("ROUND", 1, 2)
def _round_half(x: Value, places: Value = 0.0) -> Value:
    return _round(number(x), integer(places), "half")


@scalar("ROUNDUP", 1, 2)
def _round_up(x: Value, places: Value = 0.0) -> Value:
    return _round(number(x), integer(places), "up")


@scalar("ROUNDDOWN TRUNC", 1, 2)
def _round_down(x: Value, places: Value = 0.0) -> Value:
    return _round(number(x), integer(places), "down")


@scalar("CEILING", 1, 2)
def _ceiling(x: Value, step: Value = 1.0) -> Value:
    size = number(step)
    return 0.0 if size == 0 else math.ceil(round(number(x) / size, 9)) * size


@scalar("FLOOR", 1, 2)
def _floor(x: Value, step: Value = 1.0) -> Value:
    size = number(step)
    if size == 0:
        raise fail("DIVIDE_BY_ZERO", "Function FLOOR parameter 2 cannot be zero.")
    return math.floor(round(number(x) / size, 9)) * size


@scalar("MROUND", 2)
def _mround(x: Value, step: Value) -> Value:
    size = number(step)
    return 0.0 if size == 0 else math.floor(number(x) / size + 0.5) * size


@whole("GCD")
def _gcd(*args: Value) -> Value:
    return float(math.gcd(*(int(x) for x in values.numbers(args))))


@whole("LCM")
def _lcm(*args: Value) -> Value:
    return float(math.lcm(*(int(x) for x in values.numbers(args))))


@scalar("COMBIN", 2)
def _combin(n: Value, k: Value) -> Value:
    return float(math.comb(integer(n), integer(k)))


@scalar("PERMUT", 2)
def _permut(n: Value, k: Value) -> Value:
    return float(math.perm(integer(n), integer(k)))


@scalar("PI", 0)
def _pi() -> Value:
    return math.pi


@lazy("RAND", 0, 0)
def _rand(run: Any, _args: Any) -> Value:
    return float(run.random.random())


@lazy("RANDBETWEEN", 2, 2)
def _randbetween(run: Any, args: Any) -> Value:
    low, high = (number(run.value(arg)) for arg in args)
    return float(run.random.randint(math.ceil(low), math.floor(high)))


@scalar("ADD", 2)
def _add(x: Value, y: Value) -> Value:
    return number(x) + number(y)


@scalar("MINUS", 2)
def _minus(x: Value, y: Value) -> Value:
    return number(x) - number(y)


@scalar("MULTIPLY", 2)
def _multiply(x: Value, y: Value) -> Value:
    return number(x) * number(y)


@scalar("DIVIDE", 2)
def _divide(x: Value, y: Value) -> Value:
    if number(y) == 0:
        raise fail("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
    return number(x) / number(y)


@whole("SEQUENCE", 1, 4)
def _sequence(rows: Value, columns: Value = 1.0, start: Value = 1.0, step: Value = 1.0) -> Value:
    height, width = integer(rows), integer(columns)
    first, stride = number(start), number(step)
    return Matrix(
        tuple(tuple(first + stride * (r * width + c) for c in range(width)) for r in range(height))
    )


@whole("MMULT", 2, 2)
def _mmult(a: Value, b: Value) -> Value:
    left, right = values.matrix(a), values.matrix(b)
    if left.width != right.height:
        raise fail("VALUE", "Function MMULT has incompatible matrix sizes.")
    return Matrix(
        tuple(
            tuple(
                math.fsum(
                    number(left.rows[r][k]) * number(right.rows[k][c]) for k in range(left.width)
                )
                for c in range(right.width)
            )
            for r in range(left.height)
        )
    )
