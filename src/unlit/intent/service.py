"""What the other rooms ask of a spec: read it, lint it, judge its readiness, brief an agent."""

from pathlib import PurePath

from unlit.core.errors import InvalidInput
from unlit.intent.model import Finding, Readiness, Spec
from unlit.intent.rules.brief import brief
from unlit.intent.rules.lint import lint_spec
from unlit.intent.rules.parse import MAX_BYTES, Reading, read_spec
from unlit.intent.rules.readiness import readiness


def parse_spec(text: str, path: PurePath | str = "spec.md") -> Spec:
    """Read a spec from Markdown.

    Raises:
        InvalidInput: Its form is broken; names file, line and what to write instead.
    """
    reading = reading_of(text, path)
    if reading.problems:
        first, *others = reading.problems
        more = f" ({len(others)} more: `unlit intent lint` lists them)" if others else ""
        raise InvalidInput(
            first.code,
            f"{path}:{first.span.line}:{first.span.column} {first.message}",
            first.reason,
            f"Correct line {first.span.line} of {path}{more}.",
        )
    return reading.spec


def reading_of(text: str, path: PurePath | str = "spec.md") -> Reading:
    """Read a spec as far as it goes, with every problem of its form.

    Raises:
        InvalidInput: The text is longer than a person can have written.
    """
    if len(text) > MAX_BYTES:
        raise InvalidInput(
            "INT-112",
            f"{path} has {len(text)} characters.",
            f"A spec has at most {MAX_BYTES}.",
            "Split it into several specs.",
        )
    return read_spec(text, str(path))


def lint(spec: Spec) -> tuple[Finding, ...]:
    """Return style hints in the order of the text; they never gate."""
    return lint_spec(spec)


def ready(spec: Spec) -> Readiness:
    """Return whether the spec may be worked on, and exactly what is missing."""
    return readiness(spec)


def visible_brief(spec: Spec) -> str:
    """Return what an agent is told: the spec's own words, nothing of any scenario."""
    return brief(spec)
