"""Which questions only a person can settle, in the order of stakes and doubt, within a budget."""

import hashlib
from collections.abc import Sequence
from typing import Final

from unlit.core.states import CriterionState
from unlit.review.model import CriterionLine, Gap, QuestionLine
from unlit.review.rules.merging import evidence_words
from unlit.review.rules.words import interval

ATTENTION_MINUTES = 15.0
RISKS: Final = {"none": 0.5, "low": 1.0, "medium": 2.0, "high": 3.0, "critical": 4.0}
NAMED_RISK: Final = 2.0
UNKNOWN_RISK: Final = 1.5
"""A risk that nobody named weighs more than one that somebody called low."""
SPOT_RATE = 0.1
SPOT = "spot_check"
_MINUTES = 2.0


def questions_of(
    criteria: Sequence[CriterionLine], *, risk: str = "", budget_minutes: float = ATTENTION_MINUTES
) -> tuple[QuestionLine, ...]:
    """Return what must be asked: a criterion above its ceiling, and no other.

    A criterion that an independent check found broken is not asked about: the machine knows.

    Args:
        criteria: All criteria of the candidate that would ship.
        risk: The spec's own word for what is at stake; it raises every question's stakes.
        budget_minutes: Attention that may be asked for; the least important questions are left
            out first, never the first one.
    """
    asked = [
        _question(line, risk)
        for line in criteria
        if line.asks and line.state is not CriterionState.NOT_MET
    ]
    ordered = sorted(asked, key=lambda line: (-line.stakes * line.doubt, line.criterion or ""))
    kept: list[QuestionLine] = []
    spent = 0.0
    for line in ordered:
        if kept and spent + line.minutes > budget_minutes:
            continue
        spent += line.minutes
        kept.append(line)
    return tuple(
        QuestionLine(
            number=place,
            kind=line.kind,
            text=line.text,
            criterion=line.criterion,
            why=line.why,
            stakes=line.stakes,
            doubt=line.doubt,
            minutes=line.minutes,
            evidence=line.evidence,
        )
        for place, line in enumerate(kept, start=1)
    )


def spot_check(
    criteria: Sequence[CriterionLine], run: str, *, rate: float = SPOT_RATE
) -> QuestionLine | None:
    """Return one question about a criterion that the machines settled alone, in some runs.

    Which run and which criterion follow from the run's id, so that nobody chooses and a repeat asks
    the same. Where people and machines disagree is measured on the calibration page.
    """
    settled = [
        line for line in criteria if line.state is CriterionState.MET and not line.asks
    ] or [
        line for line in criteria
        if line.state is CriterionState.UNDECIDED and not line.asks
    ]  # fmt: skip
    dice = hashlib.sha256(f"spot:{run}".encode()).digest()
    if not settled or int.from_bytes(dice[:4], "big") / 2**32 >= rate:
        return None
    line = settled[int.from_bytes(dice[4:8], "big") % len(settled)]
    return QuestionLine(
        number=0,
        kind=SPOT,
        text=as_question(line.text),
        criterion=line.id,
        why="A spot check: the machines settled it alone. Do you see it the same way?",
        stakes=0.5,
        doubt=0.1,
        minutes=_MINUTES,
        evidence=_evidence(line),
    )


def within(rows: Sequence[float], budget_minutes: float = ATTENTION_MINUTES) -> int:
    """Return how many questions of these minutes fit into the attention there is; at least one."""
    spent = 0.0
    for place, minutes in enumerate(rows):
        spent += minutes
        if spent > budget_minutes and place:
            return place
    return len(rows)


def left_out(criteria: Sequence[CriterionLine], asked: Sequence[QuestionLine]) -> tuple[Gap, ...]:
    """Return what nobody is asked about because the attention is used up: a gap, said as one."""
    names = {line.criterion for line in asked}
    return tuple(
        Gap("asks", f"{line.id}: nothing independent settled it, and no attention was left to ask.")
        for line in criteria
        if line.asks and line.state is not CriterionState.NOT_MET and line.id not in names
    )


def _question(line: CriterionLine, risk: str) -> QuestionLine:
    word = risk.strip().lower()
    stakes = RISKS.get(word, NAMED_RISK if word else UNKNOWN_RISK)
    if line.state is CriterionState.NOT_EXERCISED:
        why = "No scenario exercised it, so nothing but you can say."
        doubt = 1.0
    elif line.source is None:
        why = "Nothing independent can settle it."
        doubt = 0.9
    else:
        why = "Its check has a ceiling that a person has to look above."
        doubt = 0.5
    return QuestionLine(
        number=0,
        kind="criterion",
        text=as_question(line.text),
        criterion=line.id,
        why=why,
        stakes=stakes,
        doubt=doubt,
        minutes=_MINUTES,
        evidence=_evidence(line),
    )


def as_question(text: str) -> str:
    """Turn a criterion's sentence into a question a person can answer with yes or no."""
    words = " ".join(text.split()).rstrip(".")
    if not words:
        return "Does it do what you asked?"
    if words.endswith("?"):
        return words
    return f"“{words}.” Is that so?"


def _evidence(line: CriterionLine) -> tuple[str, ...]:
    found = []
    if line.trajectories or line.sealed_trajectories:
        shown = f"{evidence_words(line).capitalize()} trajectories satisfied"
        found.append(f"{shown} {interval(line.lower, line.upper)} by the checks there are.")
        found.append(f"Green can mean at most: {line.ceiling}.")
    else:
        found.append("No trajectory exercised it.")
    if line.authors:
        who = ", ".join(f"{role} by {name}" for role, name in sorted(line.authors.items()))
        found.append(f"Who made what: {who}.")
    return tuple(found)
