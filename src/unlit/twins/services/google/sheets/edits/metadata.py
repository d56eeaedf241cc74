"""Developer metadata: on the spreadsheet, a sheet, rows or columns."""

from unlit.twins.services.google import masks
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.edits.registry import Edit, kind
from unlit.twins.services.google.sheets.model import Row


def location(given: Row) -> Row:
    """Return a location with its type."""
    if "dimensionRange" in given:
        box = given["dimensionRange"]
        word = "ROW" if box.get("dimension") == "ROWS" else "COLUMN"
        return {"locationType": word, "dimensionRange": box}
    if "sheetId" in given:
        return {"locationType": "SHEET", "sheetId": given["sheetId"]}
    return {"locationType": "SPREADSHEET", "spreadsheet": True}


def matches(row: Row, lookup: Row) -> bool:
    """Say whether metadata is what a lookup asks for."""
    for name in ("metadataId", "metadataKey", "metadataValue", "visibility"):
        if lookup.get(name) is not None and row.get(name) != lookup[name]:
            return False
    kind_wanted = lookup.get("locationType")
    if kind_wanted and row["location"]["locationType"] != kind_wanted:
        return False
    place = lookup.get("metadataLocation")
    if not place:
        return True
    wanted = location(place)
    if row["location"] == wanted:
        return True
    if lookup.get("locationMatchingStrategy") == "INTERSECTING_LOCATION" or not lookup.get(
        "locationMatchingStrategy"
    ):
        sheet = wanted.get("sheetId")
        inner = row["location"].get("dimensionRange") or {}
        return wanted["locationType"] == "SPREADSHEET" or (
            sheet is not None and inner.get("sheetId") == sheet
        )
    return False


def search(book: Book, filters: list[Row]) -> list[tuple[Row, Row]]:
    """Return metadata with the filter that found it."""
    out: list[tuple[Row, Row]] = []
    for row in book.row["developer"]:
        for one in filters:
            lookup = one.get("developerMetadataLookup")
            if lookup is not None and matches(row, lookup):
                out.append((row, one))
                break
    return out


@kind("createDeveloperMetadata")
def create(edit: Edit) -> Row:
    """Add metadata."""
    given = dict(edit.body.get("developerMetadata") or {})
    if not given.get("metadataKey"):
        raise edit.refuse("The metadata key must be given.")
    if not given.get("visibility"):
        raise edit.refuse("The metadata visibility must be given.")
    ident = given.get("metadataId") or edit.book.world.random("metadata").randrange(1, 2**31 - 1)
    if any(row["metadataId"] == ident for row in edit.book.row["developer"]):
        raise edit.refuse(f"Developer metadata with ID {ident} already exists.")
    row = {**given, "metadataId": ident, "location": location(given.get("location") or {})}
    edit.book.change(developer=(*edit.book.row["developer"], row))
    return {"createDeveloperMetadata": {"developerMetadata": row}}


@kind("updateDeveloperMetadata")
def update(edit: Edit) -> Row:
    """Change every metadata that the filters find."""
    found = [row for row, _ in search(edit.book, edit.body.get("dataFilters") or [])]
    mask, given = edit.mask(), edit.body.get("developerMetadata") or {}
    changed = {row["metadataId"]: masks.merged(row, given, mask) for row in found}
    rows = tuple(changed.get(row["metadataId"], row) for row in edit.book.row["developer"])
    edit.book.change(developer=rows)
    return {"updateDeveloperMetadata": {"developerMetadata": list(changed.values())}}


@kind("deleteDeveloperMetadata")
def delete(edit: Edit) -> Row:
    """Remove every metadata that the filter finds."""
    found = [row for row, _ in search(edit.book, [edit.body.get("dataFilter") or {}])]
    gone = {row["metadataId"] for row in found}
    left = tuple(row for row in edit.book.row["developer"] if row["metadataId"] not in gone)
    edit.book.change(developer=left)
    return {"deleteDeveloperMetadata": {"deletedDeveloperMetadata": found}}


__all__ = ["create", "delete", "location", "matches", "search", "update"]
