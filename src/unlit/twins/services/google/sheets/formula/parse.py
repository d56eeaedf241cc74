"""Reads formulas; also moves and rewrites their references."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from unlit.twins.services.google.sheets import a1
from unlit.twins.services.google.sheets.formula.model import (
    Apply,
    Binary,
    Braces,
    Call,
    Corner,
    Literal,
    Name,
    Node,
    ParseError,
    Reference,
    Unary,
)
from unlit.twins.services.google.sheets.model import Failure

_SHEET: Final = r"(?:(?P<sheet>'(?:[^']|'')+'|[A-Za-z_][\w.]*)!)?"
_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?![A-Za-z:])"
    r'|(?P<text>"(?:[^"]|"")*")'
    r"|(?P<error>#(?:REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|ERROR!))"
    r"|(?P<ref>"
    + _SHEET
    + r"\$?(?:[A-Za-z]{1,3}\$?\d{1,7}|[A-Za-z]{1,3}(?=:\$?[A-Za-z])|\d{1,7}(?=:\$?\d))"
    r"(?::\$?(?:[A-Za-z]{1,3}\$?\d{1,7}|[A-Za-z]{1,3}(?![\w(])|\d{1,7}))?(?![\w(]))"
    r"|(?P<name>[A-Za-z_\\][\w.]*)"
    r"|(?P<op><=|>=|<>|[-+*/^&=<>%(),;{}:])"
    r")"
)
_CORNER: Final = re.compile(r"^(\$?)([A-Za-z]{1,3})?(\$?)(\d+)?$")
_ERRORS: Final = {
    "#REF!": "REF",
    "#N/A": "N_A",
    "#DIV/0!": "DIVIDE_BY_ZERO",
    "#VALUE!": "VALUE",
    "#NAME?": "NAME",
    "#NUM!": "NUM",
    "#NULL!": "NULL_VALUE",
    "#ERROR!": "ERROR",
}
_LEVELS: Final = (("=", "<>", "<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"))


class _Token:
    __slots__ = ("kind", "start", "stop", "text")

    def __init__(self, kind: str, text: str, start: int, stop: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.stop = stop


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at = 1
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ParseError(text)
        kind = str(found.lastgroup) if found.lastgroup != "sheet" else "ref"
        kind = "ref" if found["ref"] is not None else kind
        out.append(_Token(kind, found[kind], found.start(kind), found.end(kind)))
        at = found.end()
    return out


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Parse a formula with its equals sign.

    Raises:
        ParseError: It is none.
    """
    parser = _Parser(_tokens(text))
    node = parser.level(0)
    if parser.at != len(parser.tokens):
        raise ParseError(text)
    return node


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def op(self, *texts: str) -> str | None:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "op" and token.text in texts:
                self.at += 1
                return token.text
        return None

    def need(self, text: str) -> None:
        if self.op(text) is None:
            raise ParseError(text)

    def level(self, n: int) -> Node:
        if n == len(_LEVELS):
            return self.signed()
        left = self.level(n + 1)
        while (operator := self.op(*_LEVELS[n])) is not None:
            left = Binary(operator, left, self.level(n + 1))
        return left

    def signed(self) -> Node:
        left = self.sign()
        while self.op("^") is not None:
            left = Binary("^", left, self.sign())
        return left

    def sign(self) -> Node:
        operator = self.op("+", "-")
        return Unary(operator, self.sign()) if operator is not None else self.percent()

    def percent(self) -> Node:
        node = self.atom()
        while self.op("%") is not None:
            node = Unary("%", node)
        return node

    def atom(self) -> Node:
        if self.at >= len(self.tokens):
            raise ParseError("end")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return Literal(float(token.text))
        if token.kind == "text":
            return Literal(token.text[1:-1].replace('""', '"'))
        if token.kind == "error":
            return Literal(Failure(_ERRORS[token.text]))
        if token.kind == "ref":
            return reference(token.text, token.start, token.stop)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            inner = self.level(0)
            self.need(")")
            return inner
        if token.text == "{":
            return self.braces()
        raise ParseError(token.text)

    def named(self, token: _Token) -> Node:
        if self.op("(") is not None:
            made: Node = Call(token.text.upper(), self.arguments())
            while self.op("(") is not None:
                made = Apply(made, self.arguments())
            return made
        if token.text.upper() in ("TRUE", "FALSE"):
            return Literal(token.text.upper() == "TRUE")
        return Name(token.text)

    def arguments(self) -> tuple[Node | None, ...]:
        if self.op(")") is not None:
            return ()
        out: list[Node | None] = []
        while True:
            here = self.tokens[self.at] if self.at < len(self.tokens) else None
            if here is not None and here.kind == "op" and here.text in ",;)":
                out.append(None)
            else:
                out.append(self.level(0))
            if self.op(")") is not None:
                return tuple(out)
            if self.op(",", ";") is None:
                raise ParseError(")")

    def braces(self) -> Node:
        rows: list[tuple[Node, ...]] = []
        row: list[Node] = [self.level(0)]
        while True:
            if self.op(",") is not None:
                row.append(self.level(0))
            elif self.op(";") is not None:
                rows.append(tuple(row))
                row = [self.level(0)]
            else:
                self.need("}")
                rows.append(tuple(row))
                return Braces(tuple(rows))


