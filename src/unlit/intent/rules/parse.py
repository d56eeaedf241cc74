"""Read a spec from Markdown, with exact positions and every problem at once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from unlit.core.canonical import digest_json
from unlit.core.ids import CriterionId
from unlit.intent.model import (
    Boundary,
    Criterion,
    Example,
    Finding,
    Section,
    Span,
    Spec,
    Term,
    TextLine,
)
from unlit.intent.rules.blocks import Lines, mark, normal
from unlit.intent.rules.front import Front, read_front

MAX_BYTES: Final = 2_000_000
_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_CRITERION: Final = re.compile(r"^([A-Z][A-Z0-9]*-\d+)\b[:.\s–—-]*(.*)$")
_EXAMPLE: Final = re.compile(
    r"^\s*(?:#{4,6}\s*)?\**Example\**\s*(?:\d+\s*)?(?::|$)\**\s*(.*)$", re.I
)
_FIELD: Final = re.compile(
    r"^\s*[-*]\s+\**(Input|Given|When|Outcome|Then|Output|Expected|Source)\**\s*:\**\s*(.*)$", re.I
)
_FIELDS: Final = {
    "input": "input",
    "given": "input",
    "when": "input",
    "outcome": "outcome",
    "then": "outcome",
    "output": "outcome",
    "expected": "outcome",
    "source": "source",
}
_TERM: Final = re.compile(r"^\s*[-*]\s+\**([^:*]+?)\**\s*:\**\s+(.*)$")
_SECTIONS: Final = {
    "intent": "intent",
    "criteria": "criteria",
    "acceptance criteria": "criteria",
    "boundaries": "boundaries",
    "out of scope": "out_of_scope",
    "metric": "metric",
    "glossary": "terms",
    "terms": "terms",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A spec as far as it could be read, and everything that is wrong with its form."""

    spec: Spec
    problems: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Block:
    """One heading and the lines below it; `start` is the line number of the first of them."""

    title: str
    line: int
    lines: list[str] = field(default_factory=list)
    code: list[bool] = field(default_factory=list)

    def take(self, line: str, in_code: bool) -> None:
        self.lines.append(line)
        self.code.append(in_code)

    @property
    def start(self) -> int:
        return self.line + 1

    @property
    def body(self) -> str:
        return "\n".join(self.lines).strip("\n").rstrip()


def read_spec(text: str, path: str = "") -> Reading:
    """Read a spec; never raises for what a person wrote."""
    raw = normal(text).split("\n")
    front = read_front(raw)
    problems = list(front.problems)
    lines = mark(raw, front.body_line)
    sections = _sections(lines, front.body_line, problems)
    criteria = _criteria(sections.get("criteria"), problems)
    boundaries = _boundaries(sections.get("boundaries"), problems)
    if not text.strip("\ufeff \t\r\n"):
        pass  # that the file is empty is said once
    elif "criteria" not in sections:
        problems.append(
            Finding(
                "INT-106",
                "error",
                Span(max(1, len(raw))),
                "The spec has no section `Criteria`.",
                "Write `## Criteria` and below it `### AC-1 Title`.",
            )
        )
    elif not criteria:
        problems.append(
            Finding(
                "INT-106",
                "error",
                Span(sections["criteria"].line),
                "The section `Criteria` is empty.",
                "Each criterion starts with `### AC-1 Title`.",
            )
        )
    spec = _assemble(front, sections, criteria, boundaries, path)
    return Reading(replace(spec, digest=digest_json(spec.to_json())), tuple(problems))


