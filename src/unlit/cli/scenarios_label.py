"""`unlit scenarios label` and `judges`: what people say about judged runs, and judges' cards."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.evaluation.labelling import Unlabelled

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "?": None}


def label(
    vault: Path | None = None,
    *,
    person: str | None = None,
    run: str | None = None,
    candidate: Path | None = None,
    grading: Path | None = None,
    most: int = 50,
    repository: Path | None = None,
) -> int:
    """Say yes or no to runs that a judge has judged, without seeing what the judge said.

    The order is drawn at random by the evaluator; who stops early or leaves one out adds nothing
    behind the gap. Answers are read from standard input, one a line: y, n, ? (cannot tell); q or
    the end of input stops. Only with 50 labels on a grading does its judge's word count, and
    through them alone.

    Args:
        vault: The folder with the scenarios; or name a run of the line by --run.
        person: Who answers; needed with a vault, with --run the setting `person` is the default.
        run: Label what this run of the line graded (or `last`); verdict and report follow at once.
        candidate: The program whose grading is meant; default: the newest judged grading.
        grading: Or the folder of the grading in the evaluator's store.
        most: Stop after so many answers.
        repository: With --run: folder of the repository; default this one.

    Returns:
        0.
    """
    from unlit.core.errors import UsageError
    from unlit.evaluation.labelling import unlabelled

    if run is not None:
        return _of_run(run, repository, person, most)
    if vault is None or person is None:
        raise UsageError(
            "EVA-117", "Nothing says what is labelled, or by whom.",
            "labels belong to a vault or to a run, and to a person.",
            "give VAULT and --person NAME, or --run RUN.",
        )  # fmt: skip
    folder = grading or _grading(vault, candidate)
    given = 0
    for entry in unlabelled(vault, folder):
        if given >= most:
            break
        if not entry.shown:  # the product failed before: there is nothing to ask
            _keep(vault, entry, False, "rule")
            continue
        answer = _ask(entry)
        if answer == "q":
            break
        _keep(vault, entry, _ANSWERS[answer], person)
        given += 1
    left = sum(1 for _ in unlabelled(vault, folder))
    sys.stdout.write(f"{given} labels written, {left} judged runs without one\n")
    return 0


def _of_run(run: str, repository: Path | None, person: str | None, most: int) -> int:
    from unlit.wiring.desk import labels_of_run, open_office

    office = open_office(repository, run=run)
    labels = labels_of_run(office, run)
    who, given = person or office.person, 0
    for grading, entry in labels.waiting():
        if given >= most:
            break
        if not entry.shown:  # the product failed before: there is nothing to ask
            labels.keep(grading, entry, False, "rule")
            continue
        answer = _ask(entry)
        if answer == "q":
            break
        labels.keep(grading, entry, _ANSWERS[answer], who)
        given += 1
    left = sum(1 for _ in labels.waiting())
    sys.stdout.write(f"{given} labels written, {left} judged runs without one\n")
    for sentence in labels.count():
        sys.stdout.write(f"{sentence}\n")
    office.refresh(labels.run)
    return 0


def _keep(vault: Path, entry: "Unlabelled", answer: bool | None, person: str) -> None:
    from dataclasses import replace

    from unlit.core.system import SystemClock
    from unlit.evaluation.labels import add_label

    at = SystemClock().now().isoformat(timespec="seconds")
    add_label(vault, replace(entry.row, person=answer, by=person, at=at))


def _ask(entry: "Unlabelled") -> str:
    from unlit.review.rules.words import inert

    sys.stderr.write(f"\n{entry.row.criterion}, run {entry.row.n}: {inert(entry.story)}\n")
    for question, evidence in entry.shown:
        sys.stderr.write(f"--- evidence\n{inert(evidence)}\n--- {inert(question)}\n")
    while True:
        sys.stderr.write("y, n, ? or q: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        word = line.strip().lower() if line else "q"
        if word == "q" or word in _ANSWERS:
            return word


def _grading(vault: Path, candidate: Path | None) -> Path:
    from unlit.core.errors import InvalidInput
    from unlit.evaluation.defaults import tree_digest
    from unlit.evaluation.ledger import evaluator_store

    gradings = evaluator_store(vault) / "gradings"
    if candidate is not None:
        return gradings / str(tree_digest(candidate))[7:19]
    judged = sorted(gradings.glob("*/judge.json"), key=lambda path: path.stat().st_mtime)
    if not judged:
        raise InvalidInput(
            "EVA-148", f"No grading beside {vault} was judged.",
            "labels are given on what a judge has judged.",
            "grade first: `unlit evaluate … --judge rubric:PROVIDER:MODEL`.",
        )  # fmt: skip
    return judged[-1].parent


def judges(vault: Path, *, as_json: Json = False) -> int:
    """Show the card of every judge that people have labelled: how often it errs, either way.

    Args:
        vault: The folder with the scenarios.
        as_json: Print JSON.

    Returns:
        0.
    """
    from unlit.evaluation.cards import SCHEMA, judge_cards

    cards = judge_cards(vault)
    if as_json:
        sys.stdout.write(json.dumps({"schema": SCHEMA, "judges": cards}, ensure_ascii=False) + "\n")
        return 0
    for card in cards:
        family = card["family"] or "no family"
        sys.stdout.write(f"{card['criterion']}  {card['judge']} ({family})\n  {card['sentence']}\n")
        for name, words in (("sensitivity", "likes good runs"), ("false_pass", "likes bad runs")):
            found = card[name]
            if found is not None:
                sys.stdout.write(f"  {words}: {found['lower']:.2f} to {found['upper']:.2f}\n")
        if card["cannot_tell"]:
            sys.stdout.write(f"  could not be told: {card['cannot_tell']}\n")
        if card["drifts"]:
            sys.stdout.write("  it disagrees with people more than it used to: label anew\n")
    if not cards:
        sys.stdout.write("no judge has labels yet\n")
    return 0
