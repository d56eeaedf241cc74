"""How kinds of requests are registered, and what each one works with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.kit.twin import VendorError
from unlit.twins.services.google import errors, masks
from unlit.twins.services.google.call import Ask
from unlit.twins.services.google.sheets.a1 import Area
from unlit.twins.services.google.sheets.book import Book
from unlit.twins.services.google.sheets.model import Row


@dataclass(frozen=True, slots=True)
class Edit:
    """One request of a batch.

    Attributes:
        body: The request's own message.
        at: ``requests[0].addSheet``, for messages.
    """

    ask: Ask
    book: Book
    body: Row
    at: str

    def refuse(self, message: str) -> VendorError:
        """Return the vendor's error for this request."""
        return errors.invalid(f"Invalid {self.at}: {message}")

    def sheet(self, number: Any) -> Row:
        """Return a sheet by id."""
        found = self.book.sheet(int(number or 0))
        if found is None:
            raise self.refuse(f"No grid with id: {int(number or 0)}")
        return found

    def box(self, box: Row | None) -> tuple[Row, tuple[int, int, int, int]]:
        """Return sheet and closed box of a GridRange."""
        box = box or {}
        sheet = self.sheet(box.get("sheetId"))
        top, left = int(box.get("startRowIndex") or 0), int(box.get("startColumnIndex") or 0)
        bottom = int(box.get("endRowIndex") or sheet["rows"])
        right = int(box.get("endColumnIndex") or sheet["columns"])
        if min(top, left) < 0:
            raise self.refuse("Indexes of a range must not be negative.")
        if (
            top >= sheet["rows"]
            or left >= sheet["columns"]
            or bottom > sheet["rows"]
            or right > sheet["columns"]
        ):
            from unlit.twins.services.google.sheets import a1

            shown = a1.text(sheet["title"], top, left, max(bottom, top + 1), max(right, left + 1))
            raise self.refuse(
                f"Range ({shown}) exceeds grid limits. Max rows: {sheet['rows']}, max columns: "
                f"{sheet['columns']}"
            )
        if bottom <= top or right <= left:
            raise self.refuse("Invalid range.")
        return sheet, (top, left, bottom, right)

    def area(self, box: Row | None) -> tuple[Row, Area]:
        """Return sheet and open area of a GridRange."""
        box = box or {}
        sheet = self.sheet(box.get("sheetId"))
        return sheet, Area(
            sheet["title"],
            box.get("startRowIndex"),
            box.get("startColumnIndex"),
            box.get("endRowIndex"),
            box.get("endColumnIndex"),
        )

    def mask(self, text: str | None = None) -> masks.Mask:
        """Return the request's `fields`, which must be there."""
        given = text if text is not None else self.body.get("fields")
        if not given:
            raise self.refuse(
                "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
            )
        try:
            return masks.parse(str(given))
        except masks.BadMask as error:
            raise errors.invalid(
                f"Invalid value at '{self.at}.fields' "
                f'(type.googleapis.com/google.protobuf.FieldMask), "{given}"'
            ) from error


Maker = Callable[[Edit], Row]
KINDS: Final[dict[str, Maker]] = {}


def kind(name: str) -> Callable[[Maker], Maker]:
    """Register a kind of request."""

    def add(make: Maker) -> Maker:
        KINDS[name] = make
        return make

    return add
