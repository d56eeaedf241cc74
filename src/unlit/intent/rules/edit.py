"""Change a spec's text at one place and leave every other byte alone."""

from dataclasses import dataclass

from unlit.core.ids import CriterionId
from unlit.intent.model import Example, Finding
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
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    end = _end(lines, found.line)
    while end > found.line and not lines[end - 1].strip():
        end -= 1
    block = ["", *render_example(example).split("\n")]
    return newline.join([*lines[:end], *block, *lines[end:]])


def _end(lines: list[str], heading: int) -> int:
    """Return the index of the next heading of level 1 to 3 after line `heading`."""
    in_code = False
    for index in range(heading, len(lines)):
        line = lines[index]
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
        if not in_code and line.startswith(("# ", "## ", "### ")):
            return index
    return len(lines)


def answer_boundary(text: str, case: str, behaviour: str) -> str:
    """Return `text` with the boundary `case` answered; the row is added when it is missing."""
    spec = read_spec(text).spec
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    cell = behaviour.replace("|", "\\|").replace("\n", " ")
    row = f"| {case} | {cell} |"
    for known in spec.boundaries:
        if known.case.lower() == case.lower():
            lines[known.line - 1] = row
            return newline.join(lines)
    heading = spec.places.get("boundaries")
    if heading is None:
        table = ["", "## Boundaries", "", "| Case | Behaviour |", "| --- | --- |", row, ""]
        return newline.join([*lines, *table])
    last = max((known.line for known in spec.boundaries), default=None)
    if last is None:
        # below the table's head, wherever it is
        last = next((n + 1 for n in range(heading, len(lines)) if lines[n].startswith("| -")), None)
    if last is None:
        lines[heading:heading] = ["", "| Case | Behaviour |", "| --- | --- |", row]
    else:
        lines.insert(last, row)
    return newline.join(lines)


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
    lines = text.split("\n")
    old = lines[place.line - 1]
    end = "\r" if old.endswith("\r") else ""
    lines[place.line - 1] = old[: place.column - 1] + finding.suggestion + end
    return "\n".join(lines)


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
