"""Answering a program inside over HTTP/1.1."""

from typing import Final, Protocol

from unlit.fence.gateway.channel import Channel
from unlit.fence.gateway.denial import REASONS
from unlit.fence.gateway.head import CHUNKED, UNTIL_CLOSE, Headers

_STATUS_LINES: Final = {
    code: b"HTTP/1.1 %d %b\r\n" % (code, text) for code, text in REASONS.items()
}


class Reply(Protocol):
    """The way back to the program, whatever HTTP version it speaks."""

    @property
    def started(self) -> bool:
        """Whether a head went out already, so that another answer can no longer be given."""
        ...

    def proceed(self) -> None:
        """Say ``100 Continue``."""
        ...

    def last(self) -> None:
        """Say that the connection ends with this answer."""
        ...

    def start(self, status: int, reason: bytes, headers: Headers, length: int) -> None:
        """Send the head; `length` as in `ResponseHead`."""
        ...

    def send(self, data: bytes) -> None:
        """Send a piece of the body."""
        ...

    async def drain(self) -> None:
        """Wait until the program has taken enough."""
        ...

    def finish(self, trailers: Headers) -> None:
        """Say that the body is complete."""
        ...


class Http1Reply:
    """One answer on a connection; head and first piece leave together."""

    def __init__(
        self, channel: Channel, *, is_head: bool, keep_alive: bool, knows_chunks: bool = True
    ) -> None:
        self.keep_alive = keep_alive
        self._begun = False
        self._channel = channel
        self._is_head = is_head
        self._knows_chunks = knows_chunks
        self._waiting = b""
        self._chunked = False

    @property
    def started(self) -> bool:
        """Whether a head went out already."""
        return self._begun and not self._waiting

    def proceed(self) -> None:
        """Say ``100 Continue``."""
        if not self._begun:
            self._channel.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def last(self) -> None:
        """Close after this answer."""
        self.keep_alive = False

    def start(self, status: int, reason: bytes, headers: Headers, length: int) -> None:
        """Keep the head until the first piece, or `flush`."""
        self._chunked = False
        line = _STATUS_LINES.get(status) if not reason else None
        parts = [line or b"HTTP/1.1 %d %b\r\n" % (status, reason)]
        parts.extend(b"%b: %b\r\n" % pair for pair in headers)
        bodiless = self._is_head or status in (204, 304)
        if length in (CHUNKED, UNTIL_CLOSE):
            if not bodiless and not self._knows_chunks:
                self.keep_alive = False  # HTTP/1.0: the end of the stream ends the body
            elif not bodiless:
                self._chunked = True
                parts.append(b"transfer-encoding: chunked\r\n")
        elif not bodiless:
            parts.append(b"content-length: %d\r\n" % length)
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        parts.append(b"\r\n")
        self._waiting = b"".join(parts)
        self._begun = True

    def send(self, data: bytes) -> None:
        """Send a piece."""
        if self._is_head or not data:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        self._channel.write(data)

    async def drain(self) -> None:
        """Send a waiting head and wait until the program has taken enough."""
        if self._waiting:
            self._channel.write(self._waiting)
            self._waiting = b""
        await self._channel.drain()

    def switch(self, headers: Headers) -> Channel:
        """Answer 101 and hand over the connection; it carries no further request."""
        self.keep_alive = False
        parts = [b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"]
        parts.extend(b"%b: %b\r\n" % pair for pair in headers)
        parts.append(b"connection: upgrade\r\n\r\n")
        self._channel.write(b"".join(parts))
        self._begun = True
        return self._channel

    def finish(self, trailers: Headers) -> None:
        """End the body; trailers are not passed on over HTTP/1."""
        end = self._waiting
        if self._chunked and not self._is_head:
            end += b"0\r\n\r\n"
        self._waiting = b""
        if end:
            self._channel.write(end)
