"""Ctrl-C, an end by the system, or a reader that went away, while a run is worked on."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar, cast

from unlit.cli.live import LiveView

if TYPE_CHECKING:
    from unlit.core.ids import RunId
    from unlit.line.ports import Services

_Done = TypeVar("_Done")
EXIT_INTERRUPTED: Final = 130


class Interruption:
    """Stops work in order when it is interrupted: the run is paused, and one line says so.

    The first signal cancels the work, which then closes what it opened. Further ones change
    nothing; closing has time limits of its own.

    Args:
        goes_on: How the whole is gone on with, where that is more than resuming its run.
    """

    def __init__(self, goes_on: str = "") -> None:
        self._goes_on = goes_on
        self._run: RunId | None = None
        self._happened = False
        self._cancel: Callable[[], object] = lambda: None

    def view(self) -> LiveView:
        """Return a live view on standard error that stops the work when nobody reads it."""
        stream = cast(TextIO, _Guarded(sys.stderr, self._reader_went_away))
        return LiveView(stream, time.monotonic, terminal=sys.stderr.isatty())

    def on(self, run: "RunId") -> None:
        """Say which run is worked on."""
        self._run = run

    @asynccontextmanager
    async def pausing(self, services: "Services") -> AsyncIterator[None]:
        """Record, once the line is closed, that an interrupted run waits to be resumed."""
        from unlit.record.model import RunState

        try:
            yield
        finally:
            found = None if self._run is None else services.store.run(self._run)
            busy = (RunState.QUEUED, RunState.RUNNING)
            if self._happened and found is not None and found.state in busy:
                services.store.change_run(
                    found.id, services.clock.now(), state=RunState.PAUSED, note="interrupted"
                )

    def do(self, work: Coroutine[Any, Any, _Done], told: Callable[[_Done], int]) -> int:
        """Do the work and tell its result; an interruption is told in one line instead."""
        try:
            found = asyncio.run(self._guarded(work))
        except (asyncio.CancelledError, KeyboardInterrupt):
            goes_on = "" if self._run is None else f"`unlit resume {self._run}` goes on."
            _say(f"Interrupted. {self._goes_on or goes_on}".rstrip() + "\n")
            return EXIT_INTERRUPTED
        return told(found)

    async def _guarded(self, work: Coroutine[Any, Any, _Done]) -> _Done:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 # a coroutine of asyncio.run
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        return await work

    def _interrupt(self) -> None:
        if not self._happened:
            self._happened = True
            self._cancel()

    def _reader_went_away(self) -> None:
        self._interrupt()
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 # for the exit


class _Guarded:
    """A stream whose reader may go away: then it is silent, and says so once."""

    def __init__(self, stream: TextIO, gone: Callable[[], None]) -> None:
        self._stream = stream
        self._gone = gone
        self._silent = False

    def write(self, text: str) -> int:
        """Write, or do nothing when nobody reads."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing when nobody reads."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self._silent:
            return
        try:
            action()
        except BrokenPipeError:
            self._silent = True
            self._gone()


def _say(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 # for the exit
