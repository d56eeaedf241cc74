"""Answers a query over a table: filters, groups, pivots, orders, cuts and labels."""

import re
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any, Final

from unlit.twins.services.google.sheets import show
from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.criteria import wildcard
from unlit.twins.services.google.sheets.formula.model import FormulaError, Matrix, Scalar
from unlit.twins.services.google.sheets.formula.query.language import (
    Query,
    Term,
    Test,
    unreadable,
)
from unlit.twins.services.google.sheets.model import Failure

Line = tuple[Scalar, ...]


class Table:
    """Data with column ids, headers and one kind of value in each column.

    Args:
        data: The rows, headers first.
        ids: What the columns are called.
        headers: How many rows are headers; negative means: guess.
    """

    def __init__(self, data: Matrix, ids: Sequence[str], headers: int) -> None:
        self.columns = {name.lower(): at for at, name in enumerate(ids)}
        self.ids = list(ids)
        count = _guessed(data) if headers < 0 else min(headers, data.height)
        heads = [[_text(row[c]) for row in data.rows[:count]] for c in range(data.width)]
        self.heads = [" ".join(word for word in words if word) for words in heads]
        self.has_headers = count > 0
        rows = [row for row in data.rows[count:] if any(x is not None for x in row)]
        kinds = [_kind([row[c] for row in rows]) for c in range(data.width)]
        self.rows: list[Line] = [
            tuple(_fitting(x, kind) for x, kind in zip(row, kinds, strict=True)) for row in rows
        ]

    def at(self, name: str) -> int:
        """Return the place of a column."""
        found = self.columns.get(name.lower())
        if found is None:
            raise unreadable(f"NO_COLUMN: {name}")
        return found


def _text(value: Scalar) -> str:
    return "" if value is None or isinstance(value, Failure) else values.text(value)


def _guessed(data: Matrix) -> int:
    """Return 1 when only the first row is all text."""
    if data.height < 2:
        return 0
    first, rest = data.rows[0], data.rows[1:]
    worded = [x for x in first if x is not None]
    if not worded or not all(isinstance(x, str) for x in worded):
        return 0
    kinds = [_kind([row[c] for row in rest]) for c in range(data.width)]
    return int(any(kind is not str for kind in kinds))


def _kind(column: list[Scalar]) -> type:
    """Return the kind that most values of a column have; the others count as empty."""
    counts = {
        kind: sum(type(x) is kind for x in column if x is not None) for kind in (float, str, bool)
    }
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] else str


def _fitting(value: Scalar, kind: type) -> Scalar:
    if isinstance(value, Failure):
        return None
    return value if type(value) is kind else None


# --- terms
def _moment(value: Scalar) -> Any:
    return show.moment(values.number(value))


_PARTS: Final[dict[str, Callable[[Any], float]]] = {
    "year": lambda m: m.year,
    "month": lambda m: m.month - 1,  # months begin with 0 there
    "day": lambda m: m.day,
    "hour": lambda m: m.hour,
    "minute": lambda m: m.minute,
    "second": lambda m: m.second,
    "millisecond": lambda m: m.microsecond // 1000,
    "quarter": lambda m: (m.month - 1) // 3 + 1,
    "dayofweek": lambda m: m.isoweekday() % 7 + 1,
}


def _scalar(name: str, parts: list[Scalar], now: float) -> Scalar:
    if name == "now":
        return now
    if any(part is None for part in parts) or not parts:
        return None
    if name in _PARTS:
        return float(_PARTS[name](_moment(parts[0])))
    if name in ("upper", "lower"):
        text = values.text(parts[0])
        return text.upper() if name == "upper" else text.lower()
    if name == "todate":
        return float(int(values.number(parts[0])))
    return float(int(values.number(parts[0])) - int(values.number(parts[1])))


