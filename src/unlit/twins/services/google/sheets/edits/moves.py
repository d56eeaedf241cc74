"""Moving contents: copy, cut, fill, sort, find, paste, insert and delete ranges."""

import re
from dataclasses import replace
from typing import Any

from unlit.twins.services.google.sheets import entry, show
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.formula import parse, values
from unlit.twins.services.google.sheets.model import EMPTY, Cell, Editor, Row, at

Box = tuple[int, int, int, int]


def pasted(old: Cell, source: Cell, how: str, rows: int, columns: int, value: Any) -> Cell:
    """Return a cell after something was pasted into it."""
    formula = parse.moved(source.formula, rows, columns) if source.formula is not None else None
    if how == "PASTE_VALUES":
        return replace(old, value=value if not hasattr(value, "kind") else None, formula=None)
    if how == "PASTE_FORMULA":
        return replace(old, value=source.value, formula=formula)
    if how == "PASTE_FORMAT":
        return replace(old, style=source.style)
    if how == "PASTE_DATA_VALIDATION":
        rule = (source.extra or {}).get("dataValidation")
        extra = {**(old.extra or {}), "dataValidation": rule} if rule else old.extra
        return replace(old, extra=extra)
    if how == "PASTE_NO_BORDERS":
        style = {k: v for k, v in (source.style or {}).items() if k != "borders"} or None
        return Cell(source.value, formula, style, source.extra)
    return Cell(source.value, formula, source.style, source.extra)


