"""Gates of a line that nobody answered in time: their defaults are taken without being asked to.

When a gate asks, the record says until when. Whoever lives, a service or any worker, looks for what
is due; one of them takes it and goes on with the run.
"""

import asyncio
import re
from datetime import datetime
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line.answering import NOTE
from unlit.line.service import Line, executor_id
from unlit.record.model import Run, RunState
from unlit.record.slots import SlotLimit, Slots
from unlit.record.store import Store

ASKED: Final = "asked"
_GATE: Final = re.compile(rf"{NOTE}(?P<name>[^:]+):")
_RUNS: Final = 1_000
_LOOK_S: Final = 1.0


def until(store: Store, run: Run) -> datetime | None:
    """Return when the default of the gate is taken at which a run waits; `None` when never."""
    found = _GATE.match(run.note) if run.state is RunState.WAITING else None
    if found is None or store.gate_decision(run.id, found["name"]) is not None:
        return None
    for event in reversed(store.events(run.id, kinds=(ASKED,))):
        if event.data.get("gate") == found["name"] and event.data.get("until"):
            return datetime.fromisoformat(str(event.data["until"]))
    return None


def due(store: Store, clock: Clock) -> tuple[RunId, ...]:
    """Return the runs that wait at a gate whose time is over."""
    now, rows = clock.now(), store.runs(states=(RunState.WAITING,), limit=_RUNS)
    times = ((run.id, until(store, run)) for run in rows if run.note.startswith(NOTE))
    return tuple(run for run, at in times if at is not None and at <= now)


async def wait_out(line: Line, run: RunId) -> Run:
    """Wait for a run, and at its line's gates until they are answered or have had their time."""
    store, clock = line.services.store, line.services.clock
    while True:
        found = await line.wait(run)
        asked = _GATE.match(found.note) if found.state is RunState.WAITING else None
        if asked is None:
            return found
        while store.gate_decision(run, asked["name"]) is None and run not in due(store, clock):
            await clock.sleep(_LOOK_S)
            if line.known(run).state is not RunState.WAITING:
                return line.known(run)  # a person went on with it elsewhere, or cancelled it
        await line.resume(run)


class Timers:
    """Goes on with runs whose gate has had its time.

    Args:
        line: The line of this process.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._store = line.services.store
        self._slots = Slots(self._store)
        self._holder = f"timers/{executor_id()}"
        self._going: dict[RunId, asyncio.Task[Run]] = {}

    async def fire(self) -> tuple[RunId, ...]:
        """Take the defaults that are due; return the runs that this process went on with."""
        runs = await asyncio.to_thread(due, self._store, self._line.services.clock)
        taken = [await self._take(run) for run in runs]
        return tuple(run for run, mine in zip(runs, taken, strict=True) if mine)

    async def _take(self, run: RunId) -> bool:
        """Go on with one run, unless another process just does."""
        name = {f"timer/{run}": SlotLimit(at_once=1)}
        if await asyncio.to_thread(self._slots.take, name, f"{self._holder}/{run}"):
            return False
        try:
            found = self._line.known(run)
            if until(self._store, found) is None:
                return False  # another process was quicker
            await self._line.resume(run)
        except InvalidInput:
            return False  # a person goes on with it here and now
        finally:
            await asyncio.to_thread(self._slots.give, f"{self._holder}/{run}")
        task = asyncio.create_task(self._line.wait(run))
        self._going[run] = task
        task.add_done_callback(lambda done: self._done(run, done))
        return True

    def _done(self, run: RunId, task: "asyncio.Task[Run]") -> None:
        self._going.pop(run, None)
        if not task.cancelled():
            task.exception()  # the run's own state and note say what came of it

    async def settle(self) -> None:
        """Wait for the runs that this process goes on with."""
        while self._going:
            await asyncio.wait(self._going.values())

    async def stop(self) -> None:
        """Stop waiting for them; they go on at the next start."""
        for task in tuple(self._going.values()):
            task.cancel()
        if self._going:
            await asyncio.wait(self._going.values())
