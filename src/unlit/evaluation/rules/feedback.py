"""What an agent may learn of a grading: a criterion and one of four buckets, nothing else."""

import math
from collections.abc import Iterable
from typing import Final

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState, Partition
from unlit.evaluation.model import CriterionResult, Feedback

BUCKETS: Final = ("none", "few", "most", "all")
REPORTS_BEFORE_RETIREMENT: Final = 2


def bucket(satisfied: int, trajectories: int) -> str | None:
    """Return the coarse size of a result; None when nothing was exercised.

    ``none`` held, ``few`` (less than half), ``most``, ``all``.
    """
    if trajectories == 0:
        return None
    if satisfied == 0:
        return "none"
    if satisfied == trajectories:
        return "all"
    return "few" if 2 * satisfied < trajectories else "most"


def coarse(results: Iterable[CriterionResult], partition: Partition) -> tuple[Feedback, ...]:
    """Return what the agent may see: nothing at all of sealed scenarios."""
    if partition is Partition.SEALED:
        return ()
    entries = []
    for result in results:
        size = bucket(result.satisfied, result.trajectories)
        if size is not None and result.state is not CriterionState.NOT_EXERCISED:
            entries.append(Feedback(result.id, size))
    return tuple(entries)


def bits(feedback: Iterable[Feedback]) -> float:
    """Return how many bits this feedback can carry at most."""
    return sum(math.log2(len(BUCKETS)) for _ in feedback)


def to_retire(reports: Iterable[CriterionId]) -> tuple[CriterionId, ...]:
    """Return the criteria whose validation scenarios are used up: reported twice already."""
    seen: dict[CriterionId, int] = {}
    for criterion in reports:
        seen[criterion] = seen.get(criterion, 0) + 1
    return tuple(sorted(key for key, n in seen.items() if n >= REPORTS_BEFORE_RETIREMENT))
