"""Count a finished grading again when people have labelled its runs: nothing is run twice.

The judge's verdicts lie in the grading's own folder beside the vault, the labels beside them; the
published result is the same as a repeated grading would give, ids and numbers only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState, Partition, Verdict
from unlit.evaluation.labelling import read_grading
from unlit.evaluation.labels import Gated, JudgedRuns, with_judges
from unlit.evaluation.model import CriterionResult, ShipRule
from unlit.evaluation.rules.verdict import Decision, held_back
from unlit.evaluation.wire import criterion_from_json

BEFORE: Final = "before_labels"
_WHY: Final = "Judge and labels"


def recounted(document: Mapping[str, Any], folder: Path, vault: Path) -> dict[str, Any]:
    """Return the result of a grading with the labels that there are now.

    Args:
        document: A result of schema `unlit.evaluation/1`.
        folder: The grading's folder in the evaluator's store.
        vault: The vault, beside which the labels lie.

    Raises:
        InvalidInput: No run there was judged, or a label cannot be read.
    """
    judge, family, key, found = read_grading(folder)
    verdicts: dict[CriterionId, dict[int, bool]] = {}
    for criterion, n, liked, _ in found:
        verdicts.setdefault(CriterionId(criterion), {})[n] = liked
    before = document.get(BEFORE) or {
        name: document[name] for name in ("verdict", "reason", "criteria", "not_verified", "judges")
    }
    criteria = [criterion_from_json(entry) for entry in before["criteria"]]
    decided = _decided(before["judges"])
    criteria = [_unjudged(one) if one.id in decided else one for one in criteria]
    rule = ShipRule(**document["ship"]) if document.get("ship") else ShipRule()
    gated = with_judges(criteria, JudgedRuns(judge, family, verdicts, key), vault, rule)
    verdict, reason = _verdict(document, before, gated)
    return {
        **document,
        "verdict": str(verdict),
        "reason": reason,
        "criteria": [one.to_json() for one in gated.results],
        "judges": list(gated.cards),
        "not_verified": _sentences(before["not_verified"], gated),
        BEFORE: before,
    }


def _decided(cards: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(card["criterion"]) for card in cards if card.get("inference")}


def _unjudged(result: CriterionResult) -> CriterionResult:
    """Return what the criterion was before labels spoke: nothing but a judge looked at it."""
    return replace(
        result, trajectories=0, satisfied=0, state=CriterionState.NOT_EXERCISED,
        estimate=None, lower=None, upper=None,
    )  # fmt: skip


def _verdict(
    document: Mapping[str, Any], before: Mapping[str, Any], gated: Gated
) -> tuple[Verdict, str]:
    """Labels may take `ship` away; they give it only where nothing but judges had to decide."""
    verdict, reason = Verdict(before["verdict"]), str(before.get("reason", ""))
    named = [one for one in gated.results if one.id in gated.gated]
    unmet = [str(one.id) for one in named if one.state is CriterionState.NOT_MET]
    if unmet and verdict is not Verdict.HARNESS_FAULT:
        return Verdict.NOT_YET, f"Not met: {', '.join(unmet)}."
    waits = verdict in (Verdict.UNDECIDED, Verdict.NOT_EXERCISED)
    if waits and not document["satisfaction"]["trajectories"] and named:
        if not all(one.state is CriterionState.MET for one in named):
            return Verdict.UNDECIDED, f"{_WHY} do not decide every criterion yet."
        held = _held_back(document)
        if held is not None:
            return held.verdict, held.reason
        return Verdict.SHIP, f"{_WHY} found every judged criterion met, and nothing vetoes it."
    return verdict, reason


def _held_back(document: Mapping[str, Any]) -> Decision | None:
    """Labels prove no leak absent and exercise no scenario: what held a grading back still does."""
    drawn = document.get("unexercised")
    return held_back(
        None if drawn is None else len(drawn),
        (document.get("leaks") or {}).get("control"),
        proof=document.get("partition") == Partition.SEALED.value,
    )


def _sentences(before: Sequence[str], gated: Gated) -> list[str]:
    names = {str(one.id) for one in gated.results if one.id in gated.gated}
    kept = [
        text for text in before
        if not any(text.startswith(f"{card['criterion']}: the judge ") for card in gated.cards)
        and not (text.split(' "', 1)[0] in names and "was not exercised by any scenario" in text)
    ]  # fmt: skip
    return [*kept, *gated.sentences]