@kind("copyPaste")
def copy_paste(edit: Edit) -> Row:
    """Copy a range into another, repeated as often as it fits."""
    source, (top, left, bottom, right) = edit.box(edit.body.get("source"))
    sheet, area = edit.area(edit.body.get("destination"))
    how = str(edit.body.get("pasteType", "PASTE_NORMAL"))
    turned = edit.body.get("pasteOrientation") == "TRANSPOSE"
    height, width = bottom - top, right - left
    if turned:
        height, width = width, height
    to_top, to_left = area.top or 0, area.left or 0
    to_bottom = area.bottom if area.bottom is not None else to_top + height
    to_right = area.right if area.right is not None else to_left + width
    tall = max(height, (to_bottom - to_top) // height * height)
    wide = max(width, (to_right - to_left) // width * width)
    editor = edit.book.editor(sheet)
    for r in range(tall):
        for c in range(wide):
            if to_top + r >= sheet["rows"] or to_left + c >= sheet["columns"]:
                continue
            sr, sc = (c % width, r % height) if turned else (r % height, c % width)
            cell = at(source["cells"], top + sr, left + sc)
            value = edit.book.value(source, top + sr, left + sc)
            moved = (to_top + r - top - sr, to_left + c - left - sc)
            old = editor.get(to_top + r, to_left + c)
            editor.put(to_top + r, to_left + c, pasted(old, cell, how, *moved, value))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("cutPaste")
def cut_paste(edit: Edit) -> Row:
    """Move a range to another place."""
    source, (top, left, bottom, right) = edit.box(edit.body.get("source"))
    target = edit.body.get("destination") or {}
    sheet = edit.sheet(target.get("sheetId"))
    to_top, to_left = int(target.get("rowIndex") or 0), int(target.get("columnIndex") or 0)
    if min(to_top, to_left) < 0:
        raise edit.refuse("Indexes of a range must not be negative.")
    how = str(edit.body.get("pasteType", "PASTE_NORMAL"))
    taken = {
        (r, c): at(source["cells"], r, c) for r in range(top, bottom) for c in range(left, right)
    }
    kept = {spot: edit.book.value(source, *spot) for spot in taken}
    emptied = edit.book.editor(source)
    for spot, cell in taken.items():
        emptied.put(*spot, cell.emptied() if how == "PASTE_VALUES" else EMPTY)
    edit.book.patch(source["id"], cells=emptied.grid())
    sheet = edit.sheet(sheet["id"])
    editor = edit.book.editor(sheet)
    for (r, c), cell in taken.items():
        spot = (to_top + r - top, to_left + c - left)
        editor.put(*spot, pasted(editor.get(*spot), cell, how, 0, 0, kept[r, c]))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("autoFill")
def auto_fill(edit: Edit) -> Row:
    """Continue what a range begins: numbers by their step, formulas moved, the rest repeated."""
    if "sourceAndDestination" in edit.body:
        given = edit.body["sourceAndDestination"]
        sheet, box = edit.box(given.get("source"))
        rows, length = given.get("dimension", "ROWS") == "ROWS", int(given.get("fillLength") or 0)
    else:
        sheet, whole = edit.box(edit.body.get("range"))
        used = [
            r for r in range(whole[0], whole[2])
            if any(at(sheet["cells"], r, c).filled for c in range(whole[1], whole[3]))
        ]  # fmt: skip
        end = max(used, default=whole[0]) + 1
        box, rows, length = (whole[0], whole[1], end, whole[3]), True, whole[2] - end
    editor = edit.book.editor(sheet)
    across = range(box[1], box[3]) if rows else range(box[0], box[2])
    for other in across:
        along = range(box[0], box[2]) if rows else range(box[1], box[3])
        source = [
            at(sheet["cells"], n, other) if rows else at(sheet["cells"], other, n) for n in along
        ]
        for step in range(abs(length)):
            place = (along.stop + step) if length > 0 else (along.start - 1 - step)
            if place < 0:
                raise edit.refuse("The fill reaches beyond the edge of the sheet.")
            cell = _continued(source, step, forward=length > 0, rows=rows)
            spot = (place, other) if rows else (other, place)
            editor.put(*spot, cell)
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


def _continued(source: list[Cell], step: int, *, forward: bool, rows: bool) -> Cell:
    numbers = [c.value for c in source if isinstance(c.value, float) and c.formula is None]
    index = step % len(source) if forward else (len(source) - 1 - step % len(source))
    cell = source[index]
    if cell.formula is not None:
        distance = (len(source) + step - index) if forward else -(step + 1 + index)
        moved = parse.moved(cell.formula, distance if rows else 0, 0 if rows else distance)
        return replace(cell, formula=moved)
    if len(numbers) == len(source) and len(numbers) > 1:
        by = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
        value = numbers[-1] + by * (step + 1) if forward else numbers[0] - by * (step + 1)
        return replace(cell, value=value)
    return cell


class _Key:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Key") -> bool:
        return values.order(self.value, other.value) < 0


@kind("sortRange")
def sort_range(edit: Edit) -> Row:
    """Sort the rows of a range; empty cells come last."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    lines = [
        ([at(sheet["cells"], r, c) for c in range(left, right)], r) for r in range(top, bottom)
    ]
    for spec in reversed(edit.body.get("sortSpecs") or []):
        column = int(spec.get("dimensionIndex") or 0)
        if not left <= column < right:
            raise edit.refuse(f"sortSpecs.dimensionIndex {column} is outside of the range.")
        down = spec.get("sortOrder") == "DESCENDING"
        keyed = [(edit.book.value(sheet, r, column), line, r) for line, r in lines]
        full = [item for item in keyed if item[0] is not None and not hasattr(item[0], "kind")]
        empty = [item for item in keyed if item[0] is None or hasattr(item[0], "kind")]
        full.sort(key=lambda item: _Key(item[0]), reverse=down)
        lines = [(line, r) for _, line, r in [*full, *empty]]
    editor = edit.book.editor(sheet)
    for n, (line, was) in enumerate(lines):
        for c, cell in enumerate(line):
            formula = cell.formula
            if formula is not None:
                cell = replace(cell, formula=parse.moved(formula, top + n - was, 0))
            editor.put(top + n, left + c, cell)
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("randomizeRange")
def randomize(edit: Edit) -> Row:
    """Shuffle the rows of a range, by the world's seed."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    order = list(range(top, bottom))
    edit.book.world.random("randomizeRange").shuffle(order)
    editor = edit.book.editor(sheet)
    for n, r in enumerate(order):
        for c in range(left, right):
            editor.put(top + n, c, at(sheet["cells"], r, c))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


def _pattern(edit: Edit) -> re.Pattern[str]:
    wanted = str(edit.body.get("find") or "")
    if not wanted:
        raise edit.refuse("The find string must not be empty.")
    text = wanted if edit.body.get("searchByRegex") else re.escape(wanted)
    if edit.body.get("matchEntireCell"):
        text = f"^(?:{text})$"
    return re.compile(text, 0 if edit.body.get("matchCase") else re.IGNORECASE)


@kind("findReplace")
def find_replace(edit: Edit) -> Row:
    """Find and replace in a range, a sheet or everywhere; counts come back."""
    pattern, new = _pattern(edit), str(edit.body.get("replacement") or "")
    if not edit.body.get("searchByRegex"):
        new = new.replace("\\", "\\\\")
    else:
        new = re.sub(r"\$(\d)", r"\\\1", new)
    places: list[tuple[Row, Box]] = []
    if "range" in edit.body:
        places.append(edit.box(edit.body["range"]))
    else:
        sheets = [edit.sheet(edit.body["sheetId"])] if "sheetId" in edit.body else edit.book.sheets
        if "sheetId" not in edit.body and not edit.body.get("allSheets"):
            raise edit.refuse("One of range, sheetId or allSheets must be given.")
        places = [(s, (0, 0, len(s["cells"]), s["columns"])) for s in sheets]
    count: dict[str, int] = dict.fromkeys(
        ("values", "formulas", "occurrences", "rows", "sheets"), 0
    )
    for sheet, box in places:
        _replace_in(edit, sheet, box, pattern, new, count)
    names = {
        "values": "valuesChanged",
        "formulas": "formulasChanged",
        "rows": "rowsChanged",
        "sheets": "sheetsChanged",
        "occurrences": "occurrencesChanged",
    }
    return {"findReplace": {names[k]: v for k, v in count.items() if v}}


def _replace_in(
    edit: Edit, sheet: Row, box: Box, pattern: re.Pattern[str], new: str, count: dict[str, int]
) -> None:
    editor = edit.book.editor(sheet)
    rows: set[int] = set()
    for r in range(box[0], min(box[2], len(sheet["cells"]))):
        for c in range(box[1], min(box[3], len(sheet["cells"][r]))):
            cell = editor.get(r, c)
            if cell.formula is not None:
                if not edit.body.get("includeFormulas"):
                    continue
                text, hits = pattern.subn(new, cell.formula)
            elif cell.value is None:
                continue
            else:
                text, hits = pattern.subn(new, show.shown(cell.value, cell.style))
            if not hits:
                continue
            count["occurrences"] += hits
            count["formulas" if cell.formula is not None else "values"] += 1
            rows.add(r)
            got = entry.typed(text)
            editor.put(r, c, Cell(got.value, got.formula, cell.style, cell.extra))
    count["rows"] += len(rows)
    count["sheets"] += bool(rows)
    edit.book.patch(sheet["id"], cells=editor.grid())


@kind("pasteData")
def paste_data(edit: Edit) -> Row:
    """Paste text, split at a delimiter, or an HTML table."""
    start = edit.body.get("coordinate") or {}
    sheet = edit.sheet(start.get("sheetId"))
    top, left = int(start.get("rowIndex") or 0), int(start.get("columnIndex") or 0)
    data = str(edit.body.get("data") or "")
    if edit.body.get("html"):
        found = re.findall(r"<tr[^>]*>(.*?)</tr>", data, re.DOTALL | re.IGNORECASE)
        cells = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL | re.IGNORECASE)
        lines = [[re.sub(r"<[^>]+>", "", x).strip() for x in cells.findall(row)] for row in found]
    else:
        delimiter = edit.body.get("delimiter")
        if not delimiter:
            raise edit.refuse("The delimiter must be given.")
        lines = [line.split(delimiter) for line in data.split("\n")]
    _typed_lines(edit, sheet, top, left, lines)
    return {}


def _typed_lines(edit: Edit, sheet: Row, top: int, left: int, lines: list[list[str]]) -> None:
    editor = edit.book.editor(sheet)
    for r, line in enumerate(lines):
        for c, text in enumerate(line):
            old, got = editor.get(top + r, left + c), entry.typed(text)
            style = {**(old.style or {}), **(got.style or {})} or None
            editor.put(top + r, left + c, Cell(got.value, got.formula, style, old.extra))
    width = max((len(line) for line in lines), default=0)
    edit.book.patch(
        sheet["id"],
        cells=editor.grid(),
        rows=max(sheet["rows"], top + len(lines)),
        columns=max(sheet["columns"], left + width),
    )


_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "PERIOD": ".", "SPACE": " "}


