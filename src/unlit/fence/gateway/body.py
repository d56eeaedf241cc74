"""Reading message bodies: a length, chunks, or until the stream ends."""

import re
from typing import Final, Protocol

from unlit.fence.gateway.channel import Channel, Gone
from unlit.fence.gateway.head import CHUNKED, UNTIL_CLOSE, Headers, Malformed

PIECE: Final = 65_536
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
_LONGEST_TRAILERS: Final = 8_192


class Body(Protocol):
    """A body that is read piece by piece."""

    trailers: Headers

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        ...

    async def read(self) -> bytes:
        """Return the next piece, or nothing at the end."""
        ...


class NoBody:
    """An empty body."""

    done = True

    def __init__(self) -> None:
        self.trailers: Headers = []

    async def read(self) -> bytes:
        """Return nothing."""
        return b""


class Whole:
    """A body that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self.trailers: Headers = []
        self.data = data
        self._left = data

    @property
    def done(self) -> bool:
        """Whether it was read."""
        return not self._left

    async def read(self) -> bytes:
        """Return all of it, once."""
        data, self._left = self._left, b""
        return data


class LengthBody:
    """A body of a known number of bytes."""

    def __init__(self, channel: Channel, length: int, timeout_s: float) -> None:
        self.trailers: Headers = []
        self.left = length
        self._channel = channel
        self._timeout_s = timeout_s

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self.left == 0

    async def read(self) -> bytes:
        """Return the next piece."""
        if self.left == 0:
            return b""
        if not self._channel.buffer and not await self._channel.fill(self._timeout_s):
            raise Gone
        data = self._channel.take(min(self.left, PIECE))
        self.left -= len(data)
        return data


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1), without extensions."""

    def __init__(self, channel: Channel, timeout_s: float) -> None:
        self.trailers: Headers = []
        self.done = False
        self._channel = channel
        self._timeout_s = timeout_s
        self._left = 0
        self._first = True

    async def read(self) -> bytes:
        """Return the next piece."""
        if self.done:
            return b""
        if self._left == 0:
            await self._next_chunk()
            if self.done:
                return b""
        if not self._channel.buffer and not await self._channel.fill(self._timeout_s):
            raise Gone
        data = self._channel.take(min(self._left, PIECE))
        self._left -= len(data)
        return data

    async def _next_chunk(self) -> None:
        if not self._first and await self._line(2) != b"":
            raise Malformed(400, "a chunk is longer than it says")
        self._first = False
        size = await self._line(18)
        if not _CHUNK_SIZE.fullmatch(size):
            raise Malformed(400, "a chunk size is malformed")
        self._left = int(size, 16)
        if self._left == 0:
            await self._trailers()
            self.done = True

    async def _trailers(self) -> None:
        total = 0
        while line := await self._line(_LONGEST_TRAILERS):
            total += len(line)
            if total > _LONGEST_TRAILERS:
                raise Malformed(431, "the trailers are too long")

    async def _line(self, most: int) -> bytes:
        try:
            line = await self._channel.until(b"\r\n", most, self._timeout_s)
        except OverflowError:
            raise Malformed(400, "a chunk size is malformed") from None
        if line is None:
            raise Gone
        return line


class RestBody:
    """A body that ends with the stream."""

    def __init__(self, channel: Channel, timeout_s: float) -> None:
        self.trailers: Headers = []
        self.done = False
        self._channel = channel
        self._timeout_s = timeout_s

    async def read(self) -> bytes:
        """Return the next piece."""
        if not self._channel.buffer and not await self._channel.fill(self._timeout_s):
            self.done = True
            return b""
        return self._channel.take(PIECE)


def body_of(channel: Channel, length: int, timeout_s: float) -> Body:
    """Return the body that follows a head with this framing."""
    if length == 0:
        return NoBody()
    if length == CHUNKED:
        return ChunkedBody(channel, timeout_s)
    if length == UNTIL_CLOSE:
        return RestBody(channel, timeout_s)
    return LengthBody(channel, length, timeout_s)


async def read_all(body: Body, most: int) -> bytes:
    """Read a body whole.

    Raises:
        Malformed: It is longer than `most`.
    """
    parts = []
    size = 0
    while piece := await body.read():
        size += len(piece)
        if size > most:
            raise Malformed(413, f"the body is longer than {most} bytes")
        parts.append(piece)
    return b"".join(parts)
