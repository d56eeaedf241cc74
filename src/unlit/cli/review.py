"""`unlit review`: the outcome report of a run, its questions, and where each number comes from."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.record.store import Store
    from unlit.review import Report

app = cyclopts.App(name="review", help="The outcome report of a run.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def review(
    run: str = "last",
    *,
    html: Path | None = None,
    markdown: Flag = False,
    number: str | None = None,
    trajectory: str | None = None,
    labels: Flag = False,
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
        as_json: Print JSON (unlit.report/1).
        repository: Folder of the repository; default this one.
    """
    from unlit.review import build_report, render_html, render_markdown
    from unlit.review.adapters.fence_log import fences_of
    from unlit.wiring.desk import open_office

    office = open_office(repository, run=run)
    if labels:
        return _labels(office.store)
    found = office.store.find_run(run).id
    report = build_report(office.store, found, fences=fences_of((office.paths.audit,), found))
    if html is not None:
        _write(html, render_html(report))
        sys.stderr.write(f"wrote {html}\n")
    if number is not None:
        return _number(office.store, report, number, as_json=as_json)
    if trajectory is not None:
        return _trajectory(office.store, report, trajectory, as_json=as_json)
    if as_json:
        _print_json(report.to_json())
    elif markdown:
        sys.stdout.write(render_markdown(report))
    elif html is None:
        from unlit.review.text import render_text

        sys.stdout.write(render_text(report))
    return report.verdict.exit_code if report.verdict is not None else 0


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


def _number(store: "Store", report: "Report", name: str, *, as_json: bool) -> int:
    from unlit.review.numbers import recompute

    found = recompute(store, report, name)
    if as_json:
        _print_json(found.to_json())
    else:
        sys.stdout.write(f"{found.name}: {found.said}\n")
        if found.again is not None:
            agreed = "agrees" if found.agrees else "DISAGREES"
            sys.stdout.write(f"recomputed: {found.again}  ({agreed})\n")
        sys.stdout.write(f"how: {found.how}\n")
        for row in found.rows:
            sys.stdout.write("  " + "  ".join(f"{k}={v}" for k, v in row.items()) + "\n")
        for key, value in found.facts.items():
            sys.stdout.write(f"  {key}: {json.dumps(value, ensure_ascii=False)}\n")
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
