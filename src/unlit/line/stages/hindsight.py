"""Forecasts in the line: the factory's own before a run, what came at its gate."""

from dataclasses import replace

from unlit.core.ids import RunId
from unlit.line.rules.forecast import Actual, actual_of, forecast
from unlit.line.stages.work import Work
from unlit.record.model import Run, RunState
from unlit.record.store import Store

_PAST = 200


def foresee(work: Work) -> int:
    """Write the factory's forecast of this run; return how many measures it dared."""
    store = work.services.store
    known = [row for row in store.forecasts(work.run) if row.source == "factory"]
    if known:
        return len(known)
    past = past_runs(store, str(work.request.repository), work.run)
    rows = forecast(work.run, "unlit", past, work.services.clock.now())
    store.keep_forecasts(rows)
    return len(rows)


def fill_in(work: Work) -> None:
    """Write what came into every forecast of this run."""
    store = work.services.store
    run = store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    now = work.services.clock.now()
    came = _actual(store, run) if run.state.is_over else None
    looks = len(store.looks(run=run.id))
    actual = came or actual_of(run, float(store.spent(run=run.id)), looks, now)
    rows = store.forecasts(work.run)
    store.keep_forecasts([replace(row, actual=actual.of(row.measure)) for row in rows])


def past_runs(store: Store, repository: str, besides: RunId) -> tuple[Actual, ...]:
    """Measure the ended runs of a repository, newest first."""
    states = (RunState.WAITING, RunState.SHIPPED, RunState.REJECTED, RunState.ENDED)
    found = store.runs(limit=_PAST, states=states, repository=repository)
    return tuple(_actual(store, run) for run in found if run.id != besides)


def _actual(store: Store, run: Run) -> Actual:
    stages = store.stages(run.id)
    ends = [stage.ended_at for stage in stages if stage.ended_at and stage.name != "ship"]
    until = max(ends, default=run.updated_at)
    return actual_of(run, float(store.spent(run=run.id)), len(store.looks(run=run.id)), until)
