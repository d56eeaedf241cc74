"""Requests through the gateway: routed, injected, refused, recorded."""

import asyncio
import gzip
from pathlib import Path

import pytest
from tests.fence.gateway.lab import POLICY, SECRET, Lab, Seen, open_lab


async def test_an_allowed_request_reaches_the_vendor_and_its_answer_comes_back(lab: Lab) -> None:
    answer = await lab.get("open.vendor.test", "/hello?x=1")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")
    assert lab.vendor.seen[0].head.startswith(b"GET /hello?x=1 HTTP/1.1\r\nhost: open.vendor.test")


async def test_a_denied_host_gets_a_refusal_that_names_rule_and_command(lab: Lab) -> None:
    answer = await lab.get("evil.test", "/x")
    assert b" 403 " in answer.split(b"\r\n")[0]
    assert b"default deny" in answer
    assert b"unlit policy explain coder GET https://evil.test/x" in answer
    assert lab.vendor.seen == []
    (entry,) = lab.entries()
    assert entry.fields["outcome"] == "deny"


async def test_the_secret_replaces_the_placeholder_in_the_declared_header(lab: Lab) -> None:
    await lab.post("api.vendor.test", "/v1/x", b"{}", f"X-Api-Key: {lab.placeholder}")
    (seen,) = lab.vendor.seen
    assert f"x-api-key: {SECRET}\r\n".encode() in seen.head
    assert lab.placeholder.encode() not in seen.head
    (entry,) = lab.entries()
    assert entry.fields["credential"] == "vendor"


async def test_a_placeholder_for_another_host_is_refused(lab: Lab) -> None:
    answer = await lab.get("open.vendor.test", "/x", f"x-api-key: {lab.placeholder}")
    assert b"FEN-506" in answer
    assert lab.vendor.seen == []


async def test_a_placeholder_in_url_other_header_or_body_is_refused(lab: Lab) -> None:
    key = f"x-api-key: {lab.placeholder}"
    for answer in (
        await lab.get("api.vendor.test", f"/v1/x?k={lab.placeholder}", key),
        await lab.get("api.vendor.test", "/v1/x", key, f"x-other: {lab.placeholder}"),
        await lab.post("api.vendor.test", "/v1/x", lab.placeholder.encode(), key),
    ):
        assert b"FEN-506" in answer
    assert lab.vendor.seen == []
    assert (await lab.detach()).refused_placeholders == 3


async def test_a_credentialed_rule_refuses_a_request_without_the_placeholder(lab: Lab) -> None:
    answer = await lab.get("api.vendor.test", "/v1/x", "x-api-key: somebody-elses-key")
    assert b"FEN-506" in answer
    assert lab.vendor.seen == []


async def test_a_reflected_secret_is_masked_plain_and_compressed(lab: Lab) -> None:
    for coding in (b"", b"gzip"):

        async def reflect(seen: Seen, writer: asyncio.StreamWriter, c: bytes = coding) -> None:
            body = seen.head + SECRET[::-1].encode()
            if c:
                body = gzip.compress(body)
            extra = b"content-encoding: gzip\r\n" if c else b""
            start = b"HTTP/1.1 200 OK\r\nx-echo: " + SECRET.encode() + b"\r\n" + extra
            writer.write(start + b"content-length: %d\r\n\r\n" % len(body) + body)

        lab.vendor.answer = reflect
        answer = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
        assert b"x-echo: *****" in answer
        assert b"x-api-key: *****" in answer
        assert SECRET.encode() not in answer
        assert SECRET[::-1].encode() not in answer


async def test_a_twin_gets_the_host_and_the_world_and_nothing_the_program_forged(lab: Lab) -> None:
    answer = await lab.get("slack.com", "/api/auth.test", "X-Twin-World: other")
    assert b" 200 " in answer
    (seen,) = lab.twin.seen
    assert b"host: slack.com\r\n" in seen.head
    assert seen.head.lower().count(b"x-twin-world") == 1
    assert b"x-twin-world: w1\r\n" in seen.head


async def test_host_must_be_the_name_that_tls_showed(lab: Lab) -> None:
    answer = await lab.raw("open.vendor.test", b"GET / HTTP/1.1\r\nhost: api.vendor.test\r\n\r\n")
    assert b" 421 " in answer.split(b"\r\n")[0]
    assert lab.vendor.seen == []


async def test_one_connection_carries_many_requests(lab: Lab) -> None:
    one = b"GET /a HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n"
    last = b"GET /b HTTP/1.1\r\nhost: open.vendor.test\r\nconnection: close\r\n\r\n"
    answer = await lab.raw("open.vendor.test", one * 3 + last)
    assert answer.count(b"HTTP/1.1 200") == 4
    assert lab.vendor.connections == 1
    assert (await lab.detach()).exchanges == 4


async def test_a_long_chunked_upload_arrives_whole(lab: Lab) -> None:
    piece = b"x" * 50_000
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    head = b"POST /up HTTP/1.1\r\nhost: open.vendor.test\r\ntransfer-encoding: chunked\r\n"
    data = head + b"connection: close\r\n\r\n" + chunk * 40 + b"0\r\n\r\n"
    answer = await lab.raw("open.vendor.test", data)
    assert b" 200 " in answer
    assert lab.vendor.seen[0].body == piece * 40


