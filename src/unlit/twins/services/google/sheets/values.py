"""The values of ranges: get, update, append, clear and their batches."""

from typing import Any, Final

from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes
from unlit.twins.services.google.sheets import a1, entry, show
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.model import Cell, Editor, Failure, Row, Value

SCOPES: Final = (
    "https://www.googleapis.com/auth/spreadsheets",
    "https://www.googleapis.com/auth/drive",
    "https://www.googleapis.com/auth/drive.file",
)
READ: Final = (
    *SCOPES,
    "https://www.googleapis.com/auth/spreadsheets.readonly",
    "https://www.googleapis.com/auth/drive.readonly",
)
routes = Routes("/v4/spreadsheets", "sheets.spreadsheets.values", SCOPES)
_RENDER: Final = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")
_DATES: Final = ("SERIAL_NUMBER", "FORMATTED_STRING")
_INPUT: Final = ("RAW", "USER_ENTERED")


def book_of(ask: Ask, *, write: bool = False) -> Book:
    """Return the spreadsheet that the path names.

    Raises:
        VendorError: There is none, or the caller may not.
    """
    ident = ask.params["spreadsheetId"]
    found = store.visible(ask, ident)
    if found is None or ident not in ask.table("spreadsheets"):
        raise store.unseen(ask, ident)
    if write and not store.may(ask, found, "writer"):
        raise errors.rpc(403, "The caller does not have permission")
    return Book(ask.world, ident)


def chosen(value: Any, name: str, allowed: tuple[str, ...], default: str) -> str:
    """Check an enumeration given in a query or body."""
    if value in (None, "") or str(value).endswith("_UNSPECIFIED"):
        return default
    if value not in allowed:
        kind = {
            "value_render_option": "ValueRenderOption",
            "date_time_render_option": "DateTimeRenderOption",
            "value_input_option": "ValueInputOption",
            "insert_data_option": "InsertDataOption",
            "major_dimension": "Dimension",
        }[name]
        full = f"type.googleapis.com/google.apps.sheets.v4.{kind}"
        raise errors.violated((name, f"Invalid value at '{name}' ({full}), \"{value}\""))
    return str(value)


def rendered(cell: Cell, value: Value | Failure, option: str, dates: str) -> Any:
    """Return a value as the caller wants to see it."""
    if option == "FORMULA" and cell.formula is not None:
        return cell.formula
    if option == "FORMATTED_VALUE":
        return show.shown(value, cell.style)
    if isinstance(value, Failure):
        return value.text
    if value is None:
        return ""
    if isinstance(value, float):
        if dates == "FORMATTED_STRING" and show.kind_of(cell.style) in (
            "DATE",
            "TIME",
            "DATE_TIME",
        ):
            return show.shown(value, cell.style)
        return int(value) if value == int(value) else value
    return value


def read(book: Book, sheet: Row, area: Area, major: str, option: str, dates: str) -> Row:
    """Return the values of a range, trailing emptiness removed."""
    top, left, bottom, right = book.closed(sheet, area)
    out: Row = {
        "range": a1.text(sheet["title"], top, left, bottom, right),
        "majorDimension": major,
    }
    lines = lines_in(book, sheet, (top, left, bottom, right), option, dates)
    if major == "COLUMNS":
        width = max((len(line) for line in lines), default=0)
        lines = [[line[c] if c < len(line) else "" for line in lines] for c in range(width)]
    lines = trimmed(lines)
    if lines:
        out["values"] = lines
    return out


def lines_in(
    book: Book, sheet: Row, box: tuple[int, int, int, int], option: str, dates: str
) -> list[list[Any]]:
    """Return the rendered values of a closed range, row by row."""
    top, left, bottom, right = box
    computed = book.computed(sheet)
    cells = sheet["cells"]
    rows = len(cells) if computed is None else computed.used(sheet["id"])[0]
    lines: list[list[Any]] = []
    for row in range(top, min(bottom, rows)):
        width = len(cells[row]) if row < len(cells) else 0
        if computed is not None:
            width = max(width, computed.used(sheet["id"])[1])
        line: list[Any] = []
        for column in range(left, min(right, width)):
            cell = book.cell(sheet, row, column)
            value = cell.value if computed is None else computed.cell(sheet["id"], row, column)
            line.append(
                "" if value is None and not cell.filled else rendered(cell, value, option, dates)
            )
        lines.append(line)
    return lines


