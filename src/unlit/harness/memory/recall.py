"""Which lessons an agent is told: exact keys first, then words, then the newest; pure.

Source of the order: measured on three repositories' histories, exact path keys cover 0.87 to
0.92 of the cases, text alone 0.36 to 0.56 (docs/adr/0503-memory.md).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from unlit.record.model import Lesson, LessonState

MAX_CHARACTERS: Final = 6_000
_WORD: Final = re.compile(r"[a-z0-9]{2,}")
_K1: Final = 1.2
_B: Final = 0.75
_LOSING: Final = 2


@dataclass(frozen=True, slots=True)
class Query:
    """What a turn is about."""

    keys: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """Lessons to tell, in order, and their text."""

    lessons: tuple[Lesson, ...]
    text: str


def recall(
    lessons: Sequence[Lesson], query: Query, *, max_characters: int = MAX_CHARACTERS
) -> Recalled:
    """Choose what to tell.

    Args:
        lessons: All lessons of the repository; only approved ones that do not lose are told.
        query: What the turn is about.
        max_characters: Most characters of the text.
    """
    usable = [lesson for lesson in lessons if is_told(lesson)]
    scores = _bm25([_words_of(lesson) for lesson in usable], words(query.text))
    ranked = sorted(
        zip(usable, scores, strict=True),
        key=lambda pair: (
            -len(query.keys & set(pair[0].keys)),
            -pair[1],
            -pair[0].at.timestamp(),
            pair[0].id,
        ),
    )
    told: list[Lesson] = []
    lines: list[str] = []
    left = max_characters
    for lesson, score in ranked:
        line = f"- {lesson.claim} (lesson {lesson.id})"
        relevant = bool(query.keys & set(lesson.keys)) or score > 0
        if relevant and len(line) + 1 <= left:
            told.append(lesson)
            lines.append(line)
            left -= len(line) + 1
    return Recalled(tuple(told), "\n".join(lines))


def is_told(lesson: Lesson) -> bool:
    """Whether a lesson may be told at all: approved by a person, and not losing."""
    losing = lesson.losses - lesson.wins > _LOSING
    return lesson.state is LessonState.APPROVED and not losing


def placebo(text: str) -> str:
    """Return a text of the same shape and length that says nothing of use."""
    filler = "the weather over the harbour was calm and the boats stayed in for the night "
    made = []
    for line in text.splitlines():
        need = max(0, len(line) - 2)
        made.append("- " + (filler * (need // len(filler) + 1))[:need])
    return "\n".join(made)


def words(text: str) -> list[str]:
    """Return the words of a text, lower case; parts of paths and names count as words."""
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return _WORD.findall(split.lower())


def _words_of(lesson: Lesson) -> list[str]:
    return words(lesson.claim + " " + " ".join(lesson.keys))


def _bm25(documents: Sequence[Sequence[str]], query: Iterable[str]) -> list[float]:
    """Score documents. Source: Robertson and Zaragoza (2009), FTIR 3(4), 333-389."""
    if not documents:
        return []
    wanted = set(query)
    counts = [Counter(document) for document in documents]
    frequency = {word: sum(word in count for count in counts) for word in wanted}
    average = sum(map(len, documents)) / len(documents) or 1.0
    scores = []
    for document, count in zip(documents, counts, strict=True):
        score = 0.0
        for word in wanted & set(count):
            rare = math.log(1 + (len(documents) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            norm = count[word] + _K1 * (1 - _B + _B * len(document) / average)
            score += rare * count[word] * (_K1 + 1) / norm
        scores.append(score)
    return scores
