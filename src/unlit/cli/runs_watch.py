"""The live view of all runs: a table that is drawn anew, or a line for each change."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from unlit.cli.inert_output import shown

if TYPE_CHECKING:
    from datetime import datetime

    from unlit.record.model import Run
    from unlit.record.store import Store

_EVERY_S: Final = 1.0
_RECENT: Final = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One run as the view shows it."""

    run: str
    state: str
    where: str
    progress: str
    cost: str
    spec: str
    age_s: float

    @property
    def text(self) -> str:
        """The row without its age, which changes all the time."""
        return (
            f"{self.run:13} {self.state:9} {self.where:16} {self.progress:26} {self.cost:>9} "
            f"{self.spec}"
        )


def lines_of(store: "Store", now: "datetime", limit: int = _RECENT) -> tuple[Line, ...]:
    """Return the rows: runs at work first, then the newest others."""
    from unlit.record.model import RunState

    active = (RunState.RUNNING, RunState.QUEUED, RunState.PAUSED, RunState.WAITING)
    busy = store.runs(limit=limit, states=active)
    known = {run.id for run in busy}
    others = [run for run in store.runs(limit=limit) if run.id not in known]
    shown = sorted(busy, key=lambda run: active.index(run.state)) + others
    return tuple(_line(store, run, now) for run in shown[:limit])


def _line(store: "Store", run: "Run", now: "datetime") -> Line:
    from unlit.core.money import format_usd

    stages = store.stages(run.id)
    last = max(stages, key=lambda stage: stage.started_at, default=None)
    where = "" if last is None else last.key
    return Line(
        run=run.id,
        state=run.state.value,
        where=where,
        progress=_progress(store, run, where),
        cost=format_usd(store.spent(run=run.id)),
        spec=run.spec_id,
        age_s=max(0.0, (now - run.updated_at).total_seconds()),
    )


def _progress(store: "Store", run: "Run", where: str) -> str:
    """Say how far the present grading is, else what the run came to."""
    from unlit.record.model import RunState

    if run.state is RunState.RUNNING and where.startswith(("validate", "sealed")):
        stage, _, candidate = where.partition("/")
        told = [
            event
            for event in store.events(run.id, kinds=("trajectory",))
            if event.stage == stage and event.candidate == candidate
        ]
        if told:
            data = told[-1].data
            return f"{data.get('satisfied', '?')} of {data.get('total', '?')} satisfied"
    if run.verdict is not None:
        return run.verdict.value
    return run.note[:26]


def age(seconds: float) -> str:
    """Return a short age: 12s, 5m, 3h, 2d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


class RunsView:
    """Draws the rows of all runs.

    Args:
        stream: Where to write.
        terminal: Whether it is a terminal; elsewhere a line is written for each change.
    """

    def __init__(self, stream: TextIO, *, terminal: bool) -> None:
        self._stream = stream
        self._terminal = terminal
        self._height = 0
        self._told: dict[str, str] = {}

    def draw(self, rows: Sequence[Line], now: "datetime") -> None:
        """Draw the rows as they are now."""
        if not self._terminal:
            for row in rows:
                if self._told.get(row.run) != row.text:
                    self._told[row.run] = row.text
                    self._stream.write(f"{now:%H:%M:%S} {row.text}\n")
            self._stream.flush()
            return
        text = [f"{len(rows)} runs, {now:%H:%M:%S} UTC. Ctrl-C ends the view, not the runs."]
        text += [f"{row.text} {age(row.age_s):>5}" for row in rows]
        up = f"\x1b[{self._height}A" if self._height else ""
        still = (shown(" ".join(line.splitlines())) for line in text)
        body = "".join(f"\x1b[2K\x1b[?7l{line}\x1b[?7h\n" for line in still)
        self._stream.write(f"{up}{body}\x1b[J")
        self._stream.flush()
        self._height = len(text)


async def watch(
    stores: Sequence["Store"],
    view: RunsView,
    now: Callable[[], "datetime"],
    *,
    rounds: int | None = None,
) -> None:
    """Draw again every second, until interrupted or after `rounds`."""
    done = 0
    while rounds is None or done < rounds:
        moment = now()
        rows = [row for store in stores for row in lines_of(store, moment)]
        view.draw(rows, moment)
        done += 1
        if rounds is None or done < rounds:
            await asyncio.sleep(_EVERY_S)
