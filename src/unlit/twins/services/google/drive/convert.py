"""Exports of Google's own documents, and imports into them: text, Markdown, HTML, CSV, office.

A PDF is a real one-column text document; ODT, ODS and EPUB are refused loudly.
"""

import csv
import io
import zipfile
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any, Final

from typing_extensions import override

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Row
from unlit.twins.services.google.docs import document, units
from unlit.twins.services.google.drive import office, render
from unlit.twins.services.google.sheets import book as books
from unlit.twins.services.google.sheets import entry, values
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.model import Cell

LIMIT: Final = 10 * 1024 * 1024
_HEADINGS: Final = {f"HEADING_{n}": n for n in range(1, 7)}


def export(ask: Ask, row: Row, mime: str) -> Reply:
    """Return a document in another format."""
    if not row["mimeType"].startswith(store.NATIVE) or row["mimeType"] == store.FOLDER:
        raise errors.drive(
            403, "fileNotExportable", "Export only supports Docs Editors files.", location="fileId"
        )
    if not mime:
        raise errors.drive(400, "required", "Required parameter: mimeType", location="mimeType")
    if mime not in render.EXPORTS.get(row["mimeType"], {}):
        raise errors.drive(
            400,
            "badRequest",
            "The requested conversion is not supported.",
            location="convertTo",
        )
    data = _made(ask, row, mime)
    if len(data) > LIMIT:
        raise errors.drive(403, "exportSizeLimitExceeded", "This file is too large to be exported.")
    return Reply(200, data, [("content-type", mime)])


def _made(ask: Ask, row: Row, mime: str) -> bytes:
    maker = _MAKERS.get((row["mimeType"], mime))
    if maker is None:
        raise errors.drive(501, "notImplemented", f"The twin does not export {mime}.")
    return maker(ask, row)


def _plain(ask: Ask, row: Row) -> list[office.Paragraph]:
    return [
        (
            _HEADINGS.get(style, 0),
            int(bullet.get("nestingLevel") or 0) if bullet else None,
            text,
        )
        for style, bullet, text in _paragraphs(ask, row)
    ]


def _sheets(ask: Ask, ident: str) -> list[office.Sheet]:
    """Return title, values and formulas of every sheet."""
    found, out = Book(ask.world, ident), []
    for sheet in found.sheets:
        box = (0, 0, sheet["rows"], sheet["columns"])
        grids = [
            values.trimmed(values.lines_in(found, sheet, box, kind, "SERIAL_NUMBER"))
            for kind in ("UNFORMATTED_VALUE", "FORMULA")
        ]
        out.append((str(sheet["title"]), grids[0], grids[1]))
    return out


