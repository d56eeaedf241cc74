"""Values of formulas."""

from typing import TYPE_CHECKING

from unlit.twins.services.google.sheets.model import Failure, Row, Value

if TYPE_CHECKING:
    from unlit.twins.services.google.sheets.book import Book


def value(book: "Book", sheet: Row, row: int, column: int) -> Value | Failure:
    """Evaluate the formula of a cell."""
    return Failure("ERROR", "Formula parse error.")
