"""A spec as frozen data: what is wanted, with examples, boundaries and exact positions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from unlit.core.ids import CriterionId

SPEC_SCHEMA: Final = "unlit.spec/1"
RISKS: Final = ("low", "access", "money", "safety", "privacy", "data", "high")
CASES: Final = (
    "empty",
    "zero",
    "limit",
    "limit+1",
    "duplicate",
    "concurrent",
    "unauthorised",
    "clock",
    "service down",
)


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the spec's text; lines and columns count from 1, the end is exclusive."""

    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def to_json(self) -> dict[str, int]:
        """Return the JSON form."""
        return {
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line or self.line,
            "end_column": self.end_column or self.column,
        }


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of a criterion's sentence and where it starts."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """One worked case: what goes in and what a person can observe.

    Attributes:
        source: Where it comes from when nobody wrote it into the spec: ``answer`` or ``observed``.
    """

    title: str
    input: str
    outcome: str
    line: int = field(default=0, compare=False)
    outcome_line: int = field(default=0, compare=False)
    source: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "title": self.title,
            "input": self.input,
            "outcome": self.outcome,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Criterion:
    """One numbered `shall` sentence with its examples.

    Attributes:
        text: The sentence, its lines joined by one space.
        line: Line of its heading.
        lines: Where each part of `text` stands.
    """

    id: CriterionId
    title: str
    text: str
    examples: tuple[Example, ...]
    line: int = field(default=0, compare=False)
    lines: tuple[TextLine, ...] = field(default=(), compare=False, repr=False)

    def span(self, start: int, end: int) -> Span:
        """Return where characters `start` to `end` of `text` stand in the file."""
        first, last = self._place(start), self._place(max(start, end - 1))
        return Span(first[0], first[1], last[0], last[1] + 1)

    def _place(self, offset: int) -> tuple[int, int]:
        for part in self.lines:
            if offset < len(part.text) + 1:
                return part.line, part.column + min(offset, len(part.text))
            offset -= len(part.text) + 1
        return self.line, 1

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "title": self.title,
            "text": self.text,
            "examples": [example.to_json() for example in self.examples],
        }


@dataclass(frozen=True, slots=True)
class Boundary:
    """What happens at one edge, or why that edge does not matter."""

    case: str
    behaviour: str
    line: int = field(default=0, compare=False)

    @property
    def is_irrelevant(self) -> bool:
        """Whether it is declared irrelevant."""
        return self.behaviour.lower().startswith(
            ("not relevant", "irrelevant", "n/a", "does not apply", "not applicable")
        )

    @property
    def is_answered(self) -> bool:
        """Whether it says anything at all."""
        return self.behaviour.strip().lower().strip(".?…-–— ") not in (
            "",
            "tbd",
            "todo",
            "unknown",
            "to be decided",
            "to be defined",
        )

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"case": self.case, "behaviour": self.behaviour}


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the spec's own glossary."""

    name: str
    meaning: str
    line: int = field(default=0, compare=False)

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"name": self.name, "meaning": self.meaning}


@dataclass(frozen=True, slots=True)
class Section:
    """A section that the format does not know; kept as it is."""

    title: str
    body: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Spec:
    """What is wanted.

    Attributes:
        uses: Services that the product talks to.
        origin: ``intended``, or ``observed`` for a draft made from what a program does.
        digest: Digest of the content; layout and positions do not enter it.
    """

    id: str
    title: str
    owner: str
    uses: tuple[str, ...]
    risk: str | None
    product: Mapping[str, Any]
    budget: Mapping[str, Any]
    intent: str
    criteria: tuple[Criterion, ...]
    boundaries: tuple[Boundary, ...]
    out_of_scope: str
    metric: str
    digest: str = ""
    terms: tuple[Term, ...] = ()
    notes: tuple[Section, ...] = ()
    origin: str = "intended"
    path: str = field(default="", compare=False)
    places: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def criterion(self, name: str) -> Criterion | None:
        """Return a criterion by id."""
        return next((entry for entry in self.criteria if entry.id == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.spec/1`."""
        return {
            "schema": SPEC_SCHEMA,
            "id": self.id,
            "title": self.title,
            "owner": self.owner,
            "uses": list(self.uses),
            "risk": self.risk,
            "product": dict(self.product),
            "budget": dict(self.budget),
            "origin": self.origin,
            "intent": self.intent,
            "criteria": [criterion.to_json() for criterion in self.criteria],
            "boundaries": [boundary.to_json() for boundary in self.boundaries],
            "terms": [term.to_json() for term in self.terms],
            "out_of_scope": self.out_of_scope,
            "metric": self.metric,
            "notes": [{"title": note.title, "body": note.body} for note in self.notes],
        }


Level = Literal["error", "gate", "hint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a spec.

    Attributes:
        level: ``error``: it cannot be read; ``gate``: not ready; ``hint``: never gates.
        suggestion: A rewrite of the text at `span`, if one is known.
    """

    code: str
    level: Level
    span: Span
    message: str
    reason: str
    suggestion: str | None = None
    criterion: CriterionId | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "code": self.code,
            "level": self.level,
            "span": self.span.to_json(),
            "message": self.message,
            "reason": self.reason,
            "suggestion": self.suggestion,
            "criterion": self.criterion,
        }


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a spec may be worked on, and exactly what is missing."""

    ready: bool
    missing: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"ready": self.ready, "missing": [finding.to_json() for finding in self.missing]}