def trimmed(lines: list[list[Any]]) -> list[list[Any]]:
    """Remove empty values at the end of lines and empty lines at the end."""
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def options(source: Any) -> tuple[str, str, str]:
    """Read majorDimension, valueRenderOption and dateTimeRenderOption from a getter."""
    return (
        chosen(source("majorDimension"), "major_dimension", ("ROWS", "COLUMNS"), "ROWS"),
        chosen(source("valueRenderOption"), "value_render_option", _RENDER, "FORMATTED_VALUE"),
        chosen(source("dateTimeRenderOption"), "date_time_render_option", _DATES, "SERIAL_NUMBER"),
    )


@routes.add("GET", "/{spreadsheetId}/values/{range}", "get", scopes=READ)
def get(ask: Ask) -> Any:
    """Return the values of one range."""
    book = book_of(ask)
    sheet, area = book.area(ask.params["range"])
    return ask.masked(read(book, sheet, area, *options(ask.request.arg)))


@routes.add("GET", "/{spreadsheetId}/values:batchGet", "batchGet", scopes=READ)
def batch_get(ask: Ask) -> Any:
    """Return the values of several ranges."""
    book = book_of(ask)
    found = [book.area(text) for text in ask.request.args("ranges")]
    chosen_options = options(ask.request.arg)
    rows = [read(book, sheet, area, *chosen_options) for sheet, area in found]
    return ask.masked({"spreadsheetId": book.ident, "valueRanges": rows})


def lines_of(body: Row, where: str = "data") -> list[list[Any]]:
    """Return the lines of a ValueRange, checked as protobuf JSON is."""
    lines = body.get("values")
    if lines is None:
        return []
    problems: list[tuple[str, str]] = []
    if not isinstance(lines, list):
        problems.append(
            (
                f"{where}.values",
                f"Invalid value at '{where}.values' "
                f"(type.googleapis.com/google.protobuf.ListValue), {_quoted(lines)}",
            )
        )
    else:
        for n, line in enumerate(lines):
            if not isinstance(line, list):
                problems.append(
                    (
                        f"{where}.values[{n}]",
                        f"Invalid value at '{where}.values[{n}]' "
                        f"(type.googleapis.com/google.protobuf.ListValue), {_quoted(line)}",
                    )
                )
    if problems:
        raise errors.violated(*problems)
    for r, line in enumerate(lines):
        for c, value in enumerate(line):
            if isinstance(value, dict | list):
                kind = "struct_value" if isinstance(value, dict) else "list_value"
                raise errors.invalid(f"Invalid {where}.values[{r}][{c}]: {kind} {{\n}}\n")
    if body.get("majorDimension") == "COLUMNS":
        height = max((len(line) for line in lines), default=0)
        return [[line[r] if r < len(line) else None for line in lines] for r in range(height)]
    return list(lines)


def _quoted(value: Any) -> str:
    return (
        f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else f"{value}"
    )


def written(editor: Editor, row: int, column: int, value: Any, option: str, locale: str) -> None:
    """Write one value; `None` leaves the cell alone."""
    if value is None:
        return
    old = editor.get(row, column)
    got = entry.typed(value, locale) if option == "USER_ENTERED" else entry.raw(value)
    style = old.style
    if got.style and not (old.style or {}).get("numberFormat"):
        style = {**(old.style or {}), **got.style}
    editor.put(row, column, Cell(got.value, got.formula, style, old.extra))


def write(
    book: Book, sheet: Row, area: Area, lines: list[list[Any]], option: str
) -> tuple[int, int, int, int]:
    """Write lines into a range; return top, left, bottom, right of what was written.

    Raises:
        VendorError: The values do not fit the range or the grid.
    """
    top, left = area.top or 0, area.left or 0
    width = max((len(line) for line in lines), default=0)
    bottom, right = top + max(len(lines), 1), left + max(width, 1)
    single = area.bottom == top + 1 and area.right == left + 1
    if not single and not area.whole:
        _inside(sheet, area, lines, width)
    if bottom > sheet["rows"] or right > sheet["columns"]:
        raise errors.invalid(
            f"Range ({a1.text(sheet['title'], top, left, bottom, right)}) exceeds grid limits. "
            f"Max rows: {sheet['rows']}, max columns: {sheet['columns']}"
        )
    editor = book.editor(sheet)
    for r, line in enumerate(lines):
        for c, value in enumerate(line):
            written(editor, top + r, left + c, value, option, book.row["locale"])
    book.patch(sheet["id"], cells=editor.grid())
    return top, left, bottom, right