def _pages(sheets: list[office.Sheet]) -> bytes:
    """Return a web page for each sheet, in one archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for title, lines, _ in sheets:
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in line) + "</tr>"
                for line in lines
            )
            archive.writestr(f"{title}.html", f"<html><body><table>{body}</table></body></html>")
    return held.getvalue()


def first_sheet(ask: Ask, ident: str) -> list[list[str]]:
    """Return what the first sheet of a spreadsheet shows."""
    found = Book(ask.world, ident)
    sheet = found.sheets[0]
    box = (0, 0, sheet["rows"], sheet["columns"])
    lines = values.lines_in(found, sheet, box, "FORMATTED_VALUE", "SERIAL_NUMBER")
    lines = values.trimmed(lines)
    width = max((len(line) for line in lines), default=0)
    return [[*line, *[""] * (width - len(line))] for line in lines]


def table(lines: list[list[str]], delimiter: str) -> bytes:
    """Return CSV as Google writes it: CRLF between lines, none at the end."""
    held = io.StringIO()
    csv.writer(held, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    return held.getvalue().removesuffix("\r\n").encode()


def _paragraphs(ask: Ask, row: Row) -> list[tuple[str, Row, str]]:
    """Return kind, bullet and text of each paragraph of the first tab."""
    out: list[tuple[str, Row, str]] = []
    held: list[str] = []
    for unit in ask.table("documents")[row["id"]]["tabs"][0]["body"]:
        if unit.kind == units.CHAR:
            held.append(unit.text)
        elif unit.kind == units.NEWLINE:
            style = str(unit.data.style.get("namedStyleType", "NORMAL_TEXT"))
            out.append((style, dict(unit.data.bullet or {}), units.joined(held)))
            held = []
    return out


def _html(ask: Ask, row: Row) -> str:
    parts: list[str] = []
    for style, bullet, text in _paragraphs(ask, row):
        tag = "li" if bullet else f"h{_HEADINGS[style]}" if style in _HEADINGS else "p"
        parts.append(f"<{tag}>{escape(text)}</{tag}>")
    head = f'<html><head><meta charset="utf-8"><title>{escape(row["name"])}</title></head>'
    return f"{head}<body>{''.join(parts)}</body></html>"


def _markdown(ask: Ask, row: Row) -> str:
    lines: list[str] = []
    for style, bullet, text in _paragraphs(ask, row):
        if bullet:
            lines.append("  " * int(bullet.get("nestingLevel", 0)) + "* " + text)
        elif style in _HEADINGS:
            lines.append("#" * _HEADINGS[style] + " " + text)
        else:
            lines.append(text)
    return "\n\n".join(lines) + "\n"


def pdf(text: str) -> bytes:
    """Return a plain one-page-after-another PDF of a text."""
    lines = text.split("\n")
    pages = [lines[n : n + 60] for n in range(0, max(len(lines), 1), 60)]
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, page in enumerate(pages):
        shown = "\n".join(f"({_pdf_text(line)}) Tj T*" for line in page)
        stream = f"BT /F1 11 Tf 72 760 Td 12 TL\n{shown}\nET".encode("latin-1", "replace")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


def _pdf_text(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


# --- what becomes what
def _archived(ask: Ask, row: Row) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{row['name']}.html", _html(ask, row))
    return held.getvalue()


def _words(ask: Ask, row: Row) -> bytes:
    text = document.text(ask.world, row["id"])
    return ("\ufeff" + text.replace("\n", "\r\n").removesuffix("\r\n")).encode()


def _tabs(ask: Ask, row: Row) -> bytes:
    return "\r\n".join("\t".join(line) for line in first_sheet(ask, row["id"])).encode()


def _printed(ask: Ask, row: Row) -> bytes:
    return pdf("\n".join("  ".join(line) for line in first_sheet(ask, row["id"])))


_ZIP: Final = "application/zip"
_MAKERS: Final[dict[tuple[str, str], Callable[[Ask, Row], bytes]]] = {
    (store.SHEET, "text/csv"): lambda ask, row: table(first_sheet(ask, row["id"]), ","),
    (store.SHEET, "text/tab-separated-values"): _tabs,
    (store.SHEET, "application/pdf"): _printed,
    (store.SHEET, office.XLSX): lambda ask, row: office.workbook(_sheets(ask, row["id"])),
    (store.SHEET, _ZIP): lambda ask, row: _pages(_sheets(ask, row["id"])),
    (store.DOCUMENT, "text/plain"): _words,
    (store.DOCUMENT, "text/html"): lambda ask, row: _html(ask, row).encode(),
    (store.DOCUMENT, "text/markdown"): lambda ask, row: _markdown(ask, row).encode(),
    (store.DOCUMENT, "application/pdf"): lambda ask, row: pdf(document.text(ask.world, row["id"])),
    (store.DOCUMENT, office.DOCX): lambda ask, row: office.document(_plain(ask, row)),
    (store.DOCUMENT, office.RTF): lambda ask, row: office.rich_text(_plain(ask, row)),
    (store.DOCUMENT, _ZIP): _archived,
}


# --- imports
class _Text(HTMLParser):
    """Keeps the text of HTML, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4") and self.parts:
            self.parts.append("\n")

    @override
    def handle_data(self, data: str) -> None:
        if data.strip():
            self.parts.append(data)


