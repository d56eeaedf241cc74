"""Reads the Google Visualization API query language."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.twins.services.google.sheets.entry import typed
from unlit.twins.services.google.sheets.formula.model import FormulaError, fail

AGGREGATES: Final = ("sum", "avg", "count", "max", "min")
SCALARS: Final = (
    "year", "month", "day", "hour", "minute", "second", "millisecond", "quarter", "dayofweek",
    "now", "datediff", "todate", "upper", "lower",
)  # fmt: skip
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<quoted>`[^`]*`)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<op><=|>=|<>|!=|[-+*/=<>(),]))"
)
_CLAUSES: Final = (
    "select", "where", "group", "pivot", "order", "limit", "offset", "label", "format", "options",
)  # fmt: skip
_WORDED: Final = ("contains", "starts", "ends", "matches", "like", "is")


@dataclass(frozen=True, slots=True)
class Term:
    """An expression: a column, a value, a function of others.

    Attributes:
        kind: ``column``, ``value``, ``aggregate``, ``scalar`` or ``binary``.
        name: Column id, function or operator.
        parts: What it is made of.
        value: Of a ``value``.
    """

    kind: str
    name: str = ""
    parts: tuple["Term", ...] = ()
    value: Any = None

    def has_aggregate(self) -> bool:
        """Whether an aggregation stands anywhere in it."""
        return self.kind == "aggregate" or any(part.has_aggregate() for part in self.parts)


@dataclass(frozen=True, slots=True)
class Test:
    """A condition: ``and``, ``or``, ``not`` over others, or a comparison of terms."""

    kind: str
    parts: tuple["Test", ...] = ()
    left: Term | None = None
    right: Term | None = None


@dataclass(slots=True)
class Query:
    """A whole query; `select` empty means every column."""

    select: list[Term] = field(default_factory=list)
    where: Test | None = None
    group: list[Term] = field(default_factory=list)
    pivot: list[Term] = field(default_factory=list)
    order: list[tuple[Term, bool]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    labels: list[tuple[Term, str]] = field(default_factory=list)


def unreadable(why: str) -> Any:
    """Return the error of a query that cannot be read."""
    return fail("VALUE", f"Unable to parse query string for Function QUERY parameter 2: {why}")


def read(text: str) -> Query:
    """Read a query."""
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise unreadable(f'PARSE_ERROR: Encountered "{text[at:].strip()[:1]}"')
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind]))
            at = found.end()
        self.at = 0

    # --- tokens
    def word(self) -> str:
        """The word at hand in lower case; empty for anything else."""
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return text.lower() if kind == "word" else ""

    def take(self, *words: str) -> bool:
        """Step over these words if they stand here."""
        found = [text.lower() for _, text in self.tokens[self.at : self.at + len(words)]]
        if found == list(words):
            self.at += len(words)
            return True
        return False

    def op(self, *texts: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at] in [("op", t) for t in texts]:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def wrong(self) -> Any:
        here = self.tokens[self.at][1] if self.at < len(self.tokens) else "<EOF>"
        return unreadable(f'PARSE_ERROR: Encountered " "{here}" "')

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self.wrong()
        self.at += 1
        return self.tokens[self.at - 1]

    # --- clauses
    def query(self) -> Query:
        """Read clause after clause, in the order that the language wants."""
        out = Query()
        if self.take("select") and self.op("*") is None:
            out.select = self.terms()
        if self.take("where"):
            out.where = self.either()
        if self.take("group", "by"):
            out.group = self.terms()
        if self.take("pivot"):
            out.pivot = self.terms()
        if self.take("order", "by"):
            out.order = self.ordered()
        self.tail(out)
        if self.at < len(self.tokens):
            raise self.wrong()
        return out

    def tail(self, out: Query) -> None:
        """Read how much is shown, and how."""
        if self.take("limit"):
            out.limit = self.whole()
        if self.take("offset"):
            out.offset = self.whole()
        if self.take("label"):
            out.labels = self.labels()
        if self.take("format"):
            self.labels()
        if self.take("options"):
            while self.word() in ("no_format", "no_values"):
                self.at += 1

    def terms(self) -> list[Term]:
        out = [self.term()]
        while self.op(",") is not None:
            out.append(self.term())
        return out

    def ordered(self) -> list[tuple[Term, bool]]:
        out: list[tuple[Term, bool]] = []
        while True:
            term = self.term()
            down = self.take("desc")
            if not down:
                self.take("asc")
            out.append((term, down))
            if self.op(",") is None:
                return out

    def whole(self) -> int:
        kind, text = self.next()
        if kind != "number" or "." in text:
            self.at -= 1
            raise self.wrong()
        return int(text)

    def labels(self) -> list[tuple[Term, str]]:
        out: list[tuple[Term, str]] = []
        while True:
            term = self.term()
            kind, text = self.next()
            if kind != "text":
                self.at -= 1
                raise self.wrong()
            out.append((term, text[1:-1]))
            if self.op(",") is None:
                return out

    # --- conditions
    def either(self) -> Test:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Test("or", tuple(parts))

    def both(self) -> Test:
        parts = [self.denied()]
        while self.take("and"):
            parts.append(self.denied())
        return parts[0] if len(parts) == 1 else Test("and", tuple(parts))

    def denied(self) -> Test:
        if self.take("not"):
            return Test("not", (self.denied(),))
        start = self.at
        if self.op("(") is not None:
            try:
                inner = self.either()
            except FormulaError:  # it was a term in brackets: read it as one
                inner = None
            if inner is not None and self.op(")") is not None and not self.goes_on():
                return inner
            self.at = start
        return self.compared()

    def goes_on(self) -> bool:
        """Whether a comparison or sum goes on here, so that the brackets held a term."""
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return self.word() in _WORDED or (kind == "op" and text not in ("(", ")", ","))

    def compared(self) -> Test:
        left = self.term()
        if self.take("is", "null"):
            return Test("null", (), left)
        if self.take("is", "not", "null"):
            return Test("not", (Test("null", (), left),))
        for words in (("starts", "with"), ("ends", "with"), ("contains",), ("matches",), ("like",)):
            if self.take(*words):
                return Test(words[0], (), left, self.term())
        operator = self.op("=", "!=", "<>", "<=", ">=", "<", ">")
        if operator is None:
            raise self.wrong()
        return Test("!=" if operator == "<>" else operator, (), left, self.term())

    # --- terms
    def term(self) -> Term:
        left = self.factor()
        while (operator := self.op("+", "-")) is not None:
            left = Term("binary", operator, (left, self.factor()))
        return left

    def factor(self) -> Term:
        left = self.atom()
        while (operator := self.op("*", "/")) is not None:
            left = Term("binary", operator, (left, self.atom()))
        return left

    def atom(self) -> Term:
        kind, text = self.next()
        if kind == "number":
            return Term("value", value=float(text))
        if kind == "text":
            return Term("value", value=text[1:-1])
        if kind == "quoted":
            return Term("column", text[1:-1])
        if (kind, text) == ("op", "-"):
            return Term("binary", "-", (Term("value", value=0.0), self.atom()))
        if (kind, text) == ("op", "("):
            inner = self.term()
            if self.op(")") is None:
                raise self.wrong()
            return inner
        if kind != "word" or text.lower() in _CLAUSES:
            self.at -= 1
            raise self.wrong()
        return self.worded(text)

    def worded(self, text: str) -> Term:
        low = text.lower()
        if low in ("true", "false"):
            return Term("value", value=low == "true")
        if low in ("date", "datetime", "timeofday", "timestamp") and self.at < len(self.tokens):
            kind, given = self.tokens[self.at]
            if kind == "text":
                self.at += 1
                return Term("value", value=typed(given[1:-1]).value)
        if low in (*AGGREGATES, *SCALARS) and self.op("(") is not None:
            parts = [] if self.op(")") is not None else self.arguments()
            return Term("aggregate" if low in AGGREGATES else "scalar", low, tuple(parts))
        return Term("column", text)

    def arguments(self) -> list[Term]:
        parts = self.terms()
        if self.op(")") is None:
            raise self.wrong()
        return parts
