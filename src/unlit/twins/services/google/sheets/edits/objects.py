"""Things that lie over cells: named and protected ranges, filters, formats, charts, metadata …."""

from typing import Any

from unlit.twins.services.google import masks
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.model import Row


def number(edit: Edit, name: str) -> int:
    """Return a fresh id for an object."""
    return edit.book.world.random(name).randrange(1, 2**31 - 1)


# --- named ranges
@kind("addNamedRange")
def add_named(edit: Edit) -> Row:
    """Add a named range."""
    given = dict(edit.body.get("namedRange") or {})
    name = str(given.get("name") or "")
    edit.sheet((given.get("range") or {}).get("sheetId"))
    _check_name(edit, name, None)
    ident = str(given.get("namedRangeId") or number(edit, "named"))
    if any(row["namedRangeId"] == ident for row in edit.book.row["named"]):
        raise edit.refuse(f"A named range with ID {ident} already exists.")
    row: Row = {"namedRangeId": ident, "name": name, "range": _clean(given.get("range") or {})}
    edit.book.change(named=(*edit.book.row["named"], row))
    return {"addNamedRange": {"namedRange": {**row, "range": shown_range(row["range"])}}}


def _clean(box: Row) -> Row:
    return {k: v for k, v in box.items() if v is not None}


def shown_range(box: Row) -> Row:
    """Render a range; a sheet id of zero is left out."""
    return {k: v for k, v in box.items() if k != "sheetId" or v}


def _check_name(edit: Edit, name: str, ident: str | None) -> None:
    import re

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,249}", name) or re.fullmatch(
        r"[A-Za-z]{1,3}\d+|[Rr]\d*[Cc]\d*|true|false", name, re.IGNORECASE
    ):
        raise edit.refuse(f'Invalid name: "{name}".')
    for row in edit.book.row["named"]:
        if row["name"].lower() == name.lower() and row["namedRangeId"] != ident:
            raise edit.refuse(f'A named range with the name "{name}" already exists.')


def _named(edit: Edit, ident: Any) -> Row:
    for row in edit.book.row["named"]:
        if row["namedRangeId"] == ident:
            return dict(row)
    raise edit.refuse(f"Named range with ID {ident} not found.")


@kind("updateNamedRange")
def update_named(edit: Edit) -> Row:
    """Change a named range."""
    given = edit.body.get("namedRange") or {}
    old = _named(edit, given.get("namedRangeId"))
    new = masks.merged(old, {**given, "range": _clean(given.get("range") or {})}, edit.mask())
    _check_name(edit, new["name"], old["namedRangeId"])
    rows = tuple(
        new if r["namedRangeId"] == old["namedRangeId"] else r for r in edit.book.row["named"]
    )
    edit.book.change(named=rows)
    return {}


@kind("deleteNamedRange")
def delete_named(edit: Edit) -> Row:
    """Remove a named range; its cells stay."""
    old = _named(edit, edit.body.get("namedRangeId"))
    rows = tuple(r for r in edit.book.row["named"] if r["namedRangeId"] != old["namedRangeId"])
    edit.book.change(named=rows)
    return {}


# --- lists of one sheet
def parts(sheet: Row, name: str) -> list[Row]:
    """Return a list kept with a sheet."""
    return list(sheet["parts"].get(name) or ())


def keep(edit: Edit, sheet: Row, name: str, rows: list[Row]) -> None:
    """Store a list with a sheet."""
    edit.book.patch(sheet["id"], parts={**edit.sheet(sheet["id"])["parts"], name: rows})


def find(edit: Edit, name: str, key: str, ident: Any, word: str) -> tuple[Row, list[Row], int]:
    """Return sheet, list and place of an object of any sheet."""
    for sheet in edit.book.sheets:
        rows = parts(sheet, name)
        for place, row in enumerate(rows):
            if row.get(key) == ident:
                return sheet, rows, place
    raise edit.refuse(f"No {word} with ID: {ident}")


def remove(edit: Edit, name: str, key: str, ident: Any, word: str) -> Row:
    """Remove an object."""
    sheet, rows, place = find(edit, name, key, ident, word)
    keep(edit, sheet, name, [*rows[:place], *rows[place + 1 :]])
    return {}


def change(edit: Edit, name: str, key: str, given: Row, word: str) -> Row:
    """Change an object by its mask; return the new one."""
    sheet, rows, place = find(edit, name, key, given.get(key), word)
    new = masks.merged(rows[place], given, edit.mask())
    keep(edit, sheet, name, [*rows[:place], new, *rows[place + 1 :]])
    return new


