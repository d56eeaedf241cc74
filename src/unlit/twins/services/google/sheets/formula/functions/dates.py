"""Dates and times as serial numbers."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from unlit.twins.services.google.sheets import entry, show
from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.functions.registry import lazy, scalar, whole
from unlit.twins.services.google.sheets.formula.model import Value, fail
from unlit.twins.services.google.sheets.formula.values import integer, number, text


def _moment(value: Value) -> datetime:
    try:
        return show.moment(number(value))
    except OverflowError as error:
        raise fail("NUM", "The date is out of range.") from error


def _day(value: Value) -> date:
    return _moment(value).date()


def _months(day: date, count: int) -> date:
    month = day.month - 1 + count
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@lazy("TODAY", 0, 0)
def _today(run: Any, _args: Any) -> Value:
    return float(int(run.now))


@lazy("NOW", 0, 0)
def _now(run: Any, _args: Any) -> Value:
    return float(run.now)


@scalar("DATE", 3)
def _date(year: Value, month: Value, day: Value) -> Value:
    y, m, d = integer(year), integer(month), integer(day)
    if y < 0 or y > 9999:
        raise fail("NUM", "Function DATE parameter 1 is out of range.")
    y += 1900 if y < 1900 else 0
    try:
        first = _months(date(y, 1, 1), m - 1)
        return entry.serial(first + timedelta(days=d - 1))
    except (ValueError, OverflowError) as error:
        raise fail("NUM", "The date is out of range.") from error


@scalar("TIME", 3)
def _time(hours: Value, minutes: Value, seconds: Value) -> Value:
    total = integer(hours) * 3600 + integer(minutes) * 60 + integer(seconds)
    return (total % 86400) / 86400


@scalar("DATEVALUE")
def _datevalue(value: Value) -> Value:
    found = entry.typed(text(value))
    if not isinstance(found.value, float):
        raise fail("VALUE", f"DATEVALUE parameter '{text(value)}' cannot be parsed to date/time.")
    return float(int(found.value))


@scalar("TIMEVALUE")
def _timevalue(value: Value) -> Value:
    found = entry.typed(text(value))
    if not isinstance(found.value, float):
        raise fail("VALUE", f"TIMEVALUE parameter '{text(value)}' cannot be parsed to date/time.")
    return found.value % 1


def _part(name: str, make: Any) -> None:
    scalar(name)(lambda value: float(make(_moment(value))))


_part("YEAR", lambda m: m.year)
_part("MONTH", lambda m: m.month)
_part("DAY", lambda m: m.day)
_part("HOUR", lambda m: m.hour)
_part("MINUTE", lambda m: m.minute)
_part("SECOND", lambda m: m.second)
_part("ISOWEEKNUM", lambda m: m.isocalendar()[1])


@scalar("WEEKDAY", 1, 2)
def _weekday(value: Value, kind: Value = 1.0) -> Value:
    day = _day(value).weekday()
    which = integer(kind)
    if which == 1:
        return float((day + 1) % 7 + 1)
    return float(day + 1 if which == 2 else day)


@scalar("WEEKNUM", 1, 2)
def _weeknum(value: Value, kind: Value = 1.0) -> Value:
    day = _day(value)
    if integer(kind) == 21:
        return float(day.isocalendar()[1])
    first = date(day.year, 1, 1)
    shift = (first.weekday() + 1) % 7 if integer(kind) == 1 else first.weekday()
    return float(((day - first).days + shift) // 7 + 1)


@scalar("EDATE", 2)
def _edate(value: Value, months: Value) -> Value:
    return entry.serial(_months(_day(value), integer(months)))


@scalar("EOMONTH", 2)
def _eomonth(value: Value, months: Value) -> Value:
    day = _months(_day(value).replace(day=1), integer(months))
    return entry.serial(day.replace(day=calendar.monthrange(day.year, day.month)[1]))


@scalar("DAYS", 2)
def _days(end: Value, start: Value) -> Value:
    return float(int(number(end)) - int(number(start)))


@scalar("DATEDIF", 3)
def _datedif(start: Value, end: Value, unit: Value) -> Value:
    a, b, kind = _day(start), _day(end), text(unit).upper()
    if a > b:
        raise fail("NUM", "Function DATEDIF parameter 1 is after parameter 2.")
    months = (b.year - a.year) * 12 + b.month - a.month - (b.day < a.day)
    if kind == "D":
        return float((b - a).days)
    if kind == "M":
        return float(months)
    if kind == "Y":
        return float(months // 12)
    if kind == "YM":
        return float(months % 12)
    if kind == "MD":
        return float((b - _months(a, months)).days)
    if kind == "YD":
        return float((b - _months(a, months // 12 * 12)).days)
    raise fail("NUM", f"Function DATEDIF parameter 3 is '{kind}'.")


@whole("NETWORKDAYS", 2, 3)
def _networkdays(start: Value, end: Value, holidays: Value | None = None) -> Value:
    a, b = _day(start), _day(end)
    sign = 1 if a <= b else -1
    low, high = min(a, b), max(a, b)
    off = _holidays(holidays)
    days = ((low + timedelta(days=n)) for n in range((high - low).days + 1))
    return float(sign * sum(d.weekday() < 5 and d not in off for d in days))


def _holidays(value: Value | None) -> set[date]:
    return {_day(x) for x in values.numbers([value])} if value is not None else set()


@whole("WORKDAY", 2, 3)
def _workday(start: Value, count: Value, holidays: Value | None = None) -> Value:
    day, left, off = _day(start), integer(count), _holidays(holidays)
    step = timedelta(days=1 if left >= 0 else -1)
    while left:
        day += step
        if day.weekday() < 5 and day not in off:
            left -= 1 if left > 0 else -1
    return entry.serial(day)
