"""Workbooks and text documents of office suites: written from what the twin keeps, read into it.

Values, formulas and dates of every sheet, headings, list levels and text of a document; what makes
them look (fonts, colours, page layout) stays behind.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from unlit.twins.services.google.sheets.a1 import column_letters

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
RTF: Final = "application/rtf"
MOST: Final = 50_000_000
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_OPEN: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f"{_OPEN}/spreadsheetml/2006/main"
_WORD: Final = f"{_OPEN}/wordprocessingml/2006/main"
_LINKS: Final = f"{_OPEN}/package/2006/relationships"
_DOCUMENT: Final = f"{_OPEN}/officeDocument/2006/relationships"
_TYPES: Final = f"{_OPEN}/package/2006/content-types"
_NAMES: Final = "application/vnd.openxmlformats-"
_BAD: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Sheet = tuple[str, list[list[Any]], list[list[Any]]]  # title, values, formulas
Paragraph = tuple[int, int | None, str]  # heading (0 is none), level of a list, text


class Unreadable(Exception):
    """A file is not what its type says."""


def _text(value: Any) -> str:
    return escape(_BAD.sub("", str(value)))


def _packed(parts: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), _HEAD + text)
    return held.getvalue()


def _links(rows: list[tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(rows, 1)
    )
    return f'<Relationships xmlns="{_LINKS}">{inner}</Relationships>'


def _types(rows: dict[str, str]) -> str:
    inner = "".join(
        f'<Override PartName="/{name}" ContentType="{_NAMES}{kind}+xml"/>'
        for name, kind in rows.items()
    )
    rels = f'<Default Extension="rels" ContentType="{_NAMES}package.relationships+xml"/>'
    return f'<Types xmlns="{_TYPES}">{rels}{inner}</Types>'


# --- workbooks
def workbook(sheets: list[Sheet]) -> bytes:
    """Return sheets as XLSX."""
    kind = "officedocument.spreadsheetml"
    names = [f"xl/worksheets/sheet{n}.xml" for n in range(1, len(sheets) + 1)]
    listed = "".join(
        f'<sheet name={quoteattr(title[:31])} sheetId="{n}" r:id="rId{n}"/>'
        for n, (title, _, _) in enumerate(sheets, 1)
    )
    parts = {
        "[Content_Types].xml": _types(
            {"xl/workbook.xml": f"{kind}.sheet.main", **dict.fromkeys(names, f"{kind}.worksheet")}
        ),
        "_rels/.rels": _links([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _links(
            [("worksheet", name.removeprefix("xl/")) for name in names]
        ),
    }
    for name, (_, values, formulas) in zip(names, sheets, strict=True):
        parts[name] = _sheet(values, formulas)
    return _packed(parts)


def _sheet(values: list[list[Any]], formulas: list[list[Any]]) -> str:
    lines = []
    for r, line in enumerate(values):
        cells = "".join(
            _cell(f"{column_letters(c)}{r + 1}", value, _at(formulas, r, c))
            for c, value in enumerate(line)
        )
        lines.append(f'<row r="{r + 1}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _at(grid: list[list[Any]], r: int, c: int) -> Any:
    return grid[r][c] if r < len(grid) and c < len(grid[r]) else ""


def _cell(at: str, value: Any, formula: Any) -> str:
    made = (
        f"<f>{_text(formula[1:])}</f>"
        if isinstance(formula, str) and formula.startswith("=")
        else ""
    )
    if value in ("", None) and not made:
        return ""
    if isinstance(value, bool):
        return f'<c r="{at}" t="b">{made}<v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{at}">{made}<v>{value}</v></c>'
    if made:
        kind = "e" if str(value).startswith("#") else "str"
        return f'<c r="{at}" t="{kind}">{made}<v>{_text(value)}</v></c>'
    inner = f'<is><t xml:space="preserve">{_text(value)}</t></is>'
    return f'<c r="{at}" t="inlineStr">{inner}</c>'


def sheets_of(data: bytes) -> list[tuple[str, list[list[Any]]]]:
    """Return titles and cells of an XLSX file: numbers, truth values, texts, formulas with ``=``.

    Raises:
        Unreadable: It is none.
    """
    parts = _opened(data)
    shared = [
        "".join(node.text or "" for node in item.iter(f"{{{_MAIN}}}t"))
        for item in _tree(parts, "xl/sharedStrings.xml", must=False)
    ]
    places = {
        link.get("Id"): str(link.get("Target")).removeprefix("/xl/")
        for link in _tree(parts, "xl/_rels/workbook.xml.rels")
    }
    out = []
    for sheet in _tree(parts, "xl/workbook.xml").iter(f"{{{_MAIN}}}sheet"):
        target = places.get(sheet.get(f"{{{_DOCUMENT}}}id"))
        lines = list(_lines(_tree(parts, f"xl/{target}"), shared))
        out.append((str(sheet.get("name")), lines))
    return out


def _lines(tree: ElementTree.Element, shared: list[str]) -> Iterator[list[Any]]:
    here = 0
    for row in tree.iter(f"{{{_MAIN}}}row"):
        number = int(row.get("r") or here + 1)
        if number - here > 1_000_000:
            raise Unreadable("row")
        for _ in range(here + 1, number):
            yield []
        here = number
        line: list[Any] = []
        for cell in row.iter(f"{{{_MAIN}}}c"):
            at = _column_of(cell.get("r"), len(line))
            line += [""] * (at - len(line))
            line.append(_value(cell, shared))
        yield line


def _column_of(reference: str | None, usual: int) -> int:
    letters = (reference or "").rstrip("0123456789")
    if not letters or len(letters) > 3 or not letters.isalpha():
        return usual
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> Any:
    formula = cell.find(f"{{{_MAIN}}}f")
    if formula is not None and formula.text:
        return "=" + formula.text
    kind, inner = cell.get("t"), cell.find(f"{{{_MAIN}}}v")
    text = (inner.text or "") if inner is not None else ""
    if kind == "inlineStr":
        return "".join(node.text or "" for node in cell.iter(f"{{{_MAIN}}}t"))
    try:
        if kind == "s":
            return shared[int(text)]
        if kind == "b":
            return text == "1"
        if kind in (None, "n") and text:
            number = float(text)
            return int(number) if number.is_integer() else number
    except (ValueError, IndexError) as error:
        raise Unreadable(text) from error
    return text


def _opened(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST:
                raise Unreadable("too large")
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, RuntimeError, OSError, NotImplementedError) as error:
        raise Unreadable(str(error)) from error


def _tree(parts: dict[str, bytes], name: str, *, must: bool = True) -> ElementTree.Element:
    data = parts.get(name)
    if data is None and not must:
        return ElementTree.Element("none")
    if data is None or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable(name)
    try:
        return ElementTree.fromstring(data)  # noqa: S314 # no entities, bounded above
    except ElementTree.ParseError as error:
        raise Unreadable(name) from error


# --- documents
def document(paragraphs: list[Paragraph]) -> bytes:
    """Return paragraphs as DOCX."""
    kind = "officedocument.wordprocessingml.document.main"
    body = "".join(
        f"<w:p>{_style(heading, level)}"
        f'<w:r><w:t xml:space="preserve">{_text(text)}</w:t></w:r></w:p>'
        for heading, level, text in paragraphs
    )
    return _packed({
        "[Content_Types].xml": _types({"word/document.xml": kind}),
        "_rels/.rels": _links([("officeDocument", "word/document.xml")]),
        "word/document.xml":
            f'<w:document xmlns:w="{_WORD}"><w:body>{body}<w:sectPr/></w:body></w:document>',
    })  # fmt: skip


def _style(heading: int, level: int | None) -> str:
    if heading:
        return f'<w:pPr><w:pStyle w:val="Heading{heading}"/></w:pPr>'
    if level is None:
        return ""
    number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>'
    return f'<w:pPr><w:pStyle w:val="ListParagraph"/>{number}</w:pPr>'


def paragraphs_of(data: bytes) -> list[Paragraph]:
    """Return the paragraphs of a DOCX file.

    Raises:
        Unreadable: It is none.
    """
    out: list[Paragraph] = []
    name = f"{{{_WORD}}}"
    for node in _tree(_opened(data), "word/document.xml").iter(f"{name}p"):
        style = node.find(f"{name}pPr/{name}pStyle")
        level = node.find(f"{name}pPr/{name}numPr/{name}ilvl")
        found = re.fullmatch(r"[Hh]eading ?(\d)", str(style.get(f"{name}val"))) if (
            style is not None) else None  # fmt: skip
        text = "".join(
            "\t" if part.tag == f"{name}tab" else part.text or ""
            for part in node.iter()
            if part.tag in (f"{name}t", f"{name}tab")
        )
        deep = int(level.get(f"{name}val") or 0) if level is not None else None
        out.append((int(found[1]) if found else 0, deep, text))
    return out


def rich_text(paragraphs: list[Paragraph]) -> bytes:
    """Return paragraphs as RTF."""
    lines = []
    for heading, _, text in paragraphs:
        size = f"\\b\\fs{48 - 4 * heading} " if heading else "\\fs22 "
        lines.append("{\\pard " + size + "".join(_rtf(letter) for letter in text) + "\\par}")
    return ("{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Arial;}}\n" + "\n".join(lines) + "\n}").encode()


def _rtf(letter: str) -> str:
    if letter in "\\{}":
        return "\\" + letter
    if letter == "\t":
        return "\\tab "
    if " " <= letter < "\x7f":
        return letter
    units = letter.encode("utf-16-le")
    pairs = [units[n : n + 2] for n in range(0, len(units), 2)]
    return "".join(f"\\u{int.from_bytes(pair, 'little', signed=True)}?" for pair in pairs)
