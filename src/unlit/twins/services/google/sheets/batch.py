"""spreadsheets.batchUpdate: requests in order, each by its kind."""

from typing import Any

from unlit.twins.kit.twin import VendorError
from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.edits import (  # noqa: F401 # they register their kinds
    cells,
    dimensions,
    metadata,
    moves,
    objects,
    properties,
    remarks,
)
from unlit.twins.services.google.sheets.edits.registry import KINDS, Edit
from unlit.twins.services.google.sheets.model import Row

# Kinds that this twin cannot do truly: they need BigQuery.
UNDONE = frozenset(
    {
        "addDataSource",
        "updateDataSource",
        "deleteDataSource",
        "refreshDataSource",
        "cancelDataSourceRefresh",
    }
)


def apply(ask: Ask, book: Book, requests: list[Any]) -> list[Row]:
    """Apply requests; the caller undoes everything when one is refused."""
    replies: list[Row] = []
    for n, request in enumerate(requests):
        where = f"requests[{n}]"
        if not isinstance(request, dict):
            raise errors.violated((where, f"Invalid value at '{where}'"))
        names = [name for name, body in request.items() if body is not None]
        unknown = [name for name in names if name not in KINDS and name not in UNDONE]
        if unknown:
            raise unknown_name(unknown[0], where)
        if len(names) != 1:
            raise errors.invalid(f"Invalid {where}: No request set.")
        name = names[0]
        if name in UNDONE:
            raise VendorError(
                501, "rpc", f"The twin does not do {name}.", rpc="UNIMPLEMENTED", details=None
            )
        body = request[name]
        if not isinstance(body, dict):
            raise errors.violated((f"{where}.{name}", f"Invalid value at '{where}.{name}'"))
        replies.append(KINDS[name](Edit(ask, book, body, f"{where}.{name}")))
    return replies


def unknown_name(name: str, where: str) -> VendorError:
    """Return the vendor's error for a field that the schema does not have."""
    text = (
        f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
    )
    return errors.violated((where, text))


def filtered(book: Book, one: Row) -> list[tuple[Row, Area]]:
    """Return the areas that a DataFilter selects."""
    if "a1Range" in one:
        return [book.area(str(one["a1Range"]))]
    if "gridRange" in one:
        return [book.boxed(one["gridRange"])]
    out: list[tuple[Row, Area]] = []
    for row, _ in metadata.search(book, [one]):
        place = row["location"]
        box = place.get("dimensionRange")
        if box is None:
            sheets = [book.sheet(int(place["sheetId"]))] if "sheetId" in place else book.sheets
            out += [(sheet, Area(sheet["title"])) for sheet in sheets if sheet is not None]
            continue
        sheet = book.sheet(int(box.get("sheetId") or 0))
        if sheet is None:
            continue
        start, end = box.get("startIndex"), box.get("endIndex")
        area = (
            Area(sheet["title"], start, None, end, None)
            if box.get("dimension") == "ROWS"
            else Area(sheet["title"], None, start, None, end)
        )
        out.append((sheet, area))
    return out
