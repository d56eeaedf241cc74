"""Contradictions that can be decided: bounds, exit codes, values, order, yes and no, examples.

Two criteria are compared only where they speak of the same thing: the same noun and unit, the same
condition, or the same sentence up to one opposite word. What cannot be decided is not reported.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.hint import hint, masked
from unlit.intent.rules.lint.phrases import (
    BOUND,
    STOP,
    condition_of,
    demand_of,
    number_of,
    range_of,
    singular,
    stated,
    words,
)

_EXIT: Final = re.compile(
    r"\bexit(?:s|ing)?\b[^.;]{0,25}?\bcode\s+(\d+)|\bexit (?:code|status) (\d+)", re.I
)
_STATUS: Final = re.compile(
    r"\b(?:status|answers?(?: with)?|responds?(?: with)?|"
    r"returns?)\s+(?:code\s+)?([1-5]\d\d)\b(?! \w*s\b)",
    re.I,
)
#: `the maximum length of a name is 64 characters`
_NAMED: Final = re.compile(
    r"\b(maximum|minimum|max|min|longest|shortest)\b([^.;,]*?)\b(?:is|be|of|to|at)\s+"
    r"(\d[\d_,]*(?:\.\d+)?)\s*([a-z%]+)?",
    re.I,
)
#: `the fine for an adult shall be`
_SPECIAL: Final = re.compile(
    r"\s*(?:an?|the|each|every|any)\s+([a-z ]{1,40}?)\s+(?:for|to|from|by|in)\s+([a-z ]{1,40}?)\s+"
    r"shall\s+(?:not\s+)?be\b",
    re.I,
)
_VERBS_TEXT: Final = (
    "accept allow answer append be become complete contain do end finish give hold keep limit list "
    "load make offer open permit post print process provide read receive refuse reject reply "
    "report require respond retain retry return run save send set show start stop store support "
    "take try "
    "use wait write"
)
_VERBS: Final = frozenset(_VERBS_TEXT.split())
_REFUSES: Final = re.compile(
    r"\b(refuse|reject|deny|fail|forbid|not accept|not allow|ignore)\w*\b", re.I
)
_ACCEPTS: Final = re.compile(r"\b(accept|allow|permit|take|admit)s?\b", re.I)
_ENUM: Final = re.compile(
    r"\b([a-z]+)\s+(?:shall be |shall have |that (?:is|are) |is |are |of |has )?(?:one of|either|"
    r"only|exactly one "
    r"of)"
    r"\s+((?:`[^`]+`(?:,\s*(?:and |or )?|\s+(?:or|and)\s+)?)+)",
    re.I,
)
_VALUE: Final = re.compile(r"\b([a-z]+)\s+(?:shall be|to|is|becomes|=|as)\s+`([^`]+)`", re.I)
_BEFORE: Final = re.compile(
    r"\bshall\s+([^.;]*?)\s+(before|after)\s+(?:it\s+|the (?:tool|system|service|"
    r"program)\s+)?([^.;,]*)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A number in a sentence: of what, from where to where, and whether it accepts or refuses."""

    criterion: Criterion
    match: re.Match[str]
    key: tuple[str, str]
    low: float
    high: float
    speaks: str
    about: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The bound as it is written."""
        return self.match[0].strip()


def findings(spec: Spec) -> list[Finding]:
    """Return contradictions between criteria, and within one between sentence and example."""
    found = [*_bounds(spec), *_codes(spec), *_values(spec), *_order(spec)]
    return [*found, *_examples(spec)]


def contradiction(
    criterion: Criterion, place: re.Match[str] | tuple[int, int] | None, other: str, what: str
) -> Finding:
    """Return the hint that a criterion contradicts another one."""
    return hint("INT-330", criterion, place, f"This contradicts {other}: {what}.",
                "No program can do both.", "Keep one of the two.")  # fmt: skip


def _bounds(spec: Spec) -> list[Finding]:
    groups: dict[tuple[str, str], list[Bound]] = {}
    for criterion in spec.criteria:
        for bound in bounds_of(criterion):
            groups.setdefault(bound.key, []).append(bound)
    found = []
    for group in groups.values():
        for a, b in combinations(group, 2):
            if a.criterion.id != b.criterion.id and _clash(a, b):
                found.append(
                    contradiction(b.criterion, b.match, a.criterion.id,
                                   f"`{b.text}` against `{a.text}` of {a.key[0]}")
                )  # fmt: skip
    return found


def bounds_of(criterion: Criterion) -> Iterator[Bound]:
    """Yield the bounds that a criterion states."""
    text = masked(criterion.text)
    for match in [*BOUND.finditer(text), *_NAMED.finditer(text)]:
        named = match.re is _NAMED
        special = None if named else _SPECIAL.match(demand_of(text))
        about = words(special[2]) if special else frozenset()
        noun = _noun(match[2]) if named else _noun(text[: match.start()])
        if special:
            noun = _noun(special[1]) or noun
        if noun is None:
            continue
        number, unit = (match[3], match[4]) if named else (match[2], match[3])
        low, high = range_of(match[1].lower(), number_of(number))
        in_condition = match.start() < len(text) - len(demand_of(text))
        demand = text[max(0, text.lower().find("shall")) :]
        refuses, accepts = bool(_REFUSES.search(demand)), bool(_ACCEPTS.search(demand))
        speaks = "refuse" if refuses else "accept" if accepts else "if" if in_condition else "be"
        yield Bound(
            criterion,
            match,
            (singular(noun), singular((unit or "").lower())),
            low,
            high,
            speaks,
            about,
        )


def _noun(text: str) -> str | None:
    """Return the last word that can be the thing a bound is about: no verb, no filler."""
    found = re.findall(r"[a-z][a-z-]*", text.lower())
    return next((w for w in reversed(found) if w not in STOP and singular(w) not in _VERBS), None)


def _clash(a: Bound, b: Bound) -> bool:
    overlap = max(a.low, b.low) <= min(a.high, b.high)
    if a.about != b.about:
        # what holds for all holds for each kind; two kinds may differ
        both_be = a.speaks == b.speaks == "be"
        return not overlap and both_be and not (a.about and b.about)
    kinds = {a.speaks, b.speaks}
    if kinds == {"accept", "refuse"}:
        return overlap
    if "if" in kinds or "refuse" in kinds:
        return False
    if not overlap:
        return True
    # two different limits of one kind for one thing, unless the conditions differ
    same_kind = (a.low == b.low) or (a.high == b.high)
    different = (a.low, a.high) != (b.low, b.high)
    conditions = condition_of(masked(a.criterion.text)), condition_of(masked(b.criterion.text))
    return same_kind and different and conditions[0] == conditions[1]


def _codes(spec: Spec) -> list[Finding]:
    found = []
    for pattern, name in ((_EXIT, "exit code"), (_STATUS, "status")):
        seen: list[tuple[Criterion, str]] = []
        for criterion in spec.criteria:
            match = pattern.search(criterion.text)
            if match is None:
                continue
            code = next(group for group in match.groups() if group)
            found += _example_codes(criterion, pattern, name, code)
            condition = stated(criterion.text)
            if condition:
                found += [
                    contradiction(criterion, match, other.id, f"{name} {code} against {value}")
                    for other, value in seen
                    if value != code and condition.meets(stated(other.text))
                ]
                seen.append((criterion, code))
    return found


def _example_codes(
    criterion: Criterion, pattern: re.Pattern[str], name: str, code: str
) -> list[Finding]:
    codes = {next(g for g in m.groups() if g) for m in pattern.finditer(criterion.text)}
    if len(codes) > 1 or stated(criterion.text).ranges:
        return []  # beside a limit, an example may show the other side
    found = []
    shown = [
        {next(g for g in m.groups() if g) for m in pattern.finditer(example.outcome)}
        for example in criterion.examples
    ]
    if codes in shown and condition_of(criterion.text):
        return []  # one example shows the case; another may show what is not the case
    for example, seen in zip(criterion.examples, shown, strict=True):
        if len(seen) == 1 and seen != codes:
            found.append(
                contradiction(criterion, pattern.search(criterion.text),
                               f"its example in line {example.line}",
                               f"{name} {code} against {next(iter(seen))}")
            )  # fmt: skip
    return found


def _values(spec: Spec) -> list[Finding]:
    known: dict[str, tuple[Criterion, frozenset[str]]] = {}
    for criterion in spec.criteria:
        for match in _ENUM.finditer(criterion.text):
            values = frozenset(re.findall(r"`([^`]+)`", match[2]))
            if len(values) > 1:
                for name in (match[1], _head(criterion.text[: match.start()])):
                    known.setdefault(singular(name.lower()), (criterion, values))
    found = []
    for criterion in spec.criteria:
        for match in _VALUE.finditer(criterion.text):
            entry = known.get(singular(match[1].lower()))
            if entry is not None and match[2] not in entry[1] and entry[0].id != criterion.id:
                listed = ", ".join(sorted(entry[1]))
                found.append(
                    contradiction(criterion, match, entry[0].id,
                                   f"`{match[2]}` is not one of {listed}")
                )  # fmt: skip
    return found


def _head(before: str) -> str:
    """Return `state` for `the state of the`: what a value of a thing is a value of."""
    found = re.search(r"\b([a-z]+) of (?:the|an?|each|every) *$", before, re.I)
    return found[1] if found else ""


def _order(spec: Spec) -> list[Finding]:
    """Return demands that close a circle of `before`, over as many criteria as it takes."""
    edges: list[_Edge] = []
    found = []
    for criterion in spec.criteria:
        match = _BEFORE.search(masked(criterion.text))
        if match is None:
            continue
        first, second = words(match[1]), words(match[3])
        if match[2].lower() == "after":
            first, second = second, first
        if not first or not second:
            continue
        edge = _Edge(first, second, criterion)
        other = _closes(edges, edge)
        if other is not None:
            found.append(contradiction(criterion, match, other.id, "the order is reversed"))
        edges.append(edge)
    return found


@dataclass(frozen=True, slots=True)
class _Edge:
    first: frozenset[str]
    second: frozenset[str]
    criterion: Criterion


def _closes(edges: list[_Edge], new: _Edge) -> Criterion | None:
    """Return the criterion by which `new` contradicts what was demanded before it, if one does."""
    for start in edges:
        if not _alike(start.first, new.second):
            continue
        reached = [start]
        for at in reached:
            if _alike(at.second, new.first):
                return at.criterion
            reached += [e for e in edges if e not in reached and _alike(e.first, at.second, 0.9)]
    return None


def _alike(a: frozenset[str], b: frozenset[str], limit: float = 0.6) -> bool:
    return len(a & b) >= limit * min(len(a), len(b)) and len(a & b) >= 1


def _examples(spec: Spec) -> list[Finding]:
    """Return pairs of examples with one input and outcomes that exclude each other."""
    seen: dict[str, list[tuple[Criterion, str, int]]] = {}
    found = []
    for criterion in spec.criteria:
        for example in criterion.examples:
            key = " ".join(example.input.split())
            for other, outcome, line in seen.get(key, []):
                what = _exclusive(outcome, example.outcome)
                if what is not None:
                    found.append(
                        contradiction(criterion, None, f"{other.id}, line {line}",
                                       f"the same input, {what}")
                    )  # fmt: skip
            seen.setdefault(key, []).append((criterion, example.outcome, example.line))
    return found


def _exclusive(a: str, b: str) -> str | None:
    codes = [{next(g for g in m.groups() if g) for m in _EXIT.finditer(text)} for text in (a, b)]
    if codes[0] and codes[1] and not codes[0] & codes[1]:
        return f"exit code {min(codes[0])} against {min(codes[1])}"
    prints = [
        re.fullmatch(
            r"(?:it )?(?:prints|outputs|answers|returns)?\s*`([^`]*)`\.?", text.strip(), re.I
        )
        for text in (a, b)
    ]
    if prints[0] and prints[1] and not _goes_on(prints[0][1], prints[1][1]):
        return f"`{prints[0][1]}` against `{prints[1][1]}`"
    return None


def _goes_on(a: str, b: str) -> bool:
    """Say whether one text is the other with further words: `1.50 EUR`, `1.50 EUR per hour`."""
    short, long = sorted((a, b), key=len)
    return long == short or (bool(short) and long.startswith(f"{short} "))