def _assemble(
    front: Front,
    sections: dict[str, _Block],
    criteria: Sequence[Criterion],
    boundaries: Sequence[Boundary],
    path: str,
) -> Spec:
    def body(name: str) -> str:
        return sections[name].body if name in sections else ""

    values = front.values
    uses = values.get("uses")
    places = {f"front.{key}": line for key, line in front.places.items()}
    places |= {name: block.line for name, block in sections.items()}
    tables = {
        name: dict(values[name]) if isinstance(values.get(name), dict) else {}
        for name in ("product", "budget")
    }
    return Spec(
        id=_text(values.get("id")),
        title=_text(values.get("title")),
        owner=_text(values.get("owner")),
        uses=tuple(str(name) for name in uses) if isinstance(uses, list) else (),
        risk=None if values.get("risk") is None else str(values["risk"]),
        product=tables["product"],
        budget=tables["budget"],
        intent=body("intent"),
        criteria=tuple(criteria),
        boundaries=tuple(boundaries),
        out_of_scope=body("out_of_scope"),
        metric=body("metric"),
        terms=_terms(sections.get("terms")),
        notes=tuple(
            Section(block.title, block.body, block.line)
            for name, block in sections.items()
            if name.startswith("note:")
        ),
        origin=str(values.get("origin", "intended")),
        path=path,
        places=places,
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _sections(lines: Lines, body_line: int, problems: list[Finding]) -> dict[str, _Block]:
    """Split the body at its second-level headings, code fences respected."""
    found: dict[str, _Block] = {}
    current: _Block | None = None
    for number in range(body_line + 1, len(lines.texts) + 1):
        line, in_code = lines.texts[number - 1], lines.code[number - 1]
        heading = None if in_code else _HEADING.match(line)
        if heading is None or len(heading[1]) > 2:
            if current is not None:
                current.take(line, in_code)
            continue
        if len(heading[1]) == 1:
            current = None
            continue
        current = _Block(heading[2], number)
        name = _SECTIONS.get(heading[2].lower(), f"note:{heading[2]}")
        if name in found:
            problems.append(
                Finding(
                    "INT-107",
                    "error",
                    Span(number),
                    f"The section `{heading[2]}` stands twice.",
                    "Join the two.",
                )
            )
        found[name] = current
    if lines.unclosed is not None:
        problems.append(
            Finding(
                "INT-115",
                "error",
                Span(lines.unclosed),
                "A code block is not closed.",
                "It swallows every heading below it; close it with the same mark.",
            )
        )
    return found


def _criteria(block: _Block | None, problems: list[Finding]) -> list[Criterion]:
    if block is None:
        return []
    found: list[Criterion] = []
    seen: dict[str, int] = {}
    for part in _parts(block):
        match = _CRITERION.match(part.title)
        if match is None:
            problems.append(
                Finding(
                    "INT-108",
                    "error",
                    Span(part.line),
                    f"`{part.title}` does not start with a criterion's id.",
                    "A criterion is headed `### AC-1 Title`.",
                )
            )
            continue
        name = match[1]
        if name in seen:
            problems.append(
                Finding(
                    "INT-109",
                    "error",
                    Span(part.line),
                    f"`{name}` stands twice, first in line {seen[name]}.",
                    "Give the second criterion an id of its own.",
                    criterion=CriterionId(name),
                )
            )
            continue
        seen[name] = part.line
        found.append(_criterion(CriterionId(name), match[2].strip(), part, problems))
    return found


def _parts(block: _Block) -> list[_Block]:
    """Split a section at its third-level headings, code fences respected."""
    parts: list[_Block] = []
    for number, (line, in_code) in enumerate(
        zip(block.lines, block.code, strict=True), block.start
    ):
        heading = None if in_code else _HEADING.match(line)
        if heading is not None and len(heading[1]) == 3:
            parts.append(_Block(heading[2], number))
        elif parts:
            parts[-1].take(line, in_code)
    return parts


def _criterion(name: CriterionId, title: str, part: _Block, problems: list[Finding]) -> Criterion:
    sentence: list[TextLine] = []
    examples: list[Example] = []
    at = 0
    heads = [
        n for n in range(len(part.lines)) if _EXAMPLE.match(part.lines[n]) and not part.code[n]
    ]
    while at < (heads[0] if heads else len(part.lines)):
        line = part.lines[at]
        if line.strip():
            column = len(line) - len(line.lstrip()) + 1
            sentence.append(TextLine(part.start + at, column, line.strip()))
        at += 1
    for head, end in pairwise([*heads, len(part.lines)]):
        below = _Block("", part.start + head - 1, part.lines[head:end], part.code[head:end])
        examples.append(_example(below, name, problems))
    text = " ".join(entry.text for entry in sentence)
    return Criterion(name, title, text, tuple(examples), part.line, tuple(sentence))


def _example(block: _Block, criterion: CriterionId, problems: list[Finding]) -> Example:
    start = block.start
    head = _EXAMPLE.match(block.lines[0])
    fields: dict[str, list[str]] = {"input": [], "outcome": [], "source": []}
    current: str | None = None
    outcome_line = 0
    for number, line in enumerate(block.lines[1:], start + 1):
        match = None if block.code[number - start] else _FIELD.match(line)
        if match is not None:
            current = _FIELDS[match[1].lower()]
            fields[current].append(match[2])
            outcome_line = outcome_line or (number if current == "outcome" else 0)
        elif current is not None:
            fields[current].append(line[2:] if line.startswith("  ") else line)
        elif line.strip():
            problems.append(
                Finding(
                    "INT-110",
                    "error",
                    Span(number),
                    f"{criterion}: `{line.strip()[:60]}` is neither input nor outcome.",
                    "An example has lines `- Input: …` and `- Outcome: …`.",
                    criterion=criterion,
                )
            )
            current = "input"
            fields[current].append("")
    source = "\n".join(fields["source"]).strip() or None
    return Example(
        title=head[1].strip() if head else "",
        input="\n".join(fields["input"]).strip(),
        outcome="\n".join(fields["outcome"]).strip(),
        line=start,
        outcome_line=outcome_line or start,
        source=source,
    )


def _boundaries(block: _Block | None, problems: list[Finding]) -> list[Boundary]:
    if block is None:
        return []
    found: list[Boundary] = []
    rows = [
        (number, _cells(line))
        for number, line in enumerate(block.lines, block.start)
        if line.lstrip().startswith("|") and not block.code[number - block.start]
    ]
    for index, (number, cells) in enumerate(rows):
        if index < 2 and (_is_rule(cells) or cells[0].lower() in ("case", "boundary", "edge")):
            continue
        if len(cells) != 2:
            problems.append(
                Finding(
                    "INT-111",
                    "error",
                    Span(number),
                    f"A row of `Boundaries` has {len(cells)} cells.",
                    "It has two: the case and the behaviour; write `\\|` for a bar.",
                )
            )
            continue
        found.append(Boundary(cells[0], cells[1], number))
    return found


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", inner)]


def _is_rule(cells: Sequence[str]) -> bool:
    return all(re.fullmatch(r":?-+:?", cell) for cell in cells)


def _terms(block: _Block | None) -> tuple[Term, ...]:
    if block is None:
        return ()
    found = []
    for number, line in enumerate(block.lines, block.start):
        match = None if block.code[number - block.start] else _TERM.match(line)
        if match is not None:
            found.append(Term(match[1].strip(), match[2].strip(), number))
    return tuple(found)
