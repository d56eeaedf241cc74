"""Specs of spec-kit, OpenSpec and Kiro: known headings, known markers.

Sources, each as of autumn 2025: github/spec-kit templates/spec-template.md; Fission-AI/OpenSpec
openspec/specs/*/spec.md; Kiro's requirements.md (kiro.dev/docs/specs/concepts).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from unlit.intent.model import Boundary, Example, Section, Term
from unlit.intent.rules.imports.outline import (
    Draft,
    Imported,
    Part,
    clean,
    items,
    loose,
    outline,
    sentence,
    slug,
    steps,
)

_MARKED: Final = re.compile(r"^\**(FR|NFR|SC)-(\d+)\**\s*:?\**\s*(.*)$", re.S)
_CLARIFY: Final = re.compile(r"\[NEEDS CLARIFICATION:?\s*([^\]]*)\]", re.I)
_STORY: Final = re.compile(r"^User Story \d+\s*[-–—:]\s*(.*?)(?:\s*\(Priority:.*\))?$", re.I)


def import_speckit(text: str, *, name: str = "", owner: str = "") -> Imported:
    """Import a spec of spec-kit: FR become criteria, acceptance scenarios their examples."""
    draft = Draft()
    examples: list[Example] = []
    section = ""
    edges: list[str] = []
    for part in outline(text):
        title = clean(part.title)
        if part.level == 1:
            draft.title = title.removeprefix("Feature Specification:").strip()
            draft.unmapped += _front(part)
        elif title.startswith("Edge Cases"):
            section = "edges"
        elif part.level == 2:
            section = title.split(" ")[0].lower()
        story = _STORY.match(title)
        if story is not None:
            told, *marked = loose(part.lines).split("**")
            draft.intent.append(told.strip())
            draft.unmapped += _left_out(part, marked)
            examples += _scenarios(story[1], part.lines)
            _speckit_part(draft, part, "story")
        else:
            edges += _speckit_part(draft, part, section)
    for item in edges:
        draft.add("Edge case", item)
    for entry in _spread(draft, examples):
        draft.unmapped.append(entry)
    return draft.done(id=slug(draft.title or name), owner=owner)


def _front(part: Part) -> list[str]:
    return [
        f"line {part.line + n}: {clean(line)}"
        for n, line in enumerate(part.lines, 1)
        if line.startswith("**") and not line.startswith("**Input**")
    ]


def _left_out(part: Part, marked: Sequence[str]) -> list[str]:
    """Name the marked lines of a story, such as why it has its priority."""
    pairs = zip(marked[::2], marked[1::2], strict=False)
    return [
        f"line {part.line}: {name.strip(' :')}: {' '.join(said.strip(' :').split())}"
        for name, said in pairs
        if said.strip(" :\n-") and not name.startswith("Acceptance")
    ]


def _scenarios(title: str, lines: Sequence[str]) -> list[Example]:
    found = []
    for item in items(lines):
        example = steps(title, item)
        if example is not None:
            found.append(example)
    return found


def _speckit_part(draft: Draft, part: Part, section: str) -> list[str]:
    """Take the items of one part; return edge cases that are demands."""
    edges = []
    for item in items(part.lines):
        marked = _MARKED.match(item)
        if marked is not None and marked[1] == "SC":
            draft.metric.append(f"- {clean(marked[3])}")
        elif marked is not None:
            open_question = _CLARIFY.search(marked[3])
            draft.add(f"{marked[1]}-{marked[2]}", marked[3])
            if open_question is not None:
                draft.unmapped.append(
                    f"{draft.criteria[-1].id} ({marked[1]}-{marked[2]}) needs clarification: "
                    f"{open_question[1]}"
                )
        elif section == "story":
            if steps("", item) is None:
                draft.unmapped.append(f"line {part.line}: `{clean(item)}`")
        elif section == "edges":
            edges += _edge(draft, part, item)
        elif "Key Entities" in part.title:
            head, _, rest = clean(item).partition(":")
            draft.terms.append(Term(head.strip(), " ".join(rest.split())))
        elif part.level:
            draft.notes.append(Section(clean(part.title), clean(item)))
    return edges


def _edge(draft: Draft, part: Part, item: str) -> list[str]:
    """Take an edge case: with an answer a boundary, as a demand a criterion, else a gap."""
    question, _, answer = clean(item).partition("?")
    if answer.strip(" \t→:-–—"):
        draft.boundaries.append(Boundary(question.strip(), answer.strip(" \t→:-–—")))
    elif re.search(r"\b(?:MUST|SHALL)\b", item):
        return [item]
    else:
        draft.unmapped.append(f"line {part.line}: the edge case `{clean(item)}` has no answer")
    return []


def _spread(draft: Draft, examples: Sequence[Example]) -> list[str]:
    """Give each example to the criterion whose words it shares most; spec-kit has no link."""
    left = []
    for example in examples:
        words = _words(f"{example.title} {example.input} {example.outcome}")
        scored = [
            (len(words & _words(criterion.text)), -index)
            for index, criterion in enumerate(draft.criteria)
        ]
        best = max(scored, default=(0, 0))
        if best[0] < 2:
            left.append(
                f"the acceptance scenario `{example.title}: {example.outcome}` fits no criterion"
            )
            continue
        index = -best[1]
        chosen = draft.criteria[index]
        draft.criteria[index] = replace(chosen, examples=(*chosen.examples, example))
    return left


def _words(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", text.lower())} - {
        "shall",
        "system",
    }


def import_openspec(text: str, *, name: str = "", owner: str = "") -> Imported:
    """Import a spec or a change of OpenSpec: `Requirement:` with its `Scenario:` parts."""
    draft = Draft(title=name)
    removed = False
    for part in outline(text):
        title = clean(part.title)
        if part.level == 1:
            draft.title = re.sub(r"\s+Specification$", "", title)
        elif part.level == 2 and title.lower() == "purpose":
            draft.intent.append(part.body)
        elif part.level == 2 and title.endswith("Requirements"):
            removed = title.startswith("REMOVED")
            if title != "Requirements":
                draft.unmapped.append(f"line {part.line}: {title} is a change to an older spec")
        elif title.startswith("Requirement:"):
            if removed:
                draft.out_of_scope.append(
                    f"- removed: {title.removeprefix('Requirement:').strip()}"
                )
            else:
                draft.add(title.removeprefix("Requirement:"), part.body or title)
        elif title.startswith("Scenario:") and draft.criteria and not removed:
            _openspec_scenario(draft, part, title.removeprefix("Scenario:").strip())
        elif part.body and not removed:
            draft.notes.append(Section(title, part.body))
    return draft.done(id=slug(draft.title or name), owner=owner)


def _openspec_scenario(draft: Draft, part: Part, title: str) -> None:
    example = steps(title, part.body)
    if example is None:
        draft.unmapped.append(f"line {part.line}: the scenario `{title}` has no THEN")
        return
    last = draft.criteria[-1]
    draft.criteria[-1] = replace(last, examples=(*last.examples, example))


def import_kiro(text: str, *, name: str = "", owner: str = "") -> Imported:
    """Import Kiro's requirements.md: each numbered EARS line becomes a criterion."""
    draft = Draft(title=name)
    heading = ""
    for part in outline(text):
        title = clean(part.title)
        if part.level == 2 and title.lower() == "introduction":
            draft.intent.append(part.body)
        elif part.level == 2 and title.lower() == "glossary":
            for item in items(part.lines):
                head, _, rest = clean(item).partition(":")
                draft.terms.append(Term(head.strip(), rest.strip()))
        elif re.match(r"Requirement \d+", title):
            heading = re.sub(r"^Requirement \d+\s*[:.–-]?\s*", "", title) or f"{title},"
            story = re.sub(r"\*\*User Story:?\*\*:?\s*", "", loose(part.lines)).strip()
            if story:
                draft.intent.append(story)
            _ears(draft, heading, part)
        elif title.lower().startswith("acceptance criteria"):
            _ears(draft, heading, part)
        elif part.level > 1 and part.body:
            draft.notes.append(Section(title, part.body))
    return draft.done(id=slug(draft.title or name), owner=owner)


def _is_criteria(part: Part) -> bool:
    """Say whether a part holds acceptance criteria only, so that other text has no place in it."""
    return clean(part.title).lower().startswith("acceptance criteria")


def _ears(draft: Draft, heading: str, part: Part) -> None:
    rest = loose(part.lines)
    if rest and _is_criteria(part):
        draft.unmapped.append(f"line {part.line}: `{rest[:80]}` is no numbered line")
    for number, item in enumerate(items(part.lines), 1):
        text = sentence(item)
        if not re.search(r"\bshall\b", text):
            draft.unmapped.append(f"line {part.line}: `{clean(item)[:80]}` has no SHALL")
        draft.add(f"{heading} {number}".strip(), item)
