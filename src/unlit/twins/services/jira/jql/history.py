"""History conditions: WAS and CHANGED, with what narrows them."""

from collections.abc import Callable
from typing import Any

from unlit.twins.services.jira.jql import fields, functions
from unlit.twins.services.jira.jql.model import Call, Clause, Values
from unlit.twins.services.jira.jql.resolve import Resolver
from unlit.twins.services.jira.model import Row

Test = Callable[[Row], bool]


class Histories(Resolver):
    """Compiles conditions on an issue's history."""

    def historical(self, known: fields.Known, clause: Clause) -> Test:
        """Compile WAS, WAS IN, CHANGED and their negations."""
        wanted: set[Any] | None = None
        if clause.operand is not None:
            wanted = {fold(value) for value in self.values(known, clause.operand)}
        bounds = {p.name: p.operand for p in clause.predicates}
        low, high = self.window(clause.field, bounds)
        by = self.people(bounds.get("by"))
        ends = {
            name: {fold(v) for v in self.values(known, bounds[name])}
            for name in ("from", "to")
            if name in bounds
        }
        negated = clause.operator.startswith("was not")

        def test(row: Row) -> bool:
            changes = self.changes(row, known, low, high, by)
            if clause.operator == "changed":
                return any(
                    all(fold(end[name == "to"]) in values for name, values in ends.items())
                    for end in changes
                )
            seen = {fold(side) for end in changes for side in end}
            if not changes or low == float("-inf"):
                seen.add(fold(fields.stored(self.site, row, known)))
            return bool(seen & (wanted or set())) is not negated

        return test

    def window(self, field: str, bounds: dict[str, Any]) -> tuple[float, float]:
        """Return the time that AFTER, BEFORE, ON and DURING leave."""
        low, high = float("-inf"), float("inf")
        for name, operand in bounds.items():
            if name == "during" and isinstance(operand, Values):
                low, high = (self.point(field, item) for item in operand.items[:2])
            elif name == "after":
                low = self.point(field, operand)
            elif name == "before":
                high = self.point(field, operand)
            elif name == "on":
                low = self.point(field, operand)
                high = low + 86400
        return low, high

    def point(self, field: str, operand: Any) -> float:
        """Return the moment an operand names."""
        if isinstance(operand, Call):
            return float(functions.evaluate(operand, self.asking)[0])
        return self.span(field, getattr(operand, "text", ""))[0]

    def people(self, operand: Any) -> set[str] | None:
        """Return the accounts that BY names."""
        if operand is None:
            return None
        known = fields.find(self.site, "assignee")
        assert known is not None  # noqa: S101 # a system field
        return {str(value) for value in self.values(known, operand)}

    def changes(
        self, row: Row, known: fields.Known, low: float, high: float, by: set[str] | None
    ) -> list[tuple[Any, Any]]:
        """Return what a field was and became, within a time and by some people."""
        out: list[tuple[Any, Any]] = []
        for entry in self.site.table("changelogs").get(row["id"]) or ():
            if not low <= entry["created"] <= high or (by and entry["author"] not in by):
                continue
            out += [(c.before, c.after) for c in entry["items"] if c.field_id == known.id]
        return out


def fold(value: Any) -> Any:
    """Return what values are compared by: any case, one kind of number."""
    if isinstance(value, str):
        return value.lower()
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
