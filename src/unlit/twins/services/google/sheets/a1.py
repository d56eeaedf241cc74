"""A1 and R1C1 notation."""

import re
from dataclasses import dataclass
from typing import Final

_CELL: Final = re.compile(r"^\$?([A-Za-z]{1,3})?\$?(\d{1,8})?$")
_R1C1: Final = re.compile(r"^R(\d+)?(?:C(\d+))?$|^C(\d+)$")
_PLAIN: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_LOOKS_LIKE_CELL: Final = re.compile(r"^(?:[A-Za-z]{1,3}\d+|[Rr]\d*[Cc]\d*|[Rr]\d*|[Cc]\d*)$")


class BadRange(ValueError):
    """The text is not a range."""


@dataclass(frozen=True, slots=True)
class Area:
    """A range: zero-based, end exclusive; `None` means open.

    Attributes:
        sheet: Title of the sheet, when the text names one.
    """

    sheet: str | None = None
    top: int | None = None
    left: int | None = None
    bottom: int | None = None
    right: int | None = None

    @property
    def whole(self) -> bool:
        """Whether this is a whole sheet."""
        return self.top is self.left is self.bottom is self.right is None


def column_number(letters: str) -> int:
    """Return the zero-based column of ``A``, ``AA`` …."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """Return the letters of a zero-based column."""
    out = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        out = chr(65 + rest) + out
    return out


def quoted(title: str) -> str:
    """Return a sheet's title as ranges show it."""
    if _PLAIN.match(title) and not _LOOKS_LIKE_CELL.match(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def split(text: str) -> tuple[str | None, str]:
    """Split a range into sheet title (or nothing) and the rest."""
    if text.startswith("'"):
        at = 1
        while True:
            at = text.find("'", at)
            if at < 0:
                raise BadRange(text)
            if text[at + 1 : at + 2] == "'":
                at += 2
                continue
            break
        title, rest = text[1:at].replace("''", "'"), text[at + 1 :]
        if rest and not rest.startswith("!"):
            raise BadRange(text)
        return title, rest[1:]
    if "!" in text:
        title, _, rest = text.rpartition("!")
        return title, rest
    return None, text


def parse(text: str) -> Area:
    """Read a range such as ``Sheet1!A1:B2``, ``A:C``, ``'My sheet'!3:4``, ``R1C1:R2C2``.

    Raises:
        BadRange: The text is none; a sheet's or named range's name alone is none either.
    """
    sheet, rest = split(text)
    if not rest:
        if sheet is None:
            raise BadRange(text)
        return Area(sheet)
    first, colon, second = rest.partition(":")
    start = _corner(first)
    if start is None:
        raise BadRange(text)
    if not colon:
        row, column = start
        if row is None or column is None:
            if _R1C1.match(first):
                return _area(sheet, start, start)
            raise BadRange(text)
        return _area(sheet, start, start)
    end = _corner(second)
    if end is None:
        raise BadRange(text)
    return _area(sheet, start, end)


def _corner(text: str) -> tuple[int | None, int | None] | None:
    found = _CELL.match(text)
    if found and (found[1] or found[2]):
        row = int(found[2]) - 1 if found[2] else None
        if row is not None and row < 0:
            return None
        return row, column_number(found[1]) if found[1] else None
    r1c1 = _R1C1.match(text)
    if r1c1 and text not in ("R", "C"):
        row_text, column_text = r1c1[1], r1c1[2] or r1c1[3]
        return (
            int(row_text) - 1 if row_text else None,
            int(column_text) - 1 if column_text else None,
        )
    return None


def _area(
    sheet: str | None, a: tuple[int | None, int | None], b: tuple[int | None, int | None]
) -> Area:
    top, bottom = _pair(a[0], b[0])
    left, right = _pair(a[1], b[1])
    return Area(sheet, top, left, bottom, right)


def _pair(a: int | None, b: int | None) -> tuple[int | None, int | None]:
    if a is None and b is None:
        return None, None
    if a is None or b is None:
        return (a if a is not None else b), None
    return min(a, b), max(a, b) + 1


def cell(row: int, column: int) -> str:
    """Return the A1 name of a cell."""
    return f"{column_letters(column)}{row + 1}"


def text(title: str, top: int, left: int, bottom: int, right: int) -> str:
    """Return a closed range as responses show it; one cell has no colon."""
    first, last = cell(top, left), cell(bottom - 1, right - 1)
    return f"{quoted(title)}!{first}" + (f":{last}" if first != last else "")
