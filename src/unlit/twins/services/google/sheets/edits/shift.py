"""Rows and columns come and go: cells, formulas, merges and every range follow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.formula import parse
from unlit.twins.services.google.sheets.formula.model import Corner, Reference
from unlit.twins.services.google.sheets.model import Cell, Grid, Row


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows or columns inserted or deleted.

    Attributes:
        rows: Rows (or else columns).
        start: First index.
        count: How many are inserted before `start`; negative: deleted from it.
    """

    sheet: int
    rows: bool
    start: int
    count: int

    def point(self, index: int) -> int | None:
        """Return where an index goes; a deleted one nowhere."""
        if self.count >= 0:
            return index + self.count if index >= self.start else index
        if index < self.start:
            return index
        return index + self.count if index >= self.start - self.count else None

    def span(self, low: int | None, high: int | None) -> tuple[int | None, int | None] | None:
        """Return where [low, high) goes; one deleted as a whole nowhere."""
        if self.count >= 0:
            new_low = None if low is None else low + self.count if low >= self.start else low
            new_high = None if high is None else high + self.count if high > self.start else high
            return new_low, new_high
        stop, gone = self.start - self.count, -self.count
        new_low = None if low is None else min(low, self.start) if low < stop else low - gone
        new_high = None if high is None else min(high, self.start) if high <= stop else high - gone
        if high is not None and (new_high or 0) <= (new_low or 0):
            return None
        return new_low, new_high

    def box(self, box: Row) -> Row | None:
        """Return where a GridRange goes."""
        if int(box.get("sheetId") or 0) != self.sheet:
            return box
        names = (
            ("startRowIndex", "endRowIndex")
            if self.rows
            else ("startColumnIndex", "endColumnIndex")
        )
        found = self.span(box.get(names[0]), box.get(names[1]))
        if found is None:
            return None
        new = {k: v for k, v in box.items() if k not in names}
        return {**new, **{n: v for n, v in zip(names, found, strict=True) if v is not None}}


def apply(book: Book, shift: Shift) -> None:
    """Insert or delete rows or columns of a sheet."""
    sheet = book.sheet(shift.sheet)
    assert sheet is not None  # noqa: S101 # callers looked it up
    cells = moved_cells(sheet["cells"], shift)
    size = "rows" if shift.rows else "columns"
    meta = "row_meta" if shift.rows else "column_meta"
    kept = {
        new: value for old, value in sheet[meta].items() if (new := shift.point(old)) is not None
    }
    book.patch(
        shift.sheet,
        cells=cells,
        merges=tuple(b for box in sheet["merges"] if (b := _merge(shift, box)) is not None),
        parts=moved_parts(sheet["parts"], shift),
        **{size: sheet[size] + shift.count, meta: kept},
    )
    named = [
        {**row, "range": box}
        for row in book.row["named"]
        if (box := shift.box(row["range"])) is not None
    ]
    book.change(named=tuple(named))
    rewrite(book, lambda here: lambda ref: _reference(book, shift, here, ref))


def _merge(shift: Shift, box: Row) -> Row | None:
    new = shift.box(box)
    if new is None:
        return None
    height = new["endRowIndex"] - new["startRowIndex"]
    width = new["endColumnIndex"] - new["startColumnIndex"]
    return new if height * width > 1 else None


def moved_cells(cells: Grid, shift: Shift) -> Grid:
    """Return a grid with rows or columns put in or taken out."""
    at, count = shift.start, shift.count
    if shift.rows:
        return _spliced(cells, at, count, ())
    return tuple(_spliced(line, at, count, None) for line in cells)


def _spliced(items: tuple[Any, ...], at: int, count: int, blank: Any) -> tuple[Any, ...]:
    if count < 0:
        return (*items[:at], *items[at - count :])
    if at >= len(items):
        return items
    return (*items[:at], *([blank] * count), *items[at:])


def moved_parts(value: Any, shift: Shift) -> Any:
    """Return protected ranges, filters and the like with their ranges moved."""
    if isinstance(value, dict):
        out: Row = {}
        for key, item in value.items():
            if key in ("range", "dataRange") and isinstance(item, dict):
                box = shift.box(item)
                if box is None:
                    return None
                out[key] = box
            elif key == "ranges" and isinstance(item, list | tuple):
                boxes = [b for box in item if (b := shift.box(box)) is not None]
                if not boxes:
                    return None
                out[key] = boxes
            else:
                out[key] = moved_parts(item, shift)
        return out
    if isinstance(value, list | tuple):
        return [x for item in value if (x := moved_parts(item, shift)) is not None]
    return value


def rewrite(book: Book, change: Callable[[Row], Callable[[Reference], Reference | None]]) -> None:
    """Change the references of every formula; `change` gets the sheet the formula is in."""
    for sheet in book.sheets:
        mapping = change(sheet)
        touched = False
        lines: list[tuple[Cell | None, ...]] = []
        for line in sheet["cells"]:
            if not any(cell is not None and cell.formula is not None for cell in line):
                lines.append(line)
                continue
            touched = True
            lines.append(
                tuple(
                    replace(cell, formula=parse.rewritten(cell.formula, mapping))
                    if cell is not None and cell.formula is not None
                    else cell
                    for cell in line
                )
            )
        if touched:
            book.patch(sheet["id"], cells=tuple(lines))


def _reference(book: Book, shift: Shift, here: Row, ref: Reference) -> Reference | None:
    there = here if ref.sheet is None else book.titled(ref.sheet)
    if there is None or there["id"] != shift.sheet:
        return ref
    first, last = ref.first, ref.last or ref.first
    low = first.row if shift.rows else first.column
    high = last.row if shift.rows else last.column
    found = shift.span(low, None if high is None else high + 1)
    if found is None:
        return None
    new_low, new_high = found
    new_first = _placed(first, shift, new_low)
    if ref.last is None:
        return Reference(ref.sheet, new_first)
    return Reference(
        ref.sheet, new_first, _placed(last, shift, None if new_high is None else new_high - 1)
    )


def _placed(corner: Corner, shift: Shift, index: int | None) -> Corner:
    return replace(corner, row=index) if shift.rows else replace(corner, column=index)


def retitled(book: Book, old: str, new: str) -> None:
    """Let formulas follow a sheet's new name."""

    def change(ref: Reference) -> Reference | None:
        if ref.sheet is not None and ref.sheet.lower() == old.lower():
            return replace(ref, sheet=new)
        return ref

    rewrite(book, lambda here: change)
