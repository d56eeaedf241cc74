"""The evaluator's own store: everything with content of scenarios, for the vault's owner alone."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TextIO

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import ScenarioId
from unlit.core.states import TrajectoryState
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.model import TrajectoryRecord
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.template import fill
from unlit.evaluation.trajectory import Outcome
from unlit.evaluation.wire import trajectory_from_json

_TEXT_LIMIT: Final = 20_000
PICTURES: Final = "pictures"
_SEEN_FIELDS: Final = tuple(field.name for field in fields(Observation))


@dataclass(frozen=True, slots=True)
class Kept:
    """One trajectory that an interrupted grading had counted."""

    record: TrajectoryRecord
    leaks: Mapping[str, Sequence[ScenarioId]]
    judged: Mapping[str, bool]


class ArtefactStore:
    """A folder that only this user may open; one line per trajectory.

    Args:
        folder: Made if missing, with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutsideFailed(
                "EVA-143", f"The evaluator's store {folder} cannot be made.",
                f"{error.strerror}.", "put the vault into a folder that you may write to.",
            ) from error  # fmt: skip
        self.folder = folder
        self._path = folder / "trajectories.jsonl"
        self._stream: TextIO | None = None

    def begin(self, key: str) -> bool:
        """Make this the folder of the grading of `key`; return whether it was already."""
        self.close()
        marker = self.folder / "key"
        if marker.exists() and marker.read_text(encoding="utf-8") == key:
            return True
        self._path.unlink(missing_ok=True)
        marker.write_text(key, encoding="utf-8")
        return False

    def resume(self, key: str) -> list[Kept]:
        """Return what an interrupted grading of the same key had counted; else begin anew.

        A torn last line, as `kill -9` leaves it, is dropped: its draw is made again.
        """
        if not self.begin(key):
            return []
        records: list[Kept] = []
        good = 0
        if self._path.exists():
            with self._path.open("rb") as stream:
                for line in stream:
                    kept = _kept(line)
                    if kept is None or kept.record.n != len(records) + 1:
                        break
                    records.append(kept)
                    good += len(line)
            os.truncate(self._path, good)
        return records

    def keep(
        self,
        record: TrajectoryRecord,
        outcome: Outcome,
        scenario: Scenario,
        leaks: Mapping[str, Sequence[ScenarioId]],
        judged: Mapping[str, bool],
    ) -> None:
        """Append one trajectory with everything that was seen."""
        self._keep_pictures(record.n, outcome)
        full = _full(record, outcome, scenario) | {"leaks": leaks, "judged": judged}
        line = json.dumps(full, ensure_ascii=False, default=str)
        if self._stream is None:
            # what a product made may be no text: it must not stop who writes it down
            self._stream = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        self._stream.write(line + "\n")
        self._stream.flush()

    def _keep_pictures(self, number: int, outcome: Outcome) -> None:
        """Keep what pages looked like, one file for each step."""
        for seen in outcome.seen:
            if seen.picture:
                folder = self.folder / PICTURES
                folder.mkdir(mode=0o700, exist_ok=True)
                (folder / f"{number}-{seen.step}.jpg").write_bytes(seen.picture)

    def forget(self) -> None:
        """Begin anew, whatever was kept here."""
        for name in ("key", self._path.name, "smaller.json"):
            (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the journal; it is opened again when needed."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def write(self, name: str, value: Any) -> Path:
        """Write one JSON file, whole or not at all."""
        path = self.folder / name
        partial = path.with_name(path.name + ".partial")
        partial.write_text(
            json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n",
            encoding="utf-8",
            errors="backslashreplace",
        )
        partial.replace(path)
        return path


def _kept(line: bytes) -> Kept | None:
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
        return Kept(trajectory_from_json(value["record"]), value["leaks"], value["judged"])
    except (ValueError, KeyError, InvalidInput):
        return None


def stated(scenario: Scenario, outcome: Outcome) -> list[dict[str, Any]]:
    """Return what the scenario says, part by part, and whether it held: for people who may see it.

    What comes after a step that failed was never done: it neither held nor broke. Nor did anything
    of a trajectory that says nothing about the product.
    """
    broken = {reason.label for reason in outcome.reasons}
    values = outcome.draw.values
    stopped = min((_step(label) for label in broken if label.startswith("when[")), default=None)
    told = outcome.state in (TrajectoryState.SATISFIED, TrajectoryState.NOT_SATISFIED)
    rows: list[dict[str, Any]] = []

    def add(part: str, words: str, value: Any, labels: str) -> None:
        is_broken = any(label == labels or label.startswith(f"{labels} ") for label in broken)
        after = stopped is not None and (part != "when" or _step(labels) > stopped)
        held = False if is_broken else None if after or not told else True
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False,
                                                               default=str)  # fmt: skip
        rows.append({"part": part, "words": words, "value": text[:600], "held": held})

    for n, step in enumerate(scenario.when, 1):
        add("when", step.kind, fill(step.params, values), f"when[{n}] {step.kind}")
    for n, check in enumerate(scenario.then, 1):
        add("then", check.kind, fill(check.value, values), f"then[{n}] {check.kind}")
    for name in scenario.never:
        add("never", str(name), "", f"never {name}")
    return rows


def _step(label: str) -> int:
    return int(label.removeprefix("when[").partition("]")[0])


def _full(record: TrajectoryRecord, outcome: Outcome, scenario: Scenario) -> dict[str, Any]:
    return {
        "record": record.to_json(),
        "story": scenario.story,
        "file": scenario.file,
        "values": dict(outcome.draw.values),
        "why": [{"check": reason.label, "text": reason.text} for reason in outcome.reasons],
        "steps": [
            {
                key: value[:_TEXT_LIMIT] if isinstance(value, str) else value
                for key in _SEEN_FIELDS
                if key != "picture"
                if (value := getattr(seen, key)) not in (None, "", {}, False)
            }
            for seen in outcome.seen
        ],
        "server": [text[:_TEXT_LIMIT] for text in outcome.server_outputs],
        "effects": outcome.effects,
        "before": outcome.before,
        "calls": list(outcome.traffic.made),
        "checks": stated(scenario, outcome),
        "files": list(outcome.files),
        "fault": outcome.fault,
        "judgements": [
            {
                "check": n,
                "criteria": list(scenario.then[n].criterion or scenario.criteria),
                "ask": said.ask,
                "evidence": said.evidence[:_TEXT_LIMIT],
                "answer": said.answer,
                "quote": said.quote[:_TEXT_LIMIT],
            }
            for n, said in outcome.judged.items()
        ],
    }