def _aggregate(name: str, column: list[Scalar]) -> Scalar:
    known = [x for x in column if x is not None]
    if name == "count":
        return float(len(known))
    if not known:
        return None
    if name in ("max", "min"):
        key = cmp_to_key(values.order)
        return max(known, key=key) if name == "max" else min(known, key=key)
    if not all(type(x) is float for x in known):
        raise unreadable(f"AVG_SUM_ONLY_NUMERIC: {name}")
    total = sum(values.number(x) for x in known)
    return total / len(known) if name == "avg" else total


class Terms:
    """Computes terms over one row, or over the rows of a group."""

    def __init__(self, table: Table, now: float) -> None:
        self.table = table
        self.now = now

    def of(self, term: Term, rows: list[Line]) -> Scalar:
        """Return the value of a term."""
        if term.kind == "value":
            return term.value  # type: ignore[no-any-return] # a scalar by the reader
        if term.kind == "column":
            return rows[0][self.table.at(term.name)] if rows else None
        if term.kind == "aggregate":
            inner = term.parts[0]
            return _aggregate(term.name, [self.of(inner, [row]) for row in rows])
        parts = [self.of(part, rows) for part in term.parts]
        if term.kind == "scalar":
            return _scalar(term.name, parts, self.now)
        return _computed(term.name, parts)

    def name(self, term: Term) -> str:
        """Return what a column is called that a term makes."""
        if term.kind == "column":
            return self.table.heads[self.table.at(term.name)]
        if term.kind == "value":
            return _text(term.value)
        inner = [self.name(part) for part in term.parts]
        if term.kind == "binary":
            return term.name.join(inner)
        if term.kind == "aggregate":
            return f"{term.name} {inner[0]}" if inner[0] else term.name
        return f"{term.name}({','.join(inner)})"

    def check(self, term: Term) -> None:
        """Raise when a term names a column that is not there."""
        if term.kind == "column":
            self.table.at(term.name)
        for part in term.parts:
            self.check(part)

    def holds(self, test: Test, row: Line) -> bool:
        """Whether a condition holds for a row."""
        if test.kind == "and":
            return all(self.holds(part, row) for part in test.parts)
        if test.kind == "or":
            return any(self.holds(part, row) for part in test.parts)
        if test.kind == "not":
            return not self.holds(test.parts[0], row)
        left = self.of(test.left, [row]) if test.left is not None else None
        if test.kind == "null":
            return left is None
        right = self.of(test.right, [row]) if test.right is not None else None
        return _compared(test.kind, left, right)


def _computed(operator: str, parts: list[Scalar]) -> Scalar:
    if None in parts:
        return None
    a, b = (values.number(part) for part in parts)
    if operator == "/":
        return a / b if b else None
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


def _compared(operator: str, left: Scalar, right: Scalar) -> bool:
    if left is None or right is None:
        return False
    if operator in ("=", "!=", "<", "<=", ">", ">="):
        if type(left) is not type(right):
            return operator == "!="
        if isinstance(left, str) and isinstance(right, str):
            sign = (left > right) - (left < right)  # here the case of letters counts
        else:
            sign = values.order(left, right)
        return {
            "=": sign == 0, "!=": sign != 0, "<": sign < 0, "<=": sign <= 0, ">": sign > 0,
            ">=": sign >= 0,
        }[operator]  # fmt: skip
    a, b = values.text(left), values.text(right)
    if operator == "like":
        pattern = wildcard(b.replace("*", "~*").replace("%", "*").replace("_", "?"))
        return pattern.fullmatch(a) is not None
    if operator == "matches":
        try:
            return re.fullmatch(b, a) is not None
        except re.error as error:
            raise unreadable(f"INVALID_REGEX: {b}") from error
    return {"contains": b in a, "starts": a.startswith(b), "ends": a.endswith(b)}[operator]


