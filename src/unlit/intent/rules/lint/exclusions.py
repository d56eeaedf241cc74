"""Contradictions by value: closed sets of values, and two outputs demanded of one case."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.contradictions import (
    Bound,
    bounds_of,
    contradiction,
)
from unlit.intent.rules.lint.hint import masked
from unlit.intent.rules.lint.phrases import BOUND, condition_of, demand_of, stated, words

_LITERAL: Final = re.compile(r"`([^`]+)`")
_ONLY: Final = re.compile(
    r"\bshall\s+(?:accept|allow|take|permit|admit|know|offer)\s+"
    r"(?:only|nothing but|no other than)\s+"
    r"((?:`[^`]+`(?:,\s*(?:and |or )?|\s+(?:or|and)\s+)?)+)",
    re.I,
)
_VALUE: Final = re.compile(r"`[^`]+`|(?<![\w.-])\d[\d_]*(?:[.,]\d+)*(?: ?[%°a-zA-Z]+)?")
_SETS: Final = re.compile(
    r"\bshall\s+(?:\w+ly\s+)?(?:set|answer|return|respond|reply|use|be|stay|become|default|name|"
    r"change|mark|assign|route|put|move)\b",
    re.I,
)
_ACCEPTS: Final = re.compile(r"\bshall\s+(?:accept|allow|take|permit|admit)\b", re.I)


def findings(spec: Spec) -> list[Finding]:
    """Return values that a closed set leaves out, and cases with two outputs."""
    return [*_closed(spec), *_overlapping(spec), *_same_but_for_a_value(spec)]


def _closed(spec: Spec) -> Iterator[Finding]:
    for criterion in spec.criteria:
        listed = _ONLY.search(criterion.text)
        if listed is None:
            continue
        known = frozenset(_LITERAL.findall(listed[1]))
        about = words(condition_of(criterion.text))
        for other in spec.criteria:
            if other.id == criterion.id or not _ACCEPTS.search(other.text):
                continue
            condition = condition_of(other.text)
            named = frozenset(_LITERAL.findall(condition))
            if named - known and about & words(condition):
                what = f"`{min(named - known)}` is not one of {', '.join(sorted(known))}"
                yield contradiction(other, None, criterion.id, what)


def _overlapping(spec: Spec) -> Iterator[Finding]:
    rows = [
        (bound, _demand(criterion), _LITERAL.findall(_after(criterion.text)))
        for criterion in spec.criteria
        for bound in bounds_of(criterion)
        if bound.speaks == "if"
    ]
    for (a, demand, said), (b, other, told) in combinations(rows, 2):
        if a.criterion.id == b.criterion.id or a.key != b.key or demand != other:
            continue
        if said and told and said != told and _meet(a, b):
            what = f"{a.text} and {b.text} overlap, and `{said[0]}` is not `{told[0]}`"
            yield contradiction(b.criterion, b.match, a.criterion.id, what)


def _same_but_for_a_value(spec: Spec) -> Iterator[Finding]:
    """Compare sentences that are equal up to one number, or one value that is set or answered."""
    seen: dict[str, list[tuple[Criterion, list[str]]]] = {}
    for criterion in spec.criteria:
        demand = demand_of(criterion.text)
        if BOUND.search(demand):
            continue  # bounds are compared as ranges
        values = _VALUE.findall(demand)
        if len(values) != 1 or (values[0][0] == "`" and not _SETS.search(demand)):
            continue
        key = " ".join(sorted(words(_VALUE.sub(" ", demand)))) + values[0][0].strip("0123456789")
        for other, told in seen.get(key, []):
            same = stated(criterion.text) == stated(other.text)
            if told != values and same:
                what = f"{values[0]} against {told[0]}"
                yield contradiction(criterion, None, other.id, what)
        seen.setdefault(key, []).append((criterion, values))


def _meet(a: Bound, b: Bound) -> bool:
    return max(a.low, b.low) <= min(a.high, b.high)


def _after(text: str) -> str:
    at = text.lower().find("shall")
    return text[at:] if at >= 0 else ""


def _demand(criterion: Criterion) -> str:
    """Return the demand without its values: what is done, not with what."""
    return " ".join(re.sub("\x00+", "\x00", _after(masked(criterion.text))).lower().split())
