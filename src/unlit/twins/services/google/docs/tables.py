"""Requests about tables: insert, rows, columns, merge, style."""

from dataclasses import dataclass
from typing import Any

from unlit.twins.services.google import masks
from unlit.twins.services.google.docs import edits, presets
from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.edits import Draft, Segment
from unlit.twins.services.google.docs.styling import coloured, mask_of
from unlit.twins.services.google.docs.units import Unit

Row = dict[str, Any]


@dataclass(slots=True)
class Cells:
    """A table taken apart.

    Attributes:
        start: Index of the table's mark.
        end: Index after its end mark.
        rows: For each row its mark, and for each cell its mark and content.
    """

    segment: Segment
    start: int
    end: int
    table: Unit
    rows: list[tuple[Unit, list[list[Unit]]]]

    @property
    def width(self) -> int:
        """Number of columns."""
        return max((len(cells) for _, cells in self.rows), default=0)

    def store(self) -> None:
        """Put the changed table back."""
        fresh: list[Unit] = [self.table]
        for mark, cells in self.rows:
            fresh.append(mark)
            for cell in cells:
                fresh += cell
        fresh.append(Unit(u.END))
        self.segment.splice(self.start, self.end, fresh)


def taken_apart(segment: Segment, start: int) -> Cells:
    """Return the table that starts at an index."""
    units = segment.units
    if start >= len(units) or units[start].kind != u.TABLE:
        raise segment.draft.refuse("The provided table start location is invalid.")
    rows: list[tuple[Unit, list[list[Unit]]]] = []
    depth, at = 0, start + 1
    while True:
        unit = units[at]
        if depth == 0 and unit.kind == u.END:
            return Cells(segment, start, at + 1, units[start], rows)
        if unit.kind == u.TABLE:
            depth += 1
        elif unit.kind == u.END:
            depth -= 1
        if depth == 0 and unit.kind == u.ROW:
            rows.append((unit, []))
        elif depth == 0 and unit.kind == u.CELL:
            rows[-1][1].append([unit])
        else:
            rows[-1][1][-1].append(unit)
        at += 1


def located(draft: Draft, body: Row | None) -> tuple[Cells, int, int]:
    """Return table, row and column of a TableCellLocation."""
    place = body or {}
    start = place.get("tableStartLocation")
    if not start:
        raise draft.refuse("The table cell location must be specified.")
    cells = taken_apart(draft.segment(start), int(start.get("index") or 0))
    row, column = int(place.get("rowIndex") or 0), int(place.get("columnIndex") or 0)
    if row >= len(cells.rows):
        raise draft.refuse(
            f"The row index {row} is out of bounds: the table has {len(cells.rows)} rows."
        )
    if column >= cells.width:
        raise draft.refuse(
            f"The column index {column} is out of bounds: the table has {cells.width} columns."
        )
    return cells, row, column


def blank_cell() -> list[Unit]:
    """Return an empty cell."""
    return [Unit(u.CELL, data=presets.TABLE_CELL), Unit(u.NEWLINE, "\n", u.NO_STYLE, u.PLAIN)]


def insert_table(draft: Draft, body: Row) -> Row:
    """Insert a table; a newline comes before it."""
    rows, columns = int(body.get("rows") or 0), int(body.get("columns") or 0)
    if rows < 1 or columns < 1:
        raise draft.refuse(f"The number of {'rows' if rows < 1 else 'columns'} must be positive.")
    segment, index = edits.located(draft, body)
    if segment.kind == "footnotes":
        raise draft.refuse("Cannot insert a table in a footnote.")
    edits.put_text(segment, index, "\n")
    fresh = [
        Unit(
            u.TABLE, data={"tableColumnProperties": [{"widthType": "EVENLY_DISTRIBUTED"}] * columns}
        )
    ]
    for _ in range(rows):
        fresh.append(Unit(u.ROW, data=presets.TABLE_ROW))
        for _ in range(columns):
            fresh += blank_cell()
    segment.splice(index + 1, index + 1, [*fresh, Unit(u.END)])
    return {}


def insert_row(draft: Draft, body: Row) -> Row:
    """Insert a row beside another."""
    cells, row, _ = located(draft, body.get("tableCellLocation"))
    at = row + (1 if body.get("insertBelow") else 0)
    cells.rows.insert(
        at, (Unit(u.ROW, data=presets.TABLE_ROW), [blank_cell() for _ in range(cells.width)])
    )
    cells.store()
    return {}


def insert_column(draft: Draft, body: Row) -> Row:
    """Insert a column beside another."""
    cells, _, column = located(draft, body.get("tableCellLocation"))
    at = column + (1 if body.get("insertRight") else 0)
    for _, line in cells.rows:
        line.insert(at, blank_cell())
    columns = list((cells.table.data or {}).get("tableColumnProperties") or [])
    columns.insert(at, {"widthType": "EVENLY_DISTRIBUTED"})
    cells.table = u.restyled(
        cells.table, data={**cells.table.data, "tableColumnProperties": columns}
    )
    cells.store()
    return {}


def delete_row(draft: Draft, body: Row) -> Row:
    """Delete a row; a table without rows goes."""
    cells, row, _ = located(draft, body.get("tableCellLocation"))
    del cells.rows[row]
    _store_or_drop(cells)
    return {}


def _store_or_drop(cells: Cells) -> None:
    if not cells.rows or not cells.width:
        cells.segment.splice(cells.start, cells.end, [])
    else:
        cells.store()


