"""Durable steps of one piece of work, on the engine's table of steps.

What is done is read once, when the work begins, and found by name: branches that run side by side
may have ended in any order before a crash. A fresh step is done first and then taken down in one
hop to a thread: looking whether it was done, and a hop for that, are spared.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from dbos import DBOS
from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.line.ports import Durable

Result = TypeVar("Result")


class Interrupted(Exception):
    """A step was interrupted; the run stands before it."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A step that was done, or that failed for good."""

    number: int
    name: str
    output: Any
    error: Exception | None


class Steps(Durable):
    """Durable steps of the work that is being done.

    Args:
        tasks: Where actions are kept while they run, so that others can cancel them.
        done: The steps done before.
        closing: Whether the engine is closing; then nothing is taken down any more.
        stopped: Whether this work was interrupted.
    """

    def __init__(
        self,
        tasks: set[asyncio.Task[Any]],
        done: Sequence[Remembered],
        *,
        closing: Callable[[], bool],
        stopped: Callable[[], bool],
    ) -> None:
        self._tasks = tasks
        self._closing = closing
        self._stopped = stopped
        self._done: dict[str, deque[Remembered]] = {}
        for step in done:
            self._done.setdefault(step.name, deque()).append(step)
        last = max((step.number for step in done), default=0)
        while last and DBOS.reserve_step().step_id < last:
            pass  # fresh steps are numbered after the last one that is done

    @override
    async def step(self, name: str, action: Callable[[], Awaitable[Result]]) -> Result:
        if self._closing():
            raise asyncio.CancelledError
        if self._stopped():
            raise Interrupted(name)
        known = self._done.get(name)
        if known:
            before: Result = _again(known.popleft())
            return before
        place = DBOS.reserve_step()
        outcome = await self._act(name, action)
        return await asyncio.to_thread(lambda: place.run({"name": name}, outcome))

    async def _act(
        self, name: str, action: Callable[[], Awaitable[Result]]
    ) -> Callable[[], Result]:
        """Do the action; return what gives its result, or raises its error."""
        task = asyncio.ensure_future(action())
        self._tasks.add(task)
        try:
            result = await task
        except asyncio.CancelledError as error:
            if self._closing() or not self._stopped():
                raise  # nothing is taken down: the engine closes, or the line gave this up
            return partial(_fail, Interrupted(name), error)
        except Exception as error:  # a failed step is remembered as well
            return partial(_fail, error, error.__cause__)
        finally:
            self._tasks.discard(task)
        return lambda: result

    def all_used(self) -> None:
        """Refuse work whose flow no longer has steps that it once did.

        Raises:
            InvalidInput: A step that is done was not asked for.
        """
        unused = [name for name, rows in self._done.items() if rows and not _beside(name)]
        if unused:
            raise InvalidInput(
                "LIN-003",
                f"The line no longer has the step {unused[0]!r}, which this run has done.",
                "the line was changed while the run was under way.",
                "start a new run; this one stays in the record.",
            )


def _beside(name: str) -> bool:
    """Whether a step may stay unused: of a branch that was given up, or waiting for a person."""
    return name.startswith(("beside/", "waits/"))


def _again(step: Remembered) -> Any:
    if step.error is not None:
        raise step.error
    return step.output


def _fail(error: Exception, cause: BaseException | None) -> Any:
    raise error from cause
