"""Evaluates formulas of one spreadsheet, each cell once; circles are found."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from unlit.twins.services.google.sheets.formula import parse, values
from unlit.twins.services.google.sheets.formula.functions import (  # noqa: F401 # they register
    dates,
    lambdas,
    logic,
    lookup,
    maths,
    queries,
    statistics,
    texts,
)
from unlit.twins.services.google.sheets.formula.functions.registry import FUNCTIONS, check
from unlit.twins.services.google.sheets.formula.model import (
    Apply,
    Binary,
    Braces,
    Call,
    FormulaError,
    Literal,
    Matrix,
    Name,
    Node,
    ParseError,
    Reference,
    Scalar,
    Unary,
    Value,
    fail,
)
from unlit.twins.services.google.sheets.model import Failure

ARRAY_MAKERS: Final = frozenset(
    ["ARRAYFORMULA", "SUMPRODUCT", "FILTER", "SORT", "MMULT", "INDEX", "UNIQUE", "SORTN", "FLATTEN"]
)


class Grid(Protocol):
    """What formulas see of a spreadsheet."""

    def sheet_named(self, title: str | None, here: int) -> int | None:
        """Return the id of a sheet; no title means the one at hand."""
        ...

    def extent(self, sheet: int) -> tuple[int, int]:
        """Return rows and columns of a sheet's grid."""
        ...

    def used(self, sheet: int) -> tuple[int, int]:
        """Return rows and columns that hold anything."""
        ...

    def cell(self, sheet: int, row: int, column: int) -> Scalar:
        """Return a cell's value, its formula evaluated."""
        ...

    def imported(self, ident: str, text: str) -> Matrix | str:
        """Return a table of another spreadsheet, or why there is none."""
        ...

    def named(self, name: str) -> tuple[int, tuple[int, int, int, int]] | None:
        """Return sheet and box of a named range."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """Evaluation of one cell's formula."""

    grid: Grid
    sheet: int
    row: int
    column: int
    now: float
    random: random.Random
    arrays: bool = False
    names: dict[str, Value] = field(default_factory=dict)

    def in_arrays(self) -> "Run":
        """Return a run in which scalar functions are lifted over tables."""
        return replace(self, arrays=True)

    def naming(self, name: str, value: Value) -> "Run":
        """Return a run that knows one more name."""
        return replace(self, names={**self.names, name.lower(): value})

    def formula(self, text: str) -> Value:
        """Evaluate a formula; errors are values."""
        try:
            node = parse.parse(text)
        except (ParseError, RecursionError):
            return Failure("ERROR", "Formula parse error.")
        try:
            found = self.value(node)
        except FormulaError as error:
            return error.failure
        except RecursionError:
            return Failure("ERROR", "Formula is too complex.")
        except (OverflowError, ValueError):
            return Failure("NUM", "The result is out of range.")
        if isinstance(found, lambdas.Lambda):
            return Failure("N_A", "LAMBDA must be called with its arguments.")
        return found

    def guarded(self, node: Node) -> Value:
        """Evaluate a node; errors are values."""
        try:
            return self.value(node)
        except FormulaError as error:
            return error.failure

    def value(self, node: Node | None) -> Value:
        """Evaluate a node."""
        if node is None:
            return None
        if isinstance(node, Literal):
            if isinstance(node.value, Failure):
                raise FormulaError(node.value)
            return node.value
        if isinstance(node, Reference):
            return self.referred(node)
        if isinstance(node, Call):
            return self.call(node)
        if isinstance(node, Apply):
            return lambdas.applied(self, self.value(node.made), node.args)
        if isinstance(node, Binary):
            return self.binary(node)
        if isinstance(node, Unary):
            return self.unary(node)
        if isinstance(node, Braces):
            return self.braces(node)
        return self.name(node)

    def name(self, node: Name) -> Value:
        """Evaluate a name: of LET, or of a named range."""
        known = self.names.get(node.text.lower())
        if known is not None or node.text.lower() in self.names:
            return known
        found = self.grid.named(node.text)
        if found is None:
            raise fail("NAME", f"Unknown range name: '{node.text.upper()}'.")
        return self.area(found[0], *found[1])

    def referred(self, node: Reference) -> Value:
        """Return the value or table that a reference names."""
        sheet = self.grid.sheet_named(node.sheet, self.sheet)
        if sheet is None:
            raise fail("REF", f"Unresolved sheet name '{node.sheet}'.")
        if node.last is None:
            assert node.first.row is not None and node.first.column is not None  # noqa: S101, PT018 # one cell
            return self.grid.cell(sheet, node.first.row, node.first.column)
        return self.area(sheet, *self.box(node))

    def box(self, node: Node | None) -> tuple[int, int, int, int]:
        """Return top, left, bottom, right of a reference."""
        if isinstance(node, Name):
            found = self.grid.named(node.text)
            if found is not None:
                return found[1]
        if not isinstance(node, Reference):
            raise fail("N_A", "Argument must be a range.")
        sheet = self.grid.sheet_named(node.sheet, self.sheet)
        if sheet is None:
            raise fail("REF", f"Unresolved sheet name '{node.sheet}'.")
        rows, columns = self.grid.extent(sheet)
        first, last = node.first, node.last or node.first
        tops = [x for x in (first.row, last.row) if x is not None]
        lefts = [x for x in (first.column, last.column) if x is not None]
        open_row = first.row is None or last.row is None
        open_column = first.column is None or last.column is None
        top, left = min(tops, default=0), min(lefts, default=0)
        bottom = rows if open_row else max(tops) + 1
        right = columns if open_column else max(lefts) + 1
        return top, left, bottom, right

    def area(self, sheet: int, top: int, left: int, bottom: int, right: int) -> Matrix:
        """Return a table of values; what is never used is not looked at cell by cell."""
        used_rows, used_columns = self.grid.used(sheet)
        width = right - left
        blank: tuple[Scalar, ...] = (None,) * width
        lines: list[tuple[Scalar, ...]] = []
        for row in range(top, bottom):
            if row >= used_rows:
                lines.append(blank)
                continue
            known = [self.grid.cell(sheet, row, c) for c in range(left, min(right, used_columns))]
            lines.append((*known, *[None] * (width - len(known))))
        return Matrix(tuple(lines))

    def single(self, value: Value) -> Value:
        """Return one value where one is wanted: of a range the cell in this row or column."""
        if not isinstance(value, Matrix) or self.arrays:
            return value
        if value.height == 1 and value.width == 1:
            return value.rows[0][0]
        return value.rows[0][0] if value.rows and value.rows[0] else None

    def crossed(self, node: Node | None) -> Value:
        """Evaluate an argument of a scalar function, ranges cut to this row or column."""
        found = self.value(node)
        if self.arrays or not isinstance(found, Matrix) or not isinstance(node, Reference):
            return found if self.arrays else self.single(found)
        top, left, bottom, right = self.box(node)
        if right - left == 1 and top <= self.row < bottom:
            return found.rows[self.row - top][0]
        if bottom - top == 1 and left <= self.column < right:
            return found.rows[0][self.column - left]
        if bottom - top == 1 and right - left == 1:
            return found.rows[0][0]
        raise fail("VALUE", "An array value could not be found.")

    def call(self, node: Call) -> Value:
        """Evaluate a function."""
        function = FUNCTIONS.get(node.name)
        named = self.names.get(node.name.lower())
        if isinstance(named, lambdas.Lambda):
            return lambdas.applied(self, named, node.args)
        if function is None:
            raise fail("NAME", f"Unknown function: '{node.name}'.")
        check(node.name, function, len(node.args))
        if function.kind == "lazy":
            return function.make(self, node.args)  # type: ignore[no-any-return] # registered ones return values
        if function.kind == "whole":
            run = self.in_arrays() if node.name in ARRAY_MAKERS else self
            return function.make(*(run.value(arg) for arg in node.args))  # type: ignore[no-any-return] # as above
        args = [self.crossed(arg) for arg in node.args]
        return self.lifted(function.make, tuple(args))

    def lifted(self, make: Callable[..., Any], args: tuple[Value, ...]) -> Value:
        """Apply a scalar function, item by item where arguments are tables."""
        if not any(isinstance(arg, Matrix) for arg in args):
            return make(*args)  # type: ignore[no-any-return] # registered ones return values
        tables = [values.matrix(arg) for arg in args]
        height = max(t.height for t in tables)
        width = max(t.width for t in tables)

        def item(table: Matrix, r: int, c: int) -> Scalar:
            r = 0 if table.height == 1 else r
            c = 0 if table.width == 1 else c
            if r >= table.height or c >= table.width:
                raise fail("N_A", "Array arguments are of different size.")
            return table.rows[r][c]

        def one(r: int, c: int) -> Scalar:
            try:
                return values.scalar(make(*(item(t, r, c) for t in tables)))
            except FormulaError as error:
                return error.failure

        return Matrix(tuple(tuple(one(r, c) for c in range(width)) for r in range(height)))

    def binary(self, node: Binary) -> Value:
        """Evaluate an operator with two operands."""
        pair = (self.crossed(node.left), self.crossed(node.right))
        return self.lifted(_OPERATORS[node.operator], pair)

    def unary(self, node: Unary) -> Value:
        """Evaluate a sign or percent."""
        make = _SIGNS[node.operator]
        return self.lifted(make, (self.crossed(node.inner),))

    def braces(self, node: Braces) -> Value:
        """Evaluate an array literal; tables inside are put beside or below each other."""
        run = self.in_arrays()
        lines: list[tuple[Scalar, ...]] = []
        for row in node.rows:
            parts = [values.matrix(run.value(item)) for item in row]
            if len({part.height for part in parts}) != 1:
                raise fail(
                    "VALUE",
                    "Function ARRAY_ROW parameter 2 has mismatched row size.",
                )
            heights = range(parts[0].height)
            lines += [tuple(x for part in parts for x in part.rows[n]) for n in heights]
        if len({len(line) for line in lines}) > 1:
            raise fail(
                "VALUE",
                "In ARRAY_LITERAL, an Array Literal was missing values for one or more rows.",
            )
        return Matrix(tuple(lines))


