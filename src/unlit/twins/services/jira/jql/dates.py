"""Dates in JQL: absolute, relative and by function."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_ABSOLUTE: Final = re.compile(
    r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
    r"(?:[+-]\d{2}:?\d{2}|Z)?$"
)
_PERIOD: Final = re.compile(r"^([+-]?)((?:\d+[wdhm]\s*)+)$")
_BARE: Final = re.compile(r"^[+-]?\d+$")
_PART: Final = re.compile(r"(\d+)([wdhm])")
_MINUTES: Final = {"w": 7 * 24 * 60, "d": 24 * 60, "h": 60, "m": 1}
_BOUND: Final = re.compile(r"^(start|end)of(day|week|month|year)$")
_STEP: Final = re.compile(r"^([+-]?)(\d+)([yMwdhm]?)$")


def read(text: str, now: float) -> float | None:
    """Return seconds since 1970, or `None` when the text is no date."""
    text = text.strip()
    found = _ABSOLUTE.match(text)
    if found:
        numbers = [int(part or 0) for part in found.groups()]
        try:
            return datetime(*numbers[:6], tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type] # six numbers
        except ValueError:
            return None
    period = _PERIOD.match(text)
    if period:
        minutes = sum(int(n) * _MINUTES[unit] for n, unit in _PART.findall(period[2]))
        return now + (-minutes if period[1] == "-" else minutes) * 60
    if _BARE.match(text):
        return now + int(text) * 60 if text[0] in "+-" else int(text) / 1000
    return None


def whole_day(text: str) -> bool:
    """Say whether an absolute date has no time, so that it means the whole day."""
    found = _ABSOLUTE.match(text.strip())
    return found is not None and found[4] is None


def bound(name: str, step: str | None, now: float) -> float | None:
    """Evaluate ``startOfDay`` … ``endOfYear`` with an optional step such as ``-1w``."""
    found = _BOUND.match(name.lower())
    if found is None:
        return None
    when = datetime.fromtimestamp(now, UTC)
    if step:
        stepped = _step(when, step, found[2])
        if stepped is None:
            return None
        when = stepped
    start = _floor(when, found[2])
    if found[1] == "start":
        return start.timestamp()
    return (_next(start, found[2]) - timedelta(milliseconds=1)).timestamp()


def _floor(when: datetime, unit: str) -> datetime:
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _next(start: datetime, unit: str) -> datetime:
    if unit == "day":
        return start + timedelta(days=1)
    if unit == "week":
        return start + timedelta(days=7)
    return _months(start, 1 if unit == "month" else 12)


def _months(when: datetime, count: int) -> datetime:
    month = when.month - 1 + count
    year, month = when.year + month // 12, month % 12 + 1
    day = when.day
    while True:
        try:
            return when.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1


def _step(when: datetime, step: str, unit: str) -> datetime | None:
    found = _STEP.match(step.strip())
    if found is None:
        return None
    count = int(found[2]) * (-1 if found[1] == "-" else 1)
    letter = found[3] or {"day": "d", "week": "w", "month": "M", "year": "y"}[unit]
    if letter in "yM":
        return _months(when, count * (12 if letter == "y" else 1))
    return when + timedelta(minutes=count * _MINUTES[letter])
