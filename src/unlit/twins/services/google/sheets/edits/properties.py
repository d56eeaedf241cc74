"""Sheets and the spreadsheet itself: properties, add, delete, duplicate."""

from typing import Any

from unlit.twins.services.google import errors, masks
from unlit.twins.services.google.sheets import presets, render
from unlit.twins.services.google.sheets.book import Book, new_sheet
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.model import DEFAULT_COLUMNS, DEFAULT_ROWS, Row

CELLS_LIMIT = 10_000_000


@kind("updateSpreadsheetProperties")
def spreadsheet_properties(edit: Edit) -> Row:
    """Change title, locale, time zone …."""
    given, mask = edit.body.get("properties") or {}, edit.mask()
    changes: Row = {}
    for name in ("title", "locale", "timeZone", "autoRecalc"):
        if masks.names(mask, name) and name in given:
            changes[name] = given[name]
    if changes.get("title") == "":
        raise edit.refuse("Title cannot be empty.")
    props = dict(edit.book.row["props"])
    for name in ("iterativeCalculationSettings", "spreadsheetTheme"):
        if masks.names(mask, name) and name in given:
            props[name] = given[name]
    edit.book.change(**changes, props=props)
    if "title" in changes:
        edit.ask.table("files").patch(edit.book.ident, name=changes["title"])
    return {}


@kind("updateSheetProperties")
def sheet_properties(edit: Edit) -> Row:
    """Change a sheet's properties."""
    given, mask = edit.body.get("properties") or {}, edit.mask()
    sheet = edit.sheet(given.get("sheetId"))
    old = render.sheet_properties(sheet, _place(edit.book, sheet["id"]))
    new = masks.merged(old, given, mask)
    if not new.get("title"):
        raise edit.refuse("Sheet name cannot be empty.")
    _check_title(edit.book, new["title"], sheet["id"], edit.at)
    if new.get("hidden") and not old.get("hidden"):
        _check_visible(edit, sheet["id"])
    grid = dict(new.get("gridProperties") or {})
    rows, columns = grid.pop("rowCount", sheet["rows"]), grid.pop("columnCount", sheet["columns"])
    _check_size(edit, rows, columns, grid)
    props = {
        name: coloured(new[name]) if name.startswith("tabColor") else new[name]
        for name in ("hidden", "rightToLeft", "tabColor", "tabColorStyle")
        if new.get(name)
    }
    if "tabColor" in props and "tabColorStyle" not in given:
        props["tabColorStyle"] = {"rgbColor": props["tabColor"]}
    if "tabColorStyle" in props and masks.names(mask, "tabColorStyle"):
        shown = props["tabColorStyle"].get("rgbColor")
        props["tabColor"] = shown if shown is not None else {}
    cells = tuple(line[:columns] for line in sheet["cells"][:rows])
    edit.book.patch(
        sheet["id"],
        title=new["title"],
        rows=rows,
        columns=columns,
        grid=grid,
        props=props,
        cells=cells,
    )
    if "index" in given and masks.names(mask, "index"):
        _move(edit.book, sheet["id"], int(given["index"]))
    if new["title"] != sheet["title"]:
        _retitle(edit.book, sheet["title"], new["title"])
    return {}


def coloured(value: Any) -> Any:
    """Return a colour as it is kept: single precision, zero parts left out."""
    if not isinstance(value, dict):
        return value
    if "rgbColor" in value:
        return {**value, "rgbColor": coloured(value["rgbColor"])}
    return {
        name: presets.eighth(part) if isinstance(part, int | float) else part
        for name, part in value.items()
        if part
    }


def _place(book: Book, number: int) -> int:
    return int(book.row["sheets"].index(number))


def _check_title(book: Book, title: str, number: int | None, at: str) -> None:
    other = book.titled(title)
    if other is not None and other["id"] != number:
        raise errors.invalid(
            f'Invalid {at}: A sheet with the name "{title}" already exists. Please enter another '
            "name."
        )


def _check_visible(edit: Edit, number: int) -> None:
    others = [s for s in edit.book.sheets if s["id"] != number and not s["props"].get("hidden")]
    if not others:
        raise edit.refuse("You can't hide all the sheets in a document.")


def _check_size(edit: Edit, rows: int, columns: int, grid: Row) -> None:
    if rows < 1 or columns < 1:
        raise edit.refuse(f"Grid must have at least one {'row' if rows < 1 else 'column'}.")
    if grid.get("frozenRowCount", 0) >= rows > 0 and grid.get("frozenRowCount"):
        raise edit.refuse("You can't freeze all visible rows on the sheet.")
    if grid.get("frozenColumnCount", 0) >= columns > 0 and grid.get("frozenColumnCount"):
        raise edit.refuse("You can't freeze all visible columns on the sheet.")
    total = sum(s["rows"] * s["columns"] for s in edit.book.sheets)
    if rows * columns > CELLS_LIMIT or total > CELLS_LIMIT:
        raise edit.refuse(
            f"This action would increase the number of cells in the workbook above the limit of "
            f"{CELLS_LIMIT} cells."
        )


