"""Who has which desk."""

import itertools


class Taken(Exception):
    """The desk is booked on that day."""


class Store:
    """Bookings in memory."""

    def __init__(self) -> None:
        self._bookings: dict[str, dict[str, str]] = {}
        self._numbers = itertools.count(1)

    def book(self, desk: str, day: str, person: str) -> dict[str, str]:
        if any(b["desk"] == desk and b["day"] == day for b in self._bookings.values()):
            raise Taken
        booking = {"id": str(next(self._numbers)), "desk": desk, "day": day, "person": person}
        self._bookings[booking["id"]] = booking
        return booking

    def on(self, day: str) -> list[dict[str, str]]:
        found = [b for b in self._bookings.values() if b["day"] == day]
        return sorted(found, key=lambda b: b["desk"])

    def give_back(self, number: str) -> bool:
        return self._bookings.pop(number, None) is not None
