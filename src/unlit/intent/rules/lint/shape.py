"""The shape of a criterion's sentence: EARS, one `shall`, an actor that acts.

Source: Mavin et al. (2009), "Easy Approach to Requirements Syntax (EARS)", IEEE RE'09; INCOSE
"Guide to Writing Requirements" v4 for the rule of one `shall`.
"""

import re
from typing import Final

from unlit.intent.model import Criterion, Finding, Span, Spec

_SHALL: Final = re.compile(r"\bshall\b", re.I)
_WEAK: Final = re.compile(
    r"\b(should|must|will|may|might|could|ought to|needs? to|has to|have to|is able to|can)\b", re.I
)
_TRIGGER: Final = re.compile(
    r"^(when|while|if|where|whenever|after|before|once|as soon as)\b", re.I
)
_FRONTED: Final = re.compile(r"^(whenever|after|once|as soon as|before)\b", re.I)
_TRAILING: Final = re.compile(r"\bshall\b[^.]*?\s\b(when|if|while|whenever|unless)\b", re.I)
_PASSIVE: Final = re.compile(
    r"\bshall\s+(?:not\s+)?be\s+(\w+(?:ed|en|wn|ne|pt|nt|ld))\b(?!\s+(?:able|open))(?!.*\bby\b)",
    re.I,
)


def findings(spec: Spec) -> list[Finding]:
    """Return the shape hints of all criteria."""
    return [finding for criterion in spec.criteria for finding in _criterion(criterion)]


def _hint(
    code: str,
    criterion: Criterion,
    match: re.Match[str] | None,
    message: str,
    reason: str,
    suggestion: str | None = None,
) -> Finding:
    span = criterion.span(match.start(), match.end()) if match else Span(criterion.line)
    return Finding(code, "hint", span, message, reason, suggestion, criterion.id)


def _criterion(criterion: Criterion) -> list[Finding]:
    text = criterion.text
    if not text:
        return []
    shalls = list(_SHALL.finditer(text))
    found = []
    if not shalls:
        weak = _WEAK.search(text)
        suggestion = f"{text[: weak.start()]}shall{text[weak.end() :]}" if weak else None
        found.append(
            _hint(
                "INT-301",
                criterion,
                weak,
                "The sentence has no `shall`.",
                "Only `shall` says what must hold; other words leave it open.",
                suggestion,
            )
        )
    elif len(shalls) > 1:
        found.append(
            _hint(
                "INT-302",
                criterion,
                shalls[1],
                f"The sentence has {len(shalls)} `shall`.",
                "Two demands in one criterion cannot be met or missed alone.",
                "Move each further `shall` to a criterion of its own.",
            )
        )
    return found
