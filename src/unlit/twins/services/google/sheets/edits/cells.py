"""Cells: update, append, repeat, merge, borders, validation, notes."""

from typing import Any

from unlit.twins.services.google import masks
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.model import Cell, Editor, Row, Value

_OWN = ("userEnteredValue", "userEnteredFormat")
_COMPUTED = ("effectiveValue", "formattedValue", "effectiveFormat", "hyperlink")


def entered(given: Row | None) -> tuple[Value, str | None]:
    """Return value and formula of an ExtendedValue."""
    if not given:
        return None, None
    if "formulaValue" in given:
        return None, str(given["formulaValue"])
    for name in ("numberValue", "stringValue", "boolValue"):
        if given.get(name) is not None:
            value = given[name]
            return (float(value) if name == "numberValue" else value), None
    return None, None


def changed(cell: Cell, given: Row, mask: masks.Mask) -> Cell:
    """Return a cell with the masked parts of CellData."""
    value, formula, style, extra = cell.value, cell.formula, cell.style, cell.extra
    if masks.names(mask, "userEnteredValue"):
        value, formula = entered(given.get("userEnteredValue"))
    if masks.names(mask, "userEnteredFormat"):
        below = mask.get("userEnteredFormat") or mask.get("user_entered_format") or {}
        new = given.get("userEnteredFormat") or {}
        merged = masks.merged(dict(style or {}), new, below) if below else new
        style = styled(merged) or None
    others = {k: v for k, v in given.items() if k not in (*_OWN, *_COMPUTED)}
    kept = dict(extra or {})
    wanted = (
        {"note", "dataValidation", "textFormatRuns", "pivotTable", "chipRuns"}
        if masks.ALL in mask
        else {masks.camel(k) for k in mask} - {*_OWN, *_COMPUTED}
    )
    for name in wanted:
        if others.get(name):
            kept[name] = others[name]
        else:
            kept.pop(name, None)
    return Cell(value, formula, style, kept or None)


def styled(style: Row) -> Row:
    """Return a format as it is kept: colours in both forms, in single precision."""
    from unlit.twins.services.google.sheets.edits.properties import coloured

    out = dict(style)
    for name in ("backgroundColor",):
        _both(out, name, coloured)
    if isinstance(out.get("textFormat"), dict):
        text = dict(out["textFormat"])
        _both(text, "foregroundColor", coloured)
        out["textFormat"] = text
    return {k: v for k, v in out.items() if v not in (None, {})}


def _both(out: Row, name: str, coloured: Any) -> None:
    shown, whole = out.get(name), out.get(name + "Style")
    if whole is not None:
        out[name + "Style"] = coloured(whole)
        if "rgbColor" in whole:
            out[name] = coloured(whole["rgbColor"])
    elif shown is not None:
        out[name] = coloured(shown)
        out[name + "Style"] = {"rgbColor": coloured(shown)}


def write_rows(editor: Editor, top: int, left: int, rows: list[Row], mask: masks.Mask) -> None:
    """Write RowData."""
    for r, row in enumerate(rows):
        for c, given in enumerate(row.get("values") or []):
            old = editor.get(top + r, left + c)
            editor.put(top + r, left + c, changed(old, given or {}, mask))


@kind("updateCells")
def update(edit: Edit) -> Row:
    """Write cells into a range, or from a coordinate on; the rest of a range is cleared."""
    mask, rows = edit.mask(), edit.body.get("rows") or []
    if "start" in edit.body:
        start = edit.body["start"] or {}
        sheet = edit.sheet(start.get("sheetId"))
        top, left = int(start.get("rowIndex") or 0), int(start.get("columnIndex") or 0)
        bottom, right = (
            top + len(rows),
            left + max((len(r.get("values") or []) for r in rows), default=0),
        )
        if bottom > sheet["rows"] or right > sheet["columns"]:
            size, word = (
                (sheet["rows"], "row") if bottom > sheet["rows"] else (sheet["columns"], "column")
            )
            raise edit.refuse(
                f"Attempting to write {word}: {size}, beyond the last requested {word} of: "
                f"{size - 1}"
            )
        editor = edit.book.editor(sheet)
        write_rows(editor, top, left, rows, mask)
    else:
        sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
        if len(rows) > bottom - top:
            raise edit.refuse(
                f"Attempting to write row: {bottom}, beyond the last requested row of: {bottom - 1}"
            )
        editor = edit.book.editor(sheet)
        for r in range(top, bottom):
            line = rows[r - top].get("values") or [] if r - top < len(rows) else []
            if len(line) > right - left:
                raise edit.refuse(
                    f"Attempting to write column: {right}, beyond the last requested column "
                    f"of: {right - 1}"
                )
            for c in range(left, right):
                given = line[c - left] if c - left < len(line) else {}
                old = editor.get(r, c)
                new = changed(old, given or {}, mask)
                if new != old:
                    editor.put(r, c, new)
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("appendCells")
def append(edit: Edit) -> Row:
    """Write rows below the last one with data; the grid grows."""
    sheet, rows, mask = (
        edit.sheet(edit.body.get("sheetId")),
        edit.body.get("rows") or [],
        edit.mask(),
    )
    cells = sheet["cells"]
    last = max(
        (r + 1 for r, line in enumerate(cells) if any(c and c.filled for c in line)), default=0
    )
    editor = edit.book.editor(sheet)
    write_rows(editor, last, 0, rows, mask)
    width = max((len(r.get("values") or []) for r in rows), default=0)
    edit.book.patch(
        sheet["id"],
        cells=editor.grid(),
        rows=max(sheet["rows"], last + len(rows)),
        columns=max(sheet["columns"], width),
    )
    return {}