def added(edit: Edit, name: str, key: str, given: Row, box: Row | None) -> Row:
    """Add an object to the sheet of its range; return it with its id."""
    sheet = edit.sheet((box or {}).get("sheetId"))
    row = {
        key: given.get(key) or number(edit, name),
        **{k: v for k, v in given.items() if k != key},
    }
    keep(edit, sheet, name, [*parts(sheet, name), row])
    return row


# --- protected ranges
@kind("addProtectedRange")
def add_protected(edit: Edit) -> Row:
    """Protect a range."""
    given = dict(edit.body.get("protectedRange") or {})
    if given.get("namedRangeId") and "range" not in given:
        given["range"] = _named(edit, given["namedRangeId"])["range"]
    box = _clean(given.get("range") or {})
    edit.sheet(box.get("sheetId"))
    me = edit.ask.me.get("emailAddress")
    row: Row = {
        "protectedRangeId": given.get("protectedRangeId") or number(edit, "protected"),
        "range": box,
    }
    for name in ("namedRangeId", "description"):
        if given.get(name):
            row[name] = given[name]
    if given.get("warningOnly"):
        row["warningOnly"] = True
    row["requestingUserCanEdit"] = True
    if given.get("unprotectedRanges"):
        row["unprotectedRanges"] = given["unprotectedRanges"]
    answered = dict(row)
    if not given.get("warningOnly"):
        editors = {k: v for k, v in (given.get("editors") or {}).items() if v}
        users = list(dict.fromkeys([*editors.get("users", []), me]))
        answered["editors"] = editors
        row["editors"] = {**editors, "users": users}
    sheet = edit.sheet(box.get("sheetId"))
    keep(edit, sheet, "protectedRanges", [*parts(sheet, "protectedRanges"), row])
    answered["range"] = shown_range(box)
    return {"addProtectedRange": {"protectedRange": answered}}


@kind("updateProtectedRange")
def update_protected(edit: Edit) -> Row:
    """Change a protected range."""
    given = edit.body.get("protectedRange") or {}
    change(edit, "protectedRanges", "protectedRangeId", given, "protected range")
    return {}


@kind("deleteProtectedRange")
def delete_protected(edit: Edit) -> Row:
    """Remove the protection."""
    ident = edit.body.get("protectedRangeId")
    return remove(edit, "protectedRanges", "protectedRangeId", ident, "protected range")


# --- filters
@kind("setBasicFilter")
def set_filter(edit: Edit) -> Row:
    """Set a sheet's filter; rows it hides are marked."""
    given = edit.body.get("filter") or {}
    sheet = edit.sheet((given.get("range") or {}).get("sheetId"))
    filtered = {**given, "range": _clean(given.get("range") or {})}
    edit.book.patch(sheet["id"], parts={**sheet["parts"], "basicFilter": filtered})
    return {}


@kind("clearBasicFilter")
def clear_filter(edit: Edit) -> Row:
    """Remove a sheet's filter."""
    sheet = edit.sheet(edit.body.get("sheetId"))
    left = {k: v for k, v in sheet["parts"].items() if k != "basicFilter"}
    edit.book.patch(sheet["id"], parts=left)
    return {}


@kind("addFilterView")
def add_view(edit: Edit) -> Row:
    """Add a filter view."""
    given = dict(edit.body.get("filter") or {})
    given.setdefault(
        "title", f"Filter {len([v for s in edit.book.sheets for v in parts(s, 'filterViews')]) + 1}"
    )
    row = added(edit, "filterViews", "filterViewId", given, given.get("range"))
    return {"addFilterView": {"filter": _shown(row)}}


def _shown(row: Row) -> Row:
    return {k: shown_range(v) if k == "range" else v for k, v in row.items()}


@kind("updateFilterView")
def update_view(edit: Edit) -> Row:
    """Change a filter view."""
    change(edit, "filterViews", "filterViewId", edit.body.get("filter") or {}, "filter view")
    return {}


@kind("duplicateFilterView")
def duplicate_view(edit: Edit) -> Row:
    """Copy a filter view."""
    sheet, rows, place = find(
        edit, "filterViews", "filterViewId", edit.body.get("filterId"), "filter view"
    )
    row = {
        **rows[place],
        "filterViewId": number(edit, "filterViews"),
        "title": f"Copy of {rows[place]['title']}",
    }
    keep(edit, sheet, "filterViews", [*rows, row])
    return {"duplicateFilterView": {"filter": _shown(row)}}


