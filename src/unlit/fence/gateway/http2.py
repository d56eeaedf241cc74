"""HTTP/2 streams over one connection, for both of its sides.

The framing is that of `h2`; flow control, limits and what a stream means are here. Every stream
has a body that is read piece by piece; what was read is acknowledged then, so a slow reader slows
the sender. Source: RFC 9113; limits against rapid reset (CVE-2023-44487) and control frame floods.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.head import Headers

IDLE_S: Final = 300.0
WINDOW: Final = 1 << 20
MOST_STREAMS: Final = 128
_MOST_RESETS: Final = 200
_MOST_CONTROL: Final = 2_000
_LONGEST_HEADERS: Final = 65_536
_WAITING: Final = 65_536


class StreamBody:
    """The body that comes in on a stream."""

    def __init__(self, link: "Link", number: int) -> None:
        self.trailers: Headers = []
        self.done = False
        self._link = link
        self._number = number
        self._pieces: list[tuple[bytes, int]] = []
        self._ended = False
        self._broken = False
        self._waiter: asyncio.Future[None] | None = None

    def push(self, data: bytes, size: int) -> None:
        """Take a piece; `size` is what flow control counts."""
        self._pieces.append((data, size))
        self._wake()

    def end(self, *, broken: bool = False) -> None:
        """Say that nothing more comes."""
        self._ended = True
        self._broken = self._broken or broken
        self._wake()

    async def read(self) -> bytes:
        """Return the next piece."""
        while True:
            while self._pieces:
                data, size = self._pieces.pop(0)
                self._link.acknowledge(self._number, size)
                if data:
                    return data
            if self._broken:
                raise Gone
            if self._ended:
                self.done = True
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(IDLE_S):
                await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Stream:
    """One stream: what comes in, and what waits to go out."""

    def __init__(self, link: "Link", number: int) -> None:
        self.number = number
        self.body = StreamBody(link, number)
        self.head: asyncio.Future[Headers] = asyncio.get_running_loop().create_future()
        self.out = bytearray()
        self.finished = False
        self.closed = False
        self.trailers: Headers = []
        self.drained: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None


class Link:
    """One HTTP/2 connection.

    Args:
        channel: The bytes.
        client_side: Whether we are the client on it.
    """

    def __init__(self, channel: Channel, *, client_side: bool) -> None:
        self.channel = channel
        self.streams: dict[int, Stream] = {}
        self.closed = False
        self._client_side = client_side
        config = h2.config.H2Configuration(client_side=client_side, header_encoding=None)
        self._h2 = h2.connection.H2Connection(config)
        self._resets = 0
        self._control = 0
        self._takes: dict[type, Callable[[Any], None]] = {
            h2.events.RequestReceived: self._requested,
            h2.events.ResponseReceived: self._responded,
            h2.events.DataReceived: self._received,
            h2.events.TrailersReceived: self._trailed,
            h2.events.StreamEnded: self._ended,
            h2.events.StreamReset: self._was_reset,
            h2.events.WindowUpdated: self._widened,
            h2.events.RemoteSettingsChanged: self._widened,
            h2.events.PingReceived: self._pinged,
            h2.events.ConnectionTerminated: self._terminated,
        }

    def begin(self) -> None:
        """Send the preface and our settings."""
        names = h2.settings.SettingCodes
        self._h2.initiate_connection()
        # the window is set by an update after the preface, else large messages deadlock
        self._h2.update_settings(
            {
                names.INITIAL_WINDOW_SIZE: WINDOW,
                names.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
                names.MAX_HEADER_LIST_SIZE: _LONGEST_HEADERS,
                names.ENABLE_PUSH: 0,
            }
            if self._client_side
            else {
                names.INITIAL_WINDOW_SIZE: WINDOW,
                names.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
                names.MAX_HEADER_LIST_SIZE: _LONGEST_HEADERS,
            }
        )
        self._h2.increment_flow_control_window(WINDOW * 4)
        self.flush()

    async def run(self) -> None:
        """Read until the connection ends; then every open stream is broken."""
        try:
            while not self.closed:
                if not self.channel.buffer and not await self.channel.fill(IDLE_S):
                    break
                events = self._h2.receive_data(self.channel.take(1 << 20))
                for event in events:
                    self._event(event)
                self.flush()
                await self.channel.drain()
        except (h2.exceptions.ProtocolError, Gone, TimedOut, ConnectionError):
            self.flush()
        finally:
            self.close()

    def on_request(self, stream: Stream, headers: Headers, *, ended: bool) -> None:
        """Take a request (server side); overridden."""
        raise NotImplementedError

    def close(self) -> None:
        """Break every stream and close the connection."""
        self.closed = True
        for stream in tuple(self.streams.values()):
            self._break(stream)
        self.streams.clear()
        self.channel.close()

    def open(self, headers: Headers, *, end: bool) -> Stream:
        """Begin a stream (client side).

        Raises:
            Gone: The connection takes no more streams.
        """
        try:
            number = self._h2.get_next_available_stream_id()
            self._h2.send_headers(number, headers, end_stream=end)
        except (h2.exceptions.ProtocolError, OSError):
            raise Gone from None
        stream = self.streams[number] = Stream(self, number)
        self.flush()
        return stream

    def answer(self, stream: Stream, headers: Headers) -> None:
        """Send the head of an answer (server side)."""
        if stream.closed or self.closed:
            raise Gone
        self._h2.send_headers(stream.number, headers)
        self.flush()

    def send(self, stream: Stream, data: bytes) -> None:
        """Queue a piece; it leaves as flow control allows."""
        if stream.closed or self.closed:
            raise Gone
        stream.out += data
        self._pump(stream)
        self.flush()

    def finish(self, stream: Stream, trailers: Headers) -> None:
        """End our side of a stream once all has left."""
        if stream.closed or self.closed:
            raise Gone
        stream.finished, stream.trailers = True, trailers
        self._pump(stream)
        self.flush()

    async def drain(self, stream: Stream) -> None:
        """Wait until little waits to leave."""
        while len(stream.out) > _WAITING:
            if stream.closed or self.closed:
                raise Gone
            stream.drained = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(IDLE_S):
                await stream.drained
        await self.channel.drain()

    def reset(self, stream: Stream) -> None:
        """Give up a stream."""
        if not stream.closed and not self.closed:
            with contextlib.suppress(h2.exceptions.ProtocolError):  # it may be over already
                self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
            self.flush()
        self._break(stream)
        self.streams.pop(stream.number, None)

    def acknowledge(self, number: int, size: int) -> None:
        """Give flow control back what was read."""
        if self.closed or not size:
            return
        try:
            self._h2.acknowledge_received_data(size, number)
        except (h2.exceptions.ProtocolError, KeyError):
            return  # the stream is over
        self.flush()

    def flush(self) -> None:
        """Write what the framing has ready."""
        data = self._h2.data_to_send()
        if data and not self.channel.transport.is_closing():
            self.channel.write(data)

    def _event(self, event: h2.events.Event) -> None:
        take = self._takes.get(type(event))
        if take is not None:
            take(event)

    def _trailed(self, event: h2.events.TrailersReceived) -> None:
        stream = self.streams.get(event.stream_id or 0)
        if stream is not None:
            stream.body.trailers = _pairs(event.headers)

    def _ended(self, event: h2.events.StreamEnded) -> None:
        stream = self.streams.get(event.stream_id or 0)
        if stream is not None:
            stream.body.end()

    def _terminated(self, event: h2.events.ConnectionTerminated) -> None:
        self.closed = True

    def _requested(self, event: h2.events.RequestReceived) -> None:
        number = event.stream_id or 0
        stream = self.streams[number] = Stream(self, number)
        self.on_request(stream, _pairs(event.headers), ended=event.stream_ended is not None)

    def _responded(self, event: h2.events.ResponseReceived) -> None:
        stream = self.streams.get(event.stream_id or 0)
        if stream is not None and not stream.head.done():
            stream.head.set_result(_pairs(event.headers))

    def _received(self, event: h2.events.DataReceived) -> None:
        size = event.flow_controlled_length or 0
        stream = self.streams.get(event.stream_id or 0)
        if stream is None:
            self.acknowledge(event.stream_id or 0, size)
        else:
            stream.body.push(event.data or b"", size)

    def _was_reset(self, event: h2.events.StreamReset) -> None:
        self._resets += 1
        if self._resets > _MOST_RESETS:
            self._h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            self.closed = True
        stream = self.streams.pop(event.stream_id or 0, None)
        if stream is not None:
            self._break(stream)

    def _widened(self, event: h2.events.WindowUpdated | h2.events.RemoteSettingsChanged) -> None:
        self._count_control()
        number = getattr(event, "stream_id", 0)
        one = self.streams.get(number) if number else None
        for stream in [one] if one is not None else tuple(self.streams.values()):
            self._pump(stream)

    def _pinged(self, event: h2.events.PingReceived) -> None:
        self._count_control()

    def _count_control(self) -> None:
        # every real piece of traffic brings some control frames; a flood brings nothing else
        self._control += 1
        if self._control > _MOST_CONTROL + self.channel.received // 64:
            self._h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            self.closed = True

    def _pump(self, stream: Stream) -> None:
        if stream.closed or stream.number not in self.streams:
            return
        try:
            while stream.out:
                room = self._h2.local_flow_control_window(stream.number)
                size = min(room, len(stream.out), self._h2.max_outbound_frame_size)
                if size <= 0:
                    break
                self._h2.send_data(stream.number, bytes(stream.out[:size]))
                del stream.out[:size]
            if stream.finished and not stream.out:
                self._end(stream)
        except h2.exceptions.ProtocolError:
            self._break(stream)
        if stream.drained is not None and len(stream.out) <= _WAITING and not stream.drained.done():
            stream.drained.set_result(None)

    def _end(self, stream: Stream) -> None:
        if stream.trailers:
            self._h2.send_headers(stream.number, stream.trailers, end_stream=True)
        else:
            self._h2.end_stream(stream.number)
        if not self._client_side:
            stream.closed = True
            self.streams.pop(stream.number, None)
        stream.finished = False

    def _break(self, stream: Stream) -> None:
        stream.closed = True
        stream.body.end(broken=True)
        if not stream.head.done():
            stream.head.cancel()
        if stream.drained is not None and not stream.drained.done():
            stream.drained.set_result(None)
        if stream.task is not None:
            stream.task.cancel()


def _pairs(headers: object) -> Headers:
    return [(bytes(name), bytes(value)) for name, value in headers or ()]  # type: ignore[attr-defined] # h2 is untyped here
