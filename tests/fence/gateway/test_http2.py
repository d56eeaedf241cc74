"""HTTP/2 and gRPC through the gateway."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fence.gateway.h2_ends import End, Got, Server, call, dial
from tests.fence.gateway.lab import POLICY, SECRET, Lab, open_lab

from unlit.fence.gateway.ca import Authority

H2_POLICY = POLICY.replace('name = "vendor api"\n', 'name = "vendor api"\nh2 = true\n') + (
    '[[allow]]\nname = "both"\nrole = "coder"\nhost = "h2.vendor.test"\nh2 = true\n'
    'methods = ["GET", "POST"]\npaths = ["/**"]\n'
)


@dataclass
class H2Lab:
    lab: Lab
    server: Server


@pytest.fixture
async def h2lab(tmp_path: Path) -> AsyncIterator[H2Lab]:
    ca = Authority(lambda: datetime.now(UTC))
    server = Server()
    tls = ca.entry(lambda _: True)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    hosts = {"h2.vendor.test": port, "api.vendor.test": port}
    async with open_lab(tmp_path, H2_POLICY, upstreams=hosts, roots=ca.pem) as lab:
        yield H2Lab(lab, server)
    listening.close()


async def test_a_request_goes_through_over_http2_on_both_sides(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "h2.vendor.test")
    got = await call(end, "h2.vendor.test", "/a?b=c", (b"x-own", b"1"))
    assert got.field(b":status") == b"200"
    assert got.field(b"x-sort") == b"h2"
    assert got.body == b"ok"
    (seen,) = h2lab.server.seen
    assert seen.field(b":path") == b"/a?b=c"
    assert seen.field(b"x-own") == b"1"


async def test_large_bodies_pass_flow_control_both_ways(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "h2.vendor.test")
    body = bytes(range(256)) * 12_000
    got = await call(end, "h2.vendor.test", "/up", body=body)
    assert h2lab.server.seen[0].body == body
    assert got.body == body


async def test_streams_share_one_upstream_connection(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "h2.vendor.test")
    for number in range(20):
        assert (await call(end, "h2.vendor.test", f"/{number}")).body == b"ok"
    assert h2lab.server.connections == 1
    assert (await h2lab.lab.detach()).exchanges == 20


async def test_a_host_without_h2_is_not_offered_it(h2lab: H2Lab) -> None:
    h2lab.lab.client_tls.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await h2lab.lab.connect("open.vendor.test")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()


async def test_secrets_are_injected_and_scrubbed(h2lab: H2Lab) -> None:
    async def reflect(end: End, number: int, got: Got) -> None:
        end.h2.send_headers(number, [(b":status", b"200"), (b"x-echo", got.field(b"x-api-key"))])
        await end.send(number, b"key " + got.field(b"x-api-key"))

    h2lab.server.answer = reflect
    end = await dial(h2lab.lab, "api.vendor.test")
    key = (b"x-api-key", h2lab.lab.placeholder.encode())
    got = await call(end, "api.vendor.test", "/v1/x", key)
    assert h2lab.server.seen[0].field(b"x-api-key") == SECRET.encode()
    assert got.body == b"key " + b"*" * len(SECRET)
    assert set(got.field(b"x-echo")) == {ord("*")}


async def test_authority_must_be_the_name_that_tls_showed(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "h2.vendor.test")
    got = await call(end, "api.vendor.test", "/v1/x")
    assert got.field(b":status") == b"421"
    assert h2lab.server.seen == []


async def test_grpc_keeps_its_trailers(h2lab: H2Lab) -> None:
    async def answer(end: End, number: int, got: Got) -> None:
        end.h2.send_headers(number, [(b":status", b"200"), (b"content-type", b"application/grpc")])
        await end.send(number, b"\0\0\0\0\2hi", end=False)
        end.h2.send_headers(number, [(b"grpc-status", b"0")], end_stream=True)

    h2lab.server.answer = answer
    end = await dial(h2lab.lab, "h2.vendor.test")
    fields = ((b"content-type", b"application/grpc"), (b"te", b"trailers"))
    got = await call(end, "h2.vendor.test", "/pkg.Service/Call", *fields, body=b"\0\0\0\0\2yo")
    assert got.body.endswith(b"hi")
    assert got.trailers == [(b"grpc-status", b"0")]
    assert h2lab.server.seen[0].field(b"te") == b"trailers"


async def test_a_denied_grpc_call_gets_a_grpc_status(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "api.vendor.test")
    fields = ((b"content-type", b"application/grpc"),)
    got = await call(end, "api.vendor.test", "/other.Service/Call", *fields, body=b"\0\0\0\0\0")
    assert got.field(b"grpc-status") == b"7"
    assert b"unlit policy explain" in got.field(b"grpc-message")


async def test_rapid_resets_end_the_connection(h2lab: H2Lab) -> None:
    end = await dial(h2lab.lab, "h2.vendor.test")
    for _ in range(400):
        number = end.h2.get_next_available_stream_id()
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/")]
        end.h2.send_headers(number, [*head, (b":authority", b"h2.vendor.test")])
        end.h2.reset_stream(number)
    end.flush()
    async with asyncio.timeout(10):
        while await end.turn():
            pass
    assert len(h2lab.server.seen) < 400
    again = await dial(h2lab.lab, "h2.vendor.test")
    assert (await call(again, "h2.vendor.test", "/")).body == b"ok"


async def test_a_stream_that_the_program_gives_up_ends_upstream(h2lab: H2Lab) -> None:
    never = asyncio.Event()

    async def hang(end: End, number: int, got: Got) -> None:
        end.h2.send_headers(number, [(b":status", b"200")])
        end.flush()
        while not end.streams[number].reset and await end.turn():
            pass
        never.set()

    h2lab.server.answer = hang
    end = await dial(h2lab.lab, "h2.vendor.test")
    number = end.h2.get_next_available_stream_id()
    head = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/")]
    end.h2.send_headers(number, [*head, (b":authority", b"h2.vendor.test")], end_stream=True)
    end.flush()
    while not end.streams.get(number, Got()).headers:
        await end.turn()
    end.h2.reset_stream(number)
    end.flush()
    async with asyncio.timeout(5):
        await never.wait()
