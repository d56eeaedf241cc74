"""Read what the evaluator keeps for itself, for people who may see it; never written anywhere."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition
from unlit.review.rules.reading import rows, table

_MOST_BYTES: Final = 64_000_000
_MOST_PICTURE: Final = 8_000_000
_HEAD: Final = 200
NAME: Final = "trajectories.jsonl"


@dataclass(frozen=True, slots=True)
class Evaluations:
    """The evaluator's own store, found by run.

    Attributes:
        store: Folder of the store that a run's vault has, or `None` when it is not known.
    """

    store: Callable[[RunId], Path | None]

    def lines(
        self, run: RunId, candidate: CandidateId, partition: Partition
    ) -> list[Mapping[str, Any]]:
        """Return the trajectories of one grading with everything seen; empty when out of reach."""
        folder = self._folder(run, candidate, partition)
        if folder is None:
            return []
        path = folder / NAME
        try:
            if path.stat().st_size > _MOST_BYTES:
                return []
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for raw in text.splitlines() if (line := _line(raw))]

    def one(
        self, run: RunId, candidate: CandidateId, partition: Partition, number: int
    ) -> Mapping[str, Any] | None:
        """Return one trajectory with everything seen."""
        folder = self._folder(run, candidate, partition)
        if folder is None:
            return None
        try:
            with (folder / NAME).open(encoding="utf-8", errors="replace") as stream:
                for place, raw in enumerate(stream, start=1):
                    if place < number and f'"n": {number},' not in raw[:_HEAD]:
                        continue  # one line a trajectory, in order: most need not be read
                    line = _line(raw)
                    if table(line.get("record")).get("n") == number:
                        return line
        except OSError:
            return None
        return None

    def picture(
        self, run: RunId, candidate: CandidateId, partition: Partition, number: int, step: int
    ) -> bytes | None:
        """Return what the page looked like after a step of one trajectory."""
        folder = self._folder(run, candidate, partition)
        if folder is None:
            return None
        path = folder / "pictures" / f"{number}-{step}.jpg"
        try:
            small = path.is_file() and path.stat().st_size < _MOST_PICTURE
            return path.read_bytes() if small else None
        except OSError:
            return None

    def _folder(self, run: RunId, candidate: CandidateId, partition: Partition) -> Path | None:
        """Return the folder of one grading, if it lies in the store."""
        folder = self.store(run)
        if folder is None:
            return None
        path = folder / run / candidate / partition.value
        return path if path.resolve().is_relative_to(folder.resolve()) else None


def _line(raw: str) -> Mapping[str, Any]:
    try:
        return table(json.loads(raw))
    except ValueError:
        return {}


def difference(
    here: Mapping[str, Any], there: Mapping[str, Any] | None
) -> list[tuple[str, int, int | None]]:
    """Return how many effects each collection has here, and in the other trajectory."""
    mine, other = table(here.get("effects")), table((there or {}).get("effects"))
    names = sorted({*mine, *other})

    def added(effects: Mapping[str, Any], name: str) -> int:
        return len(rows(table(effects.get(name)).get("added")))

    return [
        (name, added(mine, name), None if there is None else added(other, name)) for name in names
    ]
