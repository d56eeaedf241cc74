"""Time as a port, so that a run can be replayed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and monotonic time, and waiting."""

    def now(self) -> datetime:
        """Return the wall-clock time, timezone-aware in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary origin that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock."""
        ...


class FakeClock:
    """A clock that only moves when told to; `sleep` moves it at once.

    Args:
        start: First value of `now`; timezone-aware.
        on_sleep: Called with the seconds of each `sleep`, before time moves.
    """

    def __init__(
        self,
        start: datetime = datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
        on_sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._now = start
        self._elapsed_s = 0.0
        self._on_sleep = on_sleep

    def now(self) -> datetime:
        """Return the fake wall-clock time."""
        return self._now

    def monotonic_s(self) -> float:
        """Return seconds advanced so far."""
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Advance by `seconds` without waiting."""
        if self._on_sleep is not None:
            self._on_sleep(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds` ≥ 0."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._now += timedelta(seconds=seconds)
        self._elapsed_s += seconds
