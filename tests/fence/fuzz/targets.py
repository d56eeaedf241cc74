"""What is fuzzed, and what must hold for any bytes: no crash, and nothing read in two ways."""

import contextlib
from collections.abc import Callable
from typing import Final

import h11
from tests.fence.gateway.test_fuzz import PREFACE, fed, real_request, served, speak_h2

from unlit.core.errors import UnlitError
from unlit.fence.gateway.body import ChunkedBody, read_all
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.head import (
    CHUNKED,
    Malformed,
    parse_connect,
    parse_request,
    parse_response,
    write_request,
)
from unlit.policy import Request, decide, parse_policy

GOOD: Final = (
    b'version = 1\n[credential.k]\nsource = {env = "K"}\ninject = {header = "x-api-key"}\n'
    b'hosts = ["a.example"]\n[[allow]]\nrole = "coder"\nhost = "a.example"\nmethods = ["GET"]\n'
    b'paths = ["/a/**"]\ncredential = "k"\n[[forbid]]\nrole = "coder"\nhost = "*.b.example"\n'
    b'[files.coder]\nwrite = ["."]\nhide = [".env"]\n[limits.coder]\nwall_s = 10\n'
)


def head(data: bytes) -> None:
    """A request head is refused, or another parser reads what we send on in the same way."""
    for read in (lambda: parse_connect(data), lambda: parse_response(data, "GET")):
        with contextlib.suppress(Malformed):
            read()
    try:
        found = parse_request(data, "https", 443)
    except Malformed:
        return
    assert found.path.startswith("/")
    assert not {"..", "."} & set(found.path.split("/"))
    assert found.host == found.host.lower()
    assert found.host.isascii()
    if found.websocket or found.method == "CONNECT":
        return
    other = h11.Connection(h11.SERVER)
    other.receive_data(write_request(found))
    event = other.next_event()
    assert isinstance(event, h11.Request)
    assert event.method.decode() == found.method
    assert event.target.split(b"?")[0].decode() == found.path
    names = [name for name, _ in event.headers]
    assert names.count(b"host") == 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert (b"transfer-encoding" in names) is (found.length == CHUNKED)


def http2(data: bytes) -> None:
    """Frames end in answers or in the end of the connection; what is served is canonical."""
    served.clear()
    start = {0: b"", 1: PREFACE, 2: real_request("/a", [])}[data[0] % 3 if data else 0]
    fed(start + data[1:], speak_h2)
    for found in served:
        assert found.host == "x.test"
        assert ".." not in found.path.split("/")
        assert all(b"\r" not in value and b"\n" not in value for _, value in found.headers)


def chunks(data: bytes) -> None:
    """A chunked body is read or refused."""

    async def read(channel: Channel) -> None:
        try:
            await read_all(ChunkedBody(channel, 1.0), 1 << 20)
        except (Malformed, Gone, TimedOut, OverflowError):
            return

    fed(data, read)


def policy(data: bytes) -> None:
    """A text is a policy or refused with a code; a host that no rule can name stays denied."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_policy(text)
    except UnlitError as error:
        if not error.code.startswith("POL-"):
            raise
        return
    asked = Request("coder", "https", "zq7.never-named.invalid", 443, "GET", "/zq7")
    decision = decide(found, asked)
    if decision.allowed:
        assert any(rule.effect == "allow" and "*" in rule.host for rule in found.rules)


TARGETS: Final[dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]]] = {
    "head": (
        head,
        (
            b"GET /a?b=c HTTP/1.1\r\nHost: x.test\r\nAccept: */*",
            b"POST /a%2fb/../c HTTP/1.1\r\nHost: x.test:443\r\nContent-Length: 3",
            b"PUT https://x.test/a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked",
            b"CONNECT x.test:443 HTTP/1.1\r\nHost: x.test:443",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close",
        ),
    ),
    "http2": (http2, (b"\x01", b"\x02\0\0\0\4\1\0\0\0\0", b"\x02" + real_request("/b", [])[24:])),
    "chunks": (chunks, (b"3\r\nabc\r\n0\r\n\r\n", b"1;x=y\r\na\r\n0\r\nt: u\r\n\r\n")),
    "policy": (policy, (GOOD, GOOD.replace(b"coder", b"product"))),
}
"""Name to what is fuzzed and the inputs it starts from."""
