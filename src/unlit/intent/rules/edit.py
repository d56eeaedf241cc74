"""Change a spec's text at one place and leave every other byte alone."""

from dataclasses import dataclass

from unlit.core.ids import CriterionId
from unlit.intent.model import Example, Finding
from unlit.intent.rules.blocks import mark, normal, with_endings
from unlit.intent.rules.lint import lint_spec
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.render import render_example


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text with rewrites put in, and how many."""

    text: str
    rewrites: int


def add_example(text: str, criterion: CriterionId, example: Example) -> str:
    """Return `text` with one more example of `criterion`, unchanged if there is no such criterion.

    An example with the same input and outcome is not added twice.
    """
    spec = read_spec(text).spec
    found = spec.criterion(criterion)
    if found is None:
        return text
    if any((e.input, e.outcome) == (example.input, example.outcome) for e in found.examples):
        return text
    lines = with_endings(text)
    end = _end(text, found.line)
    while end > found.line and not lines[end - 1].strip():
        end -= 1
    return _put(lines, end, ["", *render_example(example).split("\n")])


def _end(text: str, heading: int) -> int:
    """Return the index of the next heading of level 1 to 3 after line `heading`."""
    lines = mark(normal(text).split("\n"))
    for index in range(heading, len(lines.texts)):
        if not lines.code[index] and lines.texts[index].startswith(("# ", "## ", "### ")):
            return index
    return len(with_endings(text))


def _put(lines: list[str], at: int, block: list[str]) -> str:
    """Return the text with whole lines put in before index `at`, in the ending it has."""
    ending = next((end for end in map(_ending, lines) if end), "\n")
    before = "".join(lines[:at])
    if before and not before.endswith(("\n", "\r")):
        before += ending
    return before + "".join(line + ending for line in block) + "".join(lines[at:])


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def answer_boundary(text: str, case: str, behaviour: str) -> str:
    """Return `text` with the boundary `case` answered; the row is added when it is missing."""
    spec = read_spec(text).spec
    lines = with_endings(text)
    cell = behaviour.replace("|", "\\|").replace("\n", " ")
    row = f"| {case} | {cell} |"
    for known in spec.boundaries:
        if known.case.lower() == case.lower():
            lines[known.line - 1] = row + _ending(lines[known.line - 1])
            return "".join(lines)
    heading = spec.places.get("boundaries")
    table = ["| Case | Behaviour |", "| --- | --- |", row]
    if heading is None:
        return _put(lines, len(lines), ["", "## Boundaries", "", *table, ""])
    last = max((known.line for known in spec.boundaries), default=None)
    if last is None:
        # below the table's head, wherever it is
        last = next((n + 1 for n in range(heading, len(lines)) if lines[n].startswith("| -")), None)
    if last is None:
        return _put(lines, heading, ["", *table])
    return _put(lines, last, [row])


def apply_suggestion(text: str, finding: Finding) -> str | None:
    """Return `text` with a finding's rewrite in place; None when it is advice, not a rewrite.

    Only rewrites of a criterion's whole sentence on one line are applied (INT-301, INT-303).
    """
    if finding.code not in ("INT-301", "INT-303") or not finding.suggestion:
        return None
    spec = read_spec(text).spec
    criterion = spec.criterion(finding.criterion) if finding.criterion else None
    if criterion is None or len(criterion.lines) != 1:
        return None
    place = criterion.lines[0]
    lines = with_endings(text)
    old = lines[place.line - 1]
    start = place.column - 1 + (place.line == 1 and old.startswith("\ufeff"))
    lines[place.line - 1] = old[:start] + finding.suggestion + _ending(old)
    return "".join(lines)


def fixed(text: str, limit: int = 1000) -> Fixed:
    """Return `text` with every rewrite that is known put in, and how many there were."""
    for count in range(limit):
        changed = None
        for finding in lint_spec(read_spec(text).spec):
            changed = apply_suggestion(text, finding)
            if changed is not None and changed != text:
                break
        if changed is None or changed == text:
            return Fixed(text, count)
        text = changed
    return Fixed(text, limit)
