"""Specs in short form, written by somebody who knew some rules, and what was planted in them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unlit.intent import Spec, lint, parse_spec, ready
from unlit.intent.model import CASES

FOLDER = Path(__file__).parents[1] / "fixtures" / "intent-fresh"
#: which codes tell a defect of a class
CLASSES = {
    "E": {301, 303, 304, 305, 306, 308},
    "S": {302},
    "U": {310, 311, 312, 313, 314, 315, 316},
    "T": {310, 315, 317, 318, 320},
    "C": {330},
    "B": {343},
    "R": {207},
    "O": {310, 312, 340, 341, 342},
    "X": {205},
    "A": {320},
}


@dataclass
class Fresh:
    """One spec, its planted defects (class, criterion, words) and codes that are right as well."""

    name: str
    spec: Spec
    defects: list[tuple[str, int, str]]
    also: set[tuple[int, str]]


@dataclass
class _Draft:
    rows: dict[str, str]
    criteria: list[tuple[str, list[str]]] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)
    defects: list[tuple[str, int, str]] = field(default_factory=list)
    also: set[tuple[int, str]] = field(default_factory=set)

    def take(self, line: str) -> None:
        """Read one line of the short form."""
        mark, rest = line[:2].strip(), line[2:].strip()
        if mark == "C":
            self.criteria.append((rest, []))
        elif mark == "G":
            self.terms.append(f"- {rest}")
        elif mark == "B" and rest.startswith("-"):
            self.rows.pop(rest[1:])
        elif mark == "B":
            case, _, behaviour = rest.partition(":")
            self.rows[case] = behaviour.strip()
        elif mark == ">":
            given, _, outcome = rest.partition(" => ")
            self.criteria[-1][1].append(f"Example:\n- Input: {given.strip()}\n- Outcome: {outcome}")
        elif mark == "!":
            kind, _, words = rest.partition("|")
            self.defects.append((kind, 0 if kind == "R" else len(self.criteria), words.strip()))
        elif mark == "+":
            self.also.add((len(self.criteria), rest))


def read(name: str) -> Iterator[Fresh]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    for block in re.split(r"^## ", text, flags=re.M)[1:]:
        head, *lines = block.split("\n")
        title = head.split(" | ")
        draft = _Draft(dict.fromkeys(CASES, "not relevant: it does not occur here"))
        for line in lines:
            draft.take(line)
        yield Fresh(title[0], parse_spec(_markdown(title, draft)), draft.defects, draft.also)


def _markdown(title: list[str], draft: _Draft) -> str:
    name, about, intent = title
    parts = [f"---\nid: {name}\ntitle: {about}\nowner: corpus@example.com\n---\n\n# {about}"]
    parts += [f"## Intent\n\n{intent}", "## Criteria"]
    for number, (sentence, examples) in enumerate(draft.criteria, 1):
        parts += [f"### AC-{number} Part {number}\n\n{sentence}", *examples]
    rows = "\n".join(f"| {case} | {behaviour} |" for case, behaviour in draft.rows.items())
    parts += [f"## Boundaries\n\n| Case | Behaviour |\n| --- | --- |\n{rows}"]
    parts += ["## Glossary\n\n" + "\n".join(draft.terms)] if draft.terms else []
    return "\n\n".join([*parts, "## Out of scope\n\nAll else.", "## Metric\n\nComplaints."]) + "\n"


@dataclass
class Result:
    """How many planted defects were found, by class, and what else was said."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    on_sound: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return sum(self.found.values()) / sum(self.planted.values())

    @property
    def precision(self) -> float:
        found = sum(self.found.values())
        return found / (found + len(self.extra))


def measure(*names: str) -> Result:
    result = Result()
    for entry in [entry for name in names for entry in read(name)]:
        starts = [criterion.line for criterion in entry.spec.criteria]
        end = entry.spec.places["boundaries"]
        left = []
        for finding in [*lint(entry.spec), *ready(entry.spec).missing]:
            line = finding.span.line
            left.append((0 if line >= end else sum(line >= start for start in starts), finding))
        for kind, criterion, words in entry.defects:
            result.planted[kind] += 1
            hit = next(
                (
                    row
                    for row in left
                    if row[0] == criterion
                    and int(row[1].code[4:]) in CLASSES[kind]
                    and (kind != "R" or words in row[1].message)
                ),
                None,
            )
            if hit is None:
                result.missed.append(f"{entry.name} {criterion} {kind} {words}")
            else:
                result.found[kind] += 1
                left.remove(hit)
        extra = [
            f"{entry.name} {criterion} {finding.code} {finding.message}"
            for criterion, finding in left
            if (criterion, finding.code) not in entry.also
        ]
        result.extra += extra
        result.on_sound += extra if not entry.defects else []
    return result


if __name__ == "__main__":
    import sys

    got = measure(*sys.argv[1:])
    for line in [*(f"MISS {row}" for row in got.missed), *(f"EXTRA {row}" for row in got.extra)]:
        print(line)
    print({kind: f"{got.found[kind]}/{number}" for kind, number in got.planted.items()})
    print(f"recall {got.recall:.3f}  precision {got.precision:.3f}  on sound {len(got.on_sound)}")