@kind("deleteFilterView")
def delete_view(edit: Edit) -> Row:
    """Remove a filter view."""
    return remove(edit, "filterViews", "filterViewId", edit.body.get("filterId"), "filter view")


# --- conditional formats
@kind("addConditionalFormatRule")
def add_rule(edit: Edit) -> Row:
    """Insert a rule at an index."""
    rule = edit.body.get("rule") or {}
    boxes = rule.get("ranges") or []
    if not boxes:
        raise edit.refuse("The rule needs at least one range.")
    sheet = edit.sheet(boxes[0].get("sheetId"))
    rules = parts(sheet, "conditionalFormats")
    index = int(edit.body.get("index") or 0)
    if index > len(rules):
        raise edit.refuse(f"Conditional format rule index {index} is out of range.")
    rules.insert(index, {**rule, "ranges": [_clean(b) for b in boxes]})
    keep(edit, sheet, "conditionalFormats", rules)
    return {}


def _rule(edit: Edit) -> tuple[Row, list[Row], int]:
    sheet = edit.sheet(edit.body.get("sheetId"))
    rules, index = parts(sheet, "conditionalFormats"), int(edit.body.get("index") or 0)
    if not 0 <= index < len(rules):
        raise edit.refuse(f"No conditional format on sheet: {sheet['id']} at index: {index}")
    return sheet, rules, index


@kind("updateConditionalFormatRule")
def update_rule(edit: Edit) -> Row:
    """Replace a rule, or move it."""
    if "rule" in edit.body and "sheetId" not in edit.body:
        boxes = (edit.body["rule"] or {}).get("ranges") or [{}]
        edit = Edit(
            edit.ask, edit.book, {**edit.body, "sheetId": boxes[0].get("sheetId", 0)}, edit.at
        )
    sheet, rules, index = _rule(edit)
    old = rules[index]
    if "newIndex" in edit.body:
        target = int(edit.body["newIndex"])
        rules.insert(target, rules.pop(index))
        out: Row = {"newRule": old, "newIndex": target, "oldIndex": index}
    else:
        rules[index] = edit.body.get("rule") or {}
        out = {"newRule": rules[index], "oldRule": old, "newIndex": index}
    keep(edit, sheet, "conditionalFormats", rules)
    return {"updateConditionalFormatRule": {k: v for k, v in out.items() if v != 0}}


@kind("deleteConditionalFormatRule")
def delete_rule(edit: Edit) -> Row:
    """Remove a rule."""
    sheet, rules, index = _rule(edit)
    old = rules.pop(index)
    keep(edit, sheet, "conditionalFormats", rules)
    return {"deleteConditionalFormatRule": {"rule": old}}


# --- banding
@kind("addBanding")
def add_banding(edit: Edit) -> Row:
    """Colour rows or columns in turn."""
    given = dict(edit.body.get("bandedRange") or {})
    row = added(edit, "bandedRanges", "bandedRangeId", given, given.get("range"))
    return {"addBanding": {"bandedRange": _shown(row)}}


@kind("updateBanding")
def update_banding(edit: Edit) -> Row:
    """Change banding."""
    change(
        edit, "bandedRanges", "bandedRangeId", edit.body.get("bandedRange") or {}, "banded range"
    )
    return {}


@kind("deleteBanding")
def delete_banding(edit: Edit) -> Row:
    """Remove banding."""
    return remove(
        edit, "bandedRanges", "bandedRangeId", edit.body.get("bandedRangeId"), "banded range"
    )


# --- charts and slicers
@kind("addChart")
def add_chart(edit: Edit) -> Row:
    """Add a chart, on a sheet or as a sheet of its own."""
    given = dict(edit.body.get("chart") or {})
    position = dict(given.get("position") or {})
    overlay = (position.get("overlayPosition") or {}).get("anchorCell") or {}
    box: Row = {"sheetId": overlay.get("sheetId") or edit.book.row["sheets"][0]}
    if position.get("newSheet"):
        from unlit.twins.services.google.sheets.edits import properties

        title = properties.free_title(edit.book, f"Chart{len(edit.book.sheets)}")
        made = properties.add(edit.book, {"title": title, "sheetType": "OBJECT"}, edit.at)
        position = {"sheetId": made["id"]}
        box = {"sheetId": made["id"]}
    row = added(edit, "charts", "chartId", {**given, "position": position}, box)
    return {"addChart": {"chart": row}}


