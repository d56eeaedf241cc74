"""Runs a query over a site's issues."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from unlit.twins.services.jira import adf
from unlit.twins.services.jira.jql import dates, fields, functions, words
from unlit.twins.services.jira.jql.functions import Asking
from unlit.twins.services.jira.jql.history import Histories, fold
from unlit.twins.services.jira.jql.model import (
    Call,
    Clause,
    Condition,
    Empty,
    Group,
    JqlError,
    Not,
    Query,
    Sort,
    Values,
    Word,
)
from unlit.twins.services.jira.jql.resolve import EMPTY
from unlit.twins.services.jira.model import Rich, Row

Test = Callable[[Row], bool]


def search(query: Query, asking: Asking) -> list[Row]:
    """Return the issues that match, in order.

    Raises:
        JqlError: A field, value or operator does not fit this site; several messages are joined
            by line ends.
    """
    compiled = _Compiler(asking)
    test = compiled.condition(query.where) if query.where is not None else None
    sorts = [compiled.sort(entry) for entry in query.order]
    if compiled.errors:
        raise JqlError("\n".join(dict.fromkeys(compiled.errors)))
    rows: Iterable[Row] = asking.site.table("issues").values()
    found = [row for row in rows if test is None or test(row)]
    found.reverse()  # newest first unless said otherwise
    for key, descending in reversed(sorts):
        found.sort(key=key, reverse=descending)
    return found


class _Compiler(Histories):
    # --- conditions
    def condition(self, node: Condition) -> Test:
        if isinstance(node, Not):
            inner = self.condition(node.inner)
            return lambda row: not inner(row)
        if isinstance(node, Group):
            parts = [self.condition(part) for part in node.parts]
            if node.word == "and":
                return lambda row: all(part(row) for part in parts)
            return lambda row: any(part(row) for part in parts)
        try:
            return self.clause(node)
        except JqlError as error:
            self.errors.append(str(error))
            return lambda row: False

    def known(self, name: str) -> fields.Known:
        known = fields.find(self.site, name)
        if known is None:
            who = (
                "or you do not have permission to view it."
                if self.asking.me
                else "or this field cannot be viewed by anonymous users."
            )
            raise JqlError(f"Field '{name}' does not exist {who}")
        return known

    def clause(self, clause: Clause) -> Test:
        known = self.known(clause.field)
        operator = clause.operator
        if operator not in known.operators:
            if operator in fields.HISTORY:
                raise JqlError(f"History searches do not support the '{clause.field}' field.")
            raise JqlError(
                f"The operator '{operator}' is not supported by the '{clause.field}' field."
            )
        if operator in fields.HISTORY:
            return self.historical(known, clause)
        if operator in ("is", "is not") and not isinstance(clause.operand, Empty):
            raise JqlError(
                f"The operator '{operator}' can only be used with EMPTY or NULL in the field "
                f"'{clause.field}'."
            )
        if operator in ("~", "!~"):
            return self.textual(known, clause)
        if isinstance(clause.operand, Empty):
            wanted = operator in ("is", "=", "in")
            return lambda row: _is_empty(fields.stored(self.site, row, known)) is wanted
        if known.kind == "date":
            return self.dated(known, clause)
        if operator in fields.ORDER:
            return self.ordered(known, clause)
        return self.equal(known, clause)

    def equal(self, known: fields.Known, clause: Clause) -> Test:
        if known.kind == "key":
            return self.keyed(known, clause)
        wanted = {fold(value) for value in self.values(known, clause.operand)}
        negated = clause.operator in ("!=", "not in")
        empty = EMPTY in wanted

        def test(row: Row) -> bool:
            value = fields.stored(self.site, row, known)
            if _is_empty(value):
                return empty is not negated if empty else False
            many = value if isinstance(value, tuple) else (value,)
            hit = any(fold(item) in wanted for item in many)
            return hit is not negated

        return test

    def keyed(self, known: fields.Known, clause: Clause) -> Test:
        wanted: set[str] = set()
        items = clause.operand.items if isinstance(clause.operand, Values) else (clause.operand,)
        for item in items:
            if isinstance(item, Call):
                wanted.update(functions.evaluate(item, self.asking))
            elif isinstance(item, Word):
                wanted.add(self.issue_named(clause.field, item.text))
        negated = clause.operator in ("!=", "not in")
        return lambda row: (row["id"] in wanted) is not negated

    def issue_named(self, field: str, text: str) -> str:
        issue = self.site.find_issue(text)
        if issue is not None:
            return str(issue["id"])
        if text.isdigit():
            raise JqlError(f"A value with ID '{text}' does not exist for the field '{field}'.")
        if not re.match(r"^[A-Za-z][A-Za-z0-9_]*-\d+$", text):
            raise JqlError(f"The issue key '{text}' for field '{field}' is invalid.")
        raise JqlError(f"An issue with key '{text}' does not exist for field '{field}'.")

    def ordered(self, known: fields.Known, clause: Clause) -> Test:
        values = self.values(known, clause.operand)
        compare = _COMPARE[clause.operator]
        if known.kind == "key":
            issue = self.site.find_issue(str(getattr(clause.operand, "text", "")))
            if issue is None:
                raise JqlError(
                    f"The issue key '{getattr(clause.operand, 'text', '')}' for field "
                    f"'{clause.field}' is invalid."
                )
            prefix, number = _key(issue["key"])
            return lambda row: (
                _key(row["key"])[0] == prefix and compare(_key(row["key"])[1], number)
            )
        if known.kind == "number":
            limit = values[0] if values else None
            return lambda row: _number_test(fields.stored(self.site, row, known), limit, compare)
        ranks = {ident: n for n, ident in enumerate(self.site.table(known.table))}
        if known.table == "priorities":
            ranks = {ident: -n for ident, n in ranks.items()}
        limits = [ranks[value] for value in values if value in ranks]

        def test(row: Row) -> bool:
            value = fields.stored(self.site, row, known)
            many = value if isinstance(value, tuple) else (value,)
            return any(compare(ranks[i], x) for i in many if i in ranks for x in limits)

        return test

    def dated(self, known: fields.Known, clause: Clause) -> Test:
        operand = clause.operand
        items = operand.items if isinstance(operand, Values) else (operand,)
        spans: list[tuple[float, float]] = []
        for item in items:
            if isinstance(item, Call):
                spans += [(v, v) for v in functions.evaluate(item, self.asking)]
            elif isinstance(item, Word):
                spans.append(self.span(clause.field, item.text))
        operator = clause.operator

        def test(row: Row) -> bool:
            value = fields.stored(self.site, row, known)
            many = value if isinstance(value, tuple) else (value,)
            moments = [m for m in (self.moment(item) for item in many) if m is not None]
            return any(_within(m, spans, operator) for m in moments)

        return test

    def moment(self, value: Any) -> float | None:
        if value is None or isinstance(value, float | int):
            return value
        return dates.read(str(value), self.asking.now)

    def textual(self, known: fields.Known, clause: Clause) -> Test:
        text = clause.operand.text if isinstance(clause.operand, Word) else ""
        matcher = words.matcher(text)
        negated = clause.operator == "!~"

        def test(row: Row) -> bool:
            texts = self.texts(row, known)
            if negated and not any(texts):
                return False
            return any(matcher(item) for item in texts) is not negated

        return test

    def texts(self, row: Row, known: fields.Known) -> list[str]:
        if known.id == "text":
            names = ("summary", "description", "environment")
            out = [_text(row["fields"].get(name)) for name in names]
            out += [
                _text(v)
                for k, v in row["fields"].items()
                if k.startswith("customfield_") and isinstance(v, str | Rich)
            ]
            return out + self.comments(row, "comments", "body")
        if known.id == "comment":
            return self.comments(row, "comments", "body")
        if known.id == "worklogComment":
            return self.comments(row, "worklogs", "comment")
        if known.table in ("versions", "components"):
            table = self.site.table(known.table)
            return [table[i]["name"] for i in row["fields"].get(known.id) or () if i in table]
        return [_text(row["fields"].get(known.id))]

    def comments(self, row: Row, table: str, column: str) -> list[str]:
        return [_text(c.get(column)) for c in fields.children_rows(self.site, row, table)]

    # --- order
    def sort(self, entry: Sort) -> tuple[Callable[[Row], Any], bool]:
        try:
            known = self.known(entry.field)
        except JqlError as error:
            self.errors.append(str(error))
            return (lambda row: 0), False
        descending = bool(entry.descending)
        if entry.descending is None:
            descending = known.kind == "date" or known.id == "priority"
        # Empty values come last going up and first going down, as in Jira.
        return (lambda row: self.sort_key(row, known)), descending

    def sort_key(self, row: Row, known: fields.Known) -> Any:
        if known.kind == "key":
            return (0, _key(row["key"]))
        value = fields.stored(self.site, row, known)
        if isinstance(value, tuple):
            value = value[0] if value else None
        if value is None or value == "":
            return (1, 0)
        if known.id == "priority":
            order = list(self.site.table("priorities"))
            return (0, -order.index(value) if value in order else 0)
        if known.kind == "date":
            return (0, self.moment(value) or 0.0)
        if known.table and known.table != "categories*":
            found = self.site.table(known.table).get(value) or {}
            value = found.get("displayName") or found.get("name") or found.get("key") or value
        if isinstance(value, int | float):
            return (0, value)
        return (0, _text(value).lower())


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


def _within(moment: float, spans: list[tuple[float, float]], operator: str) -> bool:
    if operator in ("=", "in"):
        return any(low <= moment < low + 60 for low, _ in spans)
    if operator in ("!=", "not in"):
        return all(not low <= moment < low + 60 for low, _ in spans)
    return any(_COMPARE[operator](moment, low) for low, _ in spans)


def _number_test(value: Any, limit: Any, compare: Callable[[Any, Any], bool]) -> bool:
    return value is not None and limit is not None and compare(float(value), float(limit))


def _is_empty(value: Any) -> bool:
    return value is None or value == () or value == "" or value == []


def _key(key: str) -> tuple[str, int]:
    prefix, _, number = key.rpartition("-")
    return prefix, int(number)


def _text(value: Any) -> str:
    if isinstance(value, Rich):
        return adf.as_text(value)
    return "" if value is None else str(value)
