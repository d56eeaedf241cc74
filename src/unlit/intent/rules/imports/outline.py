"""What all importers share: an outline of Markdown, sentences as criteria, the result."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from unlit.core.canonical import digest_json
from unlit.core.ids import CriterionId
from unlit.intent.model import Boundary, Criterion, Example, Section, Spec, Term
from unlit.intent.rules.blocks import mark, normal

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM: Final = re.compile(r"^(\s*)(?:[-*+]|\d+(?:\.\d+)+[.)]?|\d+[.)])\s+(?:\[[ xX]\]\s+)?(.*)$")
_MODALS: Final = re.compile(r"\b(MUST NOT|SHALL NOT|MUST|SHALL|SHOULD)\b")
_CONDITION: Final = re.compile(
    r"^(WHEN|WHILE|IF|WHERE)\b\s+(.*?)(?:,?\s+THEN\s+|,\s*|\s+(?-i:(?=THE\s)))(?:the\s+)?(.*\bSHALL\b.*)$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One heading, its own lines, and where it stands."""

    level: int
    title: str
    line: int
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        """Its lines without blank ones at both ends."""
        return "\n".join(self.lines).strip("\n").rstrip()


@dataclass(frozen=True, slots=True)
class Imported:
    """A spec made from another format, and what of the original has no place in it."""

    spec: Spec
    unmapped: tuple[str, ...] = ()


@dataclass(slots=True)
class Draft:
    """A spec in the making."""

    title: str = ""
    intent: list[str] = field(default_factory=list)
    criteria: list[Criterion] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    out_of_scope: list[str] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    notes: list[Section] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)

    def add(self, title: str, text: str, examples: Sequence[Example] = ()) -> None:
        """Add a criterion with the next id."""
        number = len(self.criteria) + 1
        self.criteria.append(
            Criterion(CriterionId(f"AC-{number}"), clean(title), sentence(text), tuple(examples))
        )

    def done(self, *, id: str, owner: str, uses: Sequence[str] = ()) -> Imported:  # noqa: A002 # the spec's word
        """Return the result."""
        spec = Spec(
            id=id,
            title=clean(self.title) or id,
            owner=owner,
            uses=tuple(uses),
            risk=None,
            product={},
            budget={},
            intent="\n\n".join(part for part in self.intent if part.strip()),
            criteria=tuple(self.criteria),
            boundaries=tuple(self.boundaries),
            out_of_scope="\n".join(self.out_of_scope),
            metric="\n".join(self.metric),
            terms=tuple(self.terms),
            notes=tuple(self.notes),
        )
        return Imported(replace(spec, digest=digest_json(spec.to_json())), tuple(self.unmapped))


def outline(text: str) -> list[Part]:
    """Split Markdown at its headings; what stands before the first is a part of level 0."""
    parts: list[Part] = []
    level, title, start, lines = 0, "", 1, []
    # comments of templates are for their authors; the lines stay, so that numbers are right
    marked = mark(normal(text).split("\n"))
    for number, (line, in_code) in enumerate(zip(marked.texts, marked.code, strict=True), 1):
        heading = None if in_code else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        parts.append(Part(level, title, start, tuple(lines)))
        level, title, start, lines = len(heading[1]), heading[2], number, []
    parts.append(Part(level, title, start, tuple(lines)))
    return [part for part in parts if part.level or part.body]


def items(lines: Sequence[str]) -> Iterator[str]:
    """Yield list items, continuation lines joined, nested items on lines of their own."""
    current: list[str] = []
    after_blank = False
    for line in lines:
        match = _ITEM.match(line)
        if match is not None and len(match[1]) < 2:
            if current:
                yield "\n".join(current)
            current = [match[2].strip()]
        elif not line.strip():
            after_blank = True
            continue
        elif current and (line.startswith(" ") or not after_blank):
            current.append(line.strip())
        elif current:
            yield "\n".join(current)
            current = []
        after_blank = False
    if current:
        yield "\n".join(current)


def loose(lines: Sequence[str]) -> str:
    """Return the lines that belong to no list."""
    found = []
    inside = False
    for line in lines:
        if _ITEM.match(line):
            inside = True
        elif not line.strip():
            inside = False
            found.append("")
        elif not inside or not line.startswith(" "):
            found.append(line.strip())
    return "\n".join(found).strip()


def clean(text: str) -> str:
    """Take Markdown emphasis and template marks away."""
    text = re.sub(r"[*_]\((?:mandatory|optional|include [^)]*)\)[*_]", "", text)
    return re.sub(r"\*\*|__", "", text).strip().strip(":").strip()


def sentence(text: str) -> str:
    """Write a requirement as a sentence with lower-case keywords and `shall`."""
    text = " ".join(clean(text).split())
    match = _CONDITION.match(text)
    if match is not None and "shall" in match[3].lower():
        word = match[1].capitalize()
        then = "then " if word == "If" else ""
        rest = f"{then}the {_lowered(match[3])}"
        if re.match(r"(?:if|when|while|where)\b", match[3], re.I):
            rest = re.sub(r",?\s+THEN\s+", ", then ", match[3], count=1)
            head, _, tail = rest.partition(" ")
            rest = f"{head.lower()} {tail}"
        text = f"{word} {match[2].rstrip(',')}, {rest}"
    text = _MODALS.sub(lambda m: m[0].lower().replace("must", "shall"), text)
    text = re.sub(r"\b(WHEN|WHILE|IF|WHERE|THEN|AND|OR|THE)\b", lambda m: m[0].lower(), text)
    text = re.sub(r"\b([Tt]he) SYSTEM\b", r"\1 system", text)
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:…" else f"{text}."


def _lowered(text: str) -> str:
    head, _, rest = text.partition(" ")
    return f"{head.lower() if head.lower() in ('system', 'the') else head} {rest}"


_WORDS: Final = "GIVEN|WHEN|THEN|AND|BUT"
_BOLD_STEP: Final = re.compile(rf"\*\*({_WORDS})\*\*[:,]?\s*", re.I)
_LINE_STEP: Final = re.compile(rf"^[^\w\n]*({_WORDS})\b[:,]?\s+", re.I | re.M)
_INLINE_STEP: Final = re.compile(r"\b(GIVEN|WHEN|THEN)\b[:,]?\s+", re.I)


def steps(title: str, text: str) -> Example | None:
    """Make an example from Given, When, Then; None when there is no Then.

    Bold words are steps wherever they stand, others at the start of a line; in running text only
    Given, When and Then are, since `and` is a word like others there.
    """
    for pattern in (_BOLD_STEP, _LINE_STEP, _INLINE_STEP):
        found = _steps(pattern, text)
        if found["outcome"]:
            return Example(clean(title), "; ".join(found["input"]), "; ".join(found["outcome"]))
    return None


def _steps(pattern: re.Pattern[str], text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"input": [], "outcome": []}
    place = "input"
    parts = pattern.split(text)
    for word, said in zip(parts[1::2], parts[2::2], strict=False):
        place = {"THEN": "outcome", "GIVEN": "input", "WHEN": "input"}.get(word.upper(), place)
        words = " ".join(clean(said).strip(" ,;-*.\n").split())
        if words:
            found[place].append(words)
    return found


def slug(text: str) -> str:
    """Return a spec's id made from a title."""
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return made[:60].strip("-") or "imported"