def reference(text: str, start: int = 0, stop: int = 0) -> Reference:
    """Read a reference such as ``'My sheet'!$A$1:B2``."""
    sheet: str | None = None
    body = text
    if "!" in text:
        sheet, _, body = text.rpartition("!")
        if sheet.startswith("'"):
            sheet = sheet[1:-1].replace("''", "'")
    first, colon, last = body.partition(":")
    return Reference(sheet, _corner(first), _corner(last) if colon else None, start, stop)


def _corner(text: str) -> Corner:
    found = _CORNER.match(text)
    if found is None:
        raise ParseError(text)
    if found[2] is None:  # a whole row: the first sign belongs to the number
        return Corner(int(found[4]) - 1 if found[4] else None, None, bool(found[1] or found[3]))
    row = int(found[4]) - 1 if found[4] else None
    return Corner(row, a1.column_number(found[2]), bool(found[3]), bool(found[1]))


def _shown_corner(corner: Corner) -> str:
    out = ""
    if corner.column is not None:
        out += ("$" if corner.fixed_column else "") + a1.column_letters(corner.column)
    if corner.row is not None:
        out += ("$" if corner.fixed_row else "") + str(corner.row + 1)
    return out


def shown(ref: Reference) -> str:
    """Write a reference."""
    sheet = f"{a1.quoted(ref.sheet)}!" if ref.sheet is not None else ""
    last = f":{_shown_corner(ref.last)}" if ref.last is not None else ""
    return sheet + _shown_corner(ref.first) + last


def rewritten(text: str, change: Callable[[Reference], Reference | None]) -> str:
    """Return a formula with every reference changed; `None` becomes ``#REF!``."""
    try:
        tokens = _tokens(text)
    except ParseError:
        return text
    out: list[str] = []
    at = 0
    for token in tokens:
        if token.kind != "ref":
            continue
        new = change(reference(token.text, token.start, token.stop))
        out.append(text[at : token.start])
        out.append("#REF!" if new is None else shown(new))
        at = token.stop
    out.append(text[at:])
    return "".join(out)


def moved(text: str, rows: int, columns: int) -> str:
    """Return a formula as copied by so many rows and columns; fixed parts stay."""

    def corner(old: Corner) -> Corner | None:
        row, column = old.row, old.column
        if row is not None and not old.fixed_row:
            row += rows
        if column is not None and not old.fixed_column:
            column += columns
        if (row is not None and row < 0) or (column is not None and column < 0):
            return None
        return Corner(row, column, old.fixed_row, old.fixed_column)

    def change(ref: Reference) -> Reference | None:
        first = corner(ref.first)
        last = corner(ref.last) if ref.last is not None else None
        if first is None or (ref.last is not None and last is None):
            return None
        return Reference(ref.sheet, first, last)

    return rewritten(text, change)
