"""Style hints with a span, a reason and, where one is known, a rewrite. They never gate."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint import (
    contradictions,
    exclusions,
    operations,
    opposites,
    outcomes,
    quantities,
    shape,
    terms,
    words,
)

SUBJECTS = (
    shape,
    words,
    operations,
    quantities,
    terms,
    contradictions,
    opposites,
    exclusions,
    outcomes,
)


LONGEST: Final = 2000
"""Characters of a sentence that are looked at; what is longer gets a hint of its own."""


def lint_spec(spec: Spec) -> tuple[Finding, ...]:
    """Return all hints in the order of the text."""
    read = replace(spec, criteria=tuple(_cut(criterion) for criterion in spec.criteria))
    found = [finding for subject in SUBJECTS for finding in subject.findings(read)]
    found += [_too_long(c) for c in spec.criteria if len(c.text) > LONGEST]
    found.sort(key=lambda f: (f.span.line, f.span.column, f.code))
    return tuple(_once(found))


def _once(found: Sequence[Finding]) -> Iterator[Finding]:
    """Leave out what has been said: two criteria that contradict, hours without a zone."""
    zoned = {finding.span for finding in found if finding.code == "INT-315"}
    best: dict[tuple[str, ...], Finding] = {}
    for finding in found:
        pair = _pair(finding)
        if pair not in best or best[pair].span.column < finding.span.column:
            best[pair] = finding
    for finding in found:
        pair = _pair(finding)
        if pair and best[pair] is not finding:
            continue
        if finding.code != "INT-317" or finding.span not in zoned:
            yield finding


def _pair(finding: Finding) -> tuple[str, ...]:
    """Return the two criteria that a finding says contradict each other."""
    other = re.match(r"This contradicts ([A-Z][A-Z0-9]*-\d+)", finding.message)
    return (str(finding.criterion), other[1]) if other else ()


def _cut(criterion: Criterion) -> Criterion:
    if len(criterion.text) <= LONGEST:
        return criterion
    return replace(criterion, text=criterion.text[:LONGEST])


def _too_long(criterion: Criterion) -> Finding:
    return Finding(
        "INT-307",
        "hint",
        criterion.span(LONGEST, LONGEST + 1),
        f"The sentence has {len(criterion.text)} characters.",
        "Nobody reads it the same way twice, and only its beginning was looked at.",
        "Make several criteria of it.",
        criterion.id,
    )
