"""Values of a spreadsheet's formulas, kept until a cell changes."""

import random
from typing import TYPE_CHECKING, Any, Final

from unlit.twins.kit.twin import VendorError
from unlit.twins.services.google.sheets import a1
from unlit.twins.services.google.sheets.entry import serial
from unlit.twins.services.google.sheets.formula.evaluate import Run
from unlit.twins.services.google.sheets.formula.model import Matrix, Scalar
from unlit.twins.services.google.sheets.model import Failure, Row, at

if TYPE_CHECKING:
    from unlit.twins.services.google.sheets.book import Book

_CIRCLE: Final = Failure(
    "REF",
    "Circular dependency detected. To resolve with iterative calculation, see File > Settings.",
)
Spot = tuple[int, int, int]
KEPT: Final = "google.calculated"
IMPORTS: Final = "google.imports"  # (spreadsheet, source): who may import from whom


class Sheetful:
    """All computed values of one spreadsheet at one moment; what formulas see of it."""

    def __init__(self, book: "Book") -> None:
        self.sheets: dict[int, Row] = {sheet["id"]: sheet for sheet in book.sheets}
        self.titles = {sheet["title"].lower(): sheet["id"] for sheet in book.sheets}
        self.book = book
        self.allowed = len(book.world.table(IMPORTS))
        # What was imported, and from what state of its spreadsheet.
        self.imports: dict[str, Any] = {}
        self.ranges = {row["name"].lower(): row["range"] for row in book.row["named"]}
        self.now = serial(book.world.moment())
        self.seed = f"{book.world.seed}/{book.ident}"
        self.done: dict[Spot, Scalar] = {}
        self.busy: set[Spot] = set()
        self.spilt: dict[Spot, Scalar] = {}
        self.spread: set[int] = set()

    def sheet_named(self, title: str | None, here: int) -> int | None:
        """Return the id of a sheet; no title means the one at hand."""
        return here if title is None else self.titles.get(title.lower())

    def extent(self, sheet: int) -> tuple[int, int]:
        """Return rows and columns of a sheet's grid."""
        row = self.sheets[sheet]
        return row["rows"], row["columns"]

    def used(self, sheet: int) -> tuple[int, int]:
        """Return rows and columns that hold anything."""
        cells = self.sheets[sheet]["cells"]
        rows, columns = len(cells), max((len(line) for line in cells), default=0)
        for number, row, column in self.spilt:
            if number == sheet:
                rows, columns = max(rows, row + 1), max(columns, column + 1)
        return rows, columns

    def named(self, name: str) -> tuple[int, tuple[int, int, int, int]] | None:
        """Return sheet and box of a named range."""
        box = self.ranges.get(name.lower())
        if box is None:
            return None
        sheet = int(box.get("sheetId") or 0)
        rows, columns = self.extent(sheet)
        return sheet, (
            box.get("startRowIndex") or 0,
            box.get("startColumnIndex") or 0,
            box.get("endRowIndex") or rows,
            box.get("endColumnIndex") or columns,
        )

    def imported(self, ident: str, text: str) -> Matrix | str:
        """Return a table of another spreadsheet, or why there is none."""
        world = self.book.world
        if ident not in self.book.books:
            return "Spreadsheet cannot be found."
        if (self.book.ident, ident) not in world.table(IMPORTS):
            return "You need to connect these sheets."
        busy: set[str] = world.caches.setdefault("google.importing", set())
        if ident in busy:
            return "Circular dependency detected."
        busy.add(ident)
        try:
            other = type(self.book)(world, ident)
            self.imports[ident] = state(other)
            return _taken(other, text)
        except VendorError:
            return "Cannot find range or sheet for imported range."
        finally:
            busy.discard(ident)

    def cell(self, sheet: int, row: int, column: int) -> Scalar:
        """Return a cell's value, its formula evaluated."""
        cell = at(self.sheets[sheet]["cells"], row, column)
        if cell.formula is None:
            if cell.value is None:
                return self.spilt.get((sheet, row, column))
            return cell.value
        spot = (sheet, row, column)
        if spot in self.done:
            return self.done[spot]
        if spot in self.busy:
            return _CIRCLE
        self.busy.add(spot)
        found = Run(
            self,
            sheet,
            row,
            column,
            self.now,
            random.Random(f"{self.seed}/{spot}"),  # noqa: S311 # seeded
        ).formula(cell.formula)
        self.busy.discard(spot)
        value = self.spill(spot, found) if isinstance(found, Matrix) else found
        self.done[spot] = value
        return value

    def spill(self, spot: Spot, found: Matrix) -> Scalar:
        """Spread a table over the empty cells below and beside; return its first value."""
        sheet, row, column = spot
        cells = self.sheets[sheet]["cells"]
        rows, columns = self.extent(sheet)
        spots = [
            (r, c) for r in range(found.height) for c in range(found.width) if (r, c) != (0, 0)
        ]
        for r, c in spots:
            if at(cells, row + r, column + c).filled:
                return Failure(
                    "REF",
                    "Array result was not expanded because it would overwrite data in "
                    f"{row + r + 1}.",
                )
        for r, c in spots:
            if row + r < rows and column + c < columns:
                self.spilt[sheet, row + r, column + c] = found.rows[r][c]
        return found.rows[0][0] if found.rows and found.rows[0] else None

    def settle(self, sheet: int) -> None:
        """Evaluate every formula of a sheet, so that what spills is known."""
        if sheet in self.spread:
            return
        self.spread.add(sheet)
        for r, line in enumerate(self.sheets[sheet]["cells"]):
            for c, cell in enumerate(line):
                if cell is not None and cell.formula is not None:
                    self.cell(sheet, r, c)