@kind("repeatCell")
def repeat(edit: Edit) -> Row:
    """Write one cell into every cell of a range; formulas are moved along."""
    from unlit.twins.services.google.sheets.formula import parse

    mask, given = edit.mask(), edit.body.get("cell") or {}
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    editor = edit.book.editor(sheet)
    formula = (given.get("userEnteredValue") or {}).get("formulaValue")
    for r in range(top, bottom):
        for c in range(left, right):
            one = given
            if formula:
                text = parse.moved(formula, r - top, c - left)
                one = {**given, "userEnteredValue": {"formulaValue": text}}
            editor.put(r, c, changed(editor.get(r, c), one, mask))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


def overlap(a: Row, b: Row) -> bool:
    """Say whether two closed boxes share a cell."""
    return bool(
        a["startRowIndex"] < b["endRowIndex"]
        and b["startRowIndex"] < a["endRowIndex"]
        and a["startColumnIndex"] < b["endColumnIndex"]
        and b["startColumnIndex"] < a["endColumnIndex"]
    )


def boxed(sheet: Row, box: tuple[int, int, int, int]) -> Row:
    """Return a closed box as a GridRange."""
    return {
        "sheetId": sheet["id"],
        "startRowIndex": box[0],
        "endRowIndex": box[2],
        "startColumnIndex": box[1],
        "endColumnIndex": box[3],
    }


@kind("mergeCells")
def merge(edit: Edit) -> Row:
    """Merge cells; only the first value of each merge stays."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    how = edit.body.get("mergeType", "MERGE_ALL")
    if how == "MERGE_COLUMNS":
        parts = [(top, c, bottom, c + 1) for c in range(left, right)]
    elif how == "MERGE_ROWS":
        parts = [(r, left, r + 1, right) for r in range(top, bottom)]
    else:
        parts = [(top, left, bottom, right)]
    fresh = [boxed(sheet, p) for p in parts if (p[2] - p[0]) * (p[3] - p[1]) > 1]
    whole = boxed(sheet, (top, left, bottom, right))
    for old in sheet["merges"]:
        inside = (
            top <= old["startRowIndex"]
            and old["endRowIndex"] <= bottom
            and left <= old["startColumnIndex"]
            and old["endColumnIndex"] <= right
        )
        if overlap(old, whole) and not inside:
            raise edit.refuse(
                "You must select all cells in a merged range to merge or unmerge them."
            )
    kept = [old for old in sheet["merges"] if not overlap(old, whole)]
    editor = edit.book.editor(sheet)
    for part in parts:
        _keep_first(editor, part)
    edit.book.patch(sheet["id"], merges=(*kept, *fresh), cells=editor.grid())
    return {}


def _keep_first(editor: Editor, box: tuple[int, int, int, int]) -> None:
    spots = [(r, c) for r in range(box[0], box[2]) for c in range(box[1], box[3])]
    first = editor.get(*spots[0])
    for spot in spots[1:]:
        cell = editor.get(*spot)
        if cell.filled:
            if not first.filled:
                first = Cell(cell.value, cell.formula, first.style, first.extra)
            editor.put(*spot, cell.emptied())
    editor.put(*spots[0], first)


@kind("unmergeCells")
def unmerge(edit: Edit) -> Row:
    """Take merges of a range apart."""
    sheet, box = edit.box(edit.body.get("range"))
    whole = boxed(sheet, box)
    for old in sheet["merges"]:
        inside = (
            box[0] <= old["startRowIndex"]
            and old["endRowIndex"] <= box[2]
            and box[1] <= old["startColumnIndex"]
            and old["endColumnIndex"] <= box[3]
        )
        if overlap(old, whole) and not inside:
            raise edit.refuse(
                "You must select all cells in a merged range to merge or unmerge them."
            )
    left = tuple(old for old in sheet["merges"] if not overlap(old, whole))
    edit.book.patch(sheet["id"], merges=left)
    return {}


@kind("updateBorders")
def borders(edit: Edit) -> Row:
    """Draw borders around and inside a range."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    editor = edit.book.editor(sheet)
    given = edit.body
    for r in range(top, bottom):
        for c in range(left, right):
            sides = {
                "top": given.get("top") if r == top else given.get("innerHorizontal"),
                "bottom": given.get("bottom") if r == bottom - 1 else given.get("innerHorizontal"),
                "left": given.get("left") if c == left else given.get("innerVertical"),
                "right": given.get("right") if c == right - 1 else given.get("innerVertical"),
            }
            cell = editor.get(r, c)
            style = dict(cell.style or {})
            lines = dict(style.get("borders") or {})
            for side, line in sides.items():
                if line is None:
                    continue
                if line.get("style") == "NONE":
                    lines.pop(side, None)
                else:
                    lines[side] = line
            if lines:
                style["borders"] = lines
            else:
                style.pop("borders", None)
            editor.put(r, c, Cell(cell.value, cell.formula, style or None, cell.extra))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("setDataValidation")
def validation(edit: Edit) -> Row:
    """Set or clear the rule that cells are checked by."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    rule = edit.body.get("rule")
    editor = edit.book.editor(sheet)
    for r in range(top, bottom):
        for c in range(left, right):
            cell = editor.get(r, c)
            extra = dict(cell.extra or {})
            if rule:
                extra["dataValidation"] = rule
            else:
                extra.pop("dataValidation", None)
            editor.put(r, c, Cell(cell.value, cell.formula, cell.style, extra or None))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}
