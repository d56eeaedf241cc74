"""Contradictions by opposite words: one demands what the other forbids, or its contrary."""

import re
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.contradictions import contradiction
from unlit.intent.rules.lint.hint import masked
from unlit.intent.rules.lint.phrases import BOUND, condition_of, demand_of, stated, words

_OPPOSITES: Final = (
    ("ascending", "descending"), ("accept", "refuse"), ("accept", "reject"), ("allow", "forbid"),
    ("allow", "refuse"), ("include", "exclude"), ("include", "omit"), ("enable", "disable"),
    ("first", "last"), ("keep", "delete"), ("keep", "remove"), ("overwrite", "keep"),
    ("newest", "oldest"), ("up", "down"), ("show", "hide"), ("before", "after"),
    ("sensitive", "insensitive"), ("encrypt", "plain"), ("synchronously", "asynchronously"),
    ("refuse", "overwrite"), ("ignore", "refuse"), ("skip", "refuse"), ("ignore", "report"),
    ("largest", "smallest"), ("required", "optional"), ("mandatory", "optional"),
    ("public", "private"), ("synchronous", "asynchronous"), ("always", "never"),
    ("case-sensitive", "case-insensitive"), ("online", "offline"), ("delete", "retain"),
    ("visible", "hidden"), ("daily", "weekly"), ("hourly", "daily"), ("encrypted", "plaintext"),
    ("uppercase", "lowercase"), ("local", "utc"), ("switched-on", "switched-off"),
    ("run", "switched-off"), ("start", "switched-off"), ("stop", "switched-on"), ("open", "closed"),
    ("lock", "unlock"), ("start", "stop"), ("run", "stop"), ("left", "right"), ("raise", "lower"),
    ("increase", "decrease"), ("block", "allow"), ("permanent", "temporary"), ("add", "subtract"),
    ("earliest", "latest"), ("highest", "lowest"), ("longest", "shortest"), ("accept", "ignore"),
    ("refuse", "replace"), ("stop", "continue"), ("skip", "abort"), ("skip", "stop"),
    ("included", "excluded"), ("include", "excluded"), ("exclude", "included"),
    ("deleted", "kept"), ("keep", "deleted"), ("shown", "hidden"), ("show", "hidden"),
    ("retry", "abort"), ("merge", "separate"), ("plural", "singular"), ("silently", "report"),
    ("horizontal", "vertical"), ("upward", "downward"),
    ("lower", "up"), ("raise", "down"),
    ("younger", "older"), ("taller", "shorter"), ("bigger", "smaller"), ("nearer", "farther"),
    ("cheaper", "dearer"), ("heavier", "lighter"), ("archive", "open"),
    ("grant", "deny"), ("connect", "disconnect"), ("lift", "lower"),
    ("fill", "empty"), ("approve", "reject"), ("publish", "withhold"), ("charge", "waive"),
)  # fmt: skip
_OPPOSED: Final = frozenset(word for pair in _OPPOSITES for word in pair)
_THRESHOLD: Final = re.compile(
    r"\b(for|after|than|over|above|below|under|exceeds?|reaches|least|most)\s+(\d[\d_.,]*\d|\d)\b",
    re.I,
)
_NUMBERS: Final = re.compile(r"\d[\d_.,]*\d|\d")
#: in which order things are listed
_ORDERED: Final = re.compile(
    r"\b(?:(?:sorted |ordered )?by [a-z]+(?: (?:name|date|number|id))?"
    r"(?:,? (?:ascending|descending))?|"
    r"(?:with )?(?:the )?(?:newest|oldest|largest|smallest|highest|lowest|cheapest|latest|longest|"
    r"shortest|nearest|dearest) (?:ones? )?first|alphabetically|in alphabetical order|"
    r"in chronological order|chronologically|at random|in random order)\b",
    re.I,
)
_FORBIDS: Final = re.compile(r"\bshall (?:not|never)\b", re.I)
#: of one thing at one time one of these holds
_KINDS: Final = tuple(
    frozenset(text.split())
    for text in (
        "red green yellow amber blue white black orange purple grey",
        "monday tuesday wednesday thursday friday saturday sunday",
        "north south east west", "seconds minutes hours days weeks months years",
        "json yaml xml csv html toml", "once twice", "ascending descending random",
        "hourly daily weekly monthly yearly", "first second third fourth last",
        "utf-8 utf-16 latin-1 ascii", "kilometre mile", "metric imperial",
    )
)  # fmt: skip
_GOES_ON: Final = re.compile(
    r"\bshall\s+(?:skip|continue|ignore|proceed|go on|carry on|resume|keep going|accept)\b", re.I
)
_HALTS: Final = re.compile(
    r"\bshall\s+(?:abort|exit|fail|terminate|quit|halt|reject|refuse|"
    r"stop(?=\s*(?:[.,;]|$|with\b|and\b|immediately\b)))",
    re.I,
)
_PASSIVE: Final = re.compile(r"\bshall\s+(?:not\s+|never\s+)?be\b", re.I)