def _inside(sheet: Row, area: Area, lines: list[list[Any]], width: int) -> None:
    top, left = area.top or 0, area.left or 0
    shown = a1.text(
        sheet["title"],
        top,
        left,
        area.bottom if area.bottom is not None else sheet["rows"],
        area.right if area.right is not None else sheet["columns"],
    )
    if area.bottom is not None and top + len(lines) > area.bottom:
        raise errors.invalid(
            f"Requested writing within range [{shown}], but tried writing to row "
            f"[{area.bottom + 1}]"
        )
    if area.right is not None and left + width > area.right:
        raise errors.invalid(
            f"Requested writing within range [{shown}], but tried writing to column "
            f"[{a1.column_letters(area.right)}]"
        )


def updated(
    ask: Ask,
    book: Book,
    sheet: Row,
    box: tuple[int, int, int, int],
    lines: list[list[Any]],
    source: Any,
) -> Row:
    """Return what an update answers."""
    top, left, bottom, right = box
    count = sum(value is not None for line in lines for value in line)
    out: Row = {
        "spreadsheetId": book.ident,
        "updatedRange": a1.text(sheet["title"], top, left, bottom, right),
    }
    if count:
        out |= {
            "updatedRows": sum(any(v is not None for v in line) for line in lines),
            "updatedColumns": len(
                {c for line in lines for c, value in enumerate(line) if value is not None}
            ),
            "updatedCells": count,
        }
    if str(source("includeValuesInResponse")).lower() == "true":
        option = chosen(
            source("responseValueRenderOption"), "value_render_option", _RENDER, "FORMATTED_VALUE"
        )
        dates = chosen(
            source("responseDateTimeRenderOption"),
            "date_time_render_option",
            _DATES,
            "SERIAL_NUMBER",
        )
        fresh = book.sheet(sheet["id"]) or sheet
        out["updatedData"] = read(
            book, fresh, Area(None, *box[:2], *box[2:]), "ROWS", option, dates
        )
    return out


def required_input(value: Any) -> str:
    """Check valueInputOption, which must be given."""
    option = chosen(value, "value_input_option", _INPUT, "")
    if not option:
        raise errors.invalid("'valueInputOption' is required but not specified")
    return option


@routes.add("PUT", "/{spreadsheetId}/values/{range}", "update")
def update(ask: Ask) -> Any:
    """Write values into a range."""
    book = book_of(ask, write=True)
    body = ask.body()
    option = required_input(ask.request.arg("valueInputOption"))
    text = ask.params["range"]
    if body.get("range") and body["range"] != text:
        raise errors.invalid(
            f"Requested writing within range [{text}], but the body names [{body['range']}]"
        )
    lines = lines_of(body)
    sheet, area = book.area(text)
    with ask.world.atomic():
        box = write(book, sheet, area, lines, option)
        store.modified(ask, book.ident)
    return ask.masked(updated(ask, book, sheet, box, lines, ask.request.arg))


@routes.add("POST", "/{spreadsheetId}/values:batchUpdate", "batchUpdate")
def batch_update(ask: Ask) -> Any:
    """Write several ranges at once, all or none."""
    book = book_of(ask, write=True)
    body = ask.body()
    option = required_input(body.get("valueInputOption"))
    answers: list[Row] = []
    boxes: list[tuple[int, int, int, int, int]] = []
    with ask.world.atomic():
        for n, data in enumerate(body.get("data") or []):
            lines = lines_of(data, f"data[{n}]")
            sheet, area = book.area(str(data.get("range", "")))
            box = write(book, sheet, area, lines, option)
            boxes.append((sheet["id"], *box))
            answers.append(updated(ask, book, sheet, box, lines, body.get))
        store.modified(ask, book.ident)
    out: Row = {"spreadsheetId": book.ident, **totals(boxes, answers)}
    out["responses"] = answers
    return ask.masked(out)


def totals(boxes: list[tuple[int, int, int, int, int]], answers: list[Row]) -> Row:
    """Return the totals of a batch: rows and columns are counted once each."""
    rows = {(sheet, r) for sheet, top, _, bottom, _ in boxes for r in range(top, bottom)}
    columns = {(sheet, c) for sheet, _, left, _, right in boxes for c in range(left, right)}
    cells = sum(answer.get("updatedCells", 0) for answer in answers)
    if not cells:
        return {}
    return {
        "totalUpdatedRows": len(rows),
        "totalUpdatedColumns": len(columns),
        "totalUpdatedCells": cells,
        "totalUpdatedSheets": len({box[0] for box in boxes}),
    }


