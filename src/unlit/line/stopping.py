"""Ask for a run to be cancelled or paused; imports no engine, so that it is quick."""

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.record.model import Run, RunState
from unlit.record.store import Store


def stop_run(store: Store, clock: Clock, run: RunId, state: RunState) -> Run:
    """Write what is asked for into the record; the process that works on the run obeys.

    Raises:
        InvalidInput: There is no such run, or it is over.
    """
    found = store.run(run)
    if found is None or found.state.is_over:
        raise InvalidInput(
            "LIN-015",
            f"Run {run} cannot be {state.value}.",
            "it is over, or the record does not have it.",
            "`unlit runs` lists the runs of this repository.",
        )
    store.change_run(run, clock.now(), state=state)
    changed = store.run(run)
    assert changed is not None  # noqa: S101 # found above
    return changed
