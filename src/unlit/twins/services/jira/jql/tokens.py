"""Cuts JQL text into words, strings and symbols."""

import re
from dataclasses import dataclass
from typing import Final

from unlit.twins.services.jira.jql.model import JqlError

_SYMBOLS: Final = ("<=", ">=", "!=", "!~", "&&", "||", "=", "<", ">", "~", "!", "&", "|")
_PLAIN: Final = re.compile(r"[^\s=!<>~()\[\],\"'&|]+")
_ILLEGAL: Final = set("@`#$%^*+{}?;:/\\.")
RESERVED: Final = frozenset(
    [
        "abort",
        "access",
        "add",
        "after",
        "alias",
        "all",
        "alter",
        "and",
        "any",
        "as",
        "asc",
        "audit",
        "avg",
        "before",
        "begin",
        "between",
        "boolean",
        "break",
        "by",
        "byte",
        "catch",
        "cf",
        "char",
        "character",
        "check",
        "checkpoint",
        "collate",
        "collation",
        "column",
        "commit",
        "connect",
        "continue",
        "count",
        "create",
        "current",
        "date",
        "decimal",
        "declare",
        "decrement",
        "default",
        "defaults",
        "define",
        "delete",
        "delimiter",
        "desc",
        "difference",
        "distinct",
        "divide",
        "do",
        "double",
        "drop",
        "else",
        "empty",
        "encoding",
        "end",
        "equals",
        "escape",
        "exclusive",
        "exec",
        "execute",
        "exists",
        "explain",
        "false",
        "fetch",
        "file",
        "field",
        "first",
        "float",
        "for",
        "from",
        "function",
        "go",
        "goto",
        "grant",
        "greater",
        "group",
        "having",
        "identified",
        "if",
        "immediate",
        "in",
        "increment",
        "index",
        "initial",
        "inner",
        "inout",
        "input",
        "insert",
        "int",
        "integer",
        "intersect",
        "intersection",
        "into",
        "is",
        "isempty",
        "isnull",
        "join",
        "last",
        "left",
        "less",
        "like",
        "limit",
        "lock",
        "long",
        "max",
        "min",
        "minus",
        "mode",
        "modify",
        "modulo",
        "more",
        "multiply",
        "next",
        "noaudit",
        "not",
        "notin",
        "nowait",
        "null",
        "number",
        "object",
        "of",
        "on",
        "option",
        "or",
        "order",
        "outer",
        "output",
        "power",
        "previous",
        "prior",
        "privileges",
        "public",
        "raise",
        "raw",
        "remainder",
        "rename",
        "resource",
        "return",
        "returns",
        "revoke",
        "right",
        "row",
        "rowid",
        "rownum",
        "rows",
        "select",
        "session",
        "set",
        "share",
        "size",
        "sqrt",
        "start",
        "strict",
        "string",
        "subtract",
        "sum",
        "synonym",
        "table",
        "then",
        "to",
        "trans",
        "transaction",
        "trigger",
        "true",
        "uid",
        "union",
        "unique",
        "update",
        "user",
        "validate",
        "values",
        "view",
        "when",
        "whenever",
        "where",
        "while",
        "with",
    ]
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece, and where it stands."""

    kind: str  # word, quoted, symbol, end
    text: str
    line: int
    column: int

    @property
    def low(self) -> str:
        """The word in lower case; empty for anything else."""
        return self.text.lower() if self.kind == "word" else ""

    def at(self) -> str:
        """Say where the piece stands."""
        return f"(line {self.line}, character {self.column})"


def tokens(text: str) -> list[Token]:
    """Cut a query.

    Raises:
        JqlError: A character or string is not legal.
    """
    out: list[Token] = []
    at, line, start = 0, 1, 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            if char == "\n":
                line, start = line + 1, at + 1
            at += 1
            continue
        column = at - start + 1
        if char in "\"'":
            at, value = _quoted(text, at, line, column)
            out.append(Token("quoted", value, line, column))
            continue
        symbol = next((s for s in _SYMBOLS if text.startswith(s, at)), None)
        if symbol is None and char in "()[],":
            symbol = char
        if symbol is not None:
            out.append(Token("symbol", symbol, line, column))
            at += len(symbol)
            continue
        found = _PLAIN.match(text, at)
        assert found is not None  # noqa: S101 # every other character was handled above
        _legal(found[0], line, column)
        out.append(Token("word", found[0], line, column))
        at = found.end()
    out.append(Token("end", "", line, at - start + 1))
    return out


def _legal(word: str, line: int, column: int) -> None:
    for offset, char in enumerate(word):
        if (char in _ILLEGAL and char not in "./\\:+*?") or (char in "?*+{}" and offset == 0):
            raise JqlError(
                f"Error in the JQL Query: The character '{char}' is a reserved JQL character. You "
                f"must enclose it in a string or use the escape '\\u{ord(char):04x}' instead. "
                f"(line {line}, character {column + offset})"
            )


def _quoted(text: str, at: int, line: int, column: int) -> tuple[int, str]:
    quote, at = text[at], at + 1
    out: list[str] = []
    while at < len(text):
        char = text[at]
        if char == quote:
            return at + 1, "".join(out)
        if char == "\\" and at + 1 < len(text):
            after = text[at + 1]
            if after == "u" and re.match(r"[0-9a-fA-F]{4}", text[at + 2 : at + 6]):
                out.append(chr(int(text[at + 2 : at + 6], 16)))
                at += 6
                continue
            if after not in "tnr\\'\" ":
                raise JqlError(
                    f"Error in the JQL Query: '\\{after}' is an illegal JQL escape sequence. The "
                    "valid escape sequences are \\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX. "
                    f"(line {line}, character {column})"
                )
            out.append({"t": "\t", "n": "\n", "r": "\r"}.get(after, after))
            at += 2
            continue
        out.append(char)
        at += 1
    raise JqlError(
        f"Error in the JQL Query: The quoted string '{''.join(out)}' has not been completed. "
        f"(line {line}, character {column})"
    )
