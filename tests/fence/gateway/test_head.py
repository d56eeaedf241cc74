"""Heads that two programs could read differently are refused; what is accepted means one thing."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.fence.gateway.head import (
    CHUNKED,
    Malformed,
    authority,
    parse_connect,
    parse_request,
    parse_response,
    split_target,
    write_request,
)

GOOD = b"GET /a HTTP/1.1\r\nHost: x.test"


def request(raw: bytes) -> int:
    """Return the status of the refusal, or 0."""
    try:
        parse_request(raw, "https", 443)
    except Malformed as bad:
        return bad.status
    return 0


def response(raw: bytes) -> int:
    """Return the status of the refusal, or 0."""
    try:
        parse_response(raw, "GET")
    except Malformed as bad:
        return bad.status
    return 0


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /a HTTP/1.1",
        b"GET /a HTTP/1.1\r\nHost:",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nHost: y.test",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nHost: x.test",
        b"GET /a HTTP/1.1\r\nHost : x.test",
        b"GET /a HTTP/1.1\nHost: x.test",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\n folded: y",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\n\tfolded: y",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nA: b\nC: d",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nA: b\rC: d",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nA: b\0c",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nA\0: b",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\n: b",
        b"GET  /a HTTP/1.1\r\nHost: x.test",
        b"GET /a  HTTP/1.1\r\nHost: x.test",
        b"GET\t/a HTTP/1.1\r\nHost: x.test",
        b" GET /a HTTP/1.1\r\nHost: x.test",
        b"get /a HTTP/1.1\r\nHost: x.test",
        b"GET /a HTTP/1.2\r\nHost: x.test",
        b"GET /a HTTP/2.0\r\nHost: x.test",
        b"GET /a\r\nHost: x.test",
        b"GET http://x.test/a HTTP/1.1\r\nHost: x.test",
        b"GET //evil.test/a HTTP/1.1\r\nHost: x.test",
        b"GET * HTTP/1.1\r\nHost: x.test",
        b"CONNECT x.test:443 HTTP/1.1\r\nHost: x.test",
        b"TRACE / HTTP/1.1\r\nHost: x.test",
        b"PRI * HTTP/2.0",
        b"GET /a HTTP/1.1\r\nHost: x.test:8443",
        b"GET /a HTTP/1.1\r\nHost: x.test:0",
        b"GET /a HTTP/1.1\r\nHost: x.test:99999",
        b"GET /a HTTP/1.1\r\nHost: x.test:443x",
        b"GET /a HTTP/1.1\r\nHost: x.test.",
        b"GET /a HTTP/1.1\r\nHost: .x.test",
        b"GET /a HTTP/1.1\r\nHost: x..test",
        b"GET /a HTTP/1.1\r\nHost: user@x.test",
        b"GET /a HTTP/1.1\r\nHost: x.test/evil",
        b"GET /a HTTP/1.1\r\nHost: x.test, y.test",
        b"GET /a HTTP/1.1\r\nHost: [::1]",
        "GET /a HTTP/1.1\r\nHost: \u0445.test".encode(),
        b"GET /a HTTP/1.1\r\nHost: " + b"a." * 130 + b"test",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 1\r\nContent-Length: 1",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 1, 1",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: +1",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: -1",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 0x1",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length:",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 1 2",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: gzip, chunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked, chunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: xchunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: identity",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: \x0bchunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x",
        b"POST /a HTTP/1.0\r\nHost: x.test\r\nTransfer-Encoding: chunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nTransfer_Encoding : chunked",
        b"POST /a HTTP/1.1\r\nHost: x.test\r\nExpect: 200-maybe",
        b"GET /a HTTP/1.1\r\nHost: x.test\r\n" + b"\r\n".join(b"a%d: b" % n for n in range(300)),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    assert request(raw) >= 400


@pytest.mark.parametrize(
    "target",
    [
        b"/../a", b"/a/../b", b"/a/..", b"/.", b"/a/./b", b"/%2e%2e/a", b"/a/%2E%2e/b", b"/.%2e",
        b"/a//b", b"//", b"/a\\b", b"/a%5cb", b"/a%00", b"/a%0d%0aX", b"/a%0", b"/a%zz", b"/a%",
        b"/..;/a", b"/a/..;x=1/b", b"/a/.;/b", b"/a/..%3b/b", b"/a/%2e%2e;/b", b"/a/%252e%252e/b",
        b"/a/%252E./b", b"/a%252fb", b"/a%255cb", b"/a%25252eb", b"/a%25u002eb", b"/a%2525U002fb",
        b"/a%25%75%302%66b", b"/@a%2f..%2fb", b"/a%2f..",
        b"/a%250d%250ab", b"/a#b", b"/a b", b"/a?b#c", b"/a?\x7f", b"/\xff", b"/a%7f", b"", b"a",
    ],
)  # fmt: skip
def test_a_path_that_servers_read_differently_is_refused(target: bytes) -> None:
    with pytest.raises(Malformed):
        split_target(target)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", "/"),
        (b"/a/", "/a/"),
        (b"/%61dmin", "/admin"),
        (b"/a%20b", "/a%20b"),
        (b"/a%2fb", "/a%2Fb"),
        (b"/tags/50%25using", "/tags/50%25using"),
        (b"/100%25uptime", "/100%25uptime"),
        (b"/@scope%2fname", "/@scope%2Fname"),
        (b"/...", "/..."),
        (b"/.git", "/.git"),
        (b"/a..b", "/a..b"),
        (b"/models/x:generateContent?alt=sse", "/models/x:generateContent"),
    ],
)
def test_a_path_has_one_form(target: bytes, path: str) -> None:
    assert split_target(target)[0] == path


def test_fields_that_mislead_a_server_are_dropped() -> None:
    head = parse_request(
        GOOD + b"\r\nX-Forwarded-Host: evil\r\nX-HTTP-Method-Override: DELETE\r\nKeep-Alive: 1"
        b"\r\nX-Original-URL: /admin\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Fine: 2"
        b"\r\nX-Twin-World: w9\r\nProxy-Authorization: x\r\nTE: trailers\r\nForwarded: for=1",
        "https",
        443,
    )
    assert head.headers == [(b"x-fine", b"2")]


def test_a_proxied_target_must_agree_with_host() -> None:
    good = b"GET http://x.test/a HTTP/1.1\r\nHost: x.test"
    assert parse_request(good, "http", 0, proxied=True).path == "/a"
    for bad in (good.replace(b"Host: x", b"Host: y"), good.replace(b"http:", b"https:")):
        with pytest.raises(Malformed):
            parse_request(bad, "http", 0, proxied=True)


@pytest.mark.parametrize(
    "raw",
    [
        b"CONNECT x.test HTTP/1.1",
        b"CONNECT x.test:443 HTTP/1.1\r\nHost: y.test:443",
        b"CONNECT 127.0.0.1:443x HTTP/1.1",
        b"CONNECT [::1]:443 HTTP/1.1",
        b"CONNECT user@x.test:443 HTTP/1.1",
    ],
)
def test_a_strange_connect_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_connect(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: x",
        b"HTTP/1.1 2000 OK",
        b"HTTP/3 200 OK",
        b"200 OK",
    ],
)
def test_a_strange_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_response(raw, "GET")


TOKENS = st.sampled_from(
    [b"Host: x.test", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"\r\n", b"\n", b"\r",
     b" ", b"\t", b"\0", b":", b"GET", b"POST", b"/a", b"/../", b"%2e", b"HTTP/1.1", b"HTTP/1.0",
     b"Connection: close", b"x: y", b"chunked", b",", b"\xff", b"Expect: 100-continue"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(TOKENS | st.binary(max_size=6), max_size=14).map(b"".join))
def test_any_bytes_are_a_request_or_a_refusal(raw: bytes) -> None:
    request(raw)
    request(GOOD + raw)
    request(GOOD + b"\r\n" + raw)


@settings(max_examples=400)
@given(st.lists(TOKENS | st.binary(max_size=4), max_size=8).map(b"\r\n".join))
def test_what_we_send_on_is_read_the_same_by_another_parser(extra: bytes) -> None:
    try:
        head = parse_request(GOOD.replace(b"GET", b"POST") + b"\r\n" + extra, "https", 443)
    except Malformed:
        return
    written = write_request(head)
    other = h11.Connection(h11.SERVER)
    other.receive_data(written)
    event = other.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == b"POST"
    assert event.target == b"/a"
    fields = dict(event.headers)
    assert fields[b"host"] == b"x.test"
    if head.length == CHUNKED:
        assert fields[b"transfer-encoding"] == b"chunked"
    else:
        assert int(fields[b"content-length"]) == head.length


@settings(max_examples=300)
@given(st.lists(TOKENS | st.binary(max_size=6), max_size=10).map(b"".join))
def test_any_bytes_are_an_answer_or_a_refusal(raw: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        assert response(start + raw) in (0, 400, 431, 501, 502)


@given(st.text(alphabet="/.%2eE5cC aA~b", max_size=20))
def test_an_accepted_path_never_climbs(text: str) -> None:
    try:
        path, _, _ = split_target(text.encode())
    except Malformed:
        return
    parts = path.replace("%2F", "/").split("/")
    assert ".." not in path.split("/")
    assert "." not in path.split("/")
    assert "%2E" not in path.upper()
    assert "\\" not in path
    assert parts[0] == ""


@pytest.mark.parametrize(
    "path",
    [
        "/a/..%20/b", "/a/%20../b", "/a/..%23/b", "/a/..%3F/b", "/a/%ef%bc%8e%ef%bc%8e/b",
        "/a/%e2%80%a5/b", "/a/%c0%ae%c0%ae/b", "/a/..%c0%af", "/a/%e0%80%ae%e0%80%ae/b",
        "/a/%f0%80%80%ae/b", "/a%ef%bc%8fb", "/a%ef%bc%bcb", "/a/..%3B%20/b", "/a%e2%84%80b",
    ],
)  # fmt: skip
def test_a_path_that_a_lenient_server_reads_otherwise_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        split_target(path.encode())


@pytest.mark.parametrize(
    "path", ["/a/%C3%A9t%C3%A9", "/a/%20b", "/a/b%20", "/a/...", "/a/%E6%97%A5", "/a/..b", "/a%23b"]
)
def test_a_path_with_other_letters_is_taken(path: str) -> None:
    assert split_target(path.encode())[0] == path


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "017700000001", "010.0.0.1", "1.2.3.256",
     "1.2.3", "1.2.3.4.5", "a.1", "a.0x"],
)  # fmt: skip
def test_an_address_in_another_form_is_no_host(host: str) -> None:
    with pytest.raises(Malformed):
        authority(host.encode())


def test_an_address_in_its_plain_form_is_a_host() -> None:
    assert authority(b"93.184.216.34:8080") == ("93.184.216.34", 8080)
    assert authority(b"3com.example")[0] == "3com.example"
