"""LAMBDA and the functions that take one."""

from dataclasses import dataclass
from typing import Any

from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.functions.registry import lazy
from unlit.twins.services.google.sheets.formula.model import (
    FormulaError,
    Matrix,
    Name,
    Node,
    Scalar,
    Value,
    fail,
)

_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function made by a formula.

    Attributes:
        run: Where it was made; it sees the names of that place.
        names: Its parameters.
        body: What it computes.
    """

    run: Any
    names: tuple[str, ...]
    body: Node

    def __call__(self, *given: Value) -> Value:
        """Apply it."""
        if len(given) != len(self.names):
            raise fail(
                "N_A",
                f"Wrong number of arguments to LAMBDA. Expected {len(self.names)} arguments, "
                f"but got {len(given)} arguments.",
            )
        run = self.run
        for name, value in zip(self.names, given, strict=True):
            run = run.naming(name, value)
        return run.value(self.body)  # type: ignore[no-any-return] # the evaluator is untyped here

    def one(self, *given: Value) -> Scalar:
        """Apply it where one value is wanted; an error is a value."""
        try:
            found = self(*given)
        except FormulaError as error:
            return error.failure
        if isinstance(found, Matrix) and (found.height, found.width) != (1, 1):
            raise fail("N_A", "Single values are expected from the LAMBDA.")
        return values.scalar(found)


@lazy("LAMBDA", 1)
def _lambda(run: Any, args: Any) -> Any:
    *names, body = args
    if not all(isinstance(name, Name) for name in names):
        raise fail("N_A", "Argument of LAMBDA is not a valid name.")
    return Lambda(run, tuple(name.text for name in names), body)


def applied(run: Any, made: Any, args: Any) -> Value:
    """Apply what should be a function to arguments."""
    if not isinstance(made, Lambda):
        raise fail("N_A", "The value is not a function.")
    return made(*(run.value(arg) for arg in args))


def _made(run: Any, node: Any, name: str) -> Lambda:
    found = run.value(node)
    if not isinstance(found, Lambda):
        raise fail("N_A", f"Argument of {name} must be a LAMBDA.")
    return found


def _table(run: Any, node: Any) -> Matrix:
    return values.matrix(run.value(node))


@lazy("MAP", 2)
def _map(run: Any, args: Any) -> Value:
    *nodes, last = args
    tables, make = [_table(run, node) for node in nodes], _made(run, last, "MAP")
    first = tables[0]
    if any((t.height, t.width) != (first.height, first.width) for t in tables):
        raise fail("N_A", "Array arguments to MAP are of different size.")
    return Matrix(tuple(
        tuple(make.one(*(t.rows[r][c] for t in tables)) for c in range(first.width))
        for r in range(first.height)
    ))  # fmt: skip


@lazy("BYROW", 2, 2)
def _byrow(run: Any, args: Any) -> Value:
    table, make = _table(run, args[0]), _made(run, args[1], "BYROW")
    return Matrix(tuple((make.one(Matrix((row,))),) for row in table.rows))


@lazy("BYCOL", 2, 2)
def _bycol(run: Any, args: Any) -> Value:
    table, make = _table(run, args[0]), _made(run, args[1], "BYCOL")
    columns = zip(*table.rows, strict=True)
    return Matrix((tuple(make.one(Matrix(tuple((x,) for x in column))) for column in columns),))


@lazy("REDUCE", 3, 3)
def _reduce(run: Any, args: Any) -> Value:
    kept, table, make = run.value(args[0]), _table(run, args[1]), _made(run, args[2], "REDUCE")
    for item in table.flat():
        kept = make(kept, item)
    return kept  # type: ignore[no-any-return] # the evaluator is untyped here


@lazy("SCAN", 3, 3)
def _scan(run: Any, args: Any) -> Value:
    kept, table, make = run.value(args[0]), _table(run, args[1]), _made(run, args[2], "SCAN")
    rows: list[tuple[Scalar, ...]] = []
    for row in table.rows:
        line: list[Scalar] = []
        for item in row:
            kept = make.one(kept, item)
            line.append(kept)
        rows.append(tuple(line))
    return Matrix(tuple(rows))


@lazy("MAKEARRAY", 3, 3)
def _makearray(run: Any, args: Any) -> Value:
    height, width = (values.integer(run.value(node)) for node in args[:2])
    if height < 1 or width < 1 or height * width > _CELLS:
        raise fail("VALUE", "Function MAKEARRAY parameter value is out of range.")
    make = _made(run, args[2], "MAKEARRAY")
    return Matrix(tuple(
        tuple(make.one(float(r + 1), float(c + 1)) for c in range(width)) for r in range(height)
    ))  # fmt: skip
