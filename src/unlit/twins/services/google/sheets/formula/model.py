"""Parts of a formula, and the values it works with."""

from collections.abc import Iterator
from dataclasses import dataclass

from unlit.twins.services.google.sheets.model import Failure

Scalar = None | bool | float | str | Failure


class FormulaError(Exception):
    """Evaluation ends with an error value."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def fail(kind: str, message: str = "") -> FormulaError:
    """Return the exception for an error value."""
    return FormulaError(Failure(kind, message))


class ParseError(ValueError):
    """The text is no formula."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, boolean or error."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Corner:
    """One end of a reference; `None` means open."""

    row: int | None
    column: int | None
    fixed_row: bool = False
    fixed_column: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A cell or range; `last` is `None` for one cell.

    Attributes:
        start: Where it stands in the formula's text.
        stop: Where it ends.
    """

    sheet: str | None
    first: Corner
    last: Corner | None = None
    start: int = 0
    stop: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """A named range."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a left-out one is `None`."""

    name: str
    args: tuple["Node | None", ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """What a formula computes, called as a function: ``LAMBDA(x, x + 1)(2)``."""

    made: "Node"
    args: tuple["Node | None", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign or percent."""

    operator: str
    inner: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Braces:
    """An array literal: rows of nodes."""

    rows: tuple[tuple["Node", ...], ...]


Node = Literal | Reference | Name | Call | Apply | Unary | Binary | Braces


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table of values."""

    rows: tuple[tuple[Scalar, ...], ...]

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0]) if self.rows else 0

    def flat(self) -> Iterator[Scalar]:
        """Yield the values row by row."""
        for row in self.rows:
            yield from row


Value = Scalar | Matrix
