"""Sums of cost and time; a price that is not known is said, not counted as zero."""

from collections.abc import Sequence
from decimal import Decimal

from unlit.record.model import Cost, Stage
from unlit.review.model import CostLine


def cost_of(costs: Sequence[Cost]) -> CostLine:
    """Sum the costs of a run; with calls but no price at all the sum is unknown."""
    known = [row.usd for row in costs if row.usd is not None]
    by_model: dict[str, Decimal | None] = {}
    for row in costs:
        name = f"{row.provider}/{row.model}" if row.provider else row.model
        before = by_model.get(name)
        by_model[name] = before if row.usd is None else (before or Decimal(0)) + row.usd
    return CostLine(
        usd=None if costs and not known else sum(known, Decimal(0)),
        calls=sum(row.calls for row in costs),
        unpriced=sum(row.calls for row in costs if row.usd is None),
        tokens=sum(row.input_tokens + row.output_tokens for row in costs),
        by_model=by_model,
    )


def elapsed_of(stages: Sequence[Stage]) -> float | None:
    """Return the seconds in which some stage was at work; waiting for a person is not work."""
    spans = sorted(
        (stage.started_at, stage.ended_at)
        for stage in stages
        if stage.ended_at is not None and stage.name != "gate"
    )
    if not spans:
        return None
    total = 0.0
    reached = spans[0][0]
    for start, end in spans:
        if end > reached:
            total += (end - max(start, reached)).total_seconds()
            reached = end
    return total