def delete_column(draft: Draft, body: Row) -> Row:
    """Delete a column; a table without columns goes."""
    cells, _, column = located(draft, body.get("tableCellLocation"))
    for _, line in cells.rows:
        if column < len(line):
            del line[column]
    columns = list((cells.table.data or {}).get("tableColumnProperties") or [])
    if column < len(columns):
        del columns[column]
    cells.table = u.restyled(
        cells.table, data={**(cells.table.data or {}), "tableColumnProperties": columns}
    )
    _store_or_drop(cells)
    return {}


def _range(draft: Draft, body: Row | None) -> tuple[Cells, list[tuple[int, int]]]:
    given = body or {}
    cells, row, column = located(draft, given.get("tableCellLocation"))
    height, width = int(given.get("rowSpan") or 1), int(given.get("columnSpan") or 1)
    if row + height > len(cells.rows) or column + width > cells.width:
        raise draft.refuse("The table range exceeds the bounds of the table.")
    return cells, [(r, c) for r in range(row, row + height) for c in range(column, column + width)]


def merge(draft: Draft, body: Row) -> Row:
    """Merge cells: texts come together in the first one."""
    cells, spots = _range(draft, body.get("tableRange"))
    rows = {r for r, _ in spots}
    columns = {c for _, c in spots}
    head = spots[0]
    first = cells.rows[head[0]][1][head[1]]
    gathered = list(first)
    for r, c in spots[1:]:
        cell = cells.rows[r][1][c]
        if any(unit.kind != u.CELL for unit in cell[:-1]) and len(cell) > 2:
            gathered += cell[1:]
        cells.rows[r][1][c] = [cell[0], Unit(u.NEWLINE, "\n", u.NO_STYLE, u.PLAIN)]
    style = {**(first[0].data or {}), "rowSpan": len(rows), "columnSpan": len(columns)}
    gathered[0] = u.restyled(first[0], data=style)
    cells.rows[head[0]][1][head[1]] = gathered
    cells.store()
    return {}


def unmerge(draft: Draft, body: Row) -> Row:
    """Take merged cells apart."""
    cells, spots = _range(draft, body.get("tableRange"))
    for r, c in spots:
        cell = cells.rows[r][1][c]
        cell[0] = u.restyled(cell[0], data={**(cell[0].data or {}), "rowSpan": 1, "columnSpan": 1})
    cells.store()
    return {}


def update_cells(draft: Draft, body: Row) -> Row:
    """Change the style of cells: of a range, or of a whole table."""
    mask, given = mask_of(draft, body), coloured(body.get("tableCellStyle") or {})
    if "tableRange" in body:
        cells, spots = _range(draft, body["tableRange"])
    else:
        start = body.get("tableStartLocation") or {}
        cells = taken_apart(draft.segment(start), int(start.get("index") or 0))
        spots = [(r, c) for r, (_, line) in enumerate(cells.rows) for c in range(len(line))]
    for r, c in spots:
        cell = cells.rows[r][1][c]
        cell[0] = u.restyled(cell[0], data=masks.merged(dict(cell[0].data or {}), given, mask))
    cells.store()
    return {}


def update_rows(draft: Draft, body: Row) -> Row:
    """Change the style of rows."""
    start = body.get("tableStartLocation") or {}
    cells = taken_apart(draft.segment(start), int(start.get("index") or 0))
    mask, given = mask_of(draft, body), coloured(body.get("tableRowStyle") or {})
    wanted = body.get("rowIndices") or range(len(cells.rows))
    for row in wanted:
        if row >= len(cells.rows):
            raise draft.refuse(
                f"The row index {row} is out of bounds: the table has {len(cells.rows)} rows."
            )
        mark, line = cells.rows[row]
        cells.rows[row] = (
            u.restyled(mark, data=masks.merged(dict(mark.data or {}), given, mask)),
            line,
        )
    cells.store()
    return {}


def update_columns(draft: Draft, body: Row) -> Row:
    """Change the widths of columns."""
    start = body.get("tableStartLocation") or {}
    cells = taken_apart(draft.segment(start), int(start.get("index") or 0))
    mask, given = mask_of(draft, body), body.get("tableColumnProperties") or {}
    width = (given.get("width") or {}).get("magnitude")
    if width is not None and width < 5:
        raise draft.refuse("The width must be at least 5 points.")
    columns = list((cells.table.data or {}).get("tableColumnProperties") or [])
    columns += [{"widthType": "EVENLY_DISTRIBUTED"}] * (cells.width - len(columns))
    for column in body.get("columnIndices") or range(cells.width):
        if not 0 <= column < cells.width:
            raise draft.refuse(f"The column index {column} is outside of the table.")
        columns[column] = masks.merged(columns[column], given, mask)
    cells.table = u.restyled(
        cells.table, data={**(cells.table.data or {}), "tableColumnProperties": columns}
    )
    cells.store()
    return {}


def pin_rows(draft: Draft, body: Row) -> Row:
    """Mark the first rows as the table's header."""
    start = body.get("tableStartLocation") or {}
    cells = taken_apart(draft.segment(start), int(start.get("index") or 0))
    count = int(body.get("pinnedHeaderRowsCount") or 0)
    if count > len(cells.rows):
        raise draft.refuse("There are more rows to pin than the table has.")
    for n, (mark, line) in enumerate(cells.rows):
        style = {k: v for k, v in (mark.data or {}).items() if k != "tableHeader"}
        if n < count:
            style["tableHeader"] = True
        cells.rows[n] = (u.restyled(mark, data=style), line)
    cells.store()
    return {}
