"""What an answer becomes besides itself: a label, an example of the spec, or a scenario."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import RunId
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.intent import reading_of
from unlit.record.model import Question
from unlit.record.store import Store

LABELS: Final = "answers.jsonl"
_HEADING: Final = re.compile(r"^#{1,3} ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with what it was given on.

    Attributes:
        word: ``yes``, ``no`` or ``unclear``.
        numbers: Trajectories whose output was shown beside the question.
    """

    run: RunId
    spec: str
    candidate: str
    question: Question
    word: str
    reason: str
    numbers: tuple[int, ...] = ()


def answered(store: Store, run: RunId, number: int) -> Answered:
    """Return an answer of the record.

    Raises:
        InvalidInput: There is no such question, or nobody has answered it.
    """
    found = store.find_run(run)
    row = next((row for row in store.questions(found.id) if row.number == number), None)
    if row is None or row.answer is None:
        raise InvalidInput(
            "REV-068", f"Question {number} of run {found.id} has no answer.",
            "only what a person has said becomes an example or a scenario.", "answer it first.",
        )  # fmt: skip
    word, _, reason = row.answer.partition(": ")
    return Answered(found.id, found.spec_id, str(found.candidate or ""), row, word, reason)


def keep_label(folder: Path, told: Mapping[str, Any]) -> bool:
    """Write an answer as a label beside the vault, once; return whether it was new.

    These labels are given where a gate happened to ask, so they are kept apart from those that the
    evaluator draws at random: they measure a judge, they do not let it through the gate.
    """
    path = folder / LABELS
    key = (told.get("run"), told.get("question"))
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in known:
        row = json.loads(line)
        if (row.get("run"), row.get("question")) == key:
            return False
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"schema": "unlit.label/1", **told}, ensure_ascii=False) + "\n")
    return True


def with_example(text: str, told: Answered) -> str:
    """Return the spec with the answer as an example of its criterion; a person finishes it.

    Raises:
        InvalidInput: The answer names no criterion of the spec, or says nothing.
    """
    criterion = str(told.question.criterion or "")
    heading = re.search(rf"^### {re.escape(criterion)}\b.*$", text, re.MULTILINE)
    if not criterion or heading is None or not told.reason:
        raise InvalidInput(
            "REV-069", "The answer cannot become an example.",
            "an example belongs to a criterion and needs what should be seen.",
            "write it into the spec by hand.",
        )  # fmt: skip
    following = _HEADING.search(text, heading.end())
    at = following.start() if following else len(text)
    wanted = told.word == "yes"
    outcome = told.reason if wanted else f"not what was seen there: {told.reason}"
    example = (
        f"Example: {' '.join(told.reason.split())[:70]}\n"
        f"- Input: as in run {told.run}, candidate {told.candidate}\n"
        f"- Outcome: {' '.join(outcome.split())}\n"
    )
    made = f"{text[:at].rstrip()}\n\n{example}\n{text[at:]}"
    before = {one.id: len(one.examples) for one in reading_of(text, "spec").spec.criteria}
    after = {one.id: len(one.examples) for one in reading_of(made, "spec").spec.criteria}
    key = next((name for name in after if str(name) == criterion), None)
    if key is None or after[key] != before.get(key, 0) + 1:
        raise InvalidInput(
            "REV-069", "The answer cannot become an example.",
            "the spec would not be read as having one more.", "write it into the spec by hand.",
        )  # fmt: skip
    return made


def scenario_of(base: Scenario, vault: Path, told: Answered, person: str, where: str) -> str:
    """Return a scenario that asks the same again, in the world the answer was given on.

    Args:
        base: The scenario whose trajectory was shown.
        vault: Folder of the scenarios.
        told: The answer.
        person: Who makes the scenario.
        where: What was judged, such as ``slack.messages`` or ``stdout``.

    Raises:
        InvalidInput: The scenario it is taken from cannot be read, or the new one is not sound.
    """
    source: Any = yaml.safe_load((vault / base.file).read_text(encoding="utf-8"))
    criterion = str(told.question.criterion or "")
    name = f"asked-{told.run}-{told.question.number}"
    source |= {
        "id": name,
        "story": f"{' '.join(told.question.text.split())} Asked in run {told.run}.",
        "criterion": sorted({*source.get("criterion", []), criterion} - {""}),
        "partition": "validation",
        "oracle": "human",
        "author": {"by": "person", "name": person},
        "owner": person,
        "because": f"run {told.run}, question {told.question.number}: {told.word}, {told.reason}",
    }
    ask = {"ask": told.question.text, "evidence": "stdout" if where == "printed" else where}
    source["then"] = [
        *source.get("then", []),
        {"judge": ask} | ({"criterion": [criterion]} if criterion else {}),
    ]
    text = yaml.safe_dump(source, sort_keys=False, allow_unicode=True, width=98)
    parsed = parse_scenario(text, f"validation/{name}.yaml")
    if not isinstance(parsed, Scenario):
        raise InvalidInput(
            "REV-070", f"No scenario can be made from this answer: {parsed[0].message}",
            "it is the scenario that was shown, with the question added.",
            "write one by hand; `unlit scenarios lint` helps.",
        )  # fmt: skip
    return str(text)


def write_scenario(vault: Path, name: str, text: str) -> Path:
    """Write a new scenario; one that is there stays.

    Raises:
        OutsideFailed: It cannot be written.
    """
    path = vault / "validation" / f"{name}.yaml"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return path
    except OSError as error:
        raise OutsideFailed(
            "REV-071", f"The scenario {path.name} cannot be written: {error.strerror}.",
            "the vault belongs to whoever owns the scenarios.", "write it as that person.",
        ) from error  # fmt: skip
    return path