async def test_a_long_download_arrives_whole(lab: Lab) -> None:
    body = bytes(range(256)) * 40_000

    async def large(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    lab.vendor.answer = large
    answer = await lab.get("open.vendor.test", "/big")
    assert answer.endswith(body)


async def test_events_are_passed_on_as_they_come(lab: Lab) -> None:
    go_on = asyncio.Event()

    async def events(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
        )
        await writer.drain()
        await go_on.wait()
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    lab.vendor.answer = events
    reader, writer = await lab.connect("open.vendor.test")
    writer.write(b"GET /e HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n")
    async with asyncio.timeout(5):
        await reader.readuntil(b"data: 1\n\n")
        go_on.set()
        await reader.readuntil(b"data: 2\n\n")
    writer.close()


async def test_model_calls_are_counted_and_priced(lab: Lab) -> None:
    body = (
        b'{"model":"claude-sonnet-4-5","usage":{"input_tokens":1000,"output_tokens":100,'
        b'"cache_read_input_tokens":10}}'
    )

    async def model(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    lab.vendor.answer = model
    await lab.post("api.vendor.test", "/v1/messages", b"{}", f"x-api-key: {lab.placeholder}")
    (used,) = (await lab.detach()).usage
    assert (used.model, used.input_tokens, used.output_tokens) == ("claude-sonnet-4-5", 1010, 100)
    assert used.cost_usd is not None
    assert used.cost_usd > 0
    closed = (await lab.entry("session.closed")).fields
    assert (closed["exchanges"], closed["model_calls"], closed["tokens"]) == (1, 1, 1110)
    assert closed["usd"] == str(used.cost_usd)


async def test_an_http_1_0_program_gets_no_chunks(lab: Lab) -> None:
    async def chunks(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    lab.vendor.answer = chunks
    answer = await lab.raw("open.vendor.test", b"GET / HTTP/1.0\r\nhost: open.vendor.test\r\n\r\n")
    assert answer.endswith(b"connection: close\r\n\r\nok")
    assert b"chunked" not in answer


async def test_a_request_that_may_not_be_repeated_takes_a_fresh_connection(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlit.fence.gateway.exchange._IDLE_FOR_ONCE_S", -1.0)
    for _ in range(2):
        await lab.get("slack.com", "/api/x")
    for _ in range(2):
        await lab.post("slack.com", "/api/x", b"{}")
    assert lab.twin.connections == 3


async def test_a_rule_may_limit_the_time_of_a_request(tmp_path: Path) -> None:
    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    policy = POLICY.replace('name = "open"\n', 'name = "open"\ntimeout_s = 0.2\n')
    async with open_lab(tmp_path, policy) as lab:
        lab.vendor.answer = slow
        answer = await lab.get("open.vendor.test", "/x")
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"FEN-507" in answer
        assert (await lab.detach()).denied == 0


async def test_the_explicit_proxy_serves_plain_http_too(lab: Lab) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.proxy_port)
    one = b"GET http://slack.com/api/x HTTP/1.1\r\nhost: slack.com\r\n"
    writer.write(one + b"proxy-authorization: Basic eDp5\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head
    assert await reader.readexactly(2) == b"ok"
    writer.write(b"GET http://evil.test/ HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n")
    assert b" 403 " in await reader.read(-1)
    writer.close()
    assert b"proxy-authorization" not in lab.twin.seen[0].head


async def test_what_one_host_was_told_another_of_its_owner_does_not_show(lab: Lab) -> None:
    body = f"the key of your last call was {SECRET}".encode()

    async def tell(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    lab.vendor.answer = tell
    answer = await lab.get("open.vendor.test", "/last")
    assert b"the key of your last call was ***" in answer
    assert SECRET.encode() not in answer


@pytest.mark.parametrize(
    "fields",
    [
        b"%s: 1" % SECRET.encode(),
        b"x-%s: %s" % (SECRET[:14].encode(), SECRET[14:].encode()),
        b"x-a: %s\r\nx-b: %s" % (SECRET[:14].encode(), SECRET[14:].encode()),
    ],
)
async def test_a_secret_in_a_fields_name_or_cut_over_fields_is_not_shown(
    lab: Lab, fields: bytes
) -> None:
    async def tell(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\ncontent-length: 2\r\n\r\nok")

    lab.vendor.answer = tell
    answer = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
    assert answer.endswith(b"ok")
    assert SECRET[:14].encode() not in answer
    assert SECRET[14:].encode() not in answer


async def test_a_secret_in_the_fields_of_a_switch_to_websocket_is_not_shown(tmp_path: Path) -> None:
    async def switch(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-key: "
            + SECRET.encode()
            + b"\r\n\r\n\x88\x02\x03\xe8"
        )
        await writer.drain()

    policy = POLICY.replace('credential = "vendor"', 'credential = "vendor"\nws = true')
    async with open_lab(tmp_path, policy) as lab:
        lab.vendor.switch = switch
        answer = await lab.raw(
            "api.vendor.test",
            b"GET /v1/ws HTTP/1.1\r\nhost: api.vendor.test\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"x-api-key: " + lab.placeholder.encode() + b"\r\n\r\n",
        )
    assert b" 101 " in answer
    assert b"x-key: ***" in answer
