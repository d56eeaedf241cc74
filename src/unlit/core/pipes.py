"""Bytes into a process that may end before it has read them."""

import asyncio
import contextlib
from asyncio.subprocess import Process


async def feed(process: Process, data: bytes) -> None:
    """Write all to a process's standard input and close it.

    A process that has ended, or closed its input, is no error here: its exit code says what
    happened. uvloop tells a closed pipe by `RuntimeError`, asyncio by `ConnectionError`.
    """
    assert process.stdin is not None  # noqa: S101 # made with pipes
    with contextlib.suppress(ConnectionError, RuntimeError):
        if data:
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.close()


async def tell(process: Process, data: bytes) -> None:
    """Write to a process's standard input and leave it open, for more."""
    assert process.stdin is not None  # noqa: S101 # made with pipes
    with contextlib.suppress(ConnectionError, RuntimeError):
        process.stdin.write(data)
        await process.stdin.drain()


async def converse(process: Process, data: bytes) -> tuple[bytes, bytes]:
    """Feed a process made with three pipes; its output and errors once it has ended."""
    feeding = asyncio.create_task(feed(process, data))
    try:
        return await process.communicate()
    finally:
        feeding.cancel()
