"""A run of units in the vendor's JSON: structural elements with their indices."""

from typing import Any

from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.units import Paragraph, Units

Row = dict[str, Any]


def content(units: Units, *, numbered_from: int = 0) -> list[Row]:
    """Render a segment.

    Args:
        units: Its units.
        numbered_from: Index of the first unit.
    """
    out, at = _content(units, 0, len(units))
    assert at == len(units)  # noqa: S101 # a segment is rendered to its end
    return out


def _content(units: Units, at: int, end: int) -> tuple[list[Row], int]:
    out: list[Row] = []
    while at < end:
        kind = units[at].kind
        if kind in (u.CELL, u.ROW, u.END, u.CONTENTS_END):
            break
        if kind == u.SECTION:
            out.append(_spanned(at, at + 1, "sectionBreak", {"sectionStyle": units[at].data}))
            at += 1
        elif kind == u.TABLE:
            element, at = _table(units, at, end)
            out.append(element)
        elif kind == u.CONTENTS:
            inner, after = _content(units, at + 1, end)
            out.append(_spanned(at, after + 1, "tableOfContents", {"content": inner}))
            at = after + 1
        else:
            element, at = _paragraph(units, at)
            out.append(element)
    return out, at


def _spanned(start: int, end: int, name: str, value: Any) -> Row:
    out: Row = {"startIndex": start, "endIndex": end, name: value}
    if start == 0:
        del out["startIndex"]
    return out


def _table(units: Units, at: int, end: int) -> tuple[Row, int]:
    start = at
    table = units[at]
    at += 1
    rows: list[Row] = []
    while units[at].kind == u.ROW:
        row_start, row = at, units[at]
        at += 1
        cells: list[Row] = []
        while units[at].kind == u.CELL:
            cell_start, cell = at, units[at]
            inner, at = _content(units, at + 1, end)
            cells.append(
                {
                    "startIndex": cell_start,
                    "endIndex": at,
                    "content": inner,
                    "tableCellStyle": dict(cell.data or {}),
                }
            )
        rows.append(
            {
                "startIndex": row_start,
                "endIndex": at,
                "tableCells": cells,
                "tableRowStyle": dict(row.data or {}),
            }
        )
    width = max((len(row["tableCells"]) for row in rows), default=0)
    body = {
        "rows": len(rows),
        "columns": width,
        "tableRows": rows,
        "tableStyle": dict(table.data or {}),
    }
    return _spanned(start, at + 1, "table", body), at + 1


def _paragraph(units: Units, at: int) -> tuple[Row, int]:
    start = at
    elements: list[Row] = []
    while True:
        unit = units[at]
        if unit.kind == u.OBJECT:
            width = 1
            while units[at + width].kind == u.FILLER:
                width += 1
            name, value = unit.data
            shown = dict(value)
            if name not in ("equation",) and "textStyle" not in shown:
                shown["textStyle"] = dict(unit.style)
            elements.append(_spanned(at, at + width, name, shown))
            at += width
            continue
        after = _run_end(units, at)
        run = units[at:after]
        elements.append(
            _spanned(
                at,
                after,
                "textRun",
                {"content": u.joined(x.text for x in run), "textStyle": dict(unit.style)},
            )
        )
        at = after
        if run[-1].kind == u.NEWLINE:
            break
    last = units[at - 1]
    paragraph: Paragraph = last.data
    body: Row = {"elements": elements, "paragraphStyle": dict(paragraph.style)}
    if paragraph.bullet is not None:
        body["bullet"] = dict(paragraph.bullet)
    if paragraph.positioned:
        body["positionedObjectIds"] = list(paragraph.positioned)
    return _spanned(start, at, "paragraph", body), at


def _run_end(units: Units, at: int) -> int:
    style, mark = units[at].style, units[at].data if units[at].kind == u.CHAR else None
    end = at
    while end < len(units):
        unit = units[end]
        if unit.apart and end > at:
            return end
        if unit.kind == u.NEWLINE:
            same = unit.style == style
            return end + 1 if same or end == at else end
        if unit.kind != u.CHAR or unit.style != style or unit.data != mark:
            break
        end += 1
    return end
