"""A universe on a loopback port, in a thread, for clients that block."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe


@contextlib.contextmanager
def serving(universe: Universe, service: str | None = None) -> Iterator[str]:
    """Yield the base URL of `universe`; requests are answered in another thread."""
    ready, stop = threading.Event(), asyncio.Event()
    found: dict[str, object] = {}

    async def run() -> None:
        server = await TwinServer.start(universe, service=service)
        found["address"], found["loop"] = server.address, asyncio.get_running_loop()
        ready.set()
        await stop.wait()
        await server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    loop = found["loop"]
    assert isinstance(loop, asyncio.AbstractEventLoop)
    try:
        yield f"http://{found['address']}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
