"""A plain Markdown requirements document, or the body of a tracker's issue.

Sections are recognised by what people call them; every list item below requirements becomes a
criterion, Given-When-Then blocks become examples of the criterion before them.
"""

import re
from dataclasses import replace
from typing import Final

from unlit.intent.model import Boundary, Section
from unlit.intent.rules.imports.outline import (
    Draft,
    Imported,
    Part,
    clean,
    items,
    loose,
    outline,
    slug,
    steps,
)

_KINDS: Final = (
    ("out", r"non[- ]?goals?|out of scope|not in scope|exclusions?|won'?t do"),
    ("metric", r"success (?:metrics?|criteria)|metrics?|kpis?|measur\w+|how we know"),
    ("edges", r"edge cases?|boundar\w+|corner cases?|error (?:cases?|handling)"),
    ("demands", r"requirements?|acceptance criteria|criteria|user stories|features?|"
     r"functional \w+|behaviou?r|must haves?|definition of done|acceptance|scenarios?|examples?|"
     r"steps to reproduce|expected behaviou?r"),
    ("intent", r"problem|background|goals?|objective|overview|summary|why|introduction|context|"
     r"description|motivation|purpose|users?|personas?|audience"),
)  # fmt: skip

_LABEL: Final = re.compile(
    r"^(?:(?P<bold>\*\*|__))?(?P<name>[A-Za-z][A-Za-z' -]{2,40}?)(?(bold)(?::?(?:\*\*|__):?)|:)\s*$"
)
"""A line of its own that names what follows: `Acceptance criteria:`, or in bold."""


def import_prd(text: str, *, name: str = "", owner: str = "") -> Imported:
    """Import a Markdown document."""
    draft = Draft()
    kind = "intent"
    for part in outline(_with_headings(text)):
        if part.level == 1 and not draft.title:
            draft.title = part.title
            kind = "intent"
        elif part.level:
            found = _kind(part.title)
            if found is None and part.level <= 2:
                found = "note"
            kind = found or kind
        _take(draft, kind, part)
    title = draft.title or name
    draft.title = title
    return draft.done(id=slug(title), owner=owner)


def _with_headings(text: str) -> str:
    """Make a heading of a line such as `Acceptance criteria:`, as people write it in tickets."""
    lines = []
    for line in text.split("\n"):
        found = _LABEL.match(line)
        name = clean(found["name"]) if found else ""
        known = name and any(re.fullmatch(pattern, name, re.I) for _, pattern in _KINDS)
        lines.append(f"### {name}" if known else line)
    return "\n".join(lines)


def _kind(title: str) -> str | None:
    words = clean(title).lower()
    return next(
        (kind for kind, pattern in _KINDS if re.match(rf"(?:\d+[.)]?\s*)?(?:{pattern})\b", words)),
        None,
    )


def _take(draft: Draft, kind: str, part: Part) -> None:
    if kind == "intent":
        if part.body:
            draft.intent.append(part.body)
    elif kind == "demands":
        _demands(draft, part)
    elif kind == "out":
        draft.out_of_scope.append(part.body)
    elif kind == "metric":
        draft.metric.append(part.body)
    elif kind == "edges":
        _edges(draft, part)
    elif part.body:
        draft.notes.append(Section(clean(part.title), part.body))
        draft.unmapped.append(
            f"line {part.line}: the section `{clean(part.title)}` is kept as it is"
        )


def _demands(draft: Draft, part: Part) -> None:
    given = steps(part.title, part.body) if re.search(r"\bthen\b", part.body, re.I) else None
    listed = list(items(part.lines))
    if (
        given is not None
        and re.search(r"\bgiven\b|\bwhen\b", part.body, re.I)
        and not any(re.search(r"\bshall|must|should\b", item, re.I) for item in listed)
    ):
        if not draft.criteria:
            draft.add(part.title, part.title)
        _attach(draft, part.title, part.body)
        return
    for item in listed:
        example = steps("", item)
        if (
            example is not None
            and re.match(r"\W*(given|when)\b", item, re.I)
            and "shall" not in item.lower()
        ):
            if not draft.criteria:
                draft.add(part.title, part.title)
            _attach(draft, clean(part.title), item)
            continue
        head = item.split("\n")[0]
        label = re.match(r"\*\*(.+?)\*\*\s*[:–-]?\s*(.+)", head)
        draft.add(clean(label[1]) if label else _short(head), label[2] if label else item)
    rest = loose(part.lines)
    if not listed and rest:
        draft.add(part.title, rest)
    elif rest:
        draft.notes.append(Section(clean(part.title), rest))


def _attach(draft: Draft, title: str, text: str) -> None:
    example = steps(title, text)
    if example is not None:
        last = draft.criteria[-1]
        draft.criteria[-1] = replace(last, examples=(*last.examples, example))


def _short(text: str) -> str:
    words = clean(text).split()
    return " ".join(words[:8]) + (" …" if len(words) > 8 else "")


def _edges(draft: Draft, part: Part) -> None:
    for item in items(part.lines):
        question, _, answer = clean(item).partition("?")
        if answer.strip():
            draft.boundaries.append(Boundary(question.strip(), answer.strip()))
        else:
            draft.unmapped.append(
                f"line {part.line}: the edge case `{question[:80]}` has no answer"
            )
    if part.body and not list(items(part.lines)):
        draft.notes.append(Section(clean(part.title), part.body))
