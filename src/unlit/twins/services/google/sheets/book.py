"""A spreadsheet in one world: finding its sheets, reading and writing cells."""

from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.services.google import errors
from unlit.twins.services.google.sheets import a1, calc
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.model import (
    DEFAULT_COLUMNS,
    DEFAULT_ROWS,
    Cell,
    Editor,
    Failure,
    Row,
    Value,
    at,
)


class Book:
    """One spreadsheet.

    Args:
        world: Where it lives.
        ident: Its id (also that of its Drive file).
    """

    def __init__(self, world: World, ident: str) -> None:
        self.world = world
        self.ident = ident
        self.books = world.table("google.spreadsheets")
        self.table = world.table("google.sheets")

    @property
    def row(self) -> Row:
        """The spreadsheet's own row."""
        found: Row = self.books[self.ident]
        return found

    @property
    def sheets(self) -> list[Row]:
        """Sheets in order."""
        return [self.table[self.ident, number] for number in self.row["sheets"]]

    def sheet(self, number: int) -> Row | None:
        """Return a sheet by id."""
        found: Row | None = self.table.get((self.ident, number))
        return found

    def titled(self, title: str) -> Row | None:
        """Return a sheet by title, in any case."""
        low = title.lower()
        return next((s for s in self.sheets if s["title"].lower() == low), None)

    def patch(self, number: int, **changes: Any) -> Row:
        """Change a sheet."""
        return dict(self.table.patch((self.ident, number), **changes))

    def change(self, **changes: Any) -> None:
        """Change the spreadsheet's own row."""
        self.books.patch(self.ident, **changes)

    # --- ranges
    def area(self, text: str) -> tuple[Row, Area]:
        """Read a range; names of sheets and named ranges count.

        Raises:
            VendorError: It cannot be parsed.
        """
        whole = self.titled(text)
        if whole is not None:
            return whole, Area(whole["title"])
        named = next((n for n in self.row["named"] if n["name"].lower() == text.lower()), None)
        if named is not None:
            return self.boxed(named["range"])
        try:
            area = a1.parse(text)
        except a1.BadRange as error:
            raise errors.invalid(f"Unable to parse range: {text}") from error
        if area.sheet is None:
            return self.sheets[0], area
        sheet = self.titled(area.sheet)
        if sheet is None:
            raise errors.invalid(f"Unable to parse range: {text}")
        return sheet, area

    def boxed(self, box: Row) -> tuple[Row, Area]:
        """Return sheet and area of a GridRange."""
        sheet = self.sheet(int(box.get("sheetId") or 0))
        if sheet is None:
            raise errors.invalid(f"No grid with id: {int(box.get('sheetId') or 0)}")
        return sheet, Area(
            sheet["title"],
            box.get("startRowIndex"),
            box.get("startColumnIndex"),
            box.get("endRowIndex"),
            box.get("endColumnIndex"),
        )

    def closed(self, sheet: Row, area: Area, *, strict: bool = True) -> tuple[int, int, int, int]:
        """Return top, left, bottom, right inside the grid.

        Raises:
            VendorError: `strict`, and the range begins outside of the grid.
        """
        rows, columns = sheet["rows"], sheet["columns"]
        top, left = area.top or 0, area.left or 0
        bottom = rows if area.bottom is None else area.bottom
        right = columns if area.right is None else area.right
        if strict and (top >= rows or left >= columns or (bottom > rows and area.top is None)):
            shown = a1.text(sheet["title"], top, left, max(bottom, top + 1), max(right, left + 1))
            raise errors.invalid(
                f"Range ({shown}) exceeds grid limits. Max rows: {rows}, max columns: {columns}"
            )
        return top, left, min(bottom, rows), min(right, columns)

    # --- cells
    def cell(self, sheet: Row, row: int, column: int) -> Cell:
        """Return a cell as entered."""
        return at(sheet["cells"], row, column)

    def value(self, sheet: Row, row: int, column: int) -> Value | Failure:
        """Return a cell's value, formulas evaluated."""
        cell = at(sheet["cells"], row, column)
        if cell.formula is None:
            return cell.value
        return calc.value(self, sheet, row, column)

    def computed(self, sheet: Row) -> calc.Sheetful | None:
        """Return the computed values of a sheet; nothing when it has no formulas."""
        if not calc.has_formulas(sheet):
            return None
        found = calc.sheetful(self)
        found.settle(sheet["id"])
        return found

    def editor(self, sheet: Row) -> Editor:
        """Return an editor of a sheet's cells; store its grid with `patch`."""
        return Editor(sheet["cells"])


def new_sheet(number: int, title: str, index: int, **more: Any) -> Row:
    """Return the row of an empty sheet."""
    return {
        "id": number,
        "title": title,
        "index": index,
        "kind": "GRID",
        "rows": DEFAULT_ROWS,
        "columns": DEFAULT_COLUMNS,
        "grid": {},
        "props": {},
        "cells": (),
        "merges": (),
        "parts": {},
        "row_meta": {},
        "column_meta": {},
        **more,
    }


def create(world: World, ident: str, title: str, **more: Any) -> Row:
    """Add a spreadsheet with one sheet."""
    world.table("google.sheets").put((ident, 0), new_sheet(0, "Sheet1", 0))
    row: Row = {
        "id": ident,
        "title": title,
        "locale": "en_US",
        "timeZone": "Etc/GMT",
        "autoRecalc": "ON_CHANGE",
        "sheets": (0,),
        "named": (),
        "props": {},
        "developer": (),
        **more,
    }
    return dict(world.table("google.spreadsheets").put(ident, row))
