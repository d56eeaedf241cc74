"""One criterion's evidence from both gradings of a candidate, validation and sealed.

Either may have exercised what the other did not. The counts stay apart; state, standing and
interval are those of the grading that says more. States are never merged into fewer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from unlit.core.states import CriterionState
from unlit.review.model import CriterionLine

_SAYS_MOST: Final = (
    CriterionState.NOT_MET,
    CriterionState.MET,
    CriterionState.UNDECIDED,
    CriterionState.NOT_EXERCISED,
)


def merge_criteria(
    validation: Sequence[CriterionLine], sealed: Sequence[CriterionLine]
) -> tuple[CriterionLine, ...]:
    """Return the criteria with the evidence of both gradings, in the order of the first."""
    looked = {line.id: line for line in sealed}
    known = {line.id for line in validation}
    merged = [_merge(line, looked[line.id]) if line.id in looked else line for line in validation]
    return (*merged, *(_merge(_empty(line), line) for line in sealed if line.id not in known))


def is_stale(sentence: str, line: CriterionLine) -> bool:
    """Whether one grading's sentence about a criterion is answered by the other grading."""
    if "was not exercised by any scenario" in sentence:
        return line.state is not CriterionState.NOT_EXERCISED
    if "too few to be sure" in sentence:
        return line.state is not CriterionState.UNDECIDED
    return "green means at most" in sentence and not line.asks


def _merge(line: CriterionLine, sealed: CriterionLine) -> CriterionLine:
    counted = replace(
        line, sealed_satisfied=sealed.satisfied, sealed_trajectories=sealed.trajectories
    )
    if sealed.state is CriterionState.NOT_EXERCISED:
        return counted
    state = min(line.state, sealed.state, key=_SAYS_MOST.index)
    if line.state is CriterionState.NOT_EXERCISED:
        return _with_standing(
            replace(
                counted, state=state, tier=sealed.tier,
                estimate=sealed.estimate, lower=sealed.lower, upper=sealed.upper,
            ),
            sealed,
        )  # fmt: skip
    tiers = {tier for said in (line.tier, sealed.tier) if said for tier in said.split(", ")}
    both = replace(counted, state=state, tier=", ".join(sorted(tiers)) or None)
    return _with_standing(both, sealed) if line.asks and not sealed.asks else both


def _with_standing(line: CriterionLine, other: CriterionLine) -> CriterionLine:
    return replace(
        line, source=other.source, ceiling=other.ceiling, asks=other.asks,
        authors=other.authors, families=other.families,
    )  # fmt: skip


def _empty(line: CriterionLine) -> CriterionLine:
    return replace(
        line, state=CriterionState.NOT_EXERCISED, trajectories=0, satisfied=0, estimate=None,
        lower=None, upper=None, source=None, scenarios=(), failures=(), tier=None,
    )  # fmt: skip


def evidence_words(line: CriterionLine, between: str = "") -> str:
    """Say what was counted for a criterion: on validation scenarios, on sealed ones, or nothing."""
    interval = f" {between}" if between else ""
    if line.trajectories:
        counted = f"{line.satisfied} of {line.trajectories}{interval}"
        if line.sealed_trajectories:
            counted += f", sealed {line.sealed_satisfied} of {line.sealed_trajectories}"
        return counted
    if line.sealed_trajectories:
        return f"sealed {line.sealed_satisfied} of {line.sealed_trajectories}{interval}"
    return "no trajectory reached it"
