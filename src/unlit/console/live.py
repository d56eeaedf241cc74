"""Live pages: one watcher of the record for all, finished fragments by server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from unlit.console.model import Console, Role
from unlit.console.pages import tries
from unlit.console.pages.board import board_fragment
from unlit.console.pages.report import run_fragment
from unlit.console.queries import Queries
from unlit.console.web import Page
from unlit.record.model import RunState

POLL_S: Final = 0.3
QUIET_S: Final = 15.0
LEAST_S: Final = 0.7
MOST_STREAMS: Final = 64


class Watcher:
    """Asks the record whether anything has changed, once for all who watch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._queries = Queries(console.store)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.watching = 0

    async def changed(self) -> bool:
        """Wait for the next change; False when nothing changed for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                await self._changed.wait()
                return True
        return False

    def join(self) -> None:
        """Somebody watches."""
        self.watching += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self) -> None:
        """Somebody stopped watching."""
        self.watching -= 1

    async def _run(self) -> None:
        seen = await run_in_threadpool(self._queries.mark)
        while self.watching > 0:
            await self._console.clock.sleep(POLL_S)
            now = await run_in_threadpool(self._queries.mark)
            if now != seen:
                seen = now
                waiting, self._changed = self._changed, asyncio.Event()
                waiting.set()


def event(data: str, name: str | None = None) -> bytes:
    """Encode one server-sent event."""
    head = f"event: {name}\n" if name else ""
    body = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"{head}{body}\n".encode()


async def _stream(
    page: Page, watcher: Watcher, fragment: Callable[[], str], over: Callable[[], bool]
) -> AsyncIterator[bytes]:
    watcher.join()
    try:
        last = ""
        while True:
            text = await run_in_threadpool(fragment)
            if text != last:
                last = text
                yield event(text)
            if await run_in_threadpool(over):
                yield event("over", "over")
                return
            if await watcher.changed():
                await page.console.clock.sleep(LEAST_S)
            else:
                yield b": still here\n\n"
    finally:
        watcher.leave()


def _respond(stream: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


def _full(watcher: Watcher) -> Response | None:
    if watcher.watching < MOST_STREAMS:
        return None
    return Response("Too many pages watch.\n", 503, headers={"retry-after": "10"})


async def live_board(page: Page, watcher: Watcher) -> Response:
    """Stream the board's rows whenever they change."""
    return _full(watcher) or _respond(
        _stream(page, watcher, lambda: board_fragment(page), lambda: False)
    )


async def live_try(page: Page, watcher: Watcher) -> Response:
    """Stream what the twins of a try hold, until it is over."""
    if not page.session.may(Role.DECIDER):
        return Response("This needs the role decider.\n", 403)
    tries.trials_of(page.console).find(page.path("name"))

    async def stream() -> AsyncIterator[bytes]:
        async for text in tries.states(page):
            yield event(text)
        yield event("over", "over")

    return _full(watcher) or _respond(stream())


async def live_run(page: Page, watcher: Watcher) -> Response:
    """Stream one run's report until the run is over or asks."""
    store = page.console.store
    run = (await run_in_threadpool(store.find_run, page.path("run"))).id

    def over() -> bool:
        found = store.run(run)
        return found is None or found.state not in (RunState.QUEUED, RunState.RUNNING)

    return _full(watcher) or _respond(_stream(page, watcher, lambda: run_fragment(page, run), over))