@kind("textToColumns")
def text_to_columns(edit: Edit) -> Row:
    """Split one column at a delimiter."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("source"))
    if right - left != 1:
        raise edit.refuse("The source range must be one column.")
    how = edit.body.get("delimiterType", "AUTODETECT")
    editor: Editor = edit.book.editor(sheet)
    for r in range(top, min(bottom, len(sheet["cells"]))):
        cell = editor.get(r, left)
        if not isinstance(cell.value, str):
            continue
        mark = str(edit.body.get("delimiter", ",")) if how == "CUSTOM" else _DELIMITERS.get(how)
        if mark is None:
            mark = next((m for m in (",", ";", ".", " ") if m in cell.value), ",")
        for c, text in enumerate(cell.value.split(mark)):
            got = entry.typed(text.strip())
            editor.put(
                r, left + c, replace(editor.get(r, left + c), value=got.value, formula=got.formula)
            )
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {}


@kind("trimWhitespace")
def trim(edit: Edit) -> Row:
    """Trim texts of a range."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    editor, changed = edit.book.editor(sheet), 0
    for r in range(top, min(bottom, len(sheet["cells"]))):
        for c in range(left, min(right, len(sheet["cells"][r]))):
            cell = editor.get(r, c)
            if isinstance(cell.value, str):
                text = re.sub(r"\s+", " ", cell.value).strip()
                if text != cell.value:
                    changed += 1
                    editor.put(r, c, replace(cell, value=text or None))
    edit.book.patch(sheet["id"], cells=editor.grid())
    return {"trimWhitespace": {"cellsChangedCount": changed} if changed else {}}


