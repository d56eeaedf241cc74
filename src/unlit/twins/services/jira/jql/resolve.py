"""What the operands of a query stand for on this site."""

import re
from typing import Any, Final

from unlit.twins.services.jira import presets
from unlit.twins.services.jira.jql import dates, fields, functions
from unlit.twins.services.jira.jql.functions import Asking
from unlit.twins.services.jira.jql.model import Call, Empty, JqlError, Values, Word

EMPTY: Final = object()


class Resolver:
    """Turns operands of a query into what issues store."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.site = asking.site
        self.errors: list[str] = []

    def values(self, known: fields.Known, operand: Any) -> list[Any]:
        """Resolve an operand to what issues store."""
        if isinstance(operand, Values):
            return [value for item in operand.items for value in self.values(known, item)]
        if isinstance(operand, Empty):
            return [EMPTY]
        if isinstance(operand, Call):
            return functions.evaluate(operand, self.asking)
        return self.resolve(known, operand)

    def resolve(self, known: fields.Known, word: Word) -> list[Any]:
        """Return the stored values that a word stands for."""
        text = word.text
        if known.kind == "number":
            return [self.number(known, text)]
        if known.table == "categories*":
            found = [
                c
                for c in presets.CATEGORIES
                if text.lower() in (c["key"], c["name"].lower(), str(c["id"]))
            ]
            if not found:
                raise self.unknown(known, text)
            return [str(row["id"]) for row in found]
        if not known.table:
            return [text]
        return self.lookup(known, text)

    def lookup(self, known: fields.Known, text: str) -> list[Any]:
        """Find rows of the field's table by name or id."""
        site, table = self.site, known.table
        if table == "users":
            user = site.user(text)
            if user is None and table == "users":
                user = next(
                    (
                        u
                        for u in site.table("users").values()
                        if u["displayName"].lower() == text.lower()
                    ),
                    None,
                )
            return [user["accountId"]] if user else [text]
        if table == "issues":
            issue = site.find_issue(text)
            if issue is None:
                raise JqlError(
                    f"An issue with key '{text}' does not exist for field '{known.name}'."
                )
            return [issue["id"]]
        if table == "projects":
            project = site.project(text)
            if project is None:
                raise self.unknown(known, text)
            return [project["id"]]
        rows = site.table(table)
        low = text.lower()
        if table == "sprints":
            found = [k for k, r in rows.items() if str(k) == text or r["name"].lower() == low]
        else:
            found = [k for k, r in rows.items() if r["name"].lower() == low]
            found = found or [k for k in rows if str(k) == text]
        if not found and table == "resolutions" and low == "unresolved":
            return [EMPTY]
        if not found:
            raise self.unknown(known, text)
        return found

    def unknown(self, known: fields.Known, text: str) -> JqlError:
        """Return the vendor's error for a value that does not exist."""
        return JqlError(f"The value '{text}' does not exist for the field '{known.name}'.")

    def number(self, known: fields.Known, text: str) -> float:
        """Read a number, or a time span in seconds."""
        try:
            return float(text)
        except ValueError as error:
            span = dates.read("+" + text, 0) if re.match(r"^[\d wdhm]+$", text) else None
            if span is not None:
                return span
            raise JqlError(
                f"'{text}' is an invalid number for the field '{known.name}'."
            ) from error

    def span(self, field: str, text: str) -> tuple[float, float]:
        """Read a date."""
        when = dates.read(text, self.asking.now)
        if when is None:
            raise JqlError(
                f"Date value '{text}' for field '{field}' is invalid. Valid formats include: "
                "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period "
                "format e.g. '-5d', '4w 2d'."
            )
        return when, when
