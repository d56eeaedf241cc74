"""The machine's own port, for products behind a fence that has no network of its own.

Two gradings that listen on one port would answer for each other: a good candidate would be graded
by what another one says. So a grading waits for the other, and refuses what it cannot wait for.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed

_LONGEST_S: Final = 1800.0
_ENDING_S: Final = 3.0
_EVERY_S: Final = 0.25


@contextlib.asynccontextmanager
async def own_port(port: int | None, clock: Clock) -> AsyncIterator[None]:
    """Keep a port of this machine for one grading; None keeps nothing.

    The lock is a name among the kernel's abstract sockets: it is gone with its process.

    Raises:
        OutsideFailed: Another program listens there, or another grading does not end.
    """
    if port is None:
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        await _take(lock, port, clock)
        until_s = clock.monotonic_s() + _ENDING_S  # what another grading ran may still be ending
        while await _answers(port) and clock.monotonic_s() < until_s:
            await clock.sleep(_EVERY_S)
        if await _answers(port):
            raise _taken(port, "another program of this machine listens there")
        yield


async def _take(lock: socket.socket, port: int, clock: Clock) -> None:
    until_s = clock.monotonic_s() + _LONGEST_S
    while True:
        try:
            lock.bind(f"\0unlit-product-port-{port}")
        except OSError:
            if clock.monotonic_s() > until_s:
                raise _taken(port, "another grading has kept it for half an hour") from None
            await clock.sleep(_EVERY_S)
        else:
            return


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _taken(port: int, why: str) -> OutsideFailed:
    return OutsideFailed(
        "EVA-158",
        f"Port {port} is not free: {why}.",
        "behind this backend a product shares the machine's ports, and would be graded by what "
        "answers there.",
        "end that program, give `[product]` another port, or use the full backend.",
    )
