"""What each criterion cost: calls shared among the criteria open when their candidate was made.

A model call is about a candidate, not a criterion, unless it says so. The first candidate works on
all criteria of its run; a later one on those that the newest validation before it found not met.
The share is equal: nothing tells more. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unlit.core.ids import CriterionId, RunId
from unlit.core.states import Partition
from unlit.record.model import Cost, Evaluation

MET = "all"


def by_criterion(
    costs: Sequence[Cost],
    evaluations: Sequence[Evaluation],
    criteria: Mapping[RunId, Sequence[str]],
) -> tuple[Cost, ...]:
    """Return the costs cut into shares of criteria; what is about none keeps none.

    Args:
        costs: The costs of any runs.
        evaluations: The runs' evaluations.
        criteria: All criteria of each run.
    """
    shares: list[Cost] = []
    for cost in costs:
        names = [] if cost.criterion else _open(cost, evaluations, criteria.get(cost.run, ()))
        shares += [_share(cost, name, len(names)) for name in names] or [cost]
    return tuple(shares)


def _open(cost: Cost, evaluations: Sequence[Evaluation], criteria: Sequence[str]) -> Sequence[str]:
    number = _number(cost.candidate)
    if number is None:
        return ()
    before = [
        row
        for row in evaluations
        if row.run == cost.run
        and row.partition is Partition.VALIDATION
        and (_number(row.candidate) or number) < number
    ]
    if not before:
        return sorted(criteria)
    newest = max(before, key=lambda row: _number(row.candidate) or 0)
    told = [str(item["criterion"]) for item in newest.feedback if item.get("bucket") != MET]
    return sorted(set(told)) or sorted(criteria)


def _share(cost: Cost, name: str, count: int) -> Cost:
    return replace(
        cost,
        criterion=CriterionId(name),
        usd=None if cost.usd is None else cost.usd / count,
        input_tokens=cost.input_tokens // count,
        output_tokens=cost.output_tokens // count,
        cache_read_tokens=cost.cache_read_tokens // count,
        cache_write_tokens=cost.cache_write_tokens // count,
    )


def _number(candidate: str | None) -> int | None:
    text = (candidate or "").removeprefix("c")
    return int(text) if text.isdigit() else None
