"""Make a hint at a place of a criterion's sentence."""

import re
from functools import lru_cache

from unlit.intent.model import Criterion, Finding, Span


def hint(
    code: str,
    criterion: Criterion,
    place: re.Match[str] | tuple[int, int] | None,
    message: str,
    reason: str,
    suggestion: str | None = None,
) -> Finding:
    """Return a hint; `place` is a match in, or offsets of, the criterion's text."""
    if place is None:
        span = Span(criterion.line)
    else:
        start, end = (place.start(), place.end()) if isinstance(place, re.Match) else place
        span = criterion.span(start, end)
    return Finding(code, "hint", span, message, reason, suggestion, criterion.id)


@lru_cache(maxsize=2048)
def masked(text: str) -> str:
    """Return `text` with code and quotations blanked; offsets stay what they were."""
    return re.sub(
        r"`[^`]*`|\"[^\"]*\"|“[^”]*”", lambda m: m[0][0] + "\x00" * (len(m[0]) - 2) + m[0][-1], text
    )
