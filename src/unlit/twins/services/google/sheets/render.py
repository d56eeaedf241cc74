"""Spreadsheets in the vendor's JSON: properties, sheets, grid data."""

from typing import Any

from unlit.twins.services.google.sheets import presets, show
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.model import Cell, Failure, Row, Value

Box = tuple[int, int, int, int]
# Lists kept in `sheet["parts"]` under the vendor's key.
PARTS = (
    "conditionalFormats",
    "filterViews",
    "protectedRanges",
    "basicFilter",
    "charts",
    "bandedRanges",
    "developerMetadata",
    "rowGroups",
    "columnGroups",
    "slicers",
    "tables",
)


def spreadsheet(book: Book, boxes: dict[int, list[Area]] | None, *, data: bool) -> Row:
    """Render a spreadsheet.

    Args:
        book: Which.
        boxes: For each sheet asked for, the ranges asked for; `None` means every sheet.
        data: Whether grid data is wanted.
    """
    row = book.row
    properties: Row = {
        "title": row["title"],
        "locale": row["locale"],
        "autoRecalc": row["autoRecalc"],
        "timeZone": row["timeZone"],
        "defaultFormat": presets.DEFAULT_FORMAT,
        "spreadsheetTheme": row["props"].get("spreadsheetTheme", presets.THEME),
    }
    for name in ("iterativeCalculationSettings", "importFunctionsExternalUrlAccessAllowed"):
        if row["props"].get(name) is not None:
            properties[name] = row["props"][name]
    out: Row = {
        "spreadsheetId": row["id"],
        "properties": properties,
        "sheets": [
            sheet(book, one, n, (boxes or {}).get(one["id"]), data=data)
            for n, one in enumerate(book.sheets)
            if boxes is None or one["id"] in boxes
        ],
    }
    if row["named"]:
        out["namedRanges"] = [{**one, "range": grid_range(one["range"])} for one in row["named"]]
    out["spreadsheetUrl"] = f"https://docs.google.com/spreadsheets/d/{row['id']}/edit"
    if row["developer"]:
        out["developerMetadata"] = list(row["developer"])
    return out


def grid_range(box: Row) -> Row:
    """Render a GridRange; a sheet id of zero is left out."""
    return {key: value for key, value in box.items() if key != "sheetId" or value}


def sheet_properties(one: Row, index: int) -> Row:
    """Render a sheet's properties; what is false is left out."""
    out: Row = {
        "sheetId": one["id"],
        "title": one["title"],
        "index": index,
        "sheetType": one["kind"],
    }
    if one["kind"] == "GRID":
        out["gridProperties"] = {
            "rowCount": one["rows"],
            "columnCount": one["columns"],
            **{key: value for key, value in one["grid"].items() if value},
        }
    for name in ("hidden", "rightToLeft"):
        if one["props"].get(name):
            out[name] = True
    for name in ("tabColor", "tabColorStyle", "dataSourceSheetProperties"):
        if one["props"].get(name):
            out[name] = one["props"][name]
    return out


def sheet(book: Book, one: Row, index: int, areas: list[Area] | None, *, data: bool) -> Row:
    """Render a sheet."""
    out: Row = {"properties": sheet_properties(one, index)}
    if data and one["kind"] == "GRID":
        out["data"] = [grid_data(book, one, area) for area in areas or [Area()]]
    if one["merges"]:
        out["merges"] = [grid_range(box) for box in one["merges"]]
    for name in PARTS:
        value = one["parts"].get(name)
        if value:
            out[name] = ranged(value)
    return out


def ranged(value: Any) -> Any:
    """Render parts that hold ranges; a sheet id of zero is left out inside them."""
    if isinstance(value, dict):
        if "startRowIndex" in value or "endRowIndex" in value or "startColumnIndex" in value:
            return grid_range(value)
        return {
            key: grid_range(item)
            if key in ("range", "dataRange") and isinstance(item, dict)
            else ranged(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [ranged(item) for item in value]
    return value


def grid_data(book: Book, one: Row, area: Area) -> Row:
    """Render the cells of a range, with row and column metadata."""
    top, left, bottom, right = book.closed(one, area)
    out: Row = {}
    if top:
        out["startRow"] = top
    if left:
        out["startColumn"] = left
    rows = row_data(book, one, (top, left, bottom, right))
    if rows:
        out["rowData"] = rows
    out["rowMetadata"] = [
        {"pixelSize": presets.ROW_PIXELS, **one["row_meta"].get(r, {})} for r in range(top, bottom)
    ]
    out["columnMetadata"] = [
        {"pixelSize": presets.COLUMN_PIXELS, **one["column_meta"].get(c, {})}
        for c in range(left, right)
    ]
    return out


def row_data(book: Book, one: Row, box: Box) -> list[Row]:
    """Render the rows of a box; trailing emptiness is left out."""
    top, left, bottom, right = box
    computed = book.computed(one)
    used_rows, used_columns = len(one["cells"]), right
    if computed is not None:
        used_rows = max(used_rows, computed.used(one["id"])[0])
    out: list[Row] = []
    for r in range(top, min(bottom, used_rows)):
        line: list[Row] = []
        for c in range(left, min(right, used_columns)):
            cell = book.cell(one, r, c)
            value = cell.value if computed is None else computed.cell(one["id"], r, c)
            line.append(cell_data(book, cell, value))
        while line and not line[-1]:
            line.pop()
        out.append({"values": line} if line else {})
    while out and not out[-1]:
        out.pop()
    return out


def extended(cell: Cell) -> Row | None:
    """Render what was entered."""
    if cell.formula is not None:
        return {"formulaValue": cell.formula}
    return plain_value(cell.value)


def plain_value(value: Value | Failure) -> Row | None:
    """Render a value."""
    if value is None:
        return None
    if isinstance(value, Failure):
        return {"errorValue": {"type": value.kind, "message": value.message}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, float):
        return {"numberValue": int(value) if value == int(value) else value}
    return {"stringValue": value}


def cell_data(book: Book, cell: Cell, value: Value | Failure) -> Row:
    """Render a cell."""
    if cell.bare and value is None:
        return {}
    out: Row = {}
    entered = extended(cell)
    if entered is not None:
        out["userEnteredValue"] = entered
    if value is not None:
        out["effectiveValue"] = plain_value(value)
        out["formattedValue"] = show.shown(value, cell.style)
    if cell.style:
        out["userEnteredFormat"] = cell.style
    if cell.filled or cell.style:
        out["effectiveFormat"] = effective(cell, value)
    for name, item in (cell.extra or {}).items():
        out[name] = item
    return out


def effective(cell: Cell, value: Value | Failure) -> Row:
    """Render the format that applies."""
    style = dict(cell.style or {})
    out = {**presets.EFFECTIVE, **style}
    out["textFormat"] = {**presets.EFFECTIVE["textFormat"], **(style.get("textFormat") or {})}
    if "horizontalAlignment" not in style:
        if isinstance(value, bool | Failure):
            out["horizontalAlignment"] = "CENTER"
        elif isinstance(value, float):
            out["horizontalAlignment"] = "RIGHT"
        elif value is None:
            out.pop("horizontalAlignment")
    return out
