"""What the product really did, in a few samples: for a question that only a person can settle.

Texts that differ only in numbers and names are one kind; shown are the commonest kinds and the one
least like the others. The model's opinion is never among them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.review.rules.reading import rows, table

_TEXTS: Final = ("text", "description", "summary", "title", "name")
_ORDER: Final = ("messages", "documents", "issues", "comments", "printed")
_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Quote:
    """One sample of a kind.

    Attributes:
        where: What it was: ``slack.messages``, or ``printed``.
        alike: How many trajectories show this kind.
        total: How many show anything there.
        number: Trajectory it is taken from.
        rare: Whether it is the one least like the others.
    """

    where: str
    text: str
    alike: int
    total: int
    number: int
    rare: bool = False


def quotes_of(lines: Iterable[Mapping[str, Any]]) -> tuple[tuple[Quote, ...], ...]:
    """Return samples grouped by where they were seen, what people read first.

    Args:
        lines: Trajectories with everything that was seen, as the evaluator keeps them.
    """
    seen: dict[str, list[tuple[int, str]]] = {}
    for line in lines:
        number = int(table(line.get("record")).get("n") or 0)
        for where, text in _texts(line):
            seen.setdefault(where, []).append((number, text))
    order = {name: place for place, name in enumerate(_ORDER)}
    names = sorted(seen, key=lambda where: (order.get(where.rpartition(".")[2], 9), where))
    return tuple(_quotes(where, seen[where]) for where in names)


def _quotes(where: str, found: Sequence[tuple[int, str]]) -> tuple[Quote, ...]:
    kinds: dict[str, list[tuple[int, str]]] = {}
    for number, text in found:
        kinds.setdefault(shape(text), []).append((number, text))
    total = len({number for number, _ in found})
    ordered = sorted(kinds.values(), key=len, reverse=True)
    chosen = ordered[: _MOST - 1] + ordered[-1:] if len(ordered) >= _MOST else ordered
    return tuple(
        Quote(
            where,
            kind[0][1],
            len({number for number, _ in kind}),
            total,
            kind[0][0],
            rare=place == _MOST - 1 and len(kind) < total,
        )
        for place, kind in enumerate(chosen)
    )


def shape(text: str) -> str:
    """Return a text without what varies from draw to draw: numbers, quoted words, names."""
    plain = re.sub(r"[“\"'][^”\"'\n]{0,80}[”\"']", "«»", text)
    plain = re.sub(r"\S*@\S*|\b[A-Z][\w-]*\b", "◦", plain)
    return re.sub(r"[\d.,:]+", "#", plain)


def _texts(line: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, done in table(line.get("effects")).items():
        for row in rows(table(done).get("added")):
            fields = table(row)
            text = next((str(fields[key]) for key in _TEXTS if fields.get(key)), "")
            if len(text) > 12:
                yield str(name), text
    for step in rows(line.get("steps")):
        text = str(table(step).get("stdout") or table(step).get("body") or "")
        if len(text) > 12:
            yield "printed", text[:2000]
