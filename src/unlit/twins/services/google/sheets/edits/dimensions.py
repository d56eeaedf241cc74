"""Rows and columns: insert, append, delete, move, size, group."""

from typing import Any

from unlit.twins.services.google import masks
from unlit.twins.services.google.sheets.edits import shift
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.edits.shift import Shift
from unlit.twins.services.google.sheets.model import Row


def span(edit: Edit, box: Row | None) -> tuple[Row, bool, int, int]:
    """Return sheet, whether rows, start and end of a DimensionRange."""
    box = box or {}
    sheet = edit.sheet(box.get("sheetId"))
    dimension = box.get("dimension")
    if dimension not in ("ROWS", "COLUMNS"):
        raise edit.refuse("No dimension specified.")
    rows = dimension == "ROWS"
    size = sheet["rows"] if rows else sheet["columns"]
    start = int(box.get("startIndex") or 0)
    end = int(box["endIndex"]) if box.get("endIndex") is not None else size
    if end <= start:
        raise edit.refuse("Invalid range.")
    return sheet, rows, start, end


@kind("insertDimension")
def insert(edit: Edit) -> Row:
    """Insert rows or columns."""
    sheet, rows, start, end = span(edit, edit.body.get("range"))
    size = sheet["rows"] if rows else sheet["columns"]
    word = "row" if rows else "column"
    before = bool(edit.body.get("inheritFromBefore"))
    if start > size or (start == size and not before):
        raise edit.refuse(
            f"Cannot insert {word}s after the last {word} of the grid without inheritFromBefore."
        )
    if before and start == 0:
        raise edit.refuse("inheritFromBefore cannot be true when inserting at the first index.")
    shift.apply(edit.book, Shift(sheet["id"], rows, start, end - start))
    _inherit(edit, sheet["id"], rows, start, end, start - 1 if before else end)
    return {}


def _inherit(edit: Edit, number: int, rows: bool, start: int, end: int, source: int) -> None:
    """Give new rows or columns the formats of a neighbour."""
    from dataclasses import replace

    from unlit.twins.services.google.sheets.model import EMPTY

    sheet = edit.sheet(number)
    editor = edit.book.editor(sheet)
    width = max((len(line) for line in sheet["cells"]), default=0)
    for other in range(width if rows else len(sheet["cells"])):
        r, c = (source, other) if rows else (other, source)
        style = editor.get(r, c).style
        if not style:
            continue
        for index in range(start, end):
            spot = (index, other) if rows else (other, index)
            editor.put(*spot, replace(EMPTY, style=style))
    edit.book.patch(number, cells=editor.grid())


@kind("deleteDimension")
def delete(edit: Edit) -> Row:
    """Delete rows or columns; one at least stays."""
    sheet, rows, start, end = span(edit, edit.body.get("range"))
    size = sheet["rows"] if rows else sheet["columns"]
    word = "row" if rows else "column"
    if start >= size or end > size:
        raise edit.refuse(
            f"Cannot delete a {word} that doesn't exist. Tried to delete {word} index "
            f"{max(start, size)} but there are only {size} {word}s."
        )
    if end - start >= size:
        raise edit.refuse(f"You can't delete all the {word}s on the sheet.")
    shift.apply(edit.book, Shift(sheet["id"], rows, start, start - end))
    return {}


@kind("appendDimension")
def append(edit: Edit) -> Row:
    """Add rows or columns at the end."""
    sheet = edit.sheet(edit.body.get("sheetId"))
    dimension, length = edit.body.get("dimension"), int(edit.body.get("length") or 0)
    if dimension not in ("ROWS", "COLUMNS"):
        raise edit.refuse("No dimension specified.")
    if length < 1:
        raise edit.refuse("Length must be positive.")
    size = "rows" if dimension == "ROWS" else "columns"
    edit.book.patch(sheet["id"], **{size: sheet[size] + length})
    return {}


@kind("moveDimension")
def move(edit: Edit) -> Row:
    """Move rows or columns to another place."""
    sheet, rows, start, end = span(edit, edit.body.get("source"))
    target = int(edit.body.get("destinationIndex") or 0)
    if start <= target <= end:
        return {}
    size = sheet["rows"] if rows else sheet["columns"]
    order = [i for i in range(size) if not start <= i < end]
    at = target if target < start else target - (end - start)
    order[at:at] = range(start, end)
    cells = sheet["cells"]
    if rows:
        moved = tuple(cells[i] if i < len(cells) else () for i in order)
    else:
        moved = tuple(tuple(line[i] if i < len(line) else None for i in order) for line in cells)
    meta = "row_meta" if rows else "column_meta"
    places = {old: new for new, old in enumerate(order)}
    edit.book.patch(
        sheet["id"],
        cells=edit.book.editor({**sheet, "cells": moved}).grid(),
        **{meta: {places[k]: v for k, v in sheet[meta].items() if k in places}},
    )

    def change(here: Row) -> Any:
        def one(ref: Any) -> Any:
            there = here if ref.sheet is None else edit.book.titled(ref.sheet)
            if there is None or there["id"] != sheet["id"] or ref.last is not None:
                return ref
            index = ref.first.row if rows else ref.first.column
            from dataclasses import replace

            name = "row" if rows else "column"
            first = replace(ref.first, **{name: places.get(index, index)})
            return replace(ref, first=first)

        return one

    shift.rewrite(edit.book, change)
    return {}


