"""Style hints with a span, a reason and, where one is known, a rewrite. They never gate."""

from unlit.intent.model import Finding, Spec
from unlit.intent.rules.lint import (
    contradictions,
    operations,
    outcomes,
    quantities,
    shape,
    terms,
    words,
)

SUBJECTS = (shape, words, operations, quantities, terms, contradictions, outcomes)


def lint_spec(spec: Spec) -> tuple[Finding, ...]:
    """Return all hints in the order of the text."""
    found = [finding for subject in SUBJECTS for finding in subject.findings(spec)]
    return tuple(sorted(found, key=lambda f: (f.span.line, f.span.column, f.code)))
