"""What a run teaches, from ids, buckets and paths alone; pure, so that nothing else can leak in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from unlit.core.canonical import digest_json
from unlit.record.model import Lesson, LessonState

_CASES: Final = {"none": "no case", "few": "few cases", "some": "some cases", "most": "most cases"}
_MOST_PATHS: Final = 5
_MOST_LESSONS: Final = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate as memory sees it.

    Attributes:
        buckets: Criterion to bucket, as fed back; criteria that were met are not in it.
        paths: What changed against the candidate before.
        ships: Whether it passed.
        refused: Why it was not graded; empty when it was.
    """

    candidate: str
    buckets: Mapping[str, str]
    paths: Sequence[str]
    ships: bool
    refused: str = ""


def propose(
    repository: str, run: str, spec: str, attempts: Sequence[Attempt], at: datetime
) -> tuple[Lesson, ...]:
    """Propose lessons: which criteria failed first, and what was changed when they passed.

    Args:
        repository: Whose memory it is.
        run: The run, as evidence.
        spec: Id of the spec.
        attempts: Candidates in order.
        at: When.
    """
    lessons = []
    for failed, later in pairwise(attempts):
        for criterion, bucket in failed.buckets.items():
            if criterion not in later.buckets and not later.refused:
                lessons.append(_mended(repository, run, spec, criterion, bucket, later, at))
    last = attempts[-1] if attempts else None
    if last is not None and not last.ships:
        for criterion, bucket in last.buckets.items():
            claim = f"{spec} {criterion}: no candidate of a run met it (last: {bucket} cases)."
            lessons.append(_lesson(repository, run, claim, (_key(spec, criterion),), at))
    return tuple(lessons[:_MOST_LESSONS])


def _mended(
    repository: str,
    run: str,
    spec: str,
    criterion: str,
    bucket: str,
    later: Attempt,
    at: datetime,
) -> Lesson:
    paths = tuple(later.paths[:_MOST_PATHS])
    shown = ", ".join(paths) or "no file"
    cases = _CASES.get(bucket, bucket)
    claim = (
        f"{spec} {criterion}: a first candidate satisfied {cases}; it was met after "
        f"changes to {shown}. Get it right there from the start."
    )
    keys = (_key(spec, criterion), *(f"path:{path}" for path in paths))
    return _lesson(repository, run, claim, keys, at)


def _lesson(repository: str, run: str, claim: str, keys: tuple[str, ...], at: datetime) -> Lesson:
    name = digest_json([repository, claim, list(keys)]).removeprefix("sha256:")[:10]
    return Lesson(f"l-{name}", repository, claim, keys, (run,), LessonState.PROPOSED, "run", at)


def _key(spec: str, criterion: str) -> str:
    return f"criterion:{spec}/{criterion}"