def clear_area(book: Book, text: str) -> str:
    """Clear the values of a range; return its name as answers show it."""
    return clear_box(book, *book.area(text))


def clear_box(book: Book, sheet: Row, area: Area) -> str:
    """Clear the values of an area; return its name as answers show it."""
    top, left, bottom, right = book.closed(sheet, area)
    editor = book.editor(sheet)
    for row in range(top, min(bottom, len(sheet["cells"]))):
        for column in range(left, min(right, len(sheet["cells"][row]))):
            cell = editor.get(row, column)
            if cell.filled:
                editor.put(row, column, cell.emptied())
    book.patch(sheet["id"], cells=editor.grid())
    return a1.text(sheet["title"], top, left, bottom, right)


@routes.add("POST", "/{spreadsheetId}/values/{range}:clear", "clear")
def clear(ask: Ask) -> Any:
    """Clear the values of a range; formats stay."""
    book = book_of(ask, write=True)
    shown = clear_area(book, ask.params["range"])
    store.modified(ask, book.ident)
    return ask.masked({"spreadsheetId": book.ident, "clearedRange": shown})


@routes.add("POST", "/{spreadsheetId}/values:batchClear", "batchClear")
def batch_clear(ask: Ask) -> Any:
    """Clear several ranges."""
    book = book_of(ask, write=True)
    with ask.world.atomic():
        shown = [clear_area(book, str(text)) for text in ask.body().get("ranges") or []]
        store.modified(ask, book.ident)
    return ask.masked({"spreadsheetId": book.ident, "clearedRanges": shown})


def table_around(book: Book, sheet: Row, area: Area) -> tuple[int, int, int, int] | None:
    """Return the table that an append extends: filled cells around or inside the range."""
    top, left, bottom, right = book.closed(sheet, area)
    grid = sheet["cells"]
    filled = {
        (r, c)
        for r, line in enumerate(grid)
        for c, cell in enumerate(line)
        if cell is not None and cell.filled
    }
    inside = [(r, c) for r, c in filled if top <= r < bottom and left <= c < right]
    start = (top, left) if area.top is not None and (top, left) in filled else None
    if start is None and inside:
        start = max(inside) if area.top is None else min(inside)
    if start is None:
        return None
    box = [start[0], start[1], start[0] + 1, start[1] + 1]
    grown = True
    while grown:
        grown = False
        for r, c in filled:
            if box[0] - 1 <= r <= box[2] and box[1] - 1 <= c <= box[3]:
                new = [min(box[0], r), min(box[1], c), max(box[2], r + 1), max(box[3], c + 1)]
                grown = grown or new != box
                box = new
    return box[0], box[1], box[2], box[3]


@routes.add("POST", "/{spreadsheetId}/values/{range}:append", "append")
def append(ask: Ask) -> Any:
    """Write values after the table found in a range."""
    book = book_of(ask, write=True)
    option = required_input(ask.request.arg("valueInputOption"))
    inserting = chosen(
        ask.request.arg("insertDataOption"),
        "insert_data_option",
        ("OVERWRITE", "INSERT_ROWS"),
        "OVERWRITE",
    )
    lines = lines_of(ask.body())
    sheet, area = book.area(ask.params["range"])
    table = table_around(book, sheet, area)
    top, left = (area.top or 0, area.left or 0) if table is None else (table[2], table[1])
    with ask.world.atomic():
        sheet = _room(
            book, sheet, top, left, lines, insert=inserting == "INSERT_ROWS" and table is not None
        )
        box = (
            write(book, sheet, Area(None, top, left), lines, option)
            if lines
            else (top, left, top + 1, left + 1)
        )
        store.modified(ask, book.ident)
    out: Row = {"spreadsheetId": book.ident}
    if table is not None:
        out["tableRange"] = a1.text(sheet["title"], *table)
    out["updates"] = updated(ask, book, sheet, box, lines, ask.request.arg)
    return ask.masked(out)


def _room(
    book: Book, sheet: Row, top: int, left: int, lines: list[list[Any]], *, insert: bool
) -> Row:
    rows, columns = sheet["rows"], sheet["columns"]
    cells = sheet["cells"]
    if insert:
        cells = (*cells[:top], *[()] * len(lines), *cells[top:]) if top < len(cells) else cells
        rows += len(lines)
    rows = max(rows, top + len(lines))
    columns = max(columns, left + max((len(line) for line in lines), default=0))
    return book.patch(sheet["id"], rows=rows, columns=columns, cells=cells)
