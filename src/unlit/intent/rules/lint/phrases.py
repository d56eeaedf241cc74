"""Words, conditions and ranges of a sentence, in a form that can be compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_STOP_TEXT: Final = (
    "a an the of is are be been has have with that which shall to in on for from by and or its it "
    "not no then when if while where tool system program service product contain contains longer "
    "shorter more less fewer than most least exactly up length size number count total each every "
    "only also must at as this those these carry carries so"
)
STOP: Final = frozenset(_STOP_TEXT.split())
_CONDITION: Final = re.compile(
    r"\s*(?:when|while|if|where|whenever)\b(.*?)(?:,(?!\d)\s*(?:then\s+)?(?=\w)|\bthen\b|"
    r"(?-i:\b(?=THE\b)))",
    re.I,
)
NUMBER: Final = r"\d[\d_]*(?:,\d{3})*(?:\.\d+)?"
#: `at most 5 items`
BOUND: Final = re.compile(
    r"\b(at most|no more than|not more than|up to|at least|no fewer than|no less than|more than|"
    r"longer than|older than|higher than|"
    r"greater than|larger than|over|above|exceeds?|less than|fewer than|shorter than|smaller than|"
    r"lower than|younger than|under|below|within|exactly)\s+"
    rf"({NUMBER})\s*([a-z%°]+)?",
    re.I,
)
#: `5 items or more`
OR_MORE: Final = re.compile(
    rf"\b({NUMBER})\s+([a-z%°]+\s+)?or\s+(more|longer|older|above|higher|over|less|fewer|shorter|"
    r"younger|below|lower|under)\b",
    re.I,
)
_LOW: Final = ("at least", "no fewer than", "no less than", "minimum", "min", "shortest")
_UP: Final = (
    "at most", "no more than", "not more than", "up to", "within", "maximum", "max", "longest",
)  # fmt: skip
_BELOW: Final = (
    "less than", "fewer than", "shorter than", "smaller than", "lower than", "younger than",
    "under", "below",
)  # fmt: skip
_MORE: Final = ("more", "longer", "older", "above", "higher", "over")
#: one spelling for what is said in several ways
_SAME: Final = (
    (
        re.compile(r"\b(?:ignor\w+|regardless of|irrespective of) (?:upper and lower )?case\b"),
        "case-insensitive",
    ),
    (re.compile(r"\bcase[- ](in)?sensitive(?:ly)?\b"), r"case-\1sensitive"),
    (
        re.compile(r"\b(?:switch|turn|keep|hold|leave|set)(?:es|s|ed)?\b([^.;,]{0,60}?)\boff\b"),
        r"\1switched-off",
    ),
    (re.compile(r"\b(?:switch|turn)(?:es|s|ed)?\b([^.;,]{0,60}?)\bon\b"), r"\1switched-on"),
    (re.compile(r"\b(?:stay|stays|remain|remains|keep|keeps|hold|holds)\b(?= open| closed)"), ""),
    (re.compile(r"\b(?:keep|leave)s?\b([^.;,]{0,60}?)\brunning\b"), r"run\1"),
    (re.compile(r"\bclos(?:e|es|ed)\b"), "closed"),
    (re.compile(r"\bopen(?:s|ed)\b"), "open"),
    (re.compile(r"\b(lock|unlock|start|accept|reject|allow|show)ed\b"), r"\1"),
)


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return `text` in small letters with one spelling for what is said in several ways."""
    said = text.lower()
    for pattern, instead in _SAME:
        said = pattern.sub(instead, said)
    return said


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """Return the content words of `text`, singular, lower case."""
    found = re.findall(r"[a-z][a-z-]+|\d+", plain(text))
    return frozenset(singular(word) for word in found if word not in STOP)


def singular(word: str) -> str:
    """Return a noun without its plural ending, as far as letters tell."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def condition_of(text: str) -> str:
    """Return what stands between `when` and its comma or `then`, in small letters."""
    match = _CONDITION.match(text)
    return match[1].strip().lower() if match else ""


def demand_of(text: str) -> str:
    """Return what follows the condition."""
    match = _CONDITION.match(text)
    return text[match.end() :] if match else text


def range_of(comparator: str, value: float) -> tuple[float, float]:
    """Return from where to where a number lies that is compared so."""
    if comparator in _UP:
        return (-1e308, value)
    if comparator in _BELOW:
        return (-1e308, value - 1e-9)
    if comparator in _LOW:
        return (value, 1e308)
    if comparator == "exactly":
        return (value, value)
    return (value + 1e-9, 1e308)


def number_of(text: str) -> float:
    """Return the value of a number as it is written."""
    return float(text.replace(",", "").replace("_", ""))


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers of one unit, from where to where."""

    unit: str
    low: float
    high: float

    def meets(self, other: "Range") -> bool:
        """Say whether one number lies in both."""
        return max(self.low, other.low) <= min(self.high, other.high)


@dataclass(frozen=True, slots=True)
class Condition:
    """When a demand holds: its words, negations included, and the ranges it names."""

    words: frozenset[str]
    ranges: tuple[Range, ...]

    def meets(self, other: "Condition") -> bool:
        """Say whether both certainly hold in some one case."""
        if self.words != other.words or len(self.ranges) != len(other.ranges):
            return False
        pairs = zip(sorted(self.ranges, key=_unit), sorted(other.ranges, key=_unit), strict=True)
        return all(a.unit == b.unit and a.meets(b) for a, b in pairs)

    def __bool__(self) -> bool:
        return bool(self.words or self.ranges)


def _unit(found: Range) -> str:
    return found.unit


@lru_cache(maxsize=4096)
def stated(text: str) -> Condition:
    """Return the condition of a sentence, ranges apart from words."""
    condition = condition_of(text)
    rest = BOUND.sub(" ", OR_MORE.sub(" ", condition))
    negations = re.findall(r"\b(?:no|not|without|never|before|after|only)\b", rest)
    return Condition(words(rest) | frozenset(negations), tuple(ranges(condition)))


def ranges(text: str) -> Iterator[Range]:
    """Yield the ranges that a text names."""
    taken: list[tuple[int, int]] = []
    for match in OR_MORE.finditer(text):
        value = number_of(match[1])
        more = match[3].lower() in _MORE
        unit = singular((match[2] or "").strip().lower())
        taken.append(match.span())
        yield Range(unit, value if more else -1e308, 1e308 if more else value)
    for match in BOUND.finditer(text):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        low, high = range_of(match[1].lower(), number_of(match[2]))
        yield Range(singular((match[3] or "").lower()), low, high)
