"""Attempts to get past the gateway: each must fail, and each fails for its own reason."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from tests.fence.gateway.lab import POLICY, SECRET, Lab, Seen, open_lab

HOST = "open.vendor.test"
ONE = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "HOST"\nmethods = ["GET"]\npaths = ["/**"]\n'
HEAD = b"POST /up HTTP/1.1\r\nhost: open.vendor.test\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD
        + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: open.vendor.test\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_smuggling_is_refused_and_ends_the_connection(lab: Lab, data: bytes) -> None:
    answer = await lab.raw(HOST, data)
    assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"5")
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not any(b"/evil" in seen.head for seen in lab.vendor.seen)


async def test_a_placeholder_cut_across_chunks_is_found(lab: Lab) -> None:
    text = lab.placeholder.encode()
    filler = b"x" * 70_000
    body = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (filler, text[:20], text[20:], filler)
    )
    data = HEAD + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    answer = await lab.raw(HOST, data)
    assert b" 200 " not in answer
    assert lab.vendor.seen == []
    assert (await lab.detach()).refused_placeholders == 1


async def test_a_placeholder_in_base64_or_reversed_is_found(lab: Lab) -> None:
    import base64

    for text in (
        base64.b64encode(b"user:" + lab.placeholder.encode()).decode(),
        lab.placeholder[::-1],
        lab.placeholder.encode().hex(),
    ):
        assert b"FEN-506" in await lab.get(HOST, f"/x?q={text}")
    assert lab.vendor.seen == []


async def test_the_key_never_goes_out_in_clear(tmp_path: Path) -> None:
    policy = POLICY.replace(
        'host = "api.vendor.test"\nmethods',
        'host = "api.vendor.test"\nports = [80]\nscheme = "http"\nmethods',
    )
    with pytest.raises(Exception, match="unencrypted"):
        async with open_lab(tmp_path, policy):
            pass


async def test_plain_http_to_the_api_is_denied(lab: Lab) -> None:
    head = f"GET /v1/x HTTP/1.1\r\nhost: api.vendor.test\r\nx-api-key: {lab.placeholder}\r\n\r\n"
    reader, writer = await lab.connect("api.vendor.test", 80)
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 403 " in answer
    writer.close()


async def test_fronting_by_sni_or_connect_is_refused(lab: Lab) -> None:
    inner = b"GET / HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n"
    answer = await lab.raw("evil.test", inner, sni="open.vendor.test")
    assert answer == b""
    assert b" 421 " in await lab.raw("open.vendor.test", inner.replace(b"open.", b"api."))
    assert lab.vendor.seen == []
    assert (await lab.entry("connection")).fields["outcome"] == "deny"


async def test_a_name_that_leads_to_this_machine_is_refused(tmp_path: Path) -> None:
    policy = ONE.replace("HOST", "*.rebind.test")

    class Rebinding:
        async def resolve(self, host: str, port: int) -> list[str]:
            return {"a.rebind.test": ["93.184.216.34", "127.0.0.1"]}.get(host, ["169.254.169.254"])

    async with open_lab(tmp_path, policy, resolver=Rebinding()) as lab:
        for host in ("a.rebind.test", "meta.rebind.test"):
            assert b"FEN-503" in await lab.get(host, "/latest/meta-data")


async def test_an_upstream_without_a_good_certificate_is_refused(tmp_path: Path) -> None:
    policy = ONE.replace("HOST", "h2.vendor.test")
    from datetime import UTC, datetime

    from unlit.fence.gateway.ca import Authority

    strange = Authority(lambda: datetime.now(UTC))
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=strange.entry())
    port = server.sockets[0].getsockname()[1]
    async with open_lab(tmp_path, policy, upstreams={"h2.vendor.test": port}) as lab:
        answer = await lab.get("h2.vendor.test", "/x")
        assert b"certificate is not valid" in answer
    server.close()


async def test_an_upstream_cannot_add_an_answer(lab: Lab) -> None:
    async def two(seen: Seen, writer: asyncio.StreamWriter) -> None:
        evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + evil)

    lab.vendor.answer = two
    one = b"GET /a HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n"
    last = b"GET /b HTTP/1.1\r\nhost: open.vendor.test\r\nconnection: close\r\n\r\n"
    answer = await lab.raw(HOST, one + last)
    assert b"evil" not in answer
    assert answer.count(b"\r\n\r\nok") == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nx: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 80_000 + b"\r\n\r\n",
    ],
)
async def test_a_malformed_answer_is_not_passed_on(lab: Lab, raw: bytes) -> None:
    async def strange(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    lab.vendor.answer = strange
    answer = await lab.get(HOST, "/x")
    assert answer.startswith(b"HTTP/1.1 502 ")


async def test_a_body_that_ends_early_is_not_made_whole(lab: Lab) -> None:
    async def short(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab")
        await writer.drain()
        writer.close()

    lab.vendor.answer = short
    answer = await lab.get(HOST, "/x")
    assert not answer.endswith(b"0\r\n\r\n")


async def test_an_answer_in_an_unknown_coding_is_refused_where_a_secret_might_be(lab: Lab) -> None:
    async def odd(seen: Seen, writer: asyncio.StreamWriter) -> None:
        assert b"accept-encoding: identity\r\n" in seen.head
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: compress\r\ncontent-length: 1\r\n\r\nx")

    lab.vendor.answer = odd
    key = f"x-api-key: {lab.placeholder}"
    answer = await lab.get("api.vendor.test", "/v1/x", key, "accept-encoding: br, gzip")
    assert answer.startswith(b"HTTP/1.1 502 ")


async def test_a_secret_in_status_line_and_redirect_is_masked(lab: Lab) -> None:
    async def reflect(seen: Seen, writer: asyncio.StreamWriter) -> None:
        secret = SECRET.encode()
        writer.write(
            b"HTTP/1.1 302 %b\r\nlocation: https://evil.test/?k=%b\r\ncontent-length: 0\r\n\r\n"
            % (secret, secret.hex().encode())
        )

    lab.vendor.answer = reflect
    answer = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
    assert SECRET.encode() not in answer
    assert SECRET.encode().hex().encode() not in answer


async def test_a_later_request_to_the_same_host_is_scrubbed_too(lab: Lab) -> None:
    async def reflect(seen: Seen, writer: asyncio.StreamWriter) -> None:
        body = b"earlier you sent " + SECRET.encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    lab.vendor.answer = reflect
    answer = await lab.get("api.vendor.test", "/v1/other", f"x-api-key: {lab.placeholder}")
    assert SECRET.encode() not in answer


async def test_too_many_connections_are_closed_at_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path, POLICY + "[limits.coder]\nconnections = 3\n") as lab:
        held = [await asyncio.open_connection("127.0.0.1", lab.proxy_port) for _ in range(3)]
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.proxy_port)
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_a_head_that_drips_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlit.fence.gateway.connection.IDLE_S", 0.3)
    reader, writer = await lab.connect(HOST)
    with contextlib.suppress(ConnectionError):
        for byte in b"GET / HTTP/1.1\r\nhost: open.vendor.test\r\nx: aaaaaaaaaaaaaaaaaaaaaaaa":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)
        assert await reader.read(-1) == b""
    writer.close()
    assert lab.vendor.seen == []


async def test_a_log_that_cannot_be_written_stops_everything(lab: Lab) -> None:
    import os

    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, lab.audit._file.descriptor)
    os.close(full)
    answer = await lab.get(HOST, "/x")
    assert b"FEN-508" in answer
    assert lab.vendor.seen == []


async def test_no_sni_and_address_literals_get_no_session(lab: Lab) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.proxy_port)
    writer.write(b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nhost: 127.0.0.1:443\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    with pytest.raises(OSError):  # noqa: PT011 # a TLS alert
        await writer.start_tls(lab.client_tls, server_hostname="127.0.0.1")
    assert "no plain server name" in str((await lab.entry("connection")).fields["reason"])


async def test_two_sessions_share_nothing(lab: Lab) -> None:
    from tests.fence.gateway.lab import Spec, free_listener

    from unlit.policy import parse_policy

    listener = free_listener()
    port = listener.getsockname()[1]
    other = Spec(parse_policy("version = 1"))
    await lab.gateway.attach("s2", other, [], None, {}, proxies=[listener])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT open.vendor.test:443 HTTP/1.1\r\nhost: open.vendor.test:443\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(lab.client_tls, server_hostname="open.vendor.test")
    writer.write(b"GET / HTTP/1.1\r\nhost: open.vendor.test\r\nconnection: close\r\n\r\n")
    assert b" 403 " in await reader.read(-1)
    assert (await lab.gateway.detach("s2")).denied == 1
    assert b" 200 " in await lab.get(HOST, "/x")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pytest.fail("the listener of an ended session still accepts")


async def test_the_command_that_explains_is_safe_to_paste(lab: Lab) -> None:
    import json
    import shlex

    answer = await lab.get("evil.test", "/x';touch$IFS'pwned';echo'")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    words = shlex.split(told["explain"])
    assert words == ["unlit", "policy", "explain", "coder", "GET", words[-1]]
    assert words[-1] == "https://evil.test/x';touch$IFS'pwned';echo'"


async def test_a_declared_header_given_twice_is_refused(lab: Lab) -> None:
    key = f"x-api-key: {lab.placeholder}"
    answer = await lab.get("api.vendor.test", "/v1/x", key, "x-api-key: somebody-elses")
    assert b"FEN-506" in answer
    assert lab.vendor.seen == []


async def test_a_range_cannot_bring_a_secret_in_pieces(lab: Lab) -> None:
    key = f"x-api-key: {lab.placeholder}"
    await lab.get("api.vendor.test", "/v1/x", key, "range: bytes=0-4", "if-range: x")
    assert b"range" not in lab.vendor.seen[0].head.lower()


def test_an_escaped_spelling_does_not_move_the_secret_elsewhere() -> None:
    import json

    from unlit.fence.gateway.inject import inject_json

    mark = "unlitph0123456789"
    hidden = "".join(f"\\u{ord(char):04x}" for char in mark)
    body = '{"auth": {"token": "' + hidden + '"}, "public": "' + mark + '"}'
    assert json.loads(body)["auth"]["token"] == mark
    assert inject_json(body.encode(), "auth.token", mark, SECRET) is None
    twice = '{"auth": {"token": "' + mark + '"}, "auth": {"token": "other"}}'
    assert inject_json(twice.encode(), "auth.token", mark, SECRET) is None


async def test_a_hundred_broken_conversations_leave_it_serving(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    import random

    chooser = random.Random(20261125)
    words = [
        b"GET ", b"POST ", b"/a", b"/../", b" HTTP/1.1\r\n", b"host: open.vendor.test\r\n",
        b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"5\r\nabcde\r\n",
        b"0\r\n\r\n", b"\r\n", b"connection: close\r\n", b"\0", b"\xff\xfe", b"x: y\r\n",
        b"upgrade: websocket\r\n", b"expect: 100-continue\r\n", b"x" * 300, b"HTTP/1.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]  # fmt: skip

    async def one(port: int) -> None:
        data = b"".join(chooser.choices(words, k=chooser.randint(1, 12)))
        reader, writer = await lab.connect(HOST, port)
        writer.write(data)
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.2):
                await reader.read(-1)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(one(443 if number % 2 else 80))
    assert b" 200 " in await lab.get(HOST, "/still-here")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert all(b"/../" not in seen.head for seen in lab.vendor.seen)


async def test_a_program_that_trusts_nobody_is_explained_in_the_log(lab: Lab) -> None:
    import ssl

    def program() -> None:
        with socket.create_connection(("127.0.0.1", lab.proxy_port)) as sock:
            sock.sendall(
                b"CONNECT open.vendor.test:443 HTTP/1.1\r\nhost: open.vendor.test:443\r\n\r\n"
            )
            sock.recv(1000)
            ssl.create_default_context().wrap_socket(sock, server_hostname=HOST)

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(program)
    assert "does not trust" in str((await lab.entry("connection")).fields["reason"])
