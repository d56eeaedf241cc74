"""Any bytes on a connection end in an answer, a refusal or a close: never in a crash or a hang."""

import asyncio
from collections.abc import Awaitable, Callable

import h2.config
import h2.connection
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from unlit.fence.gateway.body import Body, ChunkedBody, read_all
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import Malformed, RequestHead
from unlit.fence.gateway.http2_server import Http2Server
from unlit.fence.gateway.reply import Reply
from unlit.fence.gateway.websocket import frames, messages

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Sink(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def abort(self) -> None:
        self.closed = True

    @override
    def pause_reading(self) -> None:
        pass

    @override
    def resume_reading(self) -> None:
        pass


def fed(data: bytes, work: Callable[[Channel], Awaitable[None]]) -> bytes:
    """Run `work` on a channel that brings `data` and ends; return what it wrote."""

    async def main() -> bytes:
        channel, sink = Channel(asyncio.get_running_loop()), Sink()
        channel.connection_made(sink)
        channel.data_received(data)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(_until_done(work(channel)))
            for _ in range(20):
                await asyncio.sleep(0)
            channel.eof_received()
        return sink.written

    return asyncio.run(main())


async def _until_done(work: Awaitable[None]) -> None:
    await work


served: list[RequestHead] = []


async def serve(head: RequestHead, body: Body, reply: Reply) -> bool:
    served.append(head)
    reply.start(200, b"", [], 2)
    reply.send(b"ok")
    reply.finish([])
    return True


def refuse(bad: Malformed) -> Denial:
    return Denial(bad.status, "FEN-502", "gateway", bad.reason)


async def speak_h2(channel: Channel) -> None:
    server = Http2Server(channel, "x.test", 443, serve, refuse)
    server.begin()
    await server.run()
    await asyncio.sleep(0)


def raw_frame(kind: type[Frame], number: int, body: bytes) -> bytes:
    head = len(body).to_bytes(3, "big") + bytes([kind.type or 0, body[0] if body else 0])
    return head + number.to_bytes(4, "big") + body


KINDS = st.sampled_from(
    [
        DataFrame, HeadersFrame, PriorityFrame, RstStreamFrame, SettingsFrame, PushPromiseFrame,
        PingFrame, GoAwayFrame, WindowUpdateFrame, ContinuationFrame,
    ]
)  # fmt: skip
FRAMES = st.builds(raw_frame, KINDS, st.integers(0, 7), st.binary(max_size=40))


def real_request(path: str, extra: list[tuple[str, str]]) -> bytes:
    config = h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
    client = h2.connection.H2Connection(config)
    client.initiate_connection()
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "x.test"), (":path", path)]
    client.send_headers(1, head + extra, end_stream=True)
    return client.data_to_send()


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAMES | st.binary(max_size=30), max_size=8).map(b"".join), st.booleans())
def test_any_frames_end_the_connection_quietly(data: bytes, with_preface: bool) -> None:
    fed((PREFACE if with_preface else b"") + data, speak_h2)


@settings(max_examples=100, deadline=None)
@given(st.lists(FRAMES, max_size=5).map(b"".join))
def test_a_good_request_before_any_frames_is_answered(data: bytes) -> None:
    written = fed(real_request("/a", []) + data, speak_h2)
    assert written.startswith(b"\0\0")


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="/.%2e5cab?#\\ \t\r\n\0é", max_size=15),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["host", "content-length", "te", "connection", "x-a", ":path", "cookie"]
            ),
            st.sampled_from(["x.test", "y.test", "3", "-1", "trailers", "close", "a\r\nb", "a; b"]),
        ),
        max_size=4,
    ),
)
def test_what_is_served_over_http2_is_canonical(path: str, extra: list[tuple[str, str]]) -> None:
    served.clear()
    fed(real_request(path, extra), speak_h2)
    for head in served:
        assert head.host == "x.test"
        assert head.path.startswith("/")
        assert ".." not in head.path.split("/")
        names = [name for name, _ in head.headers]
        assert b"host" not in names
        assert b"connection" not in names
        assert all(b"\r" not in value and b"\n" not in value for _, value in head.headers)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_websocket_bytes_are_frames_or_a_refusal(data: bytes, masked: bool) -> None:
    async def read(channel: Channel) -> None:
        for source in (frames, messages):
            try:
                async for frame in source(channel, masked=masked):
                    assert frame.opcode in (0, 1, 2, 8, 9, 10)
            except (Malformed, Gone, TimedOut):
                continue

    fed(data, read)


CHUNKS = st.sampled_from(
    [b"0\r\n\r\n", b"3\r\nabc\r\n", b"5\r\nabcde\r\n", b"\r\n", b"\n", b"ffffffff\r\n", b"a;b\r\n",
     b"-1\r\n", b"0\r\nx: y\r\n\r\n", b" 3\r\n", b"3 \r\nabc\r\n", b"0x1\r\na\r\n"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(CHUNKS | st.binary(max_size=4), max_size=8).map(b"".join))
def test_any_chunks_are_a_body_or_a_refusal(data: bytes) -> None:
    async def read(channel: Channel) -> None:
        try:
            body = await read_all(ChunkedBody(channel, 1.0), 1 << 20)
        except (Malformed, Gone, TimedOut):
            return
        assert data.count(body[:3]) or not body

    fed(data, read)


def test_the_fuzzed_server_serves_what_is_good() -> None:
    served.clear()
    written = fed(real_request("/a%62?x", [("cookie", "a=1"), ("cookie", "b=2")]), speak_h2)
    (head,) = served
    assert (head.path, head.query) == ("/ab", b"x")
    assert head.field(b"cookie") == b"a=1; b=2"
    assert b"ok" in written
