"""Looking up, picking, sorting and filtering tables."""

from typing import Any

from unlit.twins.services.google.sheets import a1
from unlit.twins.services.google.sheets.formula import parse, values
from unlit.twins.services.google.sheets.formula.criteria import wildcard
from unlit.twins.services.google.sheets.formula.functions.registry import lazy, scalar, whole
from unlit.twins.services.google.sheets.formula.model import (
    Corner,
    FormulaError,
    Matrix,
    ParseError,
    Reference,
    Scalar,
    Value,
    fail,
)
from unlit.twins.services.google.sheets.formula.values import integer, number, text, truth


def _position(wanted: Scalar, column: list[Scalar], mode: int) -> int:
    """Return the place of a value: 0 exact, 1 in ascending data, -1 in descending data."""
    if mode == 0:
        pattern = wildcard(wanted) if isinstance(wanted, str) and set(wanted) & set("*?~") else None
        for at, item in enumerate(column):
            if pattern is not None:
                if isinstance(item, str) and pattern.fullmatch(item):
                    return at
            elif (
                item is not None and type(item) is type(wanted) and values.order(item, wanted) == 0
            ):
                return at
        raise fail("N_A", f"Did not find value '{text(wanted)}' in lookup evaluation.")
    best = -1
    for at, item in enumerate(column):
        if item is None or type(item) is not type(wanted):
            continue
        sign = values.order(item, wanted) * mode
        if sign <= 0:
            best = at
        else:
            break
    if best < 0:
        raise fail("N_A", f"Did not find value '{text(wanted)}' in lookup evaluation.")
    return best


@whole("MATCH", 2, 3)
def _match(wanted: Value, data: Value, mode: Value = 1.0) -> Value:
    column = list(values.matrix(data).flat())
    return _position(values.scalar(wanted), column, integer(mode)) + 1.0


@whole("VLOOKUP", 3, 4)
def _vlookup(wanted: Value, data: Value, column: Value, sorted_data: Value = True) -> Value:
    table = values.matrix(data)
    at = integer(column) - 1
    if at < 0:
        raise fail("VALUE", "Function VLOOKUP parameter 3 should be at least 1.")
    if at >= table.width:
        raise fail("REF", "VLOOKUP evaluates to an out of bounds range.")
    mode = 1 if truth(sorted_data) else 0
    first = [row[0] for row in table.rows]
    return _many(wanted, lambda one: table.rows[_position(one, first, mode)][at])


def _many(wanted: Value, make: Any) -> Value:
    if isinstance(wanted, Matrix) and wanted.height * wanted.width > 1:
        return Matrix(tuple(tuple(make(x) for x in row) for row in wanted.rows))
    return make(values.scalar(wanted))  # type: ignore[no-any-return] # makes scalars


@whole("HLOOKUP", 3, 4)
def _hlookup(wanted: Value, data: Value, row: Value, sorted_data: Value = True) -> Value:
    table = values.matrix(data)
    at = integer(row) - 1
    if not 0 <= at < table.height:
        raise fail("REF", "HLOOKUP evaluates to an out of bounds range.")
    mode = 1 if truth(sorted_data) else 0
    return table.rows[at][_position(values.scalar(wanted), list(table.rows[0]), mode)]


@whole("LOOKUP", 2, 3)
def _lookup(wanted: Value, data: Value, result: Value | None = None) -> Value:
    table = values.matrix(data)
    if result is None and table.height > 1 and table.width > 1:
        place = _position(values.scalar(wanted), [r[0] for r in table.rows], 1)
        return table.rows[place][-1]
    place = _position(values.scalar(wanted), list(table.flat()), 1)
    return list(values.matrix(data if result is None else result).flat())[place]


@lazy("XLOOKUP", 3, 6)
def _xlookup(run: Any, args: Any) -> Value:
    wanted = values.scalar(run.single(run.value(args[0])))
    column = list(values.matrix(run.value(args[1])).flat())
    result = values.matrix(run.value(args[2]))
    mode = integer(run.value(args[4])) if len(args) > 4 and args[4] is not None else 0
    try:
        place = _position(wanted, column, 0)
    except FormulaError:
        place = _nearest(wanted, column, mode)
        if place < 0:
            if len(args) > 3 and args[3] is not None:
                return run.value(args[3])  # type: ignore[no-any-return] # the evaluator is untyped here
            raise
    if result.height == len(column):
        row = result.rows[place]
        return row[0] if len(row) == 1 else Matrix((row,))
    return (
        Matrix(tuple((row[place],) for row in result.rows))
        if result.height > 1
        else result.rows[0][place]
    )


def _nearest(wanted: Scalar, column: list[Scalar], mode: int) -> int:
    if mode not in (1, -1):
        return -1
    best, at = None, -1
    for n, item in enumerate(column):
        if item is None or type(item) is not type(wanted):
            continue
        sign = values.order(item, wanted)
        if sign * mode > 0 and (best is None or values.order(item, best) * mode < 0):
            best, at = item, n
    return at


@whole("INDEX", 1, 3)
def _index(data: Value, row: Value = 0.0, column: Value = 0.0) -> Value:
    table = values.matrix(data)
    r, c = integer(row), integer(column)
    if table.height == 1 and c == 0 and r > 1:
        r, c = 1, r
    if r > table.height or c > table.width or r < 0 or c < 0:
        raise fail("NUM", "Function INDEX parameter is out of range.")
    if r and c:
        return table.rows[r - 1][c - 1]
    if r:
        line = table.rows[r - 1]
        return line[0] if len(line) == 1 else Matrix((line,))
    if c:
        return Matrix(tuple((line[c - 1],) for line in table.rows))
    return table