@kind("deleteDuplicates")
def delete_duplicates(edit: Edit) -> Row:
    """Remove rows whose compared columns were seen before; the rest moves up."""
    sheet, (top, left, bottom, right) = edit.box(edit.body.get("range"))
    columns = sorted(
        c
        for box in edit.body.get("comparisonColumns") or []
        for c in range(
            max(left, int(box.get("startIndex") or 0)),
            min(right, int(box.get("endIndex") or right)),
        )
    ) or list(range(left, right))
    seen: set[Any] = set()
    kept: list[int] = []
    for r in range(top, bottom):
        key = tuple(
            v.lower() if isinstance(v, str) else v
            for v in (edit.book.value(sheet, r, c) for c in columns)
        )
        empty = all(v is None for v in key)
        if empty and r >= len(sheet["cells"]):
            kept.append(r)
            continue
        if key in seen:
            continue
        seen.add(key)
        kept.append(r)
    editor = edit.book.editor(sheet)
    for n in range(bottom - top):
        for c in range(left, right):
            cell = at(sheet["cells"], kept[n], c) if n < len(kept) else EMPTY
            editor.put(top + n, c, cell)
    edit.book.patch(sheet["id"], cells=editor.grid())
    removed = bottom - top - len(kept)
    return {"deleteDuplicates": {"duplicatesRemovedCount": removed} if removed else {}}


def _slid(edit: Edit, sheet: Row, box: Box, *, insert: bool) -> None:
    rows = edit.body.get("shiftDimension") == "ROWS"
    if edit.body.get("shiftDimension") not in ("ROWS", "COLUMNS"):
        raise edit.refuse("No shift dimension specified.")
    top, left, bottom, right = box
    length = (bottom - top) if rows else (right - left)
    step = length if insert else -length
    editor = edit.book.editor(sheet)
    high = (
        max(len(sheet["cells"]), bottom)
        if rows
        else max((len(x) for x in sheet["cells"]), default=0)
    )
    across = range(left, right) if rows else range(top, bottom)
    start = top if rows else left
    for other in across:
        line = [
            at(sheet["cells"], n, other) if rows else at(sheet["cells"], other, n)
            for n in range(start, max(high, start))
        ]
        moved = [*[EMPTY] * step, *line] if insert else [*line[-step:], *[EMPTY] * -step]
        for n, cell in enumerate(moved):
            spot = (start + n, other) if rows else (other, start + n)
            editor.put(*spot, cell)
    grid = editor.grid()
    edit.book.patch(
        sheet["id"],
        cells=grid,
        rows=max(sheet["rows"], len(grid)),
        columns=max(sheet["columns"], max((len(x) for x in grid), default=0)),
    )


@kind("insertRange")
def insert_range(edit: Edit) -> Row:
    """Insert empty cells; the others move down or right."""
    sheet, box = edit.box(edit.body.get("range"))
    _slid(edit, sheet, box, insert=True)
    return {}


@kind("deleteRange")
def delete_range(edit: Edit) -> Row:
    """Delete cells; the others move up or left."""
    sheet, box = edit.box(edit.body.get("range"))
    _slid(edit, sheet, box, insert=False)
    return {}
