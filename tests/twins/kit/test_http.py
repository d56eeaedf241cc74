"""Queries, forms, parts and JSON as the standard library and the RFCs have them."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.twins.kit.http import Malformed, Reply, Request, Text, parse_pairs
from unlit.twins.kit.multipart import parse_multipart

QUERY = st.text(st.sampled_from("ab=&+%20é/"), max_size=30)


@given(QUERY)
def test_pairs_are_those_of_the_standard_library(text: str) -> None:
    assert parse_pairs(text) == parse_qsl(text, keep_blank_values=True)


def test_a_request_is_read_lazily_and_truly() -> None:
    request = Request("GET", "/a%20b", "x=1&x=2&y=", {"host": "Acme.OKTA.com:443"})
    assert (request.path, request.host) == ("/a b", "acme.okta.com")
    assert (request.arg("x"), request.args("x"), request.arg("y")) == ("2", ["1", "2"], "")
    assert Request("POST", "/", body=b" ").json() is None
    with pytest.raises(Malformed):
        Request("POST", "/", body=b"{").json()


def test_replies_encode_what_they_hold() -> None:
    assert Reply(200, {"a": None}).encoded() == b'{"a":null}'
    assert Reply(200, Text("<a/>")).encoded() == b"<a/>"
    assert Reply(200, "text").encoded() == b'"text"'
    assert Reply(204).encoded() == b""


def multipart(body: bytes) -> Request:
    kind = 'multipart/form-data; boundary="xyz"'
    return Request("POST", "/", "", {"content-type": kind}, body)


def test_parts_are_split_and_a_cut_body_is_noticed() -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nline\r\n--not\r\n\r\n--xyz--\r\n"
    )
    parts = parse_multipart(multipart(body))
    assert parts is not None
    assert [(part.name, part.filename) for part in parts] == [("a", None), ("f", "x.txt")]
    assert parts[1].data == b"line\r\n--not\r\n"
    assert parts[1].headers["content-type"] == "text/plain"
    assert parse_multipart(multipart(body[:-6])) is None
    assert parse_multipart(Request("POST", "/", "", {"content-type": "multipart/x"}, b"")) is None
