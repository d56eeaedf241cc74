"""Values and metadata by data filter instead of by name."""

from typing import Any

from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes
from unlit.twins.services.google.sheets import batch, values
from unlit.twins.services.google.sheets.edits import metadata
from unlit.twins.services.google.sheets.model import Row

routes = Routes("/v4/spreadsheets", "sheets.spreadsheets", values.SCOPES)


@routes.add(
    "POST",
    "/{spreadsheetId}/values:batchGetByDataFilter",
    "values.batchGetByDataFilter",
    scopes=values.READ,
)
def batch_get(ask: Ask) -> Any:
    """Return the values that data filters select."""
    book, body = values.book_of(ask), ask.body()
    chosen = values.options(body.get)
    out: list[Row] = []
    for one in body.get("dataFilters") or []:
        for sheet, area in batch.filtered(book, one):
            found = values.read(book, sheet, area, *chosen)
            out.append({"valueRange": found, "dataFilters": [one]})
    return ask.masked({"spreadsheetId": book.ident, "valueRanges": out})


@routes.add(
    "POST", "/{spreadsheetId}/values:batchUpdateByDataFilter", "values.batchUpdateByDataFilter"
)
def batch_update(ask: Ask) -> Any:
    """Write into what data filters select."""
    book, body = values.book_of(ask, write=True), ask.body()
    option = values.required_input(body.get("valueInputOption"))
    answers: list[Row] = []
    boxes: list[tuple[int, int, int, int, int]] = []
    with ask.world.atomic():
        for n, data in enumerate(body.get("data") or []):
            lines = values.lines_of(data, f"data[{n}]")
            for sheet, area in batch.filtered(book, data.get("dataFilter") or {}):
                box = values.write(book, sheet, area, lines, option)
                boxes.append((sheet["id"], *box))
                answer = values.updated(ask, book, sheet, box, lines, body.get)
                answer.pop("spreadsheetId")
                answers.append({**answer, "dataFilter": data.get("dataFilter")})
        store.modified(ask, book.ident)
    out: Row = {"spreadsheetId": book.ident, **values.totals(boxes, answers)}
    return ask.masked({**out, "responses": answers})


@routes.add(
    "POST", "/{spreadsheetId}/values:batchClearByDataFilter", "values.batchClearByDataFilter"
)
def batch_clear(ask: Ask) -> Any:
    """Clear what data filters select."""
    book = values.book_of(ask, write=True)
    with ask.world.atomic():
        shown = [
            values.clear_box(book, sheet, area)
            for one in ask.body().get("dataFilters") or []
            for sheet, area in batch.filtered(book, one)
        ]
        store.modified(ask, book.ident)
    return ask.masked({"spreadsheetId": book.ident, "clearedRanges": shown})


@routes.add(
    "GET",
    "/{spreadsheetId}/developerMetadata/{metadataId}",
    "developerMetadata.get",
    scopes=values.READ,
)
def get_metadata(ask: Ask) -> Any:
    """Return developer metadata by id."""
    book, wanted = values.book_of(ask), ask.params["metadataId"]
    for row in book.row["developer"]:
        if str(row["metadataId"]) == wanted:
            return ask.masked(row)
    raise errors.rpc(404, f"No metadata found for ID: {wanted}")


@routes.add(
    "POST",
    "/{spreadsheetId}/developerMetadata:search",
    "developerMetadata.search",
    scopes=values.READ,
)
def search_metadata(ask: Ask) -> Any:
    """Return the developer metadata that filters find."""
    book = values.book_of(ask)
    found = metadata.search(book, ask.body().get("dataFilters") or [])
    rows = [{"developerMetadata": row, "dataFilters": [one]} for row, one in found]
    return ask.masked({"matchedDeveloperMetadata": rows} if rows else {})