@dataclass(frozen=True, slots=True)
class _Row:
    criterion: Criterion
    words: frozenset[str]
    demand: frozenset[str]
    actor: frozenset[str]
    forbids: bool
    bounded: bool
    going: str | None
    ending: str | None
    ordered: str


def findings(spec: Spec) -> list[Finding]:
    """Return contradictions by opposite words, between criteria whose conditions can meet."""
    by_condition: dict[frozenset[str], list[_Row]] = {}
    for criterion in spec.criteria:
        by_condition.setdefault(stated(criterion.text).words, []).append(_row(criterion))
    found = []
    for group in by_condition.values():
        for a, b in combinations(group, 2):
            what = _opposed(a, b) or _flow(a, b) or _kind(a, b) or _sorted(a, b)
            if what and stated(a.criterion.text).meets(stated(b.criterion.text)):
                found.append(contradiction(b.criterion, None, a.criterion.id, what))
    return [*found, *_thresholds(spec)]


def _thresholds(spec: Spec) -> list[Finding]:
    """Return criteria that differ in nothing but the number from which they hold."""
    seen: dict[str, list[tuple[Criterion, str]]] = {}
    found = []
    for criterion in spec.criteria:
        condition = condition_of(criterion.text)
        match = _THRESHOLD.search(condition)
        if match is None or len(_NUMBERS.findall(condition)) != 1:
            continue
        same = " ".join(criterion.text.lower().replace(match[2], "#", 1).split())
        for other, number in seen.get(same, []):
            if number != match[2]:
                found.append(
                    contradiction(criterion, None, other.id,
                                  f"the same from {number} and from {match[2]} on")
                )  # fmt: skip
        seen.setdefault(same, []).append((criterion, match[2]))
    return found


def _row(criterion: Criterion) -> _Row:
    demand = demand_of(criterion.text)
    said = masked(criterion.text)
    before = demand[: max(0, demand.lower().find("shall"))]
    return _Row(
        criterion,
        words(criterion.text),
        words(demand),
        frozenset() if _PASSIVE.search(demand) else words(before),
        bool(_FORBIDS.search(criterion.text)),
        bool(BOUND.search(demand)),
        _verb(_GOES_ON.search(said)),
        _verb(_HALTS.search(said)),
        ordered[0] if (ordered := _ORDERED.search(said)) else "",
    )


def _opposed(a: _Row, b: _Row) -> str | None:
    both = len(a.words | b.words)
    common = len(a.words & b.words)
    if both == 0:
        return None
    if a.forbids != b.forbids:
        return "one demands what the other forbids" if common / both >= 0.7 else None
    if a.bounded and b.bounded:
        return None  # two sides of one limit; bounds are compared as ranges
    different = a.demand ^ b.demand
    if len(different & _OPPOSED) < 2:
        return None
    for one, other in _OPPOSITES:
        apart = {one, other} <= different and (one in a.demand) != (one in b.demand)
        if apart and (common / both >= 0.5 or _rest(a, one, other) == _rest(b, one, other)):
            return f"`{one}` against `{other}`"
    return None


def _rest(row: _Row, one: str, other: str) -> frozenset[str]:
    """Return what is spoken of, without who acts and without the opposite words."""
    return row.demand - row.actor - {one, other}


def _flow(a: _Row, b: _Row) -> str | None:
    """Compare whether work goes on or ends, in one and the same stated case."""
    if not (a.going and b.ending) and not (a.ending and b.going):
        return None
    if a.forbids or b.forbids or a.actor != b.actor or not stated(a.criterion.text):
        return None
    first, second = (a.going, b.ending) if a.going and b.ending else (a.ending, b.going)
    return f"`{first}` against `{second}`"


def _sorted(a: _Row, b: _Row) -> str | None:
    """Compare two orders of one list, in one case."""
    if not a.ordered or not b.ordered or a.ordered.lower() == b.ordered.lower():
        return None
    if a.forbids or b.forbids or a.actor != b.actor:
        return None
    same = a.demand - words(a.ordered) == b.demand - words(b.ordered)
    return f"`{a.ordered}` against `{b.ordered}`" if same else None


def _verb(match: re.Match[str] | None) -> str | None:
    return match[0].split(None, 1)[1] if match else None


def _kind(a: _Row, b: _Row) -> str | None:
    """Compare demands that differ in one word only: `red` against `green`."""
    mine, theirs = a.demand - b.demand, b.demand - a.demand
    if len(mine) != 1 or len(theirs) != 1 or not a.demand & b.demand:
        return None
    pair = mine | theirs
    if a.forbids or b.forbids or not any(pair <= kind for kind in _KINDS):
        return None
    return f"`{min(mine)}` against `{min(theirs)}`"