@kind("updateDimensionProperties")
def properties(edit: Edit) -> Row:
    """Change sizes and visibility."""
    sheet, rows, start, end = span(edit, edit.body.get("range"))
    mask, given = edit.mask(), edit.body.get("properties") or {}
    size = sheet["rows"] if rows else sheet["columns"]
    if end > size:
        word = "row" if rows else "column"
        raise edit.refuse(f"No {word}s at index {end - 1}.")
    meta = "row_meta" if rows else "column_meta"
    kept = dict(sheet[meta])
    for index in range(start, end):
        new = masks.merged(dict(kept.get(index, {})), given, mask)
        kept[index] = {k: v for k, v in new.items() if v not in (False, None)}
    edit.book.patch(sheet["id"], **{meta: kept})
    return {}


@kind("autoResizeDimensions")
def auto_resize(edit: Edit) -> Row:
    """Fit columns to their contents, roughly; rows to one line."""
    from unlit.twins.services.google.sheets import show
    from unlit.twins.services.google.sheets.model import at

    sheet, rows, start, end = span(edit, edit.body.get("dimensions"))
    meta = "row_meta" if rows else "column_meta"
    kept = dict(sheet[meta])
    for index in range(start, end):
        if rows:
            kept[index] = {**kept.get(index, {}), "pixelSize": 21}
            continue
        shown = [
            show.shown(edit.book.value(sheet, r, index), at(sheet["cells"], r, index).style)
            for r in range(len(sheet["cells"]))
        ]
        longest = max((len(text) for text in shown), default=0)
        if longest:
            kept[index] = {**kept.get(index, {}), "pixelSize": 7 * longest + 7}
    edit.book.patch(sheet["id"], **{meta: kept})
    return {}


def _groups(edit: Edit, sheet: Row, rows: bool) -> list[Row]:
    return [dict(g) for g in sheet["parts"].get("rowGroups" if rows else "columnGroups") or ()]


def _store_groups(edit: Edit, sheet: Row, rows: bool, groups: list[Row]) -> list[Row]:
    name = "rowGroups" if rows else "columnGroups"
    groups.sort(key=lambda g: (g["range"].get("startIndex", 0), -g["range"]["endIndex"]))
    edit.book.patch(sheet["id"], parts={**sheet["parts"], name: groups})
    return groups


@kind("addDimensionGroup")
def add_group(edit: Edit) -> Row:
    """Group rows or columns; groups inside groups are deeper."""
    sheet, rows, start, end = span(edit, edit.body.get("range"))
    groups = _groups(edit, sheet, rows)
    around = [
        g
        for g in groups
        if g["range"].get("startIndex", 0) <= start and end <= g["range"]["endIndex"]
    ]
    box = {**edit.body["range"], "startIndex": start, "endIndex": end}
    for group in groups:
        inside = start <= group["range"].get("startIndex", 0) and group["range"]["endIndex"] <= end
        if inside and group not in around:
            group["depth"] += 1
    groups.append({"range": box, "depth": len(around) + 1})
    name = "addDimensionGroup"
    return {name: {"dimensionGroups": _store_groups(edit, sheet, rows, groups)}}


@kind("deleteDimensionGroup")
def delete_group(edit: Edit) -> Row:
    """Remove a level of grouping from a range."""
    sheet, rows, start, end = span(edit, edit.body.get("range"))
    groups = _groups(edit, sheet, rows)
    found = next(
        (
            g
            for g in sorted(groups, key=lambda g: -g["depth"])
            if g["range"].get("startIndex", 0) <= start and end <= g["range"]["endIndex"]
        ),
        None,
    )
    if found is None:
        raise edit.refuse("There is no group to delete in this range.")
    groups.remove(found)
    name = "deleteDimensionGroup"
    return {name: {"dimensionGroups": _store_groups(edit, sheet, rows, groups)}}


@kind("updateDimensionGroup")
def update_group(edit: Edit) -> Row:
    """Collapse or open a group."""
    given, mask = edit.body.get("dimensionGroup") or {}, edit.mask()
    sheet, rows, start, end = span(edit, given.get("range"))
    groups = _groups(edit, sheet, rows)
    for number, group in enumerate(groups):
        same = (group["range"].get("startIndex", 0), group["range"]["endIndex"]) == (start, end)
        if same and group["depth"] == given.get("depth", group["depth"]):
            merged = masks.merged(group, given, mask)
            groups[number] = {**group, "collapsed": bool(merged.get("collapsed"))}
            _store_groups(edit, sheet, rows, groups)
            return {}
    raise edit.refuse("There is no group with this range and depth.")
