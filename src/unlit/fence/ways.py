"""Ways in and out of a fence for those outside: connections led from one loopback to another."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from unlit.core.errors import OutsideFailed

_PIECE: Final = 1 << 16

Reach = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class ForwardedPort:
    """A loopback address that leads elsewhere."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.host, self.port = server.sockets[0].getsockname()[:2]

    async def aclose(self) -> None:
        """Stop listening; connections that stand are ended."""
        self._server.close()


async def lead_to(reach: Reach, listener: socket.socket | None = None) -> ForwardedPort:
    """Lead each connection to what `reach` opens.

    Args:
        reach: Opens the other end.
        listener: A bound socket; default one on any port of the loopback here.
    """

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await reach()
        except (ConnectionError, OutsideFailed):
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, inner_writer))
                group.create_task(pump(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    if listener is None:
        return ForwardedPort(await asyncio.start_server(lead, "127.0.0.1", 0))
    return ForwardedPort(await asyncio.start_server(lead, sock=listener))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until one end closes."""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