# --- the whole
def answered(query: Query, table: Table, now: float) -> Matrix:
    """Return the answer, with a row of headers when there are any."""
    terms = Terms(table, now)
    select = query.select or [Term("column", name) for name in table.ids]
    ordering = [term for term, _ in query.order]
    for term in (*select, *query.group, *query.pivot, *ordering):
        terms.check(term)
    rows = [row for row in table.rows if query.where is None or terms.holds(query.where, row)]
    grouped = bool(query.group or query.pivot) or any(term.has_aggregate() for term in select)
    if grouped:
        for term in select:
            if not term.has_aggregate() and term not in (*query.group, *query.pivot):
                raise unreadable(f"ADD_COL_TO_GROUP_BY_OR_AGG: {terms.name(term) or term.name}")
    groups = _groups(terms, query.group, rows) if grouped else [[row] for row in rows]
    groups = _sorted(terms, query.order, groups)
    end = None if query.limit is None else query.offset + query.limit
    groups = groups[query.offset : end]
    labels = {term: text for term, text in query.labels}  # noqa: C416 # the last one counts
    if query.pivot:
        return _pivoted(terms, query, select, groups, labels)
    heads = tuple(labels.get(term, terms.name(term)) for term in select)
    body = [tuple(terms.of(term, group) for term in select) for group in groups]
    has_heads = table.has_headers or grouped or bool(labels)
    lines = [heads, *body] if has_heads and any(heads) else body
    if not lines:
        raise FormulaError(Failure("N_A", "Query completed with an empty output."))
    return Matrix(tuple(lines))


def _groups(terms: Terms, by: list[Term], rows: list[Line]) -> list[list[Line]]:
    """Return the rows of each group, groups in order of their keys."""
    if not by:
        return [rows] if rows else []
    found: dict[tuple[Scalar, ...], list[Line]] = {}
    for row in rows:
        found.setdefault(tuple(terms.of(term, [row]) for term in by), []).append(row)
    key = cmp_to_key(_keys)
    return [found[name] for name in sorted(found, key=key)]


def _keys(a: tuple[Scalar, ...], b: tuple[Scalar, ...]) -> int:
    for left, right in zip(a, b, strict=True):
        sign = _ordered(left, right)
        if sign:
            return sign
    return 0


def _ordered(a: Scalar, b: Scalar) -> int:
    if a is None or b is None:
        return (a is not None) - (b is not None)
    return values.order(a, b)


def _sorted(
    terms: Terms, order: list[tuple[Term, bool]], groups: list[list[Line]]
) -> list[list[Line]]:
    for term, down in reversed(order):
        found = [terms.of(term, group) for group in groups]
        rank = cmp_to_key(_ordered)
        places = sorted(
            range(len(groups)), key=[rank(item) for item in found].__getitem__, reverse=down
        )
        groups = [groups[at] for at in places]
    return groups


def _pivoted(
    terms: Terms,
    query: Query,
    select: list[Term],
    groups: list[list[Line]],
    labels: dict[Term, str],
) -> Matrix:
    rows = [row for group in groups for row in group]
    spread: dict[tuple[Scalar, ...], None] = {}
    for row in rows:
        spread[tuple(terms.of(term, [row]) for term in query.pivot)] = None
    across = sorted(spread, key=cmp_to_key(_keys))
    plain = [term for term in select if not term.has_aggregate()]
    summed = [term for term in select if term.has_aggregate()]
    heads: list[Scalar] = [labels.get(term, terms.name(term)) for term in plain]
    for values_of in across:
        name = ",".join(_text(value) for value in values_of)
        for term in summed:
            shown = labels.get(term, terms.name(term))
            heads.append(name if len(summed) == 1 else f"{name} {shown}")
    lines: list[Line] = [tuple(heads)]
    for group in groups:
        line = [terms.of(term, group) for term in plain]
        for values_of in across:
            part = [
                row for row in group
                if tuple(terms.of(term, [row]) for term in query.pivot) == values_of
            ]  # fmt: skip
            line += [terms.of(term, part) if part else None for term in summed]
        lines.append(tuple(line))
    return Matrix(tuple(lines))
