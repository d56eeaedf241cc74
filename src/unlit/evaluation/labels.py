"""What people said about judged runs, and what a judge's verdicts are worth with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.evaluation.ledger import evaluator_store, open_store
from unlit.evaluation.model import CriterionResult, ShipRule
from unlit.evaluation.rules.judging import Card, Label, card, prediction_powered

FILE_NAME: Final = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class JudgedRuns:
    """All verdicts of one judge in a grading, by criterion, in the order drawn."""

    judge: str
    family: str | None
    verdicts: Mapping[CriterionId, Sequence[bool]]


def read_labels(vault: Path, judge: str, criterion: str) -> list[Label]:
    """Return the labels of one judge on one criterion.

    Raises:
        InvalidInput: A line cannot be read.
    """
    path = evaluator_store(vault) / FILE_NAME
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            value = json.loads(line)
            if (value["judge"], value["criterion"]) == (judge, criterion):
                found.append(Label(bool(value["verdict"]), bool(value["person"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                "EVA-127", f"Line {number} of the labels {path} cannot be read.",
                "each line holds judge, criterion, verdict and person.", "correct that line.",
            ) from error  # fmt: skip
    return found


def add_label(vault: Path, judge: str, criterion: str, label: Label) -> None:
    """Keep what a person said about one judged run."""
    path = open_store(vault) / FILE_NAME
    value = {"judge": judge, "criterion": criterion, "verdict": label.judge,
             "person": label.person}  # fmt: skip
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(value) + "\n")


def with_judges(
    results: Sequence[CriterionResult], runs: JudgedRuns, vault: Path, rule: ShipRule
) -> tuple[tuple[CriterionResult, ...], tuple[str, ...]]:
    """Let a judge's verdicts count as far as labels allow, and say how far that is.

    Returns:
        The results, changed only where nothing but a judge speaks and enough labels exist; and
        one sentence for each criterion that was judged.
    """
    changed, sentences = [], []
    for result in results:
        verdicts = runs.verdicts.get(result.id)
        if not verdicts:
            changed.append(result)
            continue
        labels = read_labels(vault, runs.judge, result.id)
        known = card(runs.judge, runs.family, labels)
        sentences.append(
            f"{result.id}: the judge {runs.judge} liked {sum(verdicts)} of {len(verdicts)} runs; "
            f"{known.sentence}."
        )
        changed.append(_judged(result, verdicts, labels, known, rule))
    return tuple(changed), tuple(sentences)


def _judged(
    result: CriterionResult,
    verdicts: Sequence[bool],
    labels: Sequence[Label],
    known: Card,
    rule: ShipRule,
) -> CriterionResult:
    if result.state is not CriterionState.NOT_EXERCISED or not known.may_gate or len(verdicts) < 2:
        return result
    found = prediction_powered(verdicts, labels, p0=rule.p0, alpha=rule.alpha)
    return replace(
        result,
        trajectories=len(verdicts),
        satisfied=sum(verdicts),
        state=CriterionState.MET if found.above else CriterionState.UNDECIDED,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
        independence=replace(result.independence, ceiling=f"{found.method}; {known.sentence}"),
    )
