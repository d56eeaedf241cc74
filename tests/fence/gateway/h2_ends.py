"""A small HTTP/2 client and server on the `h2` library, for both ends of the gateway."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from tests.fence.gateway.lab import Lab

Pairs = list[tuple[bytes, bytes]]


@dataclass
class Got:
    """What one stream brought."""

    headers: Pairs = field(default_factory=list)
    body: bytes = b""
    trailers: Pairs = field(default_factory=list)
    ended: bool = False
    reset: bool = False

    def field(self, name: bytes) -> bytes:
        return dict(self.headers + self.trailers).get(name, b"")


class End:
    """One side of an HTTP/2 connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool
    ) -> None:
        self.reader, self.writer = reader, writer
        config = h2.config.H2Configuration(client_side=client, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.streams: dict[int, Got] = {}
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(self.h2.data_to_send())

    async def turn(self) -> bool:
        data = await self.reader.read(65_536)
        if not data:
            return False
        for event in self.h2.receive_data(data):
            number = getattr(event, "stream_id", None) or 0
            got = self.streams.setdefault(number, Got())
            if isinstance(event, h2.events.RequestReceived | h2.events.ResponseReceived):
                got.headers = [(bytes(n), bytes(v)) for n, v in event.headers or ()]
            elif isinstance(event, h2.events.TrailersReceived):
                got.trailers = [(bytes(n), bytes(v)) for n, v in event.headers or ()]
            elif isinstance(event, h2.events.DataReceived):
                got.body += event.data or b""
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
            elif isinstance(event, h2.events.StreamEnded):
                got.ended = True
            elif isinstance(event, h2.events.StreamReset):
                got.reset = got.ended = True
        self.flush()
        return True

    async def send(self, number: int, data: bytes, *, end: bool = True) -> None:
        while data:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if room <= 0:
                await self.turn()
                continue
            self.h2.send_data(number, data[:room])
            data = data[room:]
            self.flush()
        if end:
            self.h2.end_stream(number)
            self.flush()


Answer = Callable[["End", int, Got], Awaitable[None]]


async def plain(end: End, number: int, got: Got) -> None:
    end.h2.send_headers(number, [(b":status", b"200"), (b"x-sort", b"h2")])
    await end.send(number, got.body or b"ok")


@dataclass
class Server:
    """An upstream that speaks HTTP/2 only."""

    answer: Answer = plain
    seen: list[Got] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        end = End(reader, writer, client=False)
        done: set[int] = set()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while await end.turn():
                for number, got in list(end.streams.items()):
                    if got.ended and not got.reset and number not in done and got.headers:
                        done.add(number)
                        self.seen.append(got)
                        await self.answer(end, number, got)
                        end.flush()
        writer.close()


async def dial(lab: Lab, host: str) -> End:
    """Open HTTP/2 to a host through the gateway."""
    lab.client_tls.set_alpn_protocols(["h2"])
    reader, writer = await lab.connect(host)
    shown = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    assert shown == "h2", shown
    return End(reader, writer, client=True)


async def call(
    end: End, host: str, path: str, *fields: tuple[bytes, bytes], body: bytes = b""
) -> Got:
    """Make one request and wait for its end."""
    number = end.h2.get_next_available_stream_id()
    head: Pairs = [
        (b":method", b"POST" if body else b"GET"),
        (b":scheme", b"https"),
        (b":authority", host.encode()),
        (b":path", path.encode()),
        *fields,
    ]
    end.h2.send_headers(number, head, end_stream=not body)
    end.flush()
    if body:
        await end.send(number, body)
    got = end.streams.setdefault(number, Got())
    async with asyncio.timeout(10):
        while not got.ended and await end.turn():
            pass
    return got
