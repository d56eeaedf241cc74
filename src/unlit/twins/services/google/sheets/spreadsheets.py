"""Spreadsheets: create, get, batchUpdate."""

from typing import Any

from unlit.twins.services.google import errors, masks, store, threads
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.sheets import batch, book, render
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.edits import cells, properties, remarks
from unlit.twins.services.google.sheets.model import Editor
from unlit.twins.services.google.sheets.values import READ, SCOPES, book_of

routes = Routes("/v4/spreadsheets", "sheets.spreadsheets", SCOPES)


@routes.add("POST", "", "create")
def create(ask: Ask) -> Any:
    """Make a spreadsheet, with the sheets that the body describes."""
    body = ask.body()
    given = body.get("properties") or {}
    title = str(given.get("title") or "Untitled spreadsheet")
    row = store.add(ask.world, ask.me, {"name": title, "mimeType": store.SHEET})
    more = {k: given[k] for k in ("locale", "timeZone", "autoRecalc") if given.get(k)}
    book.create(ask.world, row["id"], title, **more)
    found = Book(ask.world, row["id"])
    if body.get("sheets"):
        _sheets(ask, found, body["sheets"])
    if body.get("namedRanges"):
        found.change(named=tuple(body["namedRanges"]))
    return ask.masked(render.spreadsheet(found, None, data=False))


def _sheets(ask: Ask, found: Book, given: list[Row]) -> None:
    found.table.drop((found.ident, 0))
    found.change(sheets=())
    for n, one in enumerate(given):
        wanted = {"index": n, **(one.get("properties") or {})}
        if "title" not in wanted:
            wanted["title"] = f"Sheet{n + 1}"
        made = properties.add(found, wanted, f"sheets[{n}]")
        editor = Editor(())
        for block in one.get("data") or []:
            top, left = int(block.get("startRow") or 0), int(block.get("startColumn") or 0)
            cells.write_rows(editor, top, left, block.get("rowData") or [], {"*": {}})
        found.patch(made["id"], cells=editor.grid(), merges=tuple(one.get("merges") or ()))


@routes.add("GET", "/{spreadsheetId}", "get", scopes=READ)
def get(ask: Ask) -> Any:
    """Return a spreadsheet, on request with the cells of some ranges."""
    found = book_of(ask)
    boxes: dict[int, list[Area]] | None = None
    if ask.request.args("ranges"):
        boxes = {}
        for text in ask.request.args("ranges"):
            sheet, area = found.area(text)
            found.closed(sheet, area)
            boxes.setdefault(sheet["id"], []).append(area)
    out = render.spreadsheet(found, boxes, data=wants_data(ask))
    return ask.masked(remarks.seen(ask, found, out))


def wants_data(ask: Ask) -> bool:
    """Say whether grid data is wanted: a mask decides, otherwise `includeGridData`."""
    text = ask.arg("fields")
    if not text:
        return ask.flag("includeGridData")
    try:
        tree = masks.parse(text)
    except masks.BadMask:
        return False  # refused when the answer is cut down
    if "*" in tree or ("sheets" in tree and not tree["sheets"]):
        return ask.flag("includeGridData")
    below = tree.get("sheets") or {}
    return "data" in below or ("*" in below and ask.flag("includeGridData"))


@routes.add("POST", "/{spreadsheetId}:getByDataFilter", "getByDataFilter", scopes=READ)
def get_by_filter(ask: Ask) -> Any:
    """Return the parts of a spreadsheet that data filters select."""
    found, body = book_of(ask), ask.body()
    boxes: dict[int, list[Area]] = {}
    for one in body.get("dataFilters") or []:
        for sheet, area in batch.filtered(found, one):
            boxes.setdefault(sheet["id"], []).append(area)
    data = bool(body.get("includeGridData"))
    return ask.masked(render.spreadsheet(found, boxes or None, data=data))


@routes.add("POST", "/{spreadsheetId}:batchUpdate", "batchUpdate")
def batch_update(ask: Ask) -> Any:
    """Apply requests in order, all or none."""
    found, body = book_of(ask, write=True), ask.body()
    requests = body.get("requests") or []
    if not requests:
        raise errors.invalid("Must specify at least one request.")
    with ask.world.atomic():
        replies = batch.apply(ask, found, requests)
        store.modified(ask, found.ident)
    out: Row = {"spreadsheetId": found.ident, "replies": replies}
    if any(threads.KINDS & set(one) for one in requests if isinstance(one, dict)):
        out["commentUpdateState"] = "ALL_SAVED"
    if body.get("includeSpreadsheetInResponse"):
        data = bool(body.get("responseIncludeGridData"))
        out["updatedSpreadsheet"] = render.spreadsheet(found, None, data=data)
    return ask.masked(out)


@routes.add("POST", "/{spreadsheetId}/sheets/{sheetId}:copyTo", "copyTo")
def copy_to(ask: Ask) -> Any:
    """Copy a sheet to another spreadsheet."""
    found = book_of(ask)
    wanted = ask.params["sheetId"]
    sheet = found.sheet(int(wanted)) if wanted.isdigit() else None
    if sheet is None:
        raise errors.rpc(404, "Requested entity was not found.")
    target = str(ask.body().get("destinationSpreadsheetId") or "")
    there = store.visible(ask, target)
    if there is None or target not in ask.table("spreadsheets"):
        raise store.unseen(ask, target)
    if not store.may(ask, there, "writer"):
        raise errors.rpc(403, "The caller does not have permission")
    other = Book(ask.world, target)
    title = properties.free_title(other, f"Copy of {sheet['title']}")
    with ask.world.atomic():
        made = properties.add(other, {"title": title}, "copyTo")
        kept = {k: v for k, v in sheet.items() if k not in ("id", "title", "index")}
        copied = other.patch(made["id"], **kept)
        store.modified(ask, target)
    return ask.masked(render.sheet_properties(copied, len(other.sheets) - 1))
