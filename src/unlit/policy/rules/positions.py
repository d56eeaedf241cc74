"""Where each key and value of a TOML text stands, so that a message can name line and column.

`tomllib` checks the text and gives the values; this scanner only walks text that `tomllib` has
already accepted, so it needs no error handling of its own.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final

from unlit.policy.model import NOWHERE, Position

Path = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\]}#\n]+")


class Positions:
    """Positions of keys, by path; a value's position is its key's, an item's is its own."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._at: dict[Path, Position] = {}
        self._tables: dict[Path, int] = {}
        self._scan()

    def of(self, *path: str | int) -> Position:
        """Return where `path` stands, or where its nearest enclosing part does."""
        while path:
            found = self._at.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return Position(1, 1)

    def at_offset(self, offset: int) -> Position:
        """Return the position of a character."""
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)

    def _mark(self, path: Path, offset: int) -> None:
        if self._at.get(path, NOWHERE) is NOWHERE:
            self._at[path] = self.at_offset(offset)

    def _mark_all(self, path: Path, offset: int) -> None:
        """Mark a table, and what it lies in as far as nothing else named that."""
        for size in range(1, len(path) + 1):
            self._mark(path[:size], offset)

    def _scan(self) -> None:
        text, here = self._text, 0
        base: Path = ()
        while (here := self._blank(here)) < len(text):
            if text.startswith("[[", here):
                key, end = self._key(here + 2)
                base = self._resolve(key[:-1])
                base = (*base, key[-1])
                number = self._tables.get(base, -1) + 1
                self._tables[base] = number
                base = (*base, number)
                self._mark_all(base, here)
                here = end + 2
            elif text[here] == "[":
                key, end = self._key(here + 1)
                base = self._resolve(key)
                self._mark_all(base, here)
                here = end + 1
            else:
                here = self._pair(here, base)

    def _resolve(self, key: tuple[str, ...]) -> Path:
        path: Path = ()
        for part in key:
            path = (*path, part)
            if path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _blank(self, here: int) -> int:
        match = _BLANK.match(self._text, here)
        return match.end() if match else here

    def _space(self, here: int) -> int:
        match = _SPACE.match(self._text, here)
        return match.end() if match else here

    def _key(self, here: int) -> tuple[tuple[str, ...], int]:
        parts: list[str] = []
        while True:
            here = self._space(here)
            match = _STRING.match(self._text, here) or _BARE.match(self._text, here)
            if match is None:
                return tuple(parts), here
            raw = match.group()
            parts.append(_unquote(raw))
            here = self._space(match.end())
            if not self._text.startswith(".", here):
                return tuple(parts), here
            here += 1

    def _pair(self, here: int, base: Path) -> int:
        key, end = self._key(here)
        path = (*base, *key)
        for depth in range(len(base) + 1, len(path) + 1):
            self._mark(path[:depth], here)
        return self._value(self._space(end + 1), path)

    def _value(self, here: int, path: Path) -> int:
        text = self._text
        if text.startswith("[", here):
            return self._items(here + 1, path)
        if text.startswith("{", here):
            here = self._blank(here + 1)
            while here < len(text) and text[here] != "}":
                here = self._blank(self._pair(here, path))
                if text.startswith(",", here):
                    here = self._blank(here + 1)
            return here + 1
        match = _STRING.match(text, here) or _PLAIN.match(text, here)
        return match.end() if match else here + 1

    def _items(self, here: int, path: Path) -> int:
        text, number = self._text, 0
        here = self._blank(here)
        while here < len(text) and text[here] != "]":
            self._mark((*path, number), here)
            here = self._blank(self._value(here, (*path, number)))
            number += 1
            if text.startswith(",", here):
                here = self._blank(here + 1)
        return here + 1


def _unquote(raw: str) -> str:
    if raw[0] not in "\"'":
        return raw
    try:
        return str(tomllib.loads("k = " + raw)["k"])
    except tomllib.TOMLDecodeError:
        return raw[1:-1]
