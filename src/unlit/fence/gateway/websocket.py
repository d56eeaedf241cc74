"""WebSocket through the gateway: frames are read, searched and written anew in both directions.

Source: RFC 6455. Extensions are not negotiated, so every message can be searched; a message that is
searched goes on as one frame.
"""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.head import Headers, Malformed, ResponseHead
from unlit.fence.gateway.lookout import Lookout
from unlit.fence.gateway.scrub import Across, Forms
from unlit.fence.gateway.session import Session

IDLE_S: Final = 600.0
LONGEST_MESSAGE: Final = 16 << 20
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION: Final = 0
_CLOSE: Final = 8
_OPCODES: Final = frozenset({0, 1, 2, 8, 9, 10})
_POLICY_VIOLATION: Final = (1008).to_bytes(2, "big") + b"refused by the fence"


@dataclass(slots=True)
class Frame:
    """One frame, unmasked."""

    fin: bool
    opcode: int
    payload: bytes

    def encode(self, *, masked: bool) -> bytes:
        """Render for the wire."""
        size = len(self.payload)
        bit = 0x80 if masked else 0
        first = self.opcode | (0x80 if self.fin else 0)
        if size < 126:
            head = bytes([first, bit | size])
        elif size < 65_536:
            head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
        if not masked:
            return head + self.payload
        key = os.urandom(4)
        return head + key + mask(self.payload, key)


def mask(payload: bytes, key: bytes) -> bytes:
    """Apply a masking key; twice is nothing."""
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def accept_of(key: bytes) -> bytes:
    """Return the answer that proves that a server read the key."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 # RFC 6455


def check_switch(response: ResponseHead, key: bytes) -> Headers:
    """Return the fields of a 101 that may go back.

    Raises:
        Malformed: The upstream did not agree to what was asked.
    """
    fields = dict(response.headers)
    if fields.get(b"sec-websocket-accept") != accept_of(key):
        raise Malformed(502, "the upstream did not accept the WebSocket")
    if b"sec-websocket-extensions" in fields:
        raise Malformed(502, "the upstream uses an extension that nobody asked for")
    return response.headers


async def frames(channel: Channel, *, masked: bool) -> AsyncIterator[Frame]:
    """Yield the frames of one side until it ends.

    Raises:
        Malformed: A frame breaks the protocol or is too long.
    """
    while True:
        head = await _exactly(channel, 2, at_start=True)
        if head is None:
            return
        first, second = head
        opcode = first & 15
        if first & 0x70 or opcode not in _OPCODES or bool(second & 0x80) != masked:
            raise Malformed(400, "a WebSocket frame is malformed")
        size = second & 127
        if opcode >= _CLOSE and (size > 125 or not first & 0x80):
            raise Malformed(400, "a WebSocket control frame is malformed")
        if size >= 126:
            size = int.from_bytes(await _exactly(channel, 2 if size == 126 else 8) or b"", "big")
        if size > LONGEST_MESSAGE:
            raise Malformed(413, "a WebSocket frame is too long")
        key = await _exactly(channel, 4) if masked else None
        payload = await _exactly(channel, size) or b""
        yield Frame(bool(first & 0x80), opcode, mask(payload, key) if key else payload)


async def _exactly(channel: Channel, size: int, *, at_start: bool = False) -> bytes | None:
    while len(channel.buffer) < size:
        if not await channel.fill(IDLE_S):
            if at_start and not channel.buffer:
                return None
            raise Gone
    return channel.take(size)


async def messages(channel: Channel, *, masked: bool) -> AsyncIterator[Frame]:
    """Yield whole messages as single frames, and control frames as they come.

    Raises:
        Malformed: A message breaks the protocol or is too long.
    """
    opcode, parts, size = 0, [], 0
    async for frame in frames(channel, masked=masked):
        if frame.opcode >= _CLOSE:
            yield frame
            continue
        if (frame.opcode == _CONTINUATION) != bool(opcode):
            raise Malformed(400, "a WebSocket message is malformed")
        opcode = opcode or frame.opcode
        parts.append(frame.payload)
        size += len(frame.payload)
        if size > LONGEST_MESSAGE:
            raise Malformed(413, "a WebSocket message is too long")
        if frame.fin:
            yield Frame(True, opcode, b"".join(parts))
            opcode, parts, size = 0, [], 0


class Relay:
    """Carries messages both ways until one side ends.

    Args:
        session: For the placeholders and the counts.
        client: The program inside.
        upstream: The server.
        forms: Spellings of secrets to mask in what comes back.
        count: Called with each number of bytes; raises when a budget is used up.
    """

    def __init__(
        self,
        session: Session,
        client: Channel,
        upstream: Channel,
        forms: Forms | None,
        count: Callable[[int], None],
    ) -> None:
        self._session = session
        self._client = client
        self._upstream = upstream
        self._forms = forms
        self._count = count

    async def run(self) -> None:
        """Carry until the end; a placeholder in a message ends it with code 1008."""
        ways = [self._outward(), self._inward()]
        tasks = [asyncio.get_running_loop().create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # a close frame that was just passed on may still be answered
            await asyncio.wait(tasks, timeout=1.0)
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                try:
                    await task
                except (asyncio.CancelledError, Gone, TimedOut, Malformed):
                    continue

    async def _outward(self) -> None:
        watch = self._session.watch
        source = messages if watch.longest else frames
        tail = b""
        async for frame in source(self._client, masked=True):
            self._count(len(frame.payload))
            self._session.counters.bytes_out += len(frame.payload)
            seen = tail + frame.payload if frame.opcode < _CLOSE else frame.payload
            if watch.finds(seen):
                self._session.counters.refused_placeholders += 1
                self._refuse("a placeholder stands in a message")
                return
            if watch.longest and frame.opcode < _CLOSE:  # it may be cut over two messages
                tail = seen[-watch.longest + 1 :]
            self._upstream.write(frame.encode(masked=True))
            await self._upstream.drain()
            if frame.opcode == _CLOSE:
                return

    async def _inward(self) -> None:
        forms = self._forms
        source = messages if forms else frames
        look = None if forms is None else _Incoming(forms)
        async for frame in source(self._upstream, masked=False):
            self._count(len(frame.payload))
            self._session.counters.bytes_in += len(frame.payload)
            if look is not None:
                try:
                    frame.payload, found = await look.at(frame)
                except Malformed as hidden:
                    self._refuse(hidden.reason)
                    return
                self._session.counters.scrubbed += found
            self._client.write(frame.encode(masked=False))
            await self._client.drain()
            if frame.opcode == _CLOSE:
                return

    def _refuse(self, why: str) -> None:
        self._session.note("websocket.refused", why)
        self._client.write(Frame(True, _CLOSE, _POLICY_VIOLATION).encode(masked=False))
        self._upstream.write(Frame(True, _CLOSE, (1001).to_bytes(2, "big")).encode(masked=True))


class _Incoming:
    """Looks for secrets in messages that come in: in each, and over the ends of them."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._across = Across(forms)
        self._stream = Lookout(forms)  # one stream of compressed data may go over many messages

    async def at(self, frame: Frame) -> tuple[bytes, int]:
        """Return a message with secrets masked, and how many there were.

        Raises:
            Malformed: A secret stands in compressed data.
        """
        if frame.opcode >= _CLOSE:
            return self._forms.mask_whole(frame.payload)
        await self._stream.may_go(frame.payload)
        await Lookout(self._forms).may_go(frame.payload)
        return self._across.mask(frame.payload)
