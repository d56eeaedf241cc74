"""Exports of Google's own documents, and imports into them: text, Markdown, HTML, CSV, TSV.

What needs an office suite or a page layout (docx, xlsx, pdf …) is refused loudly, save for PDF,
which is a real one-column text document.
"""

import csv
import io
import zipfile
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any, Final

from typing_extensions import override

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Row
from unlit.twins.services.google.docs import document, units
from unlit.twins.services.google.drive import render
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
    if row["mimeType"] == store.SHEET:
        lines = first_sheet(ask, row["id"])
        if mime == "text/csv":
            return table(lines, ",")
        if mime == "text/tab-separated-values":
            return "\r\n".join("\t".join(line) for line in lines).encode()
        if mime == "application/pdf":
            return pdf("\n".join("  ".join(line) for line in lines))
    text = document.text(ask.world, row["id"])
    if mime == "text/plain":
        return ("\ufeff" + text.replace("\n", "\r\n").removesuffix("\r\n")).encode()
    if mime == "text/html":
        return _html(ask, row).encode()
    if mime == "text/markdown":
        return _markdown(ask, row).encode()
    if mime == "application/pdf":
        return pdf(text)
    if mime == "application/zip" and row["mimeType"] == store.DOCUMENT:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr(f"{row['name']}.html", _html(ask, row))
        return held.getvalue()
    raise errors.drive(501, "notImplemented", f"The twin does not export {mime}.")


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
    if row["id"] not in ask.table("spreadsheets"):
        books.create(ask.world, row["id"], row["name"])
    found = Book(ask.world, row["id"])
    sheet = found.patch(found.row["sheets"][0], cells=())
    editor = found.editor(sheet)
    lines = list(
        csv.reader(io.StringIO(content.decode("utf-8-sig", "replace")), delimiter=delimiter)
    )
    for r, line in enumerate(lines):
        for c, text in enumerate(line):
            got = entry.typed(text)
            editor.put(r, c, Cell(got.value, got.formula, got.style))
    width = max((len(line) for line in lines), default=0)
    found.patch(
        sheet["id"],
        cells=editor.grid(),
        rows=max(sheet["rows"], len(lines)),
        columns=max(sheet["columns"], width),
    )