def _divide(a: Value, b: Value) -> Value:
    divisor = values.number(b)
    if divisor == 0:
        raise fail("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
    return values.number(a) / divisor


def _power(a: Value, b: Value) -> Value:
    return FUNCTIONS["POWER"].make(a, b)  # type: ignore[no-any-return] # registered ones return values


def _compare(test: Callable[[int], bool]) -> Callable[[Value, Value], Value]:
    return lambda a, b: test(values.order(values.scalar(a), values.scalar(b)))


_OPERATORS: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": lambda a, b: values.number(a) + values.number(b),
    "-": lambda a, b: values.number(a) - values.number(b),
    "*": lambda a, b: values.number(a) * values.number(b),
    "/": _divide,
    "^": _power,
    "&": lambda a, b: values.text(a) + values.text(b),
    "=": _compare(lambda s: s == 0),
    "<>": _compare(lambda s: s != 0),
    "<": _compare(lambda s: s < 0),
    ">": _compare(lambda s: s > 0),
    "<=": _compare(lambda s: s <= 0),
    ">=": _compare(lambda s: s >= 0),
}
_SIGNS: Final[dict[str, Callable[[Value], Value]]] = {
    "-": lambda a: -values.number(a),
    "+": lambda a: values.scalar(a),
    "%": lambda a: values.number(a) / 100,
}
