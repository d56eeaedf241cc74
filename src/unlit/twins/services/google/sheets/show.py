"""How a value looks: number formats and the general format."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from unlit.twins.services.google.sheets.model import Failure, Value

_DEFAULTS: Final = {
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "CURRENCY": '"$"#,##0.00',
    "DATE": "m/d/yyyy",
    "TIME": "h:mm:ss am/pm",
    "DATE_TIME": "m/d/yyyy h:mm:ss",
    "SCIENTIFIC": "0.00E+00",
    "TEXT": "@",
}
_PIECE: Final = re.compile(
    r'"[^"]*"|\\.|\[[^\]]*\]|[yY]+|[mM]+|[dD]+|[hH]+|[sS]+|am/pm|AM/PM|a/p|A/P|0[.0#,]*|#[.0#,]*|.',
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def shown(value: Value | Failure, style: Mapping[str, Any] | None = None) -> str:
    """Return what a cell shows."""
    if value is None:
        return ""
    if isinstance(value, Failure):
        return value.text
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return value
    pattern = pattern_of(style)
    if pattern is None or pattern == "@" or pattern.lower() == "general":
        return general(value)
    return formatted(value, pattern)


def pattern_of(style: Mapping[str, Any] | None) -> str | None:
    """Return the number pattern of a format, or nothing for the automatic one."""
    number = (style or {}).get("numberFormat")
    if not number:
        return None
    return str(number.get("pattern") or _DEFAULTS.get(number.get("type"), "")) or None


def kind_of(style: Mapping[str, Any] | None) -> str:
    """Return the type of the number format."""
    return str(((style or {}).get("numberFormat") or {}).get("type", ""))


def general(value: float) -> str:
    """Show a number in the automatic format."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if abs(value) >= 1e15 or abs(value) < 1e-9:
        mantissa, _, exponent = f"{value:.5E}".partition("E")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}E{int(exponent):+03d}"
    text = f"{value:.10g}"
    if "e" in text:
        text = f"{Decimal(text):f}"
    return text


def is_dated(pattern: str) -> bool:
    """Say whether a pattern shows a date or time."""
    bare = re.sub(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]', "", pattern)
    return re.search(r"[ymdhsYMDHS]", bare) is not None


def formatted(value: float, pattern: str) -> str:
    """Show a number in a pattern."""
    if is_dated(pattern):
        return _dated(value, pattern)
    sections = pattern.split(";")
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section, value = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    return _numbered(value, section)


def _numbered(value: float, pattern: str) -> str:
    out: list[str] = []
    percent = "%" in re.sub(r'"[^"]*"', "", pattern)
    number = Decimal(repr(value)) * (100 if percent else 1)
    scientific = re.search(r"([0#.]+)E\+(0+)", pattern)
    if scientific:
        decimals = len(scientific[1].partition(".")[2])
        mantissa, _, exponent = f"{value:.{decimals}E}".partition("E")
        return f"{mantissa}E{int(exponent):+0{len(scientific[2]) + 1}d}"
    done = False
    sign = "-" if number < 0 else ""
    for piece in _PIECE.findall(pattern):
        if piece[0] in "0#" and not done:
            out.append(sign + _digits(abs(number), piece))
            done = True
        elif piece[0] in '"[':
            out.append(piece[1:-1] if piece[0] == '"' else _bracket(piece))
        elif piece[0] == "\\":
            out.append(piece[1:])
        elif piece == "@":
            out.append(general(value))
        elif piece not in ("_", "*", "?"):
            out.append(piece)
    return "".join(out)


def _bracket(piece: str) -> str:
    return piece[2:-1].partition("-")[0] if piece.startswith("[$") else ""


def _digits(number: Decimal, piece: str) -> str:
    whole, _, part = piece.partition(".")
    scale = len(whole) - len(whole.rstrip(","))
    number /= Decimal(1000) ** scale
    fewest = part.count("0")
    most = len(part.replace(",", ""))
    text = f"{number.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP):f}"
    left, _, right = text.partition(".")
    while len(right) > fewest and right.endswith("0"):
        right = right[:-1]
    left = left.zfill(whole.count("0"))
    if whole.count("0") == 0 and left == "0":
        left = ""
    if "," in whole.rstrip(","):
        left = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", left)
    return left + ("." + right if right else "." if piece.endswith(".") else "")


def moment(value: float) -> datetime:
    """Return the moment of a serial number."""
    return datetime(1899, 12, 30) + timedelta(seconds=round(value * 86400, 3))  # noqa: DTZ001 # a cell has no zone


def _dated(value: float, pattern: str) -> str:
    when = moment(value)
    pieces = _PIECE.findall(pattern)
    half = any(piece.lower() in ("am/pm", "a/p") for piece in pieces)
    out: list[str] = []
    for at, piece in enumerate(pieces):
        low = piece.lower()
        if low[0] == "m" and set(low) == {"m"}:
            clock = _is_minute(pieces, at)
            out.append(_padded(when.minute, len(low)) if clock else _month(when, len(low)))
        elif low.startswith("[") and low.strip("[]") and set(low.strip("[]")) <= set("hms"):
            unit = {"h": 24, "m": 1440, "s": 86400}[low[1]]
            out.append(_padded(int(value * unit + 1e-9), len(low) - 2))
        elif low[0] in "ydhs" and len(set(low)) == 1:
            out.append(_part(when, low, half=half))
        elif low in ("am/pm", "a/p"):
            word = "PM" if when.hour >= 12 else "AM"
            out.append(word if low == "am/pm" else word[0])
        elif piece[0] == '"':
            out.append(piece[1:-1])
        elif piece[0] == "\\":
            out.append(piece[1:])
        elif re.fullmatch(r"\.?0+", piece):
            out.append(f"{when.microsecond // 1000:03d}"[: len(piece)])
        elif piece[0] != "[":
            out.append(piece)
    return "".join(out)


def _is_minute(pieces: list[str], at: int) -> bool:
    letters = [p.lower() for p in pieces]
    before = next((p for p in reversed(letters[:at]) if p[0] in "ydhms["), "")
    after = next((p for p in letters[at + 1 :] if p[0] in "ydhms["), "")
    return before.lstrip("[")[:1] == "h" or after.lstrip("[")[:1] == "s"


def _padded(number: int, width: int) -> str:
    return str(number).zfill(width)


def _month(when: datetime, width: int) -> str:
    if width <= 2:
        return _padded(when.month, width)
    name = _MONTHS[when.month - 1]
    return name[:3] if width == 3 else name[0] if width == 5 else name


def _part(when: datetime, letters: str, *, half: bool) -> str:
    kind, width = letters[0], len(letters)
    if kind == "y":
        return f"{when.year:04d}" if width > 2 else f"{when.year % 100:02d}"
    if kind == "d":
        if width <= 2:
            return _padded(when.day, width)
        name = _DAYS[when.weekday()]
        return name[:3] if width == 3 else name
    if kind == "h":
        hour = (when.hour % 12 or 12) if half else when.hour
        return _padded(hour, min(width, 2))
    return _padded(when.second, min(width, 2))
