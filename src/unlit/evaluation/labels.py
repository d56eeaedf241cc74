"""What people said about judged runs, and what a judge's verdicts are worth with it.

A label is given on one trajectory of one grading, without seeing the judge's word, in an order
that nobody chose (`labelling`). Labels of a grading are the random part that prediction-powered
inference needs on that very grading; labels of all gradings make the judge's card.

Only labels asked by chance count: of each criterion's runs in the evaluator's own random order, the
first ones up to the first that nobody labelled. Who leaves out a hard run, or labels one that was
not shown, adds nothing behind the gap; the first label on a run stands.

Labels arrive one by one, so looking after each would be peeking: they are looked at when there are
50, 100, 200, …, and look j is made at alpha/2^j, which sums to at most alpha. Where most runs were
labelled, people's word alone counts: which of both is decided by the numbers of runs beforehand.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.evaluation.leaks.gather import canary_key
from unlit.evaluation.ledger import evaluator_store, open_store
from unlit.evaluation.model import CriterionResult, ShipRule
from unlit.evaluation.rules.judging import (
    MIN_LABELS,
    Card,
    Label,
    card,
    people_alone,
    prediction_powered,
)

FILE_NAME: Final = "labels.jsonl"
SCHEMA: Final = "unlit.judge-label/1"
WORTH_ASKING: Final = 3
"""Unlabelled runs for each label from which a judge's word adds more than its errors cost."""