def _taken(book: "Book", text: str) -> Matrix:
    """Return the values of a range, cut to the grid."""
    sheet, area = book.area(text) if "!" in text else (book.sheets[0], a1.parse(text))
    found = sheetful(book)
    found.settle(sheet["id"])
    rows, columns = found.used(sheet["id"])
    bottom = rows if area.bottom is None else area.bottom
    right = columns if area.right is None else area.right
    lines = [
        tuple(found.cell(sheet["id"], r, c) for c in range(area.left or 0, max(right, 1)))
        for r in range(area.top or 0, max(bottom, 1))
    ]
    return Matrix(tuple(lines))


def state(book: "Book") -> Any:
    """Return what changes when a spreadsheet does."""
    return tuple(id(sheet["cells"]) for sheet in book.sheets), id(book.row["named"])


def _is_fresh(book: "Book", found: Sheetful) -> bool:
    """Whether no spreadsheet that was imported has changed, and none was allowed since."""
    world = book.world
    if found.allowed != len(world.table(IMPORTS)):
        return False
    return all(
        ident in book.books and state(type(book)(world, ident)) == was
        for ident, was in found.imports.items()
    )


def sheetful(book: "Book") -> Sheetful:
    """Return the computed values of a spreadsheet, kept while nothing changed."""
    key = state(book)
    kept: dict[str, tuple[Any, Any, Sheetful]] = book.world.caches.setdefault(KEPT, {})
    found = kept.get(book.ident)
    if found is not None and found[0] == key and _is_fresh(book, found[2]):
        return found[2]
    fresh = Sheetful(book)
    # The sheets are kept too, so that an id() is not given to another object meanwhile.
    kept[book.ident] = (key, [sheet["cells"] for sheet in book.sheets], fresh)
    return fresh


def value(book: "Book", sheet: Row, row: int, column: int) -> Scalar:
    """Return the value of a cell with a formula, or what spilt into an empty one."""
    found = sheetful(book)
    found.settle(sheet["id"])
    return found.cell(sheet["id"], row, column)


def has_formulas(sheet: Row) -> bool:
    """Say whether any cell of a sheet has a formula."""
    return any(
        cell is not None and cell.formula is not None for line in sheet["cells"] for cell in line
    )
