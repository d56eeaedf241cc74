"""People label judged runs of the line: asked by chance, audited first, counted again at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition, Verdict
from unlit.evaluation.labelling import Unlabelled, unlabelled
from unlit.evaluation.labels import add_label
from unlit.evaluation.recount import recounted
from unlit.line.settled import LOOK
from unlit.record.model import Evaluation, Run, RunState
from unlit.review import Desk

_ORDER = (Partition.VALIDATION, Partition.SEALED, Partition.VISIBLE)
_SHUT: Final = "people's labels: "
_GOES_ON: Final = f"{_SHUT}validation holds; its sealed look is next"
_WORDS = {True: "yes", False: "no", None: "unclear"}


@dataclass(frozen=True, slots=True)
class Grading:
    """One grading of a run whose trajectories a judge judged.

    Attributes:
        folder: Its folder in the evaluator's own store.
    """

    candidate: CandidateId
    partition: Partition
    folder: Path


@dataclass(frozen=True, slots=True)
class Labels:
    """The judged runs of one run of the line, and what people say of them.

    Attributes:
        desk: Where people decide; its log hears of every label before the label is kept.
        vault: The scenarios of the run.
        store: The evaluator's own store beside it.
    """

    desk: Desk
    run: RunId
    vault: Path
    store: Path

    def gradings(self) -> tuple[Grading, ...]:
        """Return the judged gradings of the candidate that would ship.

        Raises:
            InvalidInput: No judge was asked in this run.
        """
        found = self.desk.store.find_run(self.run)
        made = [
            Grading(found.candidate, partition, folder)
            for partition in _ORDER
            if found.candidate
            and (folder := self.store / found.id / found.candidate / partition.value).is_dir()
            and (folder / "judge.json").is_file()
        ]
        if not made:
            raise InvalidInput(
                "EVA-148", f"No judge was asked in run {self.run}.",
                "labels are given on what a judge has judged.",
                "name one in `[evaluation]` of unlit.toml: judge = \"rubric:PROVIDER:MODEL\".",
            )  # fmt: skip
        return tuple(made)

    def waiting(self) -> Iterator[tuple[Grading, Unlabelled]]:
        """Yield what nobody has labelled yet, in the order drawn by chance."""
        for grading in self.gradings():
            for entry in unlabelled(self.vault, grading.folder):
                yield grading, entry

    def keep(self, grading: Grading, entry: Unlabelled, answer: bool | None, person: str) -> None:
        """Keep one label: in the gates' log first, then beside the vault.

        Raises:
            OutsideFailed: The audit log cannot be written; nothing was kept.
        """
        fields = {
            "criterion": entry.row.criterion, "partition": grading.partition.value,
            "candidate": grading.candidate, "trajectory": entry.row.n, "answer": _WORDS[answer],
        }  # fmt: skip
        self.desk.log.write("judge.label", self.run, person, fields)
        at = self.desk.clock.now().isoformat(timespec="seconds")
        add_label(self.vault, replace(entry.row, person=answer, by=person, at=at))

    def skip_settled(self) -> None:
        """Label what failed before there was anything to judge, up to the next run to show.

        A rule says no and nobody is asked; only in the order drawn, else the judge's card would be
        made of failures that nobody had to look at.
        """
        for grading, entry in list(self.waiting()):
            if entry.shown:
                return
            self.keep(grading, entry, False, "rule")

    def count(self) -> tuple[str, ...]:
        """Count the run's gradings again with the labels there are; return what is new of it."""
        found = self.desk.store.find_run(self.run)
        rows = {row.partition: row for row in self.desk.store.evaluations(found.id)
                if row.candidate == found.candidate}  # fmt: skip
        made: dict[Partition, Evaluation] = {}
        said: list[str] = []
        for grading in self.gradings():
            row = rows.get(grading.partition)
            if row is None:
                continue
            document = recounted(row.document, grading.folder, self.vault)
            said += [f"{grading.partition.value}: {card['criterion']}: {_card(card)}"
                     for card in document["judges"]]  # fmt: skip
            made[grading.partition] = replace(
                row, document=document, verdict=Verdict(document["verdict"])
            )
        for row in made.values():
            self.desk.store.keep_evaluation(row)
        return (*said, *self._settle(_verdict(rows), rows | made))

    def _settle(self, before: Verdict, rows: Mapping[Partition, Evaluation]) -> tuple[str, ...]:
        """Shut the outcome gate that the gradings no longer carry; open it where labels shut it.

        Args:
            before: What the gradings said before this count.
            rows: The gradings as they are counted now.
        """
        found = self.desk.store.find_run(self.run)
        now, verdict = self.desk.clock.now(), _verdict(rows)
        if found.state is RunState.WAITING and verdict is not Verdict.SHIP:
            note = f"{_SHUT}{verdict.value}"
            self.desk.store.change_run(
                found.id, now, state=RunState.ENDED, verdict=verdict, note=note
            )
            return (f"The verdict of the run is {verdict.value} now; its gate is shut.",)
        if found.state is RunState.PAUSED and found.note == _GOES_ON:
            if verdict is Verdict.SHIP:
                return (_looks(found.id),)
            self.desk.store.change_run(
                found.id, now, state=RunState.ENDED, verdict=verdict, note=""
            )
            return (f"The verdict of the run is {verdict.value}; it goes on no more.",)
        if verdict is before or not _ended_by(found, before):
            return ()
        if verdict is Verdict.SHIP and Partition.SEALED not in rows:
            settings = {**found.settings, "work": f"{LOOK}{found.candidate}"}
            self.desk.store.change_run(
                found.id, now, state=RunState.PAUSED, note=_GOES_ON, settings=settings
            )
            return (_looks(found.id),)
        state = RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED
        self.desk.store.change_run(found.id, now, state=state, verdict=verdict, note="")
        return (f"The verdict of the run is {verdict.value} now.",)


def _looks(run: RunId) -> str:
    return f"Validation holds now; `unlit resume {run}` looks at its sealed scenarios."


def _verdict(rows: Mapping[Partition, Evaluation]) -> Verdict:
    """Return what the gradings say together: the first that holds back, else `ship`."""
    verdicts = [rows[name].verdict for name in _ORDER if name in rows]
    return next((one for one in verdicts if one is not Verdict.SHIP), Verdict.SHIP)


def _ended_by(run: Run, verdict: Verdict) -> bool:
    """Say whether the gradings ended a run: what ended for another reason says so in its note."""
    graded = not run.note or run.note.startswith(_SHUT)
    return run.state is RunState.ENDED and run.verdict is verdict and graded


def _card(card: dict[str, object]) -> str:
    found = card["inference"]
    if not isinstance(found, dict):
        return f"{card['labels_here']} labels of {card['judged']} judged runs; nothing counts yet"
    said = "above the rate to exceed" if found["above"] else "not shown above it"
    if found["below"]:
        said = "below a good product's rate"
    return (
        f"{found['labelled']} labels: {found['estimate']:.3f}, at least "
        f"{found['one_sided_lower']:.3f}: {said}"
    )