@dataclass(frozen=True, slots=True)
class JudgedRuns:
    """All verdicts of one judge in a grading: by criterion, by number of the trajectory.

    Attributes:
        grading: Key of the grading, as labels name it.
    """

    judge: str
    family: str | None
    verdicts: Mapping[CriterionId, Mapping[int, bool]]
    grading: str = ""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One line of the labels.

    Attributes:
        person: None when the person could not tell; counts as not satisfied in the gate.
        by: Who said so; ``rule`` where the product failed before there was anything to judge.
    """

    judge: str
    criterion: str
    verdict: bool
    person: bool | None
    grading: str = ""
    n: int = 0
    by: str = ""
    at: str = ""
    family: str | None = None

    @property
    def label(self) -> Label:
        """Both verdicts; "cannot tell" is no yes."""
        return Label(self.verdict, bool(self.person))


def read_rows(vault: Path) -> Iterator[LabelRow]:
    """Yield all labels, oldest first.

    Raises:
        InvalidInput: A line cannot be read.
    """
    path = evaluator_store(vault) / FILE_NAME
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            value: dict[str, Any] = json.loads(line)
            yield LabelRow(**{key: item for key, item in value.items() if key != "schema"})
        except (ValueError, TypeError) as error:
            raise InvalidInput(
                "EVA-127", f"Line {number} of the labels {path} cannot be read.",
                "each line holds judge, criterion, verdict and person.", "correct that line.",
            ) from error  # fmt: skip


def add_label(vault: Path, row: LabelRow) -> None:
    """Keep what a person said about one judged run."""
    path = open_store(vault) / FILE_NAME
    value = {"schema": SCHEMA, **{name: getattr(row, name) for name in LabelRow.__slots__}}
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(value, ensure_ascii=False) + "\n")


def place_of(secret: bytes, grading: str, criterion: str, n: int) -> bytes:
    """Return where a run stands in the order to label: by chance, and by nobody's choice.

    Args:
        secret: The evaluator's own key, which neither the candidate nor who labels knows.
        grading: Key of the grading.
        criterion: What is judged.
        n: Number of the run.
    """
    return hashlib.sha256(secret + f"label:{grading}:{criterion}:{n}".encode()).digest()


def by_chance(
    rows: Sequence[LabelRow], judged: Mapping[int, bool], secret: bytes, grading: str
) -> list[LabelRow]:
    """Return the labels that are a random sample of a grading's judged runs.

    Args:
        rows: All labels for one judge and criterion, oldest first.
        judged: The judge's verdicts in this grading, by number of the run.
        secret: The evaluator's own key.
        grading: Key of the grading.
    """
    first: dict[int, LabelRow] = {}
    for row in rows:
        if row.grading == grading and row.n in judged:
            first.setdefault(row.n, replace(row, verdict=judged[row.n]))
    if not first:
        return []
    criterion = next(iter(first.values())).criterion
    order = sorted(judged, key=lambda n: place_of(secret, grading, criterion, n))
    return [first[n] for n in itertools.takewhile(first.__contains__, order)]


def looks_of(count: int) -> tuple[int, int]:
    """Return how many labels the newest look may use, and its number from 1; (0, 0) before."""
    used, look = 0, 0
    while count >= MIN_LABELS << look:
        used, look = MIN_LABELS << look, look + 1
    return used, look


@dataclass(frozen=True, slots=True)
class Gated:
    """What judges and labels made of the criteria.

    Attributes:
        gated: Criteria that a judge decided through labels, or would have to decide.
        sentences: One for each judged criterion.
        cards: The judge's card for each, with its error rates and the inference.
    """

    results: tuple[CriterionResult, ...]
    gated: tuple[CriterionId, ...] = ()
    sentences: tuple[str, ...] = ()
    cards: tuple[Mapping[str, Any], ...] = field(default=())


def with_judges(
    results: Sequence[CriterionResult], runs: JudgedRuns, vault: Path, rule: ShipRule
) -> Gated:
    """Let a judge's verdicts count as far as labels allow, and say how far that is.

    Only a criterion for which nothing but a judge speaks is changed, and only with enough labels on
    this very grading.
    """
    rows = list(read_rows(vault)) if runs.verdicts else []
    secret = canary_key(vault) if rows else b""
    changed, sentences, cards, gated = [], [], [], []
    for result in results:
        verdicts = runs.verdicts.get(result.id)
        if not verdicts:
            changed.append(result)
            continue
        own = [row for row in rows if (row.judge, row.criterion) == (runs.judge, result.id)]
        known = card(runs.judge, runs.family, [row.label for row in own])
        here = by_chance(own, verdicts, secret, runs.grading)
        beyond = len({row.n for row in own if row.grading == runs.grading}) - len(here)
        made, facts, said = _judged(result, verdicts, here, known, rule)
        facts["labels_not_by_chance"] = beyond
        if beyond:
            said += f"; {beyond} labels do not count: runs drawn before them have none"
        changed.append(made)
        if made is not result:
            gated.append(result.id)
        sentences.append(
            f"{result.id}: the judge {runs.judge} liked {sum(verdicts.values())} of "
            f"{len(verdicts)} runs; {known.sentence}; {said}."
        )
        cards.append({"criterion": result.id, **known.to_json(), **facts})
    return Gated(tuple(changed), tuple(gated), tuple(sentences), tuple(cards))


def _judged(
    result: CriterionResult,
    verdicts: Mapping[int, bool],
    here: Sequence[LabelRow],
    known: Card,
    rule: ShipRule,
) -> tuple[CriterionResult, dict[str, Any], str]:
    used, look = looks_of(len(here))
    facts: dict[str, Any] = {"judged": len(verdicts), "labels_here": len(here), "inference": None}
    rows = here[:used]
    labelled = {row.n for row in rows}
    rest = [liked for n, liked in verdicts.items() if n not in labelled]
    people = [bool(row.person) for row in here]
    if result.state is not CriterionState.NOT_EXERCISED:
        return result, facts, "plain checks decide this criterion"
    if not used:
        missing = MIN_LABELS - len(here)
        return result, facts, (
            f"it takes {missing} more labels on runs of this grading (`unlit scenarios label`)"
        )  # fmt: skip
    levels = {"p0": rule.p0, "alpha": rule.alpha / 2**look, "p1": rule.p1,
              "beta": rule.beta / 2**look}  # fmt: skip
    if len(rest) < WORTH_ASKING * used:
        found = people_alone(people[:used], **levels)
    else:
        found = prediction_powered(rest, [row.label for row in rows], **levels)
    state = CriterionState.UNDECIDED
    if found.above:
        state = CriterionState.MET
    elif found.below:
        state = CriterionState.NOT_MET
    facts["inference"] = {**found.to_json(), "look": look}
    made = replace(
        result,
        trajectories=len(verdicts),
        satisfied=sum(verdicts.values()),
        state=state,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
        independence=replace(
            result.independence,
            source="person",
            level=3,
            ceiling=f"right as people saw it, through a judge: {found.method}; {known.sentence}",
            for_people=state is not CriterionState.MET,
        ),
    )
    said = (
        f"by {found.method} with {found.labelled} labels and {found.judged} runs the rate is "
        f"{found.estimate:.3f}, at least {found.one_sided_lower:.3f}"
    )
    return made, facts, said