@kind("updateChartSpec")
def update_chart(edit: Edit) -> Row:
    """Replace a chart's specification."""
    sheet, rows, place = find(edit, "charts", "chartId", edit.body.get("chartId"), "chart")
    rows[place] = {**rows[place], "spec": edit.body.get("spec") or {}}
    keep(edit, sheet, "charts", rows)
    return {}


@kind("addSlicer")
def add_slicer(edit: Edit) -> Row:
    """Add a slicer."""
    given = dict(edit.body.get("slicer") or {})
    row = added(edit, "slicers", "slicerId", given, (given.get("spec") or {}).get("dataRange"))
    return {"addSlicer": {"slicer": row}}


@kind("updateSlicerSpec")
def update_slicer(edit: Edit) -> Row:
    """Change a slicer."""
    sheet, rows, place = find(edit, "slicers", "slicerId", edit.body.get("slicerId"), "slicer")
    spec = masks.merged(rows[place].get("spec") or {}, edit.body.get("spec") or {}, edit.mask())
    rows[place] = {**rows[place], "spec": spec}
    keep(edit, sheet, "slicers", rows)
    return {}


def _embedded(edit: Edit) -> tuple[str, str]:
    ident = edit.body.get("objectId")
    for sheet in edit.book.sheets:
        for name, key in (("charts", "chartId"), ("slicers", "slicerId")):
            if any(row.get(key) == ident for row in parts(sheet, name)):
                return name, key
    raise edit.refuse(f"No embedded object with ID: {ident}")


@kind("updateEmbeddedObjectPosition")
def move_object(edit: Edit) -> Row:
    """Move a chart or slicer."""
    name, key = _embedded(edit)
    sheet, rows, place = find(edit, name, key, edit.body["objectId"], "embedded object")
    given = edit.body.get("newPosition") or {}
    mask = masks.parse(str(edit.body.get("fields") or "*"))
    old = rows[place].get("position") or {}
    below = (given.get("overlayPosition") or {}) if masks.ALL not in mask else {}
    position = (
        {**old, "overlayPosition": masks.merged(old.get("overlayPosition") or {}, below, mask)}
        if below
        else given
    )
    rows[place] = {**rows[place], "position": position}
    keep(edit, sheet, name, rows)
    return {"updateEmbeddedObjectPosition": {"position": position}}


@kind("updateEmbeddedObjectBorder")
def object_border(edit: Edit) -> Row:
    """Draw a border around a chart or slicer."""
    name, key = _embedded(edit)
    sheet, rows, place = find(edit, name, key, edit.body["objectId"], "embedded object")
    border = masks.merged(
        rows[place].get("border") or {}, edit.body.get("border") or {}, edit.mask()
    )
    rows[place] = {**rows[place], "border": border}
    keep(edit, sheet, name, rows)
    return {}


@kind("deleteEmbeddedObject")
def delete_object(edit: Edit) -> Row:
    """Remove a chart or slicer; a chart's own sheet goes with it."""
    name, key = _embedded(edit)
    sheet, _, _ = find(edit, name, key, edit.body["objectId"], "embedded object")
    remove(edit, name, key, edit.body["objectId"], "embedded object")
    if sheet["kind"] == "OBJECT":
        order = tuple(x for x in edit.book.row["sheets"] if x != sheet["id"])
        edit.book.table.drop((edit.book.ident, sheet["id"]))
        edit.book.change(sheets=order)
    return {}


# --- tables
@kind("addTable")
def add_table(edit: Edit) -> Row:
    """Add a table over a range."""
    given = dict(edit.body.get("table") or {})
    given.setdefault("tableId", str(number(edit, "tables")))
    given.setdefault("name", f"Table{sum(len(parts(s, 'tables')) for s in edit.book.sheets) + 1}")
    row = added(edit, "tables", "tableId", given, given.get("range"))
    return {"addTable": {"table": _shown(row)}}


@kind("updateTable")
def update_table(edit: Edit) -> Row:
    """Change a table."""
    change(edit, "tables", "tableId", edit.body.get("table") or {}, "table")
    return {}


@kind("deleteTable")
def delete_table(edit: Edit) -> Row:
    """Remove a table."""
    return remove(edit, "tables", "tableId", edit.body.get("tableId"), "table")
