"""Conditions, errors, names of values; functions that choose what is evaluated."""

from typing import Any

from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.functions.registry import lazy, scalar, whole
from unlit.twins.services.google.sheets.formula.model import (
    FormulaError,
    Matrix,
    Name,
    Scalar,
    Value,
    fail,
)
from unlit.twins.services.google.sheets.formula.values import number, truth
from unlit.twins.services.google.sheets.model import Failure


@lazy("IF", 2, 3)
def _if(run: Any, args: Any) -> Value:
    condition = run.value(args[0])
    if run.arrays and isinstance(condition, Matrix):
        yes = values.matrix(run.value(args[1])) if args[1] is not None else Matrix(((None,),))
        no = (
            values.matrix(run.value(args[2]))
            if len(args) > 2 and args[2] is not None
            else Matrix(((False,),))
        )
        return run.lifted(lambda c, a, b: values.scalar(a if truth(c) else b), (condition, yes, no))  # type: ignore[no-any-return] # the evaluator is untyped here
    if truth(run.single(condition)):
        return run.value(args[1])  # type: ignore[no-any-return] # as above
    return run.value(args[2]) if len(args) > 2 else False


@lazy("IFERROR", 1, 2)
def _iferror(run: Any, args: Any) -> Value:
    found = run.guarded(args[0])
    if isinstance(found, Matrix) and run.arrays:
        other = values.scalar(run.value(args[1])) if len(args) > 1 else None
        return Matrix(
            tuple(tuple(other if isinstance(x, Failure) else x for x in row) for row in found.rows)
        )
    if isinstance(values.scalar(found), Failure):
        return run.value(args[1]) if len(args) > 1 else None
    return found  # type: ignore[no-any-return] # the evaluator is untyped here


@lazy("IFNA", 2, 2)
def _ifna(run: Any, args: Any) -> Value:
    found = run.guarded(args[0])
    single = values.scalar(found)
    if isinstance(single, Failure) and single.kind == "N_A":
        return run.value(args[1])  # type: ignore[no-any-return] # the evaluator is untyped here
    return found  # type: ignore[no-any-return] # as above


@lazy("IFS", 2)
def _ifs(run: Any, args: Any) -> Value:
    for condition, result in zip(args[::2], args[1::2], strict=False):
        if truth(run.single(run.value(condition))):
            return run.value(result)  # type: ignore[no-any-return] # the evaluator is untyped here
    raise fail("N_A", "No match.")


@lazy("SWITCH", 3)
def _switch(run: Any, args: Any) -> Value:
    wanted = values.scalar(run.single(run.value(args[0])))
    rest = args[1:]
    for case, result in zip(rest[::2], rest[1::2], strict=False):
        if values.order(wanted, values.scalar(run.value(case))) == 0:
            return run.value(result)  # type: ignore[no-any-return] # the evaluator is untyped here
    if len(rest) % 2:
        return run.value(rest[-1])  # type: ignore[no-any-return] # as above
    raise fail("N_A", "No match.")


@lazy("CHOOSE", 2)
def _choose(run: Any, args: Any) -> Value:
    n = int(number(run.single(run.value(args[0]))))
    if not 1 <= n < len(args):
        raise fail("NUM", "Function CHOOSE parameter 1 is out of range.")
    return run.value(args[n])  # type: ignore[no-any-return] # the evaluator is untyped here


@lazy("LET", 3)
def _let(run: Any, args: Any) -> Value:
    inner = run
    for name, node in zip(args[:-1:2], args[1::2], strict=False):
        if not isinstance(name, Name):
            raise fail("NAME", "LET needs names.")
        inner = inner.naming(name.text, inner.value(node))
    return inner.value(args[-1])  # type: ignore[no-any-return] # the evaluator is untyped here


@lazy("ARRAYFORMULA", 1, 1)
def _arrayformula(run: Any, args: Any) -> Value:
    return run.in_arrays().value(args[0])  # type: ignore[no-any-return] # the evaluator is untyped here


def _truths(args: tuple[Value, ...]) -> list[bool]:
    out: list[bool] = []
    for item, ranged in values.flat(args):
        if isinstance(item, Failure):
            raise FormulaError(item)
        if item is None or (ranged and isinstance(item, str)):
            continue
        out.append(truth(item))
    if not out:
        raise fail("VALUE", "No boolean values.")
    return out


@whole("AND")
def _and(*args: Value) -> Value:
    return all(_truths(args))


@whole("OR")
def _or(*args: Value) -> Value:
    return any(_truths(args))


@whole("XOR")
def _xor(*args: Value) -> Value:
    return sum(_truths(args)) % 2 == 1


@scalar("NOT")
def _not(value: Value) -> Value:
    return not truth(value)


@scalar("TRUE", 0)
def _true() -> Value:
    return True


@scalar("FALSE", 0)
def _false() -> Value:
    return False


@scalar("NA", 0)
def _na() -> Value:
    raise fail("N_A", "Error")


def _about(name: str, test: Any) -> None:
    @lazy(name, 1, 1)
    def run_test(run: Any, args: Any) -> Value:
        found = run.guarded(args[0])
        if run.arrays and isinstance(found, Matrix):
            return Matrix(tuple(tuple(test(x) for x in row) for row in found.rows))
        single: Scalar = values.scalar(run.single(found) if isinstance(found, Matrix) else found)
        return bool(test(single))


_about("ISERROR", lambda x: isinstance(x, Failure))
_about("ISERR", lambda x: isinstance(x, Failure) and x.kind != "N_A")
_about("ISNA", lambda x: isinstance(x, Failure) and x.kind == "N_A")
_about("ISBLANK", lambda x: x is None)
_about("ISNUMBER", lambda x: isinstance(x, float) and not isinstance(x, bool))
_about("ISTEXT", lambda x: isinstance(x, str))
_about("ISNONTEXT", lambda x: not isinstance(x, str))
_about("ISLOGICAL", lambda x: isinstance(x, bool))


@scalar("ISEVEN")
def _iseven(value: Value) -> Value:
    return int(number(value)) % 2 == 0


@scalar("ISODD")
def _isodd(value: Value) -> Value:
    return int(number(value)) % 2 == 1


@scalar("N")
def _n(value: Value) -> Value:
    single = values.scalar(value)
    return float(single) if isinstance(single, float | bool) else 0.0


for _name, _sign in (
    ("EQ", lambda s: s == 0),
    ("NE", lambda s: s != 0),
    ("GT", lambda s: s > 0),
    ("GTE", lambda s: s >= 0),
    ("LT", lambda s: s < 0),
    ("LTE", lambda s: s <= 0),
):

    def _compare(a: Value, b: Value, sign: Any = _sign) -> Value:
        return bool(sign(values.order(values.scalar(a), values.scalar(b))))

    scalar(_name, 2)(_compare)
