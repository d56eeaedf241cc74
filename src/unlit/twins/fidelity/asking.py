"""What creates usually send: keys and the vendor's own words, for recordings that lost bodies."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

TEXT: Final = "$text"
_HALF: Final = 0.5
_LARGEST: Final = 100_000


def usual(bodies: Sequence[Mapping[str, Any]], words: frozenset[str]) -> dict[str, Any]:
    """Return the keys that at least half of the bodies send, with words of the contract.

    Args:
        bodies: What creates of one kind sent.
        words: Texts that the vendor's documents contain; every other one becomes ``$text``.
    """
    counts = Counter(key for body in bodies for key in body)
    out: dict[str, Any] = {}
    for key in dict.fromkeys(key for body in bodies for key in body):
        if counts[key] < _HALF * len(bodies) or key not in words:
            continue
        value = _usual_value([body[key] for body in bodies if key in body], words)
        if value is not None:
            out[key] = value
    return out


def _usual_value(values: Sequence[Any], words: frozenset[str]) -> Any:
    tables = [value for value in values if isinstance(value, dict)]
    if tables:
        return usual(tables, words)
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        firsts = [value[0] for value in lists if value]
        inner = _usual_value(firsts, words) if len(firsts) * 2 >= len(lists) else None
        return [] if inner is None else [inner]
    said = [_word(value, words) for value in values if value is not None]
    if not said:
        return None
    name = Counter(map(repr, said)).most_common(1)[0][0]
    return next(value for value in said if repr(value) == name)


def _word(value: Any, words: frozenset[str]) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < _LARGEST else 0
    return value if value in words else TEXT


def chosen(
    bodies: Sequence[Mapping[str, Any]],
    lost: Sequence[Any],
    by: str | None,
    made: tuple[str, ...],
) -> Sequence[Mapping[str, Any]]:
    """Return the bodies of the variant that creates without a body made most, else of the usual.

    Where no body of that variant was recorded, the answers stand for them, but for what the vendor
    makes itself.

    Args:
        bodies: What creates of one kind sent.
        lost: Answers to creates of the kind whose bodies were not recorded.
        by: Property that chooses the variant.
        made: Keys that the vendor makes.
    """
    answers = [
        {key: value for key, value in answer.items() if key not in made}
        for answer in lost
        if isinstance(answer, dict)
    ]
    if by is None:
        return bodies or answers
    names = Counter(str(answer.get(by)) for answer in answers)
    names = names or Counter(str(body.get(by)) for body in bodies)
    best = names.most_common(1)[0][0] if names else ""
    for rows in (bodies, answers):
        same = [row for row in rows if str(row.get(by)) == best]
        if same:
            return same
    return bodies
