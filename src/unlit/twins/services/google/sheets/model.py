"""Cells and sheets as they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

Row = dict[str, Any]
Value = None | bool | float | str
DEFAULT_ROWS: Final = 1000
DEFAULT_COLUMNS: Final = 26


@dataclass(frozen=True, slots=True)
class Failure:
    """An error value of a formula: ``#REF!`` and the like."""

    kind: str
    message: str = ""

    @property
    def text(self) -> str:
        """What the cell shows."""
        return "#N/A" if self.kind == "N_A" else _SHOWN.get(self.kind, "#ERROR!")


_SHOWN: Final = {
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "NULL_VALUE": "#NULL!",
    "ERROR": "#ERROR!",
    "LOADING": "Loading...",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as entered.

    Attributes:
        value: Literal; a number, text, boolean or nothing.
        formula: With its equals sign, when the cell holds one.
        style: User-entered format, vendor's keys.
        extra: Note, data validation, text runs, pivot table … under the vendor's keys.
    """

    value: Value = None
    formula: str | None = None
    style: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def filled(self) -> bool:
        """Whether the cell has a value (not only a format)."""
        return self.formula is not None or self.value is not None

    @property
    def bare(self) -> bool:
        """Whether nothing at all is kept."""
        return not self.filled and not self.style and not self.extra

    def emptied(self) -> "Cell":
        """Return the cell without its value."""
        return replace(self, value=None, formula=None)


EMPTY: Final = Cell()
Line = tuple[Cell | None, ...]
Grid = tuple[Line, ...]


def at(grid: Grid, row: int, column: int) -> Cell:
    """Return a cell; outside of what is kept it is empty."""
    if row < len(grid):
        line = grid[row]
        if column < len(line):
            return line[column] or EMPTY
    return EMPTY


class Editor:
    """Changes cells of a grid and gives back a new one."""

    def __init__(self, grid: Grid) -> None:
        self._lines: list[Line | list[Cell | None]] = list(grid)

    def get(self, row: int, column: int) -> Cell:
        """Return a cell as changed so far."""
        if row < len(self._lines):
            line = self._lines[row]
            if column < len(line):
                return line[column] or EMPTY
        return EMPTY

    def put(self, row: int, column: int, cell: Cell) -> None:
        """Replace a cell."""
        while len(self._lines) <= row:
            self._lines.append(())
        line = self._lines[row]
        if not isinstance(line, list):
            line = self._lines[row] = list(line)
        while len(line) <= column:
            line.append(None)
        line[column] = None if cell.bare else cell

    def grid(self) -> Grid:
        """Return the new grid, trailing emptiness removed."""
        lines: list[Line] = []
        for line in self._lines:
            if isinstance(line, list):
                while line and line[-1] is None:
                    line.pop()
                lines.append(tuple(line))
            else:
                lines.append(line)
        while lines and not lines[-1]:
            lines.pop()
        return tuple(lines)
