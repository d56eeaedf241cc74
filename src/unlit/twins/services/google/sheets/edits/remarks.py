"""Comment threads on cells, and how a spreadsheet shows them."""

from functools import partial
from typing import Any, Final

from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask
from unlit.twins.services.google.sheets import show
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.model import Failure, Row
from unlit.twins.services.google.threads import KINDS, MODES, Threads, included

PART: Final = "commentAnchors"


def _place(edit: Edit, body: Row) -> tuple[str, str]:
    """Anchor a comment at a cell; return the anchor's id and what the cell shows."""
    at = body.get("coordinate") or {}
    sheet = edit.sheet(at.get("sheetId"))
    row, column = int(at.get("rowIndex") or 0), int(at.get("columnIndex") or 0)
    if not (0 <= row < sheet["rows"] and 0 <= column < sheet["columns"]):
        raise edit.refuse("The coordinate is outside of the grid.")
    anchor = str(edit.ask.world.number("google.anchor", 1_000_000_000))
    box = {"sheetId": sheet["id"], "startRowIndex": row, "endRowIndex": row + 1,
           "startColumnIndex": column, "endColumnIndex": column + 1}  # fmt: skip
    rows = [*(sheet["parts"].get(PART) or ()), {"anchorId": anchor, "range": box}]
    edit.book.patch(sheet["id"], parts={**sheet["parts"], PART: rows})
    value = edit.book.value(sheet, row, column)
    cell = edit.book.cell(sheet, row, column)
    return anchor, "" if isinstance(value, Failure) else show.shown(value, cell.style)


def _apply(edit: Edit, name: str) -> Row:
    threads = Threads(edit.ask.world, edit.book.ident, edit.ask.me, edit.refuse)
    return threads.apply(name, edit.body, partial(_place, edit))


for _name in sorted(KINDS):
    kind(_name)(partial(_apply, name=_name))


def seen(ask: Ask, book: Book, out: Row) -> Row:
    """Add comments to a spreadsheet, when the caller asks for them and may see them."""
    mode = ask.arg("commentsViewMode", "COMMENTS_VIEW_MODE_UNSPECIFIED")
    word = mode.removeprefix("COMMENTS_VIEW_MODE_")
    if word not in MODES:
        text = f"Invalid value at 'comments_view_mode', \"{mode}\""
        raise errors.violated(("comments_view_mode", text))
    may = included(ask, book.ident, word)
    if not may:
        return out
    anchors: dict[Any, list[Row]] = {
        sheet["id"]: sheet["parts"].get(PART) or [] for sheet in book.sheets
    }
    sheets = []
    for one in out["sheets"]:
        held = anchors.get(one["properties"]["sheetId"])
        sheets.append({**one, PART: held} if held else one)
    threads = Threads(ask.world, book.ident, ask.me, errors.invalid)
    return {**out, "sheets": sheets, "comments": threads.listed(), "commentsViewMode": mode}
