"""What a twin could know of people: their names and addresses stand in facts and requests, or not.

A recorded answer that shows a person of whom neither a fact nor any request up to then told the
name can agree in shape, never in values. `unlit twins fidelity` prints how many answers those are.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from unlit.twins.fidelity.recording import Interaction

PERSONAL: Final = frozenset(
    {
        "displayName", "emailAddress", "real_name", "display_name", "real_name_normalized",
        "display_name_normalized", "email",
    }
)  # fmt: skip


def untold(rows: Sequence[Interaction], given: set[int]) -> set[int]:
    """Return the positions of earned answers that show somebody nobody told of.

    Args:
        rows: One cassette, in order.
        given: Positions of the reads that the twin is told before.
    """
    told = "".join(_spelt([rows[at].response, rows[at].response_headers]) for at in sorted(given))
    found = set()
    for at, row in enumerate(rows):
        told += _spelt([row.path, row.query, row.request])
        if at in given:
            continue
        if any(_spelt(text)[1:-1] not in told for text in _people(row.response)):
            found.add(at)
    return found


def _spelt(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _people(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in PERSONAL and isinstance(inner, str) and inner:
                yield inner
            else:
                yield from _people(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _people(inner)
