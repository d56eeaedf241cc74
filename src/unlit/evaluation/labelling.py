"""Which judged runs a person is shown, in which order, and what of them: blind to the judge.

The order is drawn with the evaluator's own key, so that neither the candidate nor who labels can
choose it: labels in this order are a random sample of the grading's runs.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.evaluation.labels import LabelRow, place_of, read_rows
from unlit.evaluation.leaks.gather import canary_key


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """One judged run that nobody has labelled yet.

    Attributes:
        shown: Question and evidence of each judge check; empty where the product failed before.
    """

    row: LabelRow
    story: str
    shown: tuple[tuple[str, str], ...]


def unlabelled(vault: Path, grading: Path) -> Iterator[Unlabelled]:
    """Yield the judged runs of a grading that have no label, in the order to label them.

    Args:
        vault: The vault.
        grading: The grading's folder in the evaluator's store.

    Raises:
        InvalidInput: No run there was judged.
    """
    judge, family, key, found = read_grading(grading)
    done = {(row.judge, row.criterion, row.grading, row.n) for row in read_rows(vault)}
    secret = canary_key(vault)

    def place(entry: tuple[str, int, bool, Any]) -> bytes:
        return place_of(secret, key, entry[0], entry[1])

    for criterion, n, verdict, kept in sorted(found, key=place):
        if (judge, criterion, key, n) in done:
            continue
        shown = tuple(
            (str(entry["ask"]), str(entry["evidence"]))
            for entry in kept.get("judgements", ())
            if criterion in entry["criteria"]
        )
        row = LabelRow(judge, criterion, verdict, None, key, n, family=family)
        yield Unlabelled(row, str(kept["story"]), shown)


def read_grading(
    folder: Path,
) -> tuple[str, str | None, str, list[tuple[str, int, bool, Mapping[str, Any]]]]:
    """Return judge, family, key and (criterion, n, verdict, what was kept) of a grading's runs.

    Raises:
        InvalidInput: No run there was judged.
    """
    found: list[tuple[str, int, bool, Mapping[str, Any]]] = []
    try:
        key = (folder / "key").read_text(encoding="utf-8")
        meta = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
        lines = (folder / "trajectories.jsonl").read_text(encoding="utf-8").splitlines()
        for line in lines:
            kept = json.loads(line)
            for criterion, verdict in kept["judged"].items():
                found.append((criterion, int(kept["record"]["n"]), bool(verdict), kept))
    except (OSError, ValueError, KeyError) as error:
        raise _nothing(folder) from error
    if not found:
        raise _nothing(folder)
    return str(meta["judge"]), meta["family"], key, found


def _nothing(folder: Path) -> InvalidInput:
    return InvalidInput(
        "EVA-148", f"No run in {folder} was judged.",
        "labels are given on what a judge has judged.",
        "grade first: `unlit evaluate … --judge rubric:PROVIDER:MODEL`.",
    )  # fmt: skip
