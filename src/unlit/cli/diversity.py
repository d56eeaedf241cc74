"""`unlit diversity FILE`: how many independent opinions several models are, measured."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.core.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from unlit.evaluation.rules.diversity import Diversity, Sample

app = cyclopts.App(name="diversity", help="Measure what another model family is worth.")


@app.default
def diversity(
    file: Annotated[Path | None, cyclopts.Parameter(allow_leading_hyphen=True)] = None,
    *,
    recorded: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    repository: Path = Path(),
    confidence: float = 0.95,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
) -> int:
    """Measure how much the failures of several models coincide.

    Args:
        file: JSON lines of task, model, sample and fail (true, false) or label; - is stdin.
        recorded: Measure the agents of this repository's recorded runs instead: a task is a
            scenario, a sample is a run's first candidate, it fails when any trajectory failed.
        repository: The repository whose record is meant.
        confidence: Coverage of the intervals, in (0, 1).
        as_json: Print JSON.

    Returns:
        0.
    """
    from unlit.evaluation.rules.diversity import measure

    if not 0 < confidence < 1:
        raise _invalid("EVA-310", f"--confidence is {confidence}", "It lies between 0 and 1.")
    if (file is None) != recorded:
        raise UsageError(
            "EVA-313",
            "Give either a file or --recorded.",
            "The samples come from one of the two.",
            "Say for instance: unlit diversity samples.jsonl",
        )
    where = "the record" if file is None else str(file)
    samples = _recorded(repository) if file is None else _samples(file)
    found = measure(samples, confidence=confidence)
    if found is None:
        raise _invalid(
            "EVA-311", f"{where} has fewer than two tasks with a sample of every model.",
            "The measurement compares models on the same tasks.",
        )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(found.to_json()) + "\n")
    else:
        sys.stdout.write(_text(found))
    return 0


def _invalid(code: str, what: str, why: str) -> InvalidInput:
    return InvalidInput(
        code, what, why,
        'Give lines such as {"task": "t1", "model": "a", "sample": 0, "fail": true}.',
    )  # fmt: skip


def _recorded(repository: Path) -> "Iterable[Sample]":
    """First candidates only: later ones were written after feedback, so they are not samples."""
    from unlit.core.states import TrajectoryState
    from unlit.evaluation.rules.diversity import Sample, per_candidate
    from unlit.wiring.build import open_record

    counted = (TrajectoryState.SATISFIED, TrajectoryState.NOT_SATISFIED)
    store, _ = open_record(repository)
    try:
        rows = []
        for run in store.runs(limit=100_000):
            first = next((c for c in store.candidates(run.id) if c.number == 1), None)
            if first is None:
                continue
            rows += [
                Sample(
                    f"{run.spec_digest[7:19]}:{row.scenario}",
                    first.agent,
                    run.id,
                    row.state is TrajectoryState.NOT_SATISFIED,
                )
                for row in store.trajectories(run.id, first.id)
                if row.state in counted
            ]
    finally:
        store.close()
    return per_candidate(rows)


def _samples(file: Path) -> "Iterator[Sample]":
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(
            "EVA-312",
            f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            "It is a text file.",
        ) from error
    seen: set[tuple[str, str, str]] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            sample = _sample(line, f"{file}:{number}")
            key = (sample.task, sample.model, sample.sample)
            if key in seen:
                raise _invalid("EVA-312", f"{file}:{number} repeats the sample {key}.",
                               "Each sample stands once.")  # fmt: skip
            seen.add(key)
            yield sample


def _sample(line: str, place: str) -> "Sample":
    from unlit.evaluation.rules.diversity import Sample

    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise _invalid(
            "EVA-312", f"{place} is not JSON: {error.msg}.", "One object a line."
        ) from error
    if not isinstance(row, dict):
        raise _invalid("EVA-312", f"{place} is not an object.", "One object a line.")
    missing = [key for key in ("task", "model", "sample") if row.get(key) is None]
    if missing or ("fail" not in row and "label" not in row):
        names = missing or ["fail or label"]
        raise _invalid("EVA-312", f"{place} has no {', '.join(names)}.", "Each line needs them.")
    fail = row.get("fail")
    if fail is not None and fail not in (True, False, 0, 1):
        raise _invalid("EVA-312", f"{place} has fail = {fail!r}.", "It is true or false.")
    label = row.get("label")
    return Sample(
        str(row["task"]), str(row["model"]), str(row["sample"]),
        None if fail is None else bool(fail),
        None if label is None else json.dumps(label, sort_keys=True),
    )  # fmt: skip


def _text(found: "Diversity") -> str:
    rows = [f"{len(found.models)} models, {found.tasks} tasks, {found.samples:g} samples each\n"]
    for name, number in found.numbers.items():
        if number.estimate is None:
            rows.append(f"  {name:26} not known: {number.reason or 'too few samples'}\n")
            continue
        interval = (
            f"{number.lower:.3f} to {number.upper:.3f}"
            if number.lower is not None and number.upper is not None
            else "no interval"
        )
        rows.append(f"  {name:26} {number.estimate:.3f}   {interval}\n")
    for name, rate in found.fail_rates.items():
        rows.append(f"  fail rate, {name.removeprefix('model:'):26} {rate:.3f}\n")
    rows += [f"{note}\n" for note in found.notes]
    rows.append(f"Method: {found.method}; {found.confidence:.0%} intervals.\n")
    return "".join(rows)
