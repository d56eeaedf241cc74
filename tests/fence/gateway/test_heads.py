"""A head that was seen before means what it meant, and whoever got it may change it."""

from dataclasses import fields

import pytest

from unlit.fence.gateway.head import Malformed, RequestHead, parse_request, parse_response
from unlit.fence.gateway.heads import request_head, response_head

RAW = b"GET /a?b=c HTTP/1.0\r\nHost: x.test\r\nX-Key: one\r\nConnection: keep-alive"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Thing: one\r\nConnection: close"


def test_what_is_seen_again_is_read_as_at_first() -> None:
    chunked = (
        b"POST /%2F HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue"
    )
    upgrade = b"GET /a HTTP/1.1\r\nHost: x.test\r\nUpgrade: websocket\r\nConnection: Upgrade"
    for raw in (RAW, chunked, upgrade, RAW + b"\r\nX-Long: " + b"y" * 3000):
        for _ in range(2):
            assert request_head(raw, "https", 443) == parse_request(raw, "https", 443)
    for _ in range(2):
        assert response_head(ANSWER, "GET") == parse_response(ANSWER, "GET")
        assert response_head(ANSWER, "HEAD") == parse_response(ANSWER, "HEAD")
    assert len(fields(RequestHead)) == 14, "request_head copies each field"


def test_who_changes_a_head_changes_it_for_nobody_else() -> None:
    first = request_head(RAW, "https", 443)
    first.headers[0] = (b"x-key", b"secret")
    first.headers.append((b"more", b"1"))
    first.path, first.length = "/other", 7
    assert request_head(RAW, "https", 443) == parse_request(RAW, "https", 443)
    answer = response_head(ANSWER, "GET")
    answer.headers.clear()
    answer.status = 500
    assert response_head(ANSWER, "GET") == parse_response(ANSWER, "GET")


def test_where_a_head_came_from_belongs_to_it() -> None:
    assert request_head(RAW, "http", 80).scheme == "http"
    assert request_head(RAW, "https", 443).scheme == "https"
    whole = b"GET http://x.test/a HTTP/1.1\r\nHost: x.test"
    assert request_head(whole, "http", 80, proxied=True).path == "/a"
    for _ in range(2):
        with pytest.raises(Malformed):
            request_head(whole, "http", 80)
        with pytest.raises(Malformed):
            request_head(RAW, "https", 8443)
