"""Style hints with a span, a reason and, where one is known, a rewrite. They never gate."""

from unlit.intent.model import Finding, Spec
from unlit.intent.rules.lint import shape


def lint_spec(spec: Spec) -> tuple[Finding, ...]:
    """Return all hints in the order of the text."""
    found = [finding for rule in (shape.findings,) for finding in rule(spec)]
    return tuple(sorted(found, key=lambda f: (f.span.line, f.span.column, f.code)))
