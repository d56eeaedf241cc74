"""The body of a document as one flat run: one unit per index.

Every UTF-16 code unit, newline, inline object and structural mark is one unit, so a Docs index is
the unit's position. A table is TABLE ROW CELL … CELL … ROW … END; a paragraph ends with its
newline, which carries the paragraph's style, as in the original.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

Style = Mapping[str, Any]
CHAR: Final = "char"
NEWLINE: Final = "newline"
OBJECT: Final = "object"
FILLER: Final = "filler"
SECTION: Final = "section"
TABLE: Final = "table"
ROW: Final = "row"
CELL: Final = "cell"
END: Final = "end"
CONTENTS: Final = "contents"
CONTENTS_END: Final = "contents end"
STRUCTURE: Final = frozenset({SECTION, TABLE, ROW, CELL, END, CONTENTS, CONTENTS_END})
NO_STYLE: Final[Style] = {}


@dataclass(frozen=True, slots=True)
class Unit:
    """One index of a document.

    Attributes:
        kind: One of the kinds above.
        text: The code unit of a character.
        style: Text style (characters, newlines, objects) or the style of a mark.
        data: Paragraph (of a newline): style and bullet; element (of an object); mark's own data.
        apart: Begins a run of its own though its style is that of the unit before.
    """

    kind: str
    text: str = ""
    style: Style = field(default_factory=lambda: NO_STYLE)
    data: Any = None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What a newline carries."""

    style: Style = field(default_factory=lambda: NO_STYLE)
    bullet: Style | None = None
    positioned: tuple[str, ...] = ()


PLAIN: Final = Paragraph({"namedStyleType": "NORMAL_TEXT", "direction": "LEFT_TO_RIGHT"})
Units = tuple[Unit, ...]


def code_units(text: str) -> list[str]:
    """Split a text into UTF-16 code units (halves of pairs are lone surrogates)."""
    if text.isascii():
        return list(text)
    data = text.encode("utf-16-le", "surrogatepass")
    return [chr(data[i] | data[i + 1] << 8) for i in range(0, len(data), 2)]


def joined(units: Iterable[str]) -> str:
    """Join code units to text."""
    text = "".join(units)
    if any("\ud800" <= char <= "\udfff" for char in text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def from_text(text: str, style: Style, paragraph: Paragraph) -> list[Unit]:
    """Return units for a text; every newline ends a paragraph like `paragraph`."""
    return [
        Unit(NEWLINE, "\n", style, paragraph) if unit == "\n" else Unit(CHAR, unit, style)
        for unit in code_units(text)
    ]


def blank() -> Units:
    """Return the body of a new document."""
    return (Unit(SECTION, data=DEFAULT_SECTION), Unit(NEWLINE, "\n", NO_STYLE, PLAIN))


DEFAULT_SECTION: Final[Style] = {
    "columnSeparatorStyle": "NONE",
    "contentDirection": "LEFT_TO_RIGHT",
    "sectionType": "CONTINUOUS",
}


def paragraph_of(units: Units, index: int) -> tuple[int, int]:
    """Return start and end (after its newline) of the paragraph around a unit that is in one."""
    start = index
    while start > 0 and units[start - 1].kind not in STRUCTURE and units[start - 1].kind != NEWLINE:
        start -= 1
    end = index
    while units[end].kind != NEWLINE:
        end += 1
    return start, end + 1


def restyled(unit: Unit, **changes: Any) -> Unit:
    """Return a unit with changes."""
    return replace(unit, **changes)


def plain_text(units: Iterable[Unit]) -> str:
    """Return the text of units, without marks and objects."""
    return joined(unit.text for unit in units if unit.kind in (CHAR, NEWLINE))