def take_in(ask: Ask, row: Row, content: bytes, kind: str) -> None:
    """Fill a new Google document or spreadsheet from uploaded content."""
    if row["mimeType"] == store.SHEET and kind in (
        "text/csv",
        "text/tab-separated-values",
        "text/plain",
    ):
        _take_table(ask, row, content, "\t" if kind.startswith("text/tab") else ",")
    elif row["mimeType"] == store.DOCUMENT and kind.startswith("text/"):
        text = content.decode("utf-8-sig", "replace")
        if kind == "text/html":
            reader = _Text()
            reader.feed(text)
            text = unescape("".join(reader.parts)).strip()
        _take_text(ask, row, text)
    elif (row["mimeType"], kind) in _OFFICE:
        try:
            _OFFICE[row["mimeType"], kind](ask, row, content)
        except office.Unreadable as error:
            raise errors.drive(400, "badContent", "Bad content") from error
    else:
        raise errors.drive(
            501, "notImplemented", f"The twin does not convert {kind or 'this content'}."
        )


def _take_text(ask: Ask, row: Row, text: str) -> None:
    old = ask.table("documents")[row["id"]]
    clean = text.replace("\r\n", "\n").removesuffix("\n") + "\n"
    body = (units.blank()[0], *units.from_text(clean, units.NO_STYLE, units.PLAIN))
    tabs = ({**old["tabs"][0], "body": body}, *old["tabs"][1:])
    ask.table("documents").put(
        row["id"], {**old, "tabs": tabs, "revision": document.revision(ask.world)}
    )


def _take_table(ask: Ask, row: Row, content: bytes, delimiter: str) -> None:
    text = content.decode("utf-8-sig", "replace")
    found = _book(ask, row)
    _take_lines(
        found, found.row["sheets"][0], list(csv.reader(io.StringIO(text), delimiter=delimiter))
    )


def _book(ask: Ask, row: Row) -> Book:
    if row["id"] not in ask.table("spreadsheets"):
        books.create(ask.world, row["id"], row["name"])
    return Book(ask.world, row["id"])


def _take_workbook(ask: Ask, row: Row, content: bytes) -> None:
    sheets = office.sheets_of(content)
    if not sheets:
        raise office.Unreadable("no sheet")
    found = _book(ask, row)
    for at, (title, lines) in enumerate(sheets):
        if at == 0:
            key = found.row["sheets"][0]
            found.patch(key, title=title)
        else:
            key = ask.world.number("google.sheet", 1_000_000)
            found.table.put((row["id"], key), books.new_sheet(key, title, at))
            found.change(sheets=(*found.row["sheets"], key))
        _take_lines(found, key, lines, as_typed=False)


def _take_words(ask: Ask, row: Row, content: bytes) -> None:
    found = office.paragraphs_of(content)
    _take_text(ask, row, "\n".join(text for _, _, text in found))


_OFFICE: Final = {
    (store.SHEET, office.XLSX): _take_workbook,
    (store.DOCUMENT, office.DOCX): _take_words,
}


def _take_lines(found: Book, key: Any, lines: list[list[Any]], *, as_typed: bool = True) -> None:
    sheet = found.patch(key, cells=())
    editor = found.editor(sheet)
    for r, line in enumerate(lines):
        for c, text in enumerate(line):
            formula = isinstance(text, str) and text.startswith("=")
            got = entry.typed(text) if as_typed or formula else entry.raw(text)
            editor.put(r, c, Cell(got.value, got.formula, got.style))
    width = max((len(line) for line in lines), default=0)
    found.patch(
        sheet["id"],
        cells=editor.grid(),
        rows=max(sheet["rows"], len(lines)),
        columns=max(sheet["columns"], width),
    )
