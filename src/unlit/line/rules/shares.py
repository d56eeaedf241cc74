"""What each criterion cost: calls shared among the criteria open when their candidate was made.

A model call is about a candidate, not a criterion, unless it says so. The first candidate works on
all criteria of its run; a later one on those that the newest validation before it found not met.
The share is equal: nothing tells more; calls and tokens that cannot be cut go to one criterion
after the other, so that the shares add up to what was spent. Pure.
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
    for turn, cost in enumerate(costs):
        names = [] if cost.criterion else _open(cost, evaluations, criteria.get(cost.run, ()))
        shares += _cut(cost, names, turn) or [cost]
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


def _cut(cost: Cost, names: Sequence[str], turn: int) -> list[Cost]:
    count = len(names)

    def part(whole: int, place: int) -> int:
        return whole // count + ((place - turn) % count < whole % count)

    return [
        replace(
            cost,
            criterion=CriterionId(name),
            usd=None if cost.usd is None else cost.usd / count,
            calls=part(cost.calls, place),
            input_tokens=part(cost.input_tokens, place),
            output_tokens=part(cost.output_tokens, place),
            cache_read_tokens=part(cost.cache_read_tokens, place),
            cache_write_tokens=part(cost.cache_write_tokens, place),
        )
        for place, name in enumerate(names)
    ]


def _number(candidate: str | None) -> int | None:
    text = (candidate or "").removeprefix("c")
    return int(text) if text.isdigit() else None
