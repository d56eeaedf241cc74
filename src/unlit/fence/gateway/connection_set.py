"""The tasks of one session's connections, so that all of them end with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def note_end(task: "asyncio.Task[Any]") -> None:
    """Take note of how a task ended that nobody waits for, so that it is not called lost."""
    if not task.cancelled():
        task.exception()


class Connections:
    """Starts and remembers tasks; `close` cancels what still runs."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run one connection to its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all and wait for them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                continue
