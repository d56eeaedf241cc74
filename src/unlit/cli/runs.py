"""`unlit runs`, `show`, `cancel` and `pause`: read the record; never start a fence."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.cli.inert_output import open_stream
from unlit.cli.run import repository_of, result_of

if TYPE_CHECKING:
    from unlit.record.model import Run, RunState
    from unlit.record.quick import QuickReads
    from unlit.record.store import Store

runs = cyclopts.App(name="runs", help="List runs, newest first.")
show = cyclopts.App(name="show", help="Show one run: stages, candidates, gradings, cost.")
cancel = cyclopts.App(name="cancel", help="Stop a run for good.")
replay = cyclopts.App(name="replay", help="Show again what a run did, from its record.")
pause = cyclopts.App(name="pause", help="Stop a run before its next step; resume goes on.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]


@runs.default
def list_runs(
    *,
    limit: int = 20,
    state: str | None = None,
    watch: Annotated[bool, cyclopts.Parameter("--watch", negative=())] = False,
    everywhere: Annotated[bool, cyclopts.Parameter("--all", negative=())] = False,
    repository: Repository = None,
    as_json: Json = False,
) -> int:
    """List runs, newest first.

    Args:
        watch: Show all runs live: where each is, how far its grading, what it cost.
        everywhere: With --watch, the runs of every repository of this user.
        limit: How many.
        state: Only runs in this state, such as waiting.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.record.model import RunState

    if watch:
        return _watch(repository, everywhere=everywhere)
    if limit < 1:
        from unlit.core.errors import UsageError

        raise UsageError(
            "LIN-055",
            f"--limit {limit} lists nothing.",
            "it says how many of the newest runs are shown.",
            "use a number from 1 up.",
        )
    states: tuple[RunState, ...] = ()
    if state is not None:
        states = (_state(state),)
    store = _reads(repository)
    found = store.runs(limit=limit, states=states)
    if as_json:
        rows = [result_of(run) for run in found]
        sys.stdout.write(json.dumps({"schema": "unlit.runs/1", "runs": rows}) + "\n")
        return 0
    for run in found:
        verdict = "-" if run.verdict is None else run.verdict.value
        when = run.created_at.strftime("%Y-%m-%d %H:%M")
        sys.stdout.write(
            f"{run.id:13} {when} {run.state.value:9} {verdict:14} {run.agent:16} {run.spec_id}\n"
        )
    if not found:
        sys.stdout.write("No runs yet. `unlit run SPEC` starts one.\n")
    return 0


