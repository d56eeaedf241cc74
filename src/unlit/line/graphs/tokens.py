"""The words of a DOT file, lenient: HTML labels, single quotes and odd characters are words too."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from unlit.core.errors import InvalidInput

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<hash>\#[^\n]*)
  | (?P<arrow>->|--)
  | (?P<text>"(?:\\.|[^"\\])*")
  | (?P<single>'(?:\\.|[^'\\])*')
  | (?P<number>-?(?:\d+\.\d*|\.\d+|\d+)(?:ms|s|m|h|d)?(?![A-Za-z_]))
  | (?P<name>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*(?:[.-][A-Za-z_0-9]\w*)*)
  | (?P<mark>[{}\[\];,=:+])
  | (?P<odd>[^\s"])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final[Mapping[str, str]] = {
    "n": "\n", "l": "\n", "r": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\", "\n": "",
}  # fmt: skip
_FENCE: Final = re.compile(r"\A\s*```\w*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_BREAK: Final = re.compile(r"<\s*br\s*/?\s*>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `start` and `end` are its place in the text."""

    kind: str
    value: str
    line: int
    start: int = 0
    end: int = 0

    @property
    def text(self) -> str:
        """What it says: without quotes, escapes and tags."""
        if self.kind in ("text", "single"):
            return unescaped(self.value[1:-1])
        if self.kind == "html":
            return html.unescape(_TAG.sub("", _BREAK.sub("\n", self.value[1:-1]))).strip()
        return self.value

    @property
    def is_value(self) -> bool:
        """Whether it may stand for itself as an identifier or a value."""
        return self.kind in ("name", "text", "single", "number", "html")


def tokens(text: str, source: str) -> Iterator[Token]:
    """Read the words of a file.

    Raises:
        InvalidInput: A text, an HTML label or a comment does not end.
    """
    fenced = _FENCE.match(text)
    line = 1 + text[: fenced.start(1)].count("\n") if fenced else 1
    text = (fenced[1] if fenced else text).removeprefix(_BOM)
    position, before = 0, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or (text.startswith("/*", position) and match.lastgroup == "odd"):
            raise broken(source, line, f"{text[position : position + 20]!r} does not end")
        kind, value = str(match.lastgroup), match.group()
        if kind == "odd" and value == "<" and before == "=":
            kind, value = "html", _html(text, position, source, line)
        elif kind == "hash" and before == "=":
            kind, value = "odd", value[0]
        end = position + len(value)
        if kind not in ("space", "hash"):
            yield Token(kind, value, line, position, end)
            before = value
        line += value.count("\n")
        position = end


def unescaped(text: str) -> str:
    """Resolve the escapes of a quoted text."""
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), text, flags=re.DOTALL)


def broken(source: str, line: int, why: str) -> InvalidInput:
    """Return the error of a file that is not a line."""
    return InvalidInput(
        "LIN-071",
        f"{source}:{line}: {why}.",
        "a line is one directed graph in DOT.",
        "correct it; `unlit lines lint FILE` checks it.",
    )


def _html(text: str, start: int, source: str, line: int) -> str:
    depth = 0
    for position in range(start, len(text)):
        depth += {"<": 1, ">": -1}.get(text[position], 0)
        if depth == 0:
            return text[start : position + 1]
    raise broken(source, line, "an HTML label does not end")
