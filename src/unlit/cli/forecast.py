"""`unlit forecast`: say beforehand, remember before you look, then see what came."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from unlit.cli.run import repository_of
from unlit.wiring.finding import find_repository

if TYPE_CHECKING:
    from unlit.record.store import Store

app = cyclopts.App(name="forecast", help="Forecast runs, and learn how good forecasts are.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]


@app.command
def say(
    run: str,
    measure: str,
    low: float,
    middle: float,
    high: float,
    *,
    repository: Repository = None,
) -> int:
    """Say what you expect, before the run is graded: 10 %, 50 % and 90 %.

    Args:
        run: The run.
        measure: hours, usd, looks or ship_probability.
        low: One in ten comes below this.
        middle: As likely above as below.
        high: One in ten comes above this.
        repository: The repository; default the one that has the run.
    """
    from unlit.core.system import SystemClock
    from unlit.line.rules.forecast import MEASURES
    from unlit.record.model import Forecast

    store = _store(repository, run)
    found = store.find_run(run)
    if measure not in MEASURES:
        raise _wrong(f"{measure} {low} {middle} {high}", f"MEASURE is {', '.join(MEASURES)}")
    if why := _unsound(measure, low, middle, high):
        raise _wrong(f"{measure} {low:g} {middle:g} {high:g}", why)
    if store.evaluations(found.id) or found.state.is_over:
        raise _wrong(found.id, "a forecast is made before the first grading")
    now = SystemClock().now()
    store.keep_forecasts([Forecast(found.id, "person", measure, _person(), now, low, middle, high)])
    sys.stdout.write(f"{found.id} {measure}: {low} to {high}, most likely {middle}\n")
    return 0


@app.command
def remember(run: str, measure: str, value: float, *, repository: Repository = None) -> int:
    """Say what you remember having forecast, before you are shown what came.

    Args:
        run: The run.
        measure: hours, usd, looks or ship_probability.
        value: The middle that you remember.
        repository: The repository; default the one that has the run.
    """
    store = _store(repository, run)
    found = store.find_run(run)
    rows = [
        row
        for row in store.forecasts(found.id)
        if row.source == "person" and row.measure == measure and row.hindsight is None
    ]
    if not rows:
        raise _wrong(f"{found.id} {measure}", "nobody forecast it, or it was remembered already")
    store.keep_forecasts([replace(rows[0], hindsight=value)])
    sys.stdout.write(f"{found.id} {measure}: you said {rows[0].middle}, you remember {value}\n")
    return 0


@app.command
def show(run: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Show the forecasts of a run. What came is hidden until you said what you remember.

    Args:
        run: The run.
        repository: The repository; default the one that has the run.
        as_json: Print JSON.
    """
    store = _store(repository, run)
    found = store.find_run(run)
    rows = store.forecasts(found.id)
    hidden = {row.measure for row in rows if row.source == "person" and row.hindsight is None}
    plain = [
        {
            "source": row.source,
            "measure": row.measure,
            "by": row.by,
            "low": row.low,
            "middle": row.middle,
            "high": row.high,
            "hindsight": row.hindsight,
            "actual": None if row.measure in hidden else row.actual,
            "hidden": row.measure in hidden and row.actual is not None,
        }
        for row in rows
    ]
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.forecast/1", "forecasts": plain}) + "\n")
        return 0
    for entry in plain:
        came = "hidden: first `unlit forecast remember`" if entry["hidden"] else entry["actual"]
        sys.stdout.write(
            f"{entry['source']:8} {entry['measure']:17} {_span(entry)}  came: {came}\n"
        )
    if not plain:
        sys.stdout.write(
            "No forecast: the factory needs 5 ended runs of this repository, and nobody said one.\n"
        )
    return 0


@app.command
def calibration(*, repository: Repository = None, as_json: Json = False) -> int:
    """Compare all forecasts with what came, people and factory apart.

    Args:
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.line.rules.forecast import calibrate

    found = calibrate(_store(repository, None).forecasts())
    if as_json:
        rows = [row.to_json() for row in found]
        sys.stdout.write(json.dumps({"schema": "unlit.calibration/1", "rows": rows}) + "\n")
        return 0
    for row in found:
        sys.stdout.write(f"{row.source:8} {row.measure:17} {row.runs:4} runs: {row.sentence}\n")
    if not found:
        sys.stdout.write("Not enough runs: no forecast has met its outcome yet.\n")
    return 0


def _span(entry: Mapping[str, object]) -> str:
    if entry["low"] is None:
        return f"{entry['middle']:.2f}"
    return f"{entry['low']:.2f} – {entry['middle']:.2f} – {entry['high']:.2f}"


def _unsound(measure: str, low: float, middle: float, high: float) -> str:
    if not 0 <= low <= middle <= high < float("inf"):
        return "the three are numbers from 0 on that rise: your 10 %, 50 % and 90 %"
    if measure == "ship_probability" and high > 1:
        return "a probability is at most 1"
    return ""


def _wrong(what: str, why: str) -> Exception:
    from unlit.core.errors import InvalidInput

    return InvalidInput(
        "LIN-092",
        f"The forecast cannot be kept: {what}.",
        f"{why}.",
        "see `unlit forecast --help`.",
    )


def _store(repository: Path | None, run: str | None) -> "Store":
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    folder = repository_of(repository, run) if run else find_repository(repository or Path())
    paths = state_paths(settings, folder)
    paths.create()
    return Store.open(settings.text("database_url") or sqlite_url(paths.database))


def _person() -> str:
    import getpass

    from unlit.wiring.settings import read_settings

    return read_settings().text("person") or getpass.getuser()
