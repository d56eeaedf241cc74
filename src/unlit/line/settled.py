"""A run whose validation people's labels settled after its end goes on to its sealed look."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from unlit.core.states import Partition, Verdict
from unlit.line import flow
from unlit.line.stages import close
from unlit.line.stages.work import StopRun, Work, perform
from unlit.record.model import RunState

LOOK: Final = "look-"
"""Begins the name of this piece of work; the candidate follows, for each has one look a run."""


async def look(work: Work, kind: str) -> Mapping[str, Any]:
    """Look at the sealed scenarios once, charged as every look, then report and ask at the gate.

    Args:
        work: The run; its newest candidate's validation holds.
        kind: Name of this piece of work.
    """
    store, now = work.services.store, work.services.clock.now()
    store.change_run(work.run, now, state=RunState.RUNNING, note="")
    verdict = Verdict.NOT_EXERCISED
    run = store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    made = next((row for row in store.candidates(work.run) if row.id == run.candidate), None)
    if made is not None:
        found = store.evaluation(work.run, made.id, Partition.VALIDATION)
        verdict = verdict if found is None else found.verdict
        if verdict is Verdict.SHIP:  # else labels that came since have taken it back
            graded = flow.Made(made.id, made.commit, made.tree, verdict)
            try:
                verdict = await flow.sealed(work, graded)
            except StopRun as stop:
                return flow.stopped(work, stop)
    store.change_run(work.run, work.services.clock.now(), verdict=verdict)
    await perform(work, "report", partial(close.report, work), key=f"report/{kind}")
    await perform(work, "gate", partial(close.gate, work, verdict), key=f"gate/{kind}")
    close.settle(work, RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED)
    return {"verdict": verdict.value}
