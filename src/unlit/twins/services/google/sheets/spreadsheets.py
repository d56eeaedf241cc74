"""Spreadsheets: create, get, batchUpdate."""

from typing import Any

from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import store
from unlit.twins.services.google.sheets import book
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.values import READ, SCOPES, book_of

routes = Routes("/v4/spreadsheets", "sheets.spreadsheets", SCOPES)


@routes.add("POST", "", "create")
def create(ask: Ask) -> Any:
    """Make a spreadsheet."""
    properties = ask.body().get("properties") or {}
    title = str(properties.get("title") or "Untitled spreadsheet")
    row = store.add(ask.world, ask.me, {"name": title, "mimeType": store.SHEET})
    book.create(ask.world, row["id"], title)
    return ask.masked(shown(Book(ask.world, row["id"])))


@routes.add("GET", "/{spreadsheetId}", "get", scopes=READ)
def get(ask: Ask) -> Any:
    """Return a spreadsheet."""
    return ask.masked(shown(book_of(ask)))


def shown(found: Book) -> Row:
    """Render a spreadsheet."""
    row = found.row
    return {
        "spreadsheetId": row["id"],
        "properties": {
            "title": row["title"],
            "locale": row["locale"],
            "autoRecalc": row["autoRecalc"],
            "timeZone": row["timeZone"],
        },
        "sheets": [
            {
                "properties": {
                    "sheetId": sheet["id"],
                    "title": sheet["title"],
                    "index": n,
                    "sheetType": sheet["kind"],
                    "gridProperties": {"rowCount": sheet["rows"], "columnCount": sheet["columns"]},
                }
            }
            for n, sheet in enumerate(found.sheets)
        ],
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{row['id']}/edit",
    }
