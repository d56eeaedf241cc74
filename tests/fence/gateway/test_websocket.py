"""WebSocket through the gateway, with wsproto on both ends."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import wsproto.events as ws
from hypothesis import given
from hypothesis import strategies as st
from tests.fence.gateway.lab import POLICY, SECRET, Lab, Seen, Switch, open_lab
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection

from unlit.fence.gateway.websocket import Frame, mask

WITH_WS = POLICY.replace('name = "open"\n', 'name = "open"\nws = true\n').replace(
    'name = "vendor api"\n', 'name = "vendor api"\nws = true\n'
)


async def echo(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and send every message back, with the request's head before the first."""
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(seen.head)
    for event in server.events():
        if isinstance(event, ws.Request):
            writer.write(server.send(ws.AcceptConnection()))
            writer.write(server.send(ws.TextMessage(data=seen.head.decode())))
    while data := await reader.read(65_536):
        server.receive_data(data)
        for event in server.events():
            if isinstance(event, ws.TextMessage):
                done = event.message_finished
                writer.write(server.send(ws.TextMessage(event.data, message_finished=done)))
            elif isinstance(event, ws.CloseConnection):
                writer.write(server.send(event.response()))
                return


@asynccontextmanager
async def opened(
    lab: Lab, host: str, path: str = "/v1/ws", *fields: tuple[bytes, bytes]
) -> AsyncIterator[tuple[Connection, asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await lab.connect(host)
    handshake = WSConnection(ConnectionType.CLIENT)
    writer.write(handshake.send(ws.Request(host=host, target=path, extra_headers=list(fields))))
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    yield Connection(ConnectionType.CLIENT), reader, writer
    writer.close()


async def text(client: Connection, reader: asyncio.StreamReader) -> str:
    parts = []
    async with asyncio.timeout(60):
        while True:
            for event in client.events():
                if isinstance(event, ws.CloseConnection):
                    return f"closed {event.code}"
                if isinstance(event, ws.BytesMessage):
                    return "bytes"
                if isinstance(event, ws.TextMessage):
                    parts.append(event.data)
                    if event.message_finished:
                        return "".join(parts)
            data = await reader.read(65_536)
            if not data:
                return "gone"
            client.receive_data(data)


async def test_messages_go_both_ways(tmp_path: Path) -> None:
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = echo
        async with opened(lab, "open.vendor.test", "/ws") as (client, reader, writer):
            assert (await text(client, reader)).startswith("GET /ws HTTP/1.1")
            for message in ("hello", "ü" * 70_000):
                writer.write(client.send(ws.TextMessage(data=message)))
                assert await text(client, reader) == message
        assert b"sec-websocket-extensions" not in lab.vendor.seen[0].head.lower()


async def test_a_rule_without_ws_refuses(lab: Lab) -> None:
    answer = await lab.raw(
        "open.vendor.test",
        b"GET /ws HTTP/1.1\r\nhost: open.vendor.test\r\nupgrade: websocket\r\n"
        b"connection: upgrade, close\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"sec-websocket-version: 13\r\n\r\n",
    )
    assert b"does not allow WebSocket" in answer
    assert lab.vendor.seen == []


async def test_a_placeholder_in_a_message_closes_with_1008(tmp_path: Path) -> None:
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = echo
        async with opened(lab, "open.vendor.test", "/ws") as (client, reader, writer):
            await text(client, reader)
            half = len(lab.placeholder) // 2
            first = ws.TextMessage(data=lab.placeholder[:half], message_finished=False)
            writer.write(client.send(first))
            writer.write(client.send(ws.TextMessage(data=lab.placeholder[half:])))
            assert await text(client, reader) == "closed 1008"
        assert [entry.kind for entry in lab.entries("websocket.refused")] == ["websocket.refused"]


async def test_a_secret_in_a_message_is_masked(tmp_path: Path) -> None:
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = echo
        key = (b"x-api-key", lab.placeholder.encode())
        async with opened(lab, "api.vendor.test", "/v1/ws", key) as (client, reader, _):
            shown = await text(client, reader)
        assert SECRET.encode() in lab.vendor.seen[0].head
        assert SECRET not in shown
        assert "x-api-key: ****" in shown.lower()


async def test_an_unmasked_frame_ends_the_connection(tmp_path: Path) -> None:
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = echo
        async with opened(lab, "open.vendor.test", "/ws") as (client, reader, writer):
            await text(client, reader)
            writer.write(Frame(True, 1, b"plain").encode(masked=False))
            assert await text(client, reader) == "gone"


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_twice_is_nothing(data: bytes, key: bytes) -> None:
    assert mask(mask(data, key), key) == data
    if data:
        assert mask(data, key)[0] == data[0] ^ key[0]


def saying(*frames: Frame) -> Switch:
    """Accept and send some frames."""

    async def say(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(seen.head)
        assert isinstance(next(iter(server.events())), ws.Request)
        writer.write(server.send(ws.AcceptConnection()))
        writer.write(b"".join(frame.encode(masked=False) for frame in frames))
        await writer.drain()
        await reader.read(1)

    return say


async def test_a_secret_over_two_messages_is_masked_and_others_are_not_altered(
    tmp_path: Path,
) -> None:
    said = ["hello", f"my key is {SECRET[:20]}", f"{SECRET[20:]} yes", "end"]
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = saying(*(Frame(True, 1, one.encode()) for one in said))
        key = (b"x-api-key", lab.placeholder.encode())
        async with opened(lab, "api.vendor.test", "/v1/ws", key) as (client, reader, _):
            heard = [await text(client, reader) for _ in said]
    masked = [f"my key is {'*' * 20}", f"{'*' * (len(SECRET) - 20)} yes"]
    assert heard == ["hello", *masked, "end"]


async def test_a_secret_in_a_compressed_message_ends_the_connection(tmp_path: Path) -> None:
    packed = gzip.compress(b"the key: " + SECRET.encode())
    async with open_lab(tmp_path, WITH_WS) as lab:
        key = (b"x-api-key", lab.placeholder.encode())
        for frames in (
            [Frame(True, 2, packed)],
            [Frame(True, 2, packed[:15]), Frame(True, 2, packed[15:])],
            [Frame(True, 1, b'{"data": "' + base64.b64encode(packed) + b'"}')],
        ):
            lab.vendor.switch = saying(*frames)
            async with opened(lab, "api.vendor.test", "/v1/ws", key) as (client, reader, _):
                heard = ""
                while not heard.startswith("closed"):
                    heard = await text(client, reader)
                assert heard == "closed 1008"
        reasons = [entry.fields["reason"] for entry in lab.entries("websocket.refused")]
        assert reasons == ["a secret stands in compressed data of the answer"] * 3


async def test_a_placeholder_over_two_messages_closes_with_1008(tmp_path: Path) -> None:
    async with open_lab(tmp_path, WITH_WS) as lab:
        lab.vendor.switch = echo
        async with opened(lab, "open.vendor.test", "/ws") as (client, reader, writer):
            await text(client, reader)
            writer.write(client.send(ws.TextMessage(data=lab.placeholder[:9])))
            assert await text(client, reader) == lab.placeholder[:9]
            writer.write(client.send(ws.TextMessage(data=lab.placeholder[9:])))
            assert await text(client, reader) == "closed 1008"
