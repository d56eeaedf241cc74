"""One trajectory: what the record holds of it, and how to run it again."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId
from unlit.core.states import Partition
from unlit.record.model import Trajectory
from unlit.record.store import Store
from unlit.review.model import Report, to_plain
from unlit.review.rules.commands import checkout_command, checkout_folder
from unlit.review.rules.reading import rows, table
from unlit.review.rules.words import TRAJECTORY_WORDS, duration, inert


@dataclass(frozen=True, slots=True)
class Found:
    """One trajectory of the record.

    Attributes:
        routes: Twin routes it used, with their tiers.
        told: What the writer was told because of its grading: criterion and bucket.
        replay: The command that runs it again, after `checkout`.
        total: How many trajectories its grading has.
        before: Number of the failure before it, `after` the next one.
        siblings: Trajectories of the same scenario: satisfied and all.
    """

    row: Trajectory
    routes: tuple[Mapping[str, Any], ...]
    told: tuple[Mapping[str, Any], ...]
    replay: str
    total: int
    checkout: str = ""
    before: int | None = None
    after: int | None = None
    siblings: tuple[int, int] = (0, 0)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        plain: dict[str, Any] = to_plain(self)
        return {"schema": "unlit.trajectory/1", **plain}


def find_trajectory(store: Store, report: Report, name: str) -> Found:
    """Find the trajectory named ``CANDIDATE/PARTITION/NUMBER``.

    Raises:
        InvalidInput: It is not a name, or nothing has it.
    """
    words = name.split("/")
    if len(words) != 3 or words[1] not in set(Partition) or not words[2].isdigit():
        raise _unknown(name)
    candidate, partition, number = CandidateId(words[0]), Partition(words[1]), int(words[2])
    found = store.trajectories(report.run.id, candidate, partition)
    row = next((item for item in found if item.number == number), None)
    if row is None:
        raise _unknown(name)
    evaluation = store.evaluation(report.run.id, candidate, partition)
    document = evaluation.document if evaluation is not None else {}
    stated = next(
        (
            table(item)
            for item in rows(document.get("trajectories"))
            if table(item).get("n") == number
        ),
        {},
    )
    missed = [item.number for item in found if item.state.value != "satisfied"]
    same = [item for item in found if item.scenario == row.scenario]
    return Found(
        row=row,
        routes=tuple(table(item) for item in rows(stated.get("twin_routes"))),
        told=evaluation.feedback if evaluation is not None else (),
        replay=replay_command(report, row),
        total=len(found),
        checkout=_checkout(report, row),
        before=max((n for n in missed if n < number), default=None),
        after=min((n for n in missed if n > number), default=None),
        siblings=(sum(item.state.value == "satisfied" for item in same), len(same)),
    )


def replay_command(report: Report, row: Trajectory) -> str:
    """Return the command that runs exactly this trajectory once more."""
    made = next((line for line in report.candidates if line.id == row.candidate), None)
    folder = checkout_folder(made.commit) if made is not None else "DIR"
    words = ["unlit", "evaluate", "--spec", report.run.spec_path, "--candidate", folder]
    vault = _vault(report)
    if vault:
        words += ["--vault", vault]
    if row.partition is not Partition.VALIDATION:
        words += ["--partition", row.partition.value]
    return shlex.join([*words, "--replay", f"{row.scenario}:{row.seed}"])


def _checkout(report: Report, row: Trajectory) -> str:
    made = next((line for line in report.candidates if line.id == row.candidate), None)
    return "" if made is None else checkout_command(report.run.workspace, made.commit)


def _vault(report: Report) -> str | None:
    words = shlex.split(report.commands.get("evaluate", ""))
    return words[words.index("--vault") + 1] if "--vault" in words else None


def facts_text(found: Found) -> str:
    """Render one trajectory for a terminal."""
    row = found.row
    lines = [
        f"{TRAJECTORY_WORDS[row.state.value]}: trajectory {row.number} of {found.total}, "
        f"candidate {row.candidate}, {row.partition.value}",
        f"scenario  {inert(row.scenario)}  seed {row.seed}",
        f"criteria  {', '.join(row.criteria) or 'none named'}",
        f"took      {duration(row.duration_s)}",
    ]
    lines += [
        f"twin      {inert(str(item.get('service')))} {inert(str(item.get('route')))}"
        f"  tier {item.get('tier') or 'not measured'}"
        for item in found.routes
    ]
    lines.append(f"same scenario: {found.siblings[0]} of {found.siblings[1]} satisfied")
    lines.append("What was seen stays with the evaluator; run it again to see it:")
    lines += [f"  {line}" for line in (found.checkout, found.replay) if line]
    return "\n".join(lines) + "\n"


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(
        "REV-025",
        f"{name!r} names no trajectory of this run.",
        "a name is CANDIDATE/PARTITION/NUMBER, such as c2/validation/23.",
        "`unlit review RUN --number satisfaction` lists them.",
    )
