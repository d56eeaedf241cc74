"""What a person's typing becomes: numbers, dates, booleans, formulas, text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from unlit.twins.services.google.sheets.model import Value

EPOCH: Final = date(1899, 12, 30)
_NUMBER: Final = re.compile(r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$")
_MONTHS: Final = {
    name: n
    for n, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june",
            "jul july", "aug august", "sep sept september", "oct october", "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_ISO: Final = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")
_US: Final = re.compile(r"^(\d{1,2})[/-](\d{1,2})(?:[/-](\d{2}|\d{4}))?$")
_WORDS: Final = re.compile(
    r"^(?:(\d{1,2})[ -]([A-Za-z]+)|([A-Za-z]+)[ -](\d{1,2}))(?:,?[ -](\d{4}|\d{2}))?$"
)
_TIME: Final = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?(?:\s*([AaPp][Mm]?))?$")


@dataclass(frozen=True, slots=True)
class Entered:
    """What was understood.

    Attributes:
        style: Number format that the typing implies.
    """

    value: Value = None
    formula: str | None = None
    style: Mapping[str, Any] | None = None


def raw(value: Any) -> Entered:
    """Keep a value as it was sent."""
    if isinstance(value, bool) or value is None:
        return Entered(value)
    if isinstance(value, int | float):
        return Entered(float(value))
    return Entered(str(value) if value != "" else None)


def typed(value: Any, locale: str = "en_US") -> Entered:
    """Understand a value as if it had been typed."""
    if not isinstance(value, str):
        return raw(value)
    if value.startswith("'"):
        return Entered(value[1:] or None)
    if value.startswith("=") and len(value) > 1:
        return Entered(None, value)
    text = value.strip()
    if not text:
        return Entered(value or None)
    if text.upper() in ("TRUE", "FALSE"):
        return Entered(text.upper() == "TRUE")
    return _number(text) or _when(text) or Entered(value)


def _number(text: str) -> Entered | None:
    style: Mapping[str, Any] | None = None
    body = text
    negative = False
    if body.startswith("(") and body.endswith(")"):
        body, negative = body[1:-1], True
    sign = ""
    if body[:1] in "+-" and len(body) > 1:
        sign, body = body[0], body[1:]
    if body.startswith("$"):
        body = body[1:].strip()
        cents = "." in body
        style = number_format("CURRENCY", '"$"#,##0.00' if cents else '"$"#,##0')
    if body.endswith("%"):
        body = body[:-1].strip()
        style = number_format("PERCENT", "0.00%" if "." in body else "0%")
    if not body or not _NUMBER.match(body) or not re.search(r"\d", body):
        return None
    number = float(body.replace(",", ""))
    if style is None and "," in body:
        style = number_format("NUMBER", "#,##0.00" if "." in body else "#,##0")
    if style is None and "e" in body.lower():
        style = number_format("SCIENTIFIC", "0.00E+00")
    if style is not None and style["numberFormat"]["type"] == "PERCENT":
        number /= 100
    if sign == "-" or negative:
        number = -number
    return Entered(number, None, style)


def number_format(kind: str, pattern: str) -> dict[str, Any]:
    """Return a format of one number format."""
    return {"numberFormat": {"type": kind, "pattern": pattern}}


def serial(when: datetime | date) -> float:
    """Return the serial number of a day or moment."""
    if isinstance(when, datetime):
        span = when.replace(tzinfo=None) - datetime(EPOCH.year, EPOCH.month, EPOCH.day)  # noqa: DTZ001 # a cell has no zone
        return span / timedelta(days=1)
    return float((when - EPOCH).days)


def _when(text: str) -> Entered | None:
    time = _time(text)
    if time is not None:
        pattern = "h:mm:ss" if text.count(":") > 1 else "h:mm"
        if re.search(r"[AaPp][Mm]?$", text):
            pattern += " am/pm"
        return Entered(time, None, number_format("TIME", pattern))
    day = _day(text)
    if day is not None:
        return Entered(serial(day[0]), None, number_format("DATE", day[1]))
    first, _, rest = text.rpartition(" ")
    if rest.lower() in ("am", "pm"):
        first, _, clock = first.rpartition(" ")
        rest = f"{clock} {rest}"
    if "T" in text and not first:
        first, _, rest = text.partition("T")
    day, time = _day(first), _time(rest.rstrip("Z"))
    if day is not None and time is not None:
        seconds = "h:mm:ss" if rest.count(":") > 1 else "h:mm"
        style = number_format("DATE_TIME", f"{day[1]} {seconds}")
        return Entered(serial(day[0]) + time, None, style)
    return None


def _time(text: str) -> float | None:
    found = _TIME.match(text)
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    half = (found[5] or "").lower()
    if half:
        if hours > 12:
            return None
        hours = hours % 12 + (12 if half.startswith("p") else 0)
    if minutes > 59 or seconds > 59:
        return None
    return (hours * 3600 + minutes * 60 + seconds + float(found[4] or 0)) / 86400


def _day(text: str) -> tuple[date, str] | None:
    try:
        found = _ISO.match(text)
        if found:
            separator = text[4]
            pattern = f"yyyy{separator}mm{separator}dd"
            return date(int(found[1]), int(found[2]), int(found[3])), pattern
        found = _US.match(text)
        if found and ("/" in text or found[3]):
            year = _year(found[3])
            separator = "/" if "/" in text else "-"
            pattern = f"m{separator}d" + (f"{separator}yyyy" if found[3] else "")
            return date(year, int(found[1]), int(found[2])), pattern
        found = _WORDS.match(text)
        if found:
            name = (found[2] or found[3]).lower()
            if name not in _MONTHS:
                return None
            day = int(found[1] or found[4])
            pattern = "d mmm" if found[1] else "mmm d"
            if found[5]:
                pattern += " yyyy" if found[1] else ", yyyy"
            return date(_year(found[5]), _MONTHS[name], day), pattern
    except ValueError:
        return None
    return None


def _year(text: str | None) -> int:
    if not text:
        return date(2026, 1, 1).year
    year = int(text)
    if len(text) == 2:
        year += 2000 if year < 30 else 1900
    return year
