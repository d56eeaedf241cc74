"""An organisation's own invariants: files with an owner and a date, held in every trajectory.

``invariants/*.yaml`` in the vault or the base commit, never in the candidate, which could change
them. Each forbids a pattern in what the product shows, writes or does.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from unlit.evaluation.checks.never import Seen
from unlit.evaluation.scenarios.document import read_document
from unlit.evaluation.scenarios.model import Finding

FOLDER: Final = "invariants"
_KEYS: Final = frozenset({"id", "owner", "because", "date", "forbid"})
_PLACES: Final = ("output", "file", "effect")
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,79}\Z")


@dataclass(frozen=True, slots=True)
class OwnInvariant:
    """One rule of the organisation."""

    id: str
    owner: str
    because: str
    date: str
    forbid: Mapping[str, str]

    def broken_by(self, seen: Seen) -> str | None:
        """Return what was broken, without content, or None."""
        for place, pattern in self.forbid.items():
            if any(re.search(pattern, text) for text in _texts(place, seen)):
                return f"the organisation's rule {self.id} is broken in an {place}"
        return None


def _texts(place: str, seen: Seen) -> Iterable[str]:
    if place == "output":
        return seen.outputs
    if place == "file":
        return seen.files.values()
    return (str(item) for done in seen.effects.values() for item in done.added)


def load_own(folders: Iterable[Path]) -> tuple[tuple[OwnInvariant, ...], tuple[Finding, ...]]:
    """Return the invariants of some folders, and everything that is wrong with their files."""
    found: dict[str, OwnInvariant] = {}
    findings: list[Finding] = []
    for folder in folders:
        for path in sorted((folder / FOLDER).glob("*.yaml")):
            parsed = _parse(path.read_text(encoding="utf-8", errors="replace"),
                            f"{FOLDER}/{path.name}")  # fmt: skip
            if isinstance(parsed, Finding):
                findings.append(parsed)
            else:
                found.setdefault(parsed.id, parsed)
    return tuple(found.values()), tuple(findings)


def in_force(
    rules: Sequence[OwnInvariant], since: str | None
) -> tuple[tuple[OwnInvariant, ...], tuple[str, ...]]:
    """Return the rules that hold for a spec, and a sentence for each that came too late.

    Args:
        rules: All of them.
        since: Day of the spec's first commit; None when it has not been committed.
    """
    if since is None:
        unknown = "Whether the organisation's rules are older than the spec is not known: no git "
        unknown += "outside the candidate says when it was first committed. All of them hold."
        return tuple(rules), (unknown,) if rules else ()
    kept = tuple(rule for rule in rules if rule.date <= since)
    late = tuple(
        f"The organisation's rule {rule.id} is dated {rule.date}, after the spec's first commit "
        f"({since}): it holds for later specs, not for this one."
        for rule in rules
        if rule.date > since
    )
    return kept, late


def _parse(text: str, file: str) -> OwnInvariant | Finding:
    document = read_document(text, file)
    if isinstance(document, Finding):
        return document
    table = document.value

    def wrong(message: str, remedy: str, key: str = "") -> Finding:
        line = document.key_line((key,)) if key else 1
        return Finding("EVA-114", "error", file, line, message, remedy)

    if not isinstance(table, dict) or set(table) != _KEYS:
        keys = ", ".join(sorted(_KEYS))
        return wrong("An invariant has other keys than it must.", f"give exactly: {keys}")
    if not _ID.match(str(table["id"])):
        return wrong("The id is no name.", "use lower-case words with dashes", "id")
    problem = _problem(table)
    if problem is not None:
        return wrong(problem[0], problem[1], problem[2])
    return OwnInvariant(
        str(table["id"]), str(table["owner"]), str(table["because"]), str(table["date"]),
        {place: str(pattern) for place, pattern in table["forbid"].items()},
    )  # fmt: skip


def _problem(table: Mapping[str, Any]) -> tuple[str, str, str] | None:
    try:
        day = str(table["date"])
        if date.fromisoformat(day).isoformat() != day:
            raise ValueError(day)
    except ValueError:
        return "The date is none.", "write it as YYYY-MM-DD", "date"
    forbid = table["forbid"]
    if not isinstance(forbid, dict) or not forbid or not set(forbid) <= set(_PLACES):
        return "`forbid` names no place.", f"name one of: {', '.join(_PLACES)}", "forbid"
    for pattern in forbid.values():
        try:
            re.compile(str(pattern))
        except re.error as error:
            return f"The pattern is none: {error}.", "correct the expression", "forbid"
    return None
