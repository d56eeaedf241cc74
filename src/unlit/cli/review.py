"""`unlit review`: the outcome report of a run, its questions, and where each number comes from."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.core.ids import RunId
    from unlit.record.store import Store
    from unlit.review import Report

app = cyclopts.App(name="review", help="The outcome report of a run.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def review(  # noqa: PLR0913 # a command line has many flags, each optional
    run: str = "last",
    *,
    html: Path | None = None,
    markdown: Flag = False,
    number: str | None = None,
    trajectory: str | None = None,
    labels: Flag = False,
    export: Path | None = None,
    record: Path | None = None,
    as_json: Json = False,
    repository: Path | None = None,
) -> int:
    """Print what a run came to: verdict, questions, criteria, what was not verified.

    Exit code: 0 the verdict is ship or the run is not over; 1 not good enough; 5 harness fault.

    Args:
        run: The run, the start of its id, or ``last``.
        html: Write the report as one HTML file that stands alone.
        markdown: Print Markdown, for a ticket or a pull request.
        number: Recompute one number from the record: satisfaction, sealed, criteria, cost ...
        trajectory: Show one trajectory, such as c2/validation/23.
        labels: Print what people answered in all runs, one JSON line each, for judges.
        export: Write the run's record as one JSON file (unlit.record/1); no scenario content.
        record: Read such a file instead of a repository's record; numbers recompute from it alone.
        as_json: Print JSON (unlit.report/1).
        repository: Folder of the repository; default this one.
    """
    from unlit.review import build_report
    from unlit.review.adapters.fence_log import fences_in, fences_of
    from unlit.wiring.reading import logs_of_run, open_reading

    wanted = _Wanted(html, markdown, number, trajectory, as_json)
    if record is not None:
        from unlit.review.adapters.exported import loaded

        with loaded(record) as found:
            report = build_report(found.store, found.run, fences=fences_in(found.closed))
            return _show(found.store, report, wanted, found.closed)
    opened = open_reading(repository, run=run)
    if labels:
        return _labels(opened.store)
    name = opened.store.find_run(run).id
    logs = logs_of_run(opened, name)
    if export is not None:
        return _export(opened.store, name, logs, export)
    report = build_report(opened.store, name, fences=fences_of(logs, name))
    return _show(opened.store, report, wanted, logs=logs)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be printed."""

    html: Path | None
    markdown: bool
    number: str | None
    trajectory: str | None
    as_json: bool


def _show(
    store: "Store",
    report: "Report",
    wanted: _Wanted,
    closed: "Sequence[Mapping[str, Any]]" = (),
    logs: "Sequence[Path]" = (),
) -> int:
    from unlit.review import render_html, render_markdown
    from unlit.review.adapters.exported import closed_fences

    if wanted.html is not None:
        _write(wanted.html, render_html(report))
        sys.stderr.write(f"wrote {wanted.html}\n")
    if wanted.number is not None:
        found = closed or closed_fences(logs, report.run.id)
        return _number(store, report, wanted.number, found, as_json=wanted.as_json)
    if wanted.trajectory is not None:
        return _trajectory(store, report, wanted.trajectory, as_json=wanted.as_json)
    if wanted.as_json:
        _print_json(report.to_json())
    elif wanted.markdown:
        sys.stdout.write(render_markdown(report))
    elif wanted.html is None:
        from unlit.review.text import render_text

        columns = shutil.get_terminal_size((96, 24)).columns
        sys.stdout.write(render_text(report, columns))
    return report.verdict.exit_code if report.verdict is not None else 0


def _export(store: "Store", run: "RunId", logs: "Sequence[Path]", path: Path) -> int:
    from unlit.review.adapters.exported import export

    _write(path, json.dumps(export(store, run, logs), ensure_ascii=False, indent=1) + "\n")
    sys.stderr.write(
        f"wrote {path}; `unlit review --record {path} --number satisfaction` reads it\n"
    )
    return 0


def _write(path: Path, text: str) -> None:
    from unlit.core.errors import InvalidInput

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            "REV-027",
            f"The report cannot be written to {path}: {error.strerror}.",
            "--html names a file in a folder that exists and may be written to.",
            "name another file, or make its folder first.",
        ) from error


def _labels(store: "Store") -> int:
    from unlit.review.labels import labels

    for row in labels(store):
        _print_json(row)
    return 0


def _number(
    store: "Store",
    report: "Report",
    name: str,
    closed: "Sequence[Mapping[str, Any]]",
    *,
    as_json: bool,
) -> int:
    from unlit.review.numbers import recompute

    found = recompute(store, report, name, closed)
    if as_json:
        _print_json(found.to_json())
    else:
        sys.stdout.write(f"{found.name}\n")
        for part in found.parts:
            word = "agrees" if part.agrees else f"DISAGREES: the rows give {part.again}"
            sys.stdout.write(f"  {part.label}: {part.said}  ({word})\n")
        if not found.parts:
            sys.stdout.write("  the report prints no such number\n")
        sys.stdout.write(f"how: {found.how}\n")
        for row in found.rows:
            sys.stdout.write("  " + "  ".join(f"{k}={v}" for k, v in row.items()) + "\n")
    return 0 if found.agrees is not False else 1


def _trajectory(store: "Store", report: "Report", name: str, *, as_json: bool) -> int:
    from unlit.review.trajectories import facts_text, find_trajectory

    found = find_trajectory(store, report, name)
    if as_json:
        _print_json(found.to_json())
    else:
        sys.stdout.write(facts_text(found))
    return 0


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
