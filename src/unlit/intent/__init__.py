"""Specs: what is wanted, written so that neither people nor agents can misread it."""

from unlit.intent.model import (
    Boundary,
    Criterion,
    Example,
    Finding,
    Readiness,
    Section,
    Span,
    Spec,
    Term,
)
from unlit.intent.service import lint, parse_spec, reading_of, ready, visible_brief

__all__ = [
    "Boundary",
    "Criterion",
    "Example",
    "Finding",
    "Readiness",
    "Section",
    "Span",
    "Spec",
    "Term",
    "lint",
    "parse_spec",
    "reading_of",
    "ready",
    "visible_brief",
]