@show.default
def show_run(name: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Show one run.

    Args:
        name: The run, or the start of its id, or `last`.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    store = _reads(repository, name)
    found = store.find_run(name)
    if as_json:
        sys.stdout.write(json.dumps(_everything(store, found)) + "\n")
        return 0
    write = sys.stdout.write
    write(f"{found.id} {found.title} ({found.spec_id}), {found.state.value}\n")
    write(f"  base {found.base[:10]}, agent {found.agent}, seed {found.seed}\n")
    if found.note:
        write(f"  {found.note}\n")
    for stage in store.stages(found.id):
        again = f" (attempt {stage.attempt})" if stage.attempt > 1 else ""
        write(f"  {stage.key:14} {stage.state.value:16} {stage.detail}{again}\n")
    for candidate in store.candidates(found.id):
        write(f"  {candidate.id} commit {candidate.commit[:10]} tree {candidate.tree[:10]}\n")
    write(f"  cost {_cost(store, found)}\n")
    if store.candidates(found.id):
        write(f"git --git-dir {found.workspace} log candidates/c1\n")
    return 0


@cancel.default
def cancel_run(name: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Stop a run for good; the process that works on it obeys within a second.

    Args:
        name: The run, or the start of its id, or `last`.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.record.model import RunState

    return _stop(name, repository, RunState.CANCELLED, as_json=as_json)


@pause.default
def pause_run(name: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Stop a run here and now; `unlit resume` repeats the step it was in.

    Args:
        name: The run, or the start of its id, or `last`.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.record.model import RunState

    return _stop(name, repository, RunState.PAUSED, as_json=as_json)


@replay.default
def replay_run(
    name: str, *, follow: bool = False, repository: Repository = None, as_json: Json = False
) -> int:
    """Show again what a run did, from its record alone; no model, no fence.

    Args:
        name: The run, or the start of its id, or `last`.
        follow: Go on until the run stops; a live view of a run that another process works on.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print one JSON object a line.
    """
    import asyncio

    store = _store(repository, name)
    found = store.find_run(name)
    return asyncio.run(_replay(store, found, follow=follow, as_json=as_json))


async def _replay(store: "Store", found: "Run", *, follow: bool, as_json: bool) -> int:
    from unlit.cli.run import exit_code, live_view
    from unlit.core.system import SystemClock
    from unlit.line.model import LineEvent
    from unlit.record.model import RunState

    told_s, clock, seen = found.created_at.timestamp(), SystemClock(), 0
    view = live_view(lambda: told_s)
    while True:
        busy = store.run(found.id)
        for event in store.events(found.id, after=seen):
            seen, told_s = event.seq, event.at.timestamp()
            data = {key: value for key, value in event.data.items() if key != "state"}
            if as_json:
                row = {"seq": event.seq, "at": event.at.isoformat(), "kind": event.kind}
                row |= {"stage": event.stage, "candidate": event.candidate, "text": event.text}
                sys.stdout.write(json.dumps({**row, **event.data}) + "\n")
            else:
                state = str(event.data.get("state", ""))
                view.listen(
                    LineEvent(
                        found.id, event.kind, event.stage, event.candidate, state, event.text, data
                    )
                )
        going = busy is not None and busy.state in (RunState.QUEUED, RunState.RUNNING)
        if not (follow and going):
            break
        await clock.sleep(0.5)
    view.close()
    return exit_code(busy) if follow and busy is not None else 0


def _watch(repository: Path | None, *, everywhere: bool) -> int:
    import asyncio

    from unlit.cli.runs_watch import RunsView, watch
    from unlit.core.system import SystemClock
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    if everywhere and settings.text("database_url") is None:
        home = state_home(settings.env, settings.path("state_home"))
        stores = [Store.open(sqlite_url(path)) for path in sorted(home.glob("*/record.db"))]
    else:
        stores = [_store(repository, "last")]
    view = RunsView(open_stream(sys.stdout), terminal=sys.stdout.isatty())
    try:
        asyncio.run(watch(stores, view, SystemClock().now))
    finally:
        for store in stores:
            store.close()
    return 0


def _stop(name: str, repository: Path | None, state: "RunState", *, as_json: bool) -> int:
    from unlit.core.system import SystemClock
    from unlit.line.stopping import stop_run

    store = _store(repository, name)
    stopped = stop_run(store, SystemClock(), store.find_run(name).id, state)
    if as_json:
        sys.stdout.write(json.dumps(result_of(stopped)) + "\n")
    else:
        sys.stdout.write(f"{stopped.id} {stopped.state.value}\n")
    return 0


def _everything(store: "QuickReads | Store", found: "Run") -> dict[str, Any]:
    stages = [
        {
            "key": stage.key,
            "state": stage.state.value,
            "attempt": stage.attempt,
            "detail": stage.detail,
            "failure": None if stage.failure is None else stage.failure.value,
            "facts": dict(stage.facts),
        }
        for stage in store.stages(found.id)
    ]
    candidates = [
        {"id": row.id, "commit": row.commit, "tree": row.tree, "agent": row.agent}
        for row in store.candidates(found.id)
    ]
    gradings = [
        {
            "candidate": row.candidate,
            "partition": row.partition.value,
            "verdict": row.verdict.value,
            "estimate": row.estimate,
            "lower": row.lower,
            "upper": row.upper,
            "trajectories": row.trajectories,
            "satisfied": row.satisfied,
        }
        for row in store.evaluations(found.id)
    ]
    looks = [{"index": row.index, "bits": row.bits} for row in store.looks(run=found.id)]
    return {
        **result_of(found),
        "stages": stages,
        "candidates": candidates,
        "gradings": gradings,
        "looks": looks,
        "cost_usd": str(store.spent(run=found.id)),
    }


def _cost(store: "QuickReads | Store", found: "Run") -> str:
    from unlit.core.money import format_usd

    rows = store.costs(run=found.id)
    unknown = sum(row.usd is None for row in rows)
    text = format_usd(store.spent(run=found.id))
    return f"{text} and {unknown} calls at an unknown price" if unknown else text


def _state(name: str) -> "RunState":
    from unlit.core.errors import UsageError
    from unlit.record.model import RunState

    try:
        return RunState(name)
    except ValueError as error:
        raise UsageError(
            "LIN-053",
            f"{name!r} is not a state of a run.",
            "runs are listed by the state they are in.",
            f"use one of: {', '.join(state.value for state in RunState)}.",
        ) from error


def _reads(repository: Path | None, name: str = "last") -> "QuickReads | Store":
    """Open the record for reading, without SQLAlchemy where it lies in SQLite."""
    from unlit.record.quick import QuickReads
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    url = settings.text("database_url")
    if url is not None:
        from unlit.record.store import Store

        return Store.open(url)
    return QuickReads(state_paths(settings, repository_of(repository, name)).database)


def _store(repository: Path | None, name: str) -> "Store":
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    paths = state_paths(settings, repository_of(repository, name))
    paths.create()
    return Store.open(settings.text("database_url") or sqlite_url(paths.database))
