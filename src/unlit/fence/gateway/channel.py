"""A byte stream with as little in the way as possible: one buffer, one waiter, flow control."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from typing_extensions import override

_HIGH: Final = 262_144
_LOW: Final = 65_536


class TimedOut(Exception):
    """The other side stayed silent for too long."""


class Gone(Exception):
    """The other side closed the connection in the middle of a message."""


class Channel(asyncio.Protocol):
    """One connection, read by one coroutine at a time.

    Args:
        loop: The loop it lives on.
        on_made: Called once when the connection stands.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_made: "Callable[[Channel], None] | None" = None,
    ) -> None:
        self.buffer = bytearray()
        self.eof = False
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.received = 0
        self.sent = 0
        self.idle_since_s = 0.0
        self._loop = loop
        self._on_made = on_made
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = self._timer_s = 0.0
        self._drained: asyncio.Future[None] | None = None
        self._reading = True
        self._writable = True

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._on_made is not None:
            self._on_made(self)

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.received += len(data)
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        if self._reading and len(self.buffer) > _HIGH:
            self._reading = False
            self.transport.pause_reading()

    @override
    def eof_received(self) -> bool:
        self._ended()
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _ended(self) -> None:
        self.eof = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @override
    def pause_writing(self) -> None:
        self._writable = False

    @override
    def resume_writing(self) -> None:
        self._writable = True
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    async def fill(self, timeout_s: float) -> bool:
        """Wait until more bytes are in the buffer; `False` at the end of the stream.

        Raises:
            TimedOut: Nothing came in time.
        """
        if self.eof:
            return False
        if not self._reading and len(self.buffer) < _LOW:
            self._reading = True
            self.transport.resume_reading()
        before = self.received
        waiter = self._waiter = self._loop.create_future()
        self._due_s = self._loop.time() + timeout_s
        if self._timer is None or self._timer_s > self._due_s:
            self._set_timer()
        try:
            await waiter
        finally:
            self._waiter = None
        return self.received > before

    def _set_timer(self) -> None:
        # one timer serves many waits: setting one and taking it back each time costs more
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._due_s
        self._timer = self._loop.call_at(self._due_s, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._due_s:
            self._set_timer()
        else:
            self._waiter.set_exception(TimedOut())

    async def until(self, mark: bytes, most: int, timeout_s: float) -> bytes | None:
        """Take bytes up to `mark` (which is dropped); `None` at a clean end of the stream.

        All of them must come within `timeout_s`, so that a program cannot hold a connection open by
        a byte now and then.

        Raises:
            Gone: The stream ended inside the message.
            OverflowError: `mark` did not come within `most` bytes.
            TimedOut: Nothing came in time.
        """
        start = 0
        deadline = self._loop.time() + timeout_s
        while True:
            found = self.buffer.find(mark, start)
            if found > most or (found < 0 and len(self.buffer) > most):
                raise OverflowError
            if found >= 0:
                taken = bytes(self.buffer[:found])
                del self.buffer[: found + len(mark)]
                return taken
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not await self.fill(max(0.0, deadline - self._loop.time())):
                if self.buffer:
                    raise Gone
                return None

    def take(self, most: int) -> bytes:
        """Take up to `most` bytes that are already there."""
        buffer = self.buffer
        if len(buffer) <= most:
            taken = bytes(buffer)
            buffer.clear()
            return taken
        taken = bytes(buffer[:most])
        del buffer[:most]
        return taken

    def write(self, data: bytes) -> None:
        """Send bytes; call `drain` where much is sent."""
        self.sent += len(data)
        self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the other side has taken enough.

        Raises:
            Gone: The connection is closed.
        """
        if self.transport.is_closing():
            raise Gone
        if not self._writable:
            self._drained = self._loop.create_future()
            try:
                await self._drained
            finally:
                self._drained = None

    def close(self) -> None:
        """Send what is left and close."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()