def _move(book: Book, number: int, index: int) -> None:
    order = list(book.row["sheets"])
    old = order.index(number)
    order.insert(min(index, len(order)), None)
    order.pop(old if index > old else old + 1)
    book.change(sheets=tuple(number if x is None else x for x in order))


def _retitle(book: Book, old: str, new: str) -> None:
    """Let formulas follow a sheet's new name."""
    from unlit.twins.services.google.sheets.edits import shift

    shift.retitled(book, old, new)


def free_title(book: Book, title: str) -> str:
    """Return a title that no sheet has yet."""
    if book.titled(title) is None:
        return title
    number = 2
    while book.titled(f"{title} {number}") is not None:
        number += 1
    return f"{title} {number}"


def add(book: Book, given: Row, at: str) -> Row:
    """Add a sheet."""
    number = given.get("sheetId")
    if number is not None and book.sheet(int(number)) is not None:
        raise errors.invalid(
            f"Invalid {at}: A sheet with the ID {number} already exists. Please enter another ID."
        )
    if number is None:
        number = book.world.random("sheet").randrange(1, 2**31 - 1)
    title = given.get("title")
    if title is None or title == "":
        title, n = "", len(book.sheets) + 1
        while not title or book.titled(title) is not None:
            title, n = f"Sheet{n}", n + 1
    _check_title(book, title, None, at)
    grid = {k: v for k, v in (given.get("gridProperties") or {}).items() if v is not None}
    rows = int(grid.pop("rowCount", DEFAULT_ROWS))
    columns = int(grid.pop("columnCount", DEFAULT_COLUMNS))
    if rows < 1 or columns < 1:
        raise errors.invalid(f"Invalid {at}: A sheet must have at least one row and one column.")
    if rows * columns + sum(s["rows"] * s["columns"] for s in book.sheets) > CELLS_LIMIT:
        raise errors.invalid(
            f"Invalid {at}: This action would increase the number of cells in the workbook above "
            f"the limit of {CELLS_LIMIT} cells."
        )
    props = {
        name: coloured(given[name])
        for name in ("hidden", "rightToLeft", "tabColor", "tabColorStyle")
        if given.get(name)
    }
    row = new_sheet(
        int(number),
        title,
        0,
        rows=rows,
        columns=columns,
        grid=grid,
        props=props,
        kind=given.get("sheetType", "GRID"),
    )
    book.table.put((book.ident, int(number)), row)
    order = list(book.row["sheets"])
    index = given.get("index")
    order.insert(len(order) if index is None else min(int(index), len(order)), int(number))
    book.change(sheets=tuple(order))
    return row


@kind("addSheet")
def add_sheet(edit: Edit) -> Row:
    """Add a sheet."""
    row = add(edit.book, edit.body.get("properties") or {}, edit.at)
    shown = render.sheet_properties(row, _place(edit.book, row["id"]))
    return {"addSheet": {"properties": shown}}


@kind("deleteSheet")
def delete_sheet(edit: Edit) -> Row:
    """Delete a sheet; the last one stays."""
    sheet = edit.book.sheet(int(edit.body.get("sheetId") or 0))
    if sheet is None:
        raise edit.refuse(f"No sheet with id: {edit.body.get('sheetId') or 0}")
    visible = [
        s for s in edit.book.sheets if s["id"] != sheet["id"] and not s["props"].get("hidden")
    ]
    if not visible:
        raise edit.refuse("You can't remove all the visible sheets in a document.")
    order = tuple(x for x in edit.book.row["sheets"] if x != sheet["id"])
    named = tuple(
        n for n in edit.book.row["named"] if (n["range"].get("sheetId") or 0) != sheet["id"]
    )
    edit.book.table.drop((edit.book.ident, sheet["id"]))
    edit.book.change(sheets=order, named=named)
    return {}


@kind("duplicateSheet")
def duplicate_sheet(edit: Edit) -> Row:
    """Copy a sheet inside the spreadsheet."""
    source = edit.sheet(edit.body.get("sourceSheetId"))
    title = edit.body.get("newSheetName") or free_title(edit.book, f"Copy of {source['title']}")
    given: Row = {"title": title, "index": edit.body.get("insertSheetIndex", 0)}
    if edit.body.get("newSheetId") is not None:
        given["sheetId"] = edit.body["newSheetId"]
    made = add(edit.book, given, edit.at)
    kept = {k: v for k, v in source.items() if k not in ("id", "title", "index")}
    row = edit.book.patch(made["id"], **kept)
    shown = render.sheet_properties(row, _place(edit.book, row["id"]))
    return {"duplicateSheet": {"properties": shown}}
