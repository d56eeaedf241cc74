"""Believing recorded reads of Drive, Sheets and Docs: what existed before a recording began."""

from typing import Any

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.world import World
from unlit.twins.model import Fact
from unlit.twins.services.google import seed, store
from unlit.twins.services.google.docs import document, imports
from unlit.twins.services.google.sheets import a1, book, entry
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.edits.cells import write_rows
from unlit.twins.services.google.sheets.model import (
    DEFAULT_COLUMNS,
    DEFAULT_ROWS,
    Cell,
    Editor,
    Row,
)

_COPIED = ("name", "mimeType", "description", "starred", "properties", "appProperties")


def believe(world: World, facts: list[Fact]) -> None:
    """Take over reads, ids as they are."""
    for fact in facts:
        parts = fact.path.strip("/").split("/")
        body = fact.response
        if not isinstance(body, dict):
            continue
        if parts[:2] == ["v4", "spreadsheets"] and len(parts) == 3:
            _spreadsheet(world, parts[2], body)
        elif parts[:2] == ["v4", "spreadsheets"] and parts[3:4] == ["values"]:
            _values(world, parts[2], body)
        elif parts[:3] == ["drive", "v3", "files"]:
            _files(world, parts[3:], body)
        elif parts[:2] == ["v1", "documents"] and len(parts) == 3:
            _document(world, parts[2], body)


def owner(world: World) -> Row:
    """Return the administrator, to whom believed files belong."""
    return dict(world.table("google.people")[seed.ADMIN])


def _file(world: World, ident: str, **more: Any) -> None:
    files = world.table("google.files")
    given = {k: v for k, v in more.items() if v is not None}
    if ident in files:
        files.patch(ident, **given)
        return
    # Clients read files in the order of a list, newest first: what is read later is older.
    older = iso(world.now() - 60 * world.number("google.believed"))
    store.add(
        world, owner(world), {"id": ident, "createdTime": older, "modifiedTime": older, **given}
    )


def _files(world: World, rest: list[str], body: Row) -> None:
    rows = body.get("files") if not rest else [body] if len(rest) == 1 else []
    for row in rows or []:
        ident = row.get("id") or (rest[0] if rest else None)
        if not ident:
            continue
        times = {k: row[k] for k in ("createdTime", "modifiedTime") if k in row}
        known = {k: row[k] for k in _COPIED if k in row}
        _file(world, str(ident), **known, **times)
        if row.get("mimeType") == store.SHEET and ident not in world.table("google.spreadsheets"):
            book.create(world, str(ident), str(row.get("name", "")))
        if row.get("mimeType") == store.DOCUMENT and ident not in world.table("google.documents"):
            document.create(world, str(ident), str(row.get("name", "")))


def _spreadsheet(world: World, ident: str, body: Row) -> None:
    properties = body.get("properties") or {}
    title = str(properties.get("title", ""))
    _file(world, ident, name=title or None, mimeType=store.SHEET)
    if ident not in world.table("google.spreadsheets"):
        book.create(world, ident, title)
    found = Book(world, ident)
    keep = {
        k: properties[k] for k in ("title", "locale", "timeZone", "autoRecalc") if k in properties
    }
    found.change(**keep)
    if body.get("namedRanges"):
        found.change(named=tuple(body["namedRanges"]))
    if body.get("sheets") and any("properties" in one for one in body["sheets"]):
        _sheets(found, body["sheets"])


def _sheets(found: Book, given: list[Row]) -> None:
    numbers: list[int] = []
    for n, one in enumerate(given):
        shown = one.get("properties") or {}
        number = int(shown.get("sheetId", 0))
        grid = dict(shown.get("gridProperties") or {})
        old = found.sheet(number)
        editor = Editor(old["cells"] if old else ())
        for block in one.get("data") or []:
            top, left = int(block.get("startRow") or 0), int(block.get("startColumn") or 0)
            write_rows(editor, top, left, block.get("rowData") or [], {"*": {}})
        props = {
            k: shown[k]
            for k in ("hidden", "rightToLeft", "tabColor", "tabColorStyle")
            if k in shown
        }
        row = book.new_sheet(
            number,
            str(shown.get("title", f"Sheet{n + 1}")),
            n,
            rows=int(grid.pop("rowCount", DEFAULT_ROWS)),
            columns=int(grid.pop("columnCount", DEFAULT_COLUMNS)),
            grid=grid,
            props=props,
            kind=shown.get("sheetType", "GRID"),
            cells=editor.grid(),
            merges=tuple(one.get("merges") or ()),
            parts={k: one[k] for k in PARTS if k in one},
        )
        found.table.put((found.ident, number), row)
        numbers.append(number)
    found.change(sheets=tuple(numbers))


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


def _values(world: World, ident: str, body: Row) -> None:
    if ident not in world.table("google.spreadsheets"):
        _file(world, ident, mimeType=store.SHEET)
        book.create(world, ident, "")
    found = Book(world, ident)
    ranges = body.get("valueRanges") or [body]
    for one in ranges:
        title, _ = a1.split(str(one.get("range", "")))
        sheet = found.titled(title) if title else found.sheets[0]
        if sheet is None:
            sheet = found.patch(found.sheets[0]["id"], title=title)
        area = a1.parse(str(one["range"]))
        lines = one.get("values") or []
        if one.get("majorDimension") == "COLUMNS":
            height = max((len(line) for line in lines), default=0)
            lines = [[line[r] if r < len(line) else "" for line in lines] for r in range(height)]
        editor = found.editor(sheet)
        for r, line in enumerate(lines):
            for c, value in enumerate(line):
                got = entry.typed(value)
                cell = Cell(got.value, got.formula, got.style)
                editor.put((area.top or 0) + r, (area.left or 0) + c, cell)
        found.patch(sheet["id"], cells=editor.grid())


def _document(world: World, ident: str, body: Row) -> None:
    _file(world, ident, name=body.get("title"), mimeType=store.DOCUMENT)
    imports.document(world, ident, body)
