"""How numbers, times and states are written, the same everywhere (console, report, terminal)."""

import math
import re
from datetime import datetime
from decimal import Decimal
from typing import Final

NARROW: Final = "\u202f"
UNKNOWN: Final = "not known"

TRAJECTORY_WORDS: Final = {
    "satisfied": "Satisfied",
    "not_satisfied": "Not satisfied",
    "harness_fault": "Harness fault",
    "not_exercised": "Not exercised",
}
CRITERION_WORDS: Final = {
    "met": "Satisfied",
    "not_met": "Not satisfied",
    "undecided": "Undecided",
    "held": "Held so far",
    "not_exercised": "Not exercised",
    "asks": "Asks you",
}
CRITERION_SIGNS: Final = {
    "met": "●",
    "not_met": "✕",
    "undecided": "◐",
    "held": "◐",
    "not_exercised": "◌",
    "asks": "◆",
}
VERDICT_WORDS: Final = {
    "ship": "can ship",
    "not_yet": "not good enough",
    "undecided": "undecided",
    "not_exercised": "not exercised",
    "harness_fault": "harness fault",
}
MARKS: Final = {
    "satisfied": "sat",
    "met": "sat",
    "ship": "sat",
    "shipped": "sat",
    "held": "sat",
    "sealed": "sat",
    "approved": "sat",
    "done": "sat",
    "not_satisfied": "not",
    "not_met": "not",
    "not_yet": "not",
    "not_good_enough": "not",
    "leaked": "not",
    "suspicious": "not",
    "rejected": "not",
    "ended": "not",
    "undecided": "und",
    "partly": "und",
    "not_exercised": "nox",
    "cancelled": "nox",
    "skipped": "nox",
    "harness_fault": "fault",
    "failed": "fault",
    "asks": "ask",
    "waiting": "ask",
    "running": "run",
    "queued": "wait",
    "paused": "wait",
}


def mark(state: str | None) -> str:
    """Return the symbol of a state; nothing known is the dashed ring."""
    return MARKS.get(state or "not_exercised", "nox")


def percent(rate: float | None, *, sign: bool = True) -> str:
    """Write a rate in percent, at most three digits that mean something.

    A rate below 1 is never rounded up to 100 and one above 0 never down to 0.
    """
    if rate is None:
        return UNKNOWN
    value = rate * 100
    digits = 1 if value < 99.95 else 2
    text = f"{value:.{digits}f}"
    if float(text) == 100 and rate < 1:
        text = "99.99"
    if float(text) == 0 and rate > 0:
        text = "0.01"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}{NARROW}%" if sign else text


def at_least(rate: float | None) -> str:
    """Write a lower bound, rounded down."""
    if rate is None:
        return UNKNOWN
    return f"at least {percent(math.floor(rate * 1000) / 1000)}"


def interval(lower: float | None, upper: float | None) -> str:
    """Write an interval in percent without the sign: ``[86.5, 99.9]``."""
    if lower is None or upper is None:
        return "[not known]"
    low = f"{math.floor(lower * 1000) / 10:g}"
    high = f"{math.ceil(upper * 1000) / 10:g}"
    return f"[{low}, {high}]"


def money(usd: Decimal | None) -> str:
    """Write dollars; cents below ten thousand, a tenth of a cent below a cent."""
    if usd is None:
        return UNKNOWN
    if usd == 0:
        return "$0"
    if usd < Decimal("0.01"):
        return "under $0.01"
    if usd >= 10_000:
        return f"${usd:,.0f}"
    return f"${usd:,.2f}"


def cost(usd: Decimal | None, calls: int) -> str:
    """Write what calls cost; where none was made, nothing was priced, which is not zero."""
    return money(usd) if calls else "no calls"


def duration(seconds: float | None) -> str:
    """Write a span in the largest unit that means something."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: ``1 issue``, ``4,812 issues``, ``no issues``."""
    noun = one if number == 1 else (many or f"{one}s")
    return f"{number:,} {noun}" if number else f"no {noun}"


def spelled(number: int) -> str:
    """Write small numbers as words, as prose does."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if 0 <= number < len(words) else f"{number:,}"


def when(at: datetime | None, now: datetime | None = None) -> str:
    """Write a time; with the date when it is not today."""
    if at is None:
        return "not yet"
    if now is not None and at.date() == now.date():
        return f"{at:%H:%M}"
    if now is not None and at.year == now.year:
        return f"{at:%H:%M}, {at.day} {at:%b}"
    return f"{at:%H:%M}, {at.day} {at:%b %Y}"


def reason(text: str) -> str:
    """Say a check's terse reason in a sentence: what was found, what was declared."""
    found = re.fullmatch(r"(\S+): (\d+), not (\d+)", text)
    if found is not None:
        return f"{found[1]} holds {found[2]}; the scenario declares {found[3]}."
    return text if text.endswith((".", "!", "?")) else f"{text}."


def inert(text: str, limit: int = 20_000) -> str:
    """Make text from anywhere safe to show: control characters become visible, length is cut.

    Line ends and tabs stay; bidirectional overrides, which reorder what people read, are shown.
    """
    cut = text[:limit]
    shown = "".join(
        char if char in "\n\t" or (char.isprintable() and char not in _REORDER) else _shown(char)
        for char in cut.replace("\r\n", "\n")
    )
    left = len(text) - len(cut)
    return f"{shown}\n… {left:,} more characters" if left else shown


_REORDER: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


def _shown(char: str) -> str:
    code = ord(char)
    if code < 32:
        return chr(0x2400 + code)
    if code == 127:
        return "\u2421"
    if char == "\u00a0" or char == NARROW:
        return char
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