@lazy("ROW", 0, 1)
def _row(run: Any, args: Any) -> Value:
    if not args:
        return float(run.row + 1)
    top, _, bottom, _ = run.box(args[0])
    if run.arrays and bottom - top > 1:
        return Matrix(tuple((float(r + 1),) for r in range(top, bottom)))
    return float(top + 1)


@lazy("COLUMN", 0, 1)
def _column(run: Any, args: Any) -> Value:
    if not args:
        return float(run.column + 1)
    _, left, _, right = run.box(args[0])
    if run.arrays and right - left > 1:
        return Matrix((tuple(float(c + 1) for c in range(left, right)),))
    return float(left + 1)


@whole("ROWS", 1, 1)
def _rows(data: Value) -> Value:
    return float(values.matrix(data).height)


@whole("COLUMNS", 1, 1)
def _columns(data: Value) -> Value:
    return float(values.matrix(data).width)


@scalar("ADDRESS", 2, 5)
def _address(
    row: Value, column: Value, mode: Value = 1.0, style: Value = True, sheet: Value = None
) -> Value:
    r, c, kind = integer(row), integer(column), integer(mode)
    fixed_row, fixed_column = kind in (1, 2), kind in (1, 3)
    shown = ("$" if fixed_column else "") + a1.column_letters(c - 1)
    shown += ("$" if fixed_row else "") + str(r)
    return f"{a1.quoted(text(sheet))}!{shown}" if sheet is not None else shown


@lazy("INDIRECT", 1, 2)
def _indirect(run: Any, args: Any) -> Value:
    given = text(run.single(run.value(args[0])))
    try:
        node = parse.parse("=" + given)
    except ParseError as error:
        raise fail(
            "REF",
            f"Function INDIRECT parameter 1 value is '{given}'. It is not a valid cell/range "
            f"reference.",
        ) from error
    return run.value(node)  # type: ignore[no-any-return] # the evaluator is untyped here


@lazy("OFFSET", 3, 5)
def _offset(run: Any, args: Any) -> Value:
    top, left, bottom, right = run.box(args[0])
    down, over = integer(run.value(args[1])), integer(run.value(args[2]))
    height = integer(run.value(args[3])) if len(args) > 3 and args[3] is not None else bottom - top
    width = integer(run.value(args[4])) if len(args) > 4 and args[4] is not None else right - left
    top, left = top + down, left + over
    if top < 0 or left < 0 or height < 1 or width < 1:
        raise fail("REF", "Function OFFSET evaluates to an out of bounds range.")
    sheet = args[0].sheet if isinstance(args[0], Reference) else None
    first, last = Corner(top, left), Corner(top + height - 1, left + width - 1)
    return run.value(Reference(sheet, first, last if first != last else None))  # type: ignore[no-any-return] # as above


@whole("TRANSPOSE", 1, 1)
def _transpose(data: Value) -> Value:
    return Matrix(tuple(zip(*values.matrix(data).rows, strict=True)))


@whole("UNIQUE", 1, 3)
def _unique(data: Value, by_column: Value = False, once: Value = False) -> Value:
    rows = list(values.matrix(data).rows)
    seen: dict[Any, int] = {}
    for row in rows:
        seen[row] = seen.get(row, 0) + 1
    kept = [row for row, n in seen.items() if not truth(once) or n == 1]
    if not kept:
        raise fail("N_A", "No unique values.")
    return Matrix(tuple(kept))


@whole("FILTER", 2)
def _filter(data: Value, *conditions: Value) -> Value:
    table = values.matrix(data)
    tests = [list(values.matrix(c).flat()) for c in conditions]
    if any(len(test) != table.height for test in tests):
        raise fail("N_A", "FILTER has mismatched range sizes.")
    kept = tuple(row for n, row in enumerate(table.rows) if all(_holds(test[n]) for test in tests))
    if not kept:
        raise fail("N_A", "No matches are found in FILTER evaluation.")
    return Matrix(kept)


def _holds(value: Scalar) -> bool:
    return bool(value) if isinstance(value, float | bool) else False


class _Key:
    """Sorts values of any kind; blanks last."""

    __slots__ = ("value",)

    def __init__(self, value: Scalar) -> None:
        self.value = value

    def __lt__(self, other: "_Key") -> bool:
        if self.value is None or other.value is None:
            return self.value is not None
        return values.order(self.value, other.value) < 0


@whole("SORT", 1)
def _sort(data: Value, *by: Value) -> Value:
    table = values.matrix(data)
    rows = list(table.rows)
    pairs = list(zip(by[::2], by[1::2], strict=False)) or [(1.0, True)]
    for column, ascending in reversed(pairs):
        if isinstance(column, Matrix):
            keys = list(column.flat())
            order = sorted(
                range(len(rows)), key=lambda n: _Key(keys[n]), reverse=not truth(ascending)
            )
            rows = [rows[n] for n in order]
        else:
            at = int(number(column)) - 1
            rows.sort(key=lambda row: _Key(row[at]), reverse=not truth(ascending))
    return Matrix(tuple(rows))


@whole("SORTN", 1, 6)
def _sortn(data: Value, count: Value = 1.0, _ties: Value = 0.0, *by: Value) -> Value:
    found = _sort(data, *by)
    return Matrix(values.matrix(found).rows[: integer(count)])


@whole("FLATTEN TOCOL", 1)
def _flatten(*args: Value) -> Value:
    return Matrix(tuple((item,) for item, _ in values.flat(args)))


@whole("ARRAY_CONSTRAIN", 3, 3)
def _constrain(data: Value, rows: Value, columns: Value) -> Value:
    table = values.matrix(data)
    return Matrix(tuple(row[: integer(columns)] for row in table.rows[: integer(rows)]))
