"""What policy forbids stays forbidden however a server reads the request; keys are ours alone."""

import asyncio
import base64
import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tests.fence.gateway.lab import SECRET, Lab, Seen

from unlit.fence.gateway.head import Malformed, RequestHead, forwardable
from unlit.fence.gateway.http2_server import request_of
from unlit.fence.gateway.inject import Watch, inject, only_ours
from unlit.fence.gateway.lookout import Peek, bits
from unlit.fence.gateway.readings import strictest
from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.unpack import BIT, Unpacker, inflated
from unlit.policy import Request, parse_policy
from unlit.policy.model import CredentialRule, Injection, Place

POLICY = parse_policy("""
version = 1
[credential.key]
source = {env = "KEY"}
inject = {header = "x-api-key"}
hosts = ["api.test"]
[[allow]]
role = "coder"
host = "api.test"
methods = ["GET", "POST"]
paths = ["/v1/**"]
credential = "key"
[[forbid]]
role = "coder"
host = "api.test"
paths = ["/v1/admin", "/v1/keys/**"]
[[allow]]
role = "coder"
host = "free.test"
methods = ["GET"]
paths = ["/**"]
""")
KEY: CredentialRule = POLICY.credentials["key"]
MARK = b"fake-placeholder-0123456789"
WATCH = Watch({"key": MARK.decode()})


@pytest.mark.parametrize(
    ("path", "query", "allowed"),
    [
        ("/v1/messages", None, True),
        ("/v1/Messages/", b"a=b", True),
        ("/v1/admin", None, False),
        ("/v1/admin/", None, False),
        ("/v1/Admin", None, False),
        ("/v1/admin;x=1", None, False),
        ("/v1/admin.", None, False),
        ("/v1/admin%20", None, False),
        ("/v1/%2561dmin", None, False),
        ("/v1/KEYS/one", None, False),
        ("/v1/keys;a/one", None, False),
        ("/v1/administrator", None, True),
        ("/v1/messages", b"_method=DELETE", False),
        ("/v1/messages", b"a=1&_METHOD=put", False),
        ("/v1/messages", b"_method=POST", True),
        ("/v1/messages", b"my_method=DELETE", True),
    ],
)
def test_a_forbid_holds_in_every_reading(path: str, query: bytes | None, *, allowed: bool) -> None:
    request = Request("coder", "https", "api.test", 443, "GET", path)
    assert strictest(POLICY, request, query).allowed is allowed


def test_hosts_without_a_forbid_keep_their_paths_as_they_are() -> None:
    request = Request("coder", "https", "free.test", 443, "GET", "/v1/Admin;x")
    assert strictest(POLICY, request, None).allowed


CASED = """
version = 1
mode = "MODE"
[[allow]]
role = "coder"
host = "a.test"
methods = ["GET", "POST", "DELETE"]
paths = ["/api/**", "/repos/**", "/Repos/**"]
[[forbid]]
role = "coder"
host = "a.test"
paths = ["/api/Admin/**", "/api/a%20b/**", "/api/x;y"]
[[forbid]]
role = "coder"
host = "a.test"
methods = ["DELETE"]
paths = ["/repos/**"]
"""
MET = [
    ("GET", "/api/Admin/x", None),
    ("GET", "/api/admin/x", None),
    ("GET", "/api/ADMIN;v=1/x", None),
    ("GET", "/api/admin%20./x", None),
    ("GET", "/api/a%20b;c/x", None),
    ("GET", "/api/X;y/", None),
    ("DELETE", "/repos/x", None),
    ("DELETE", "/Repos/x", None),
    ("POST", "/repos/x", b"_method=DELETE"),
    ("POST", "/repos/x", b"_method=GET&_method=DELETE"),
    ("POST", "/repos/x", b"a=1;_method=DELETE"),
    ("POST", "/repos/x", b"%5Fmethod=DELETE"),
    ("POST", "/repos/x", b"_m%65thod=DELETE"),
    ("POST", "/repos/x", b".method=DELETE"),
    ("POST", "/repos/x", b"+_METHOD=delete"),
    ("POST", "/repos/x", b"_method=%44ELETE"),
    ("POST", "/repos/x", b"X-HTTP-Method-Override=DELETE"),
    ("POST", "/Repos/x", b"_method=DELETE"),
    ("POST", "/REPOS/x", b"a=%20&_method=GET&http_method=%64elete"),
]


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
@pytest.mark.parametrize(("method", "path", "query"), MET)
def test_a_forbid_meets_every_case_and_every_method(
    mode: str, method: str, path: str, query: bytes | None
) -> None:
    policy = parse_policy(CASED.replace("MODE", mode))
    decision = strictest(policy, Request("coder", "https", "a.test", 443, method, path), query)
    assert not decision.allowed
    assert decision.grant is not None
    assert decision.grant.effect == "forbid"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/repos/x", None),
        ("/Repos/x", b"_method=POST&_method=GET"),
        ("/api/administrators/x", None),
        ("/api/a%2520c/x.json", b"q=50%25&method=DELETE&payment_method=card"),
        ("/api/z", b"_method=" + b"x" * 21),
    ],
)
def test_what_no_forbid_names_goes_on(path: str, query: bytes | None) -> None:
    policy = parse_policy(CASED.replace("MODE", "enforce"))
    assert strictest(policy, Request("coder", "https", "a.test", 443, "GET", path), query).allowed


def _head(headers: list[tuple[bytes, bytes]], query: bytes | None = None) -> RequestHead:
    return RequestHead("POST", "api.test", 443, "https", "/v1/x", query, headers, 0)


def test_another_key_beside_ours_is_named_and_our_own_twice_is_taken_off() -> None:
    mine = (b"x-api-key", MARK)
    head = _head([mine, (b"authorization", b"Bearer fake-other"), (b"accept", b"*/*")])
    assert only_ours(head, KEY, WATCH) == "authorization"
    basic = b"Basic " + base64.b64encode(b"me:" + MARK)
    for same in (b"Bearer " + MARK, basic, b""):
        head = _head([mine, (b"authorization", same), (b"accept", b"*/*")])
        assert only_ours(head, KEY, WATCH) == ""
        assert head.headers == [mine, (b"accept", b"*/*")]


def _rule(place: Place, name: str) -> CredentialRule:
    return replace(KEY, inject=Injection(place, name))


@pytest.mark.parametrize(
    "other", [b"%6Bey=fake", b"Key=fake", b"%4bEY=fake", b"+key=fake", b"a=1;key=fake", b"key=fake"]
)
@pytest.mark.parametrize("first", [True, False])
def test_our_name_in_the_query_has_one_spelling_and_one_value(other: bytes, *, first: bool) -> None:
    ours, rule = b"key=" + MARK, _rule("query", "key")
    head = _head([], b"&".join((other, ours) if first else (ours, other)))
    named = only_ours(head, rule, WATCH)
    assert named or not inject(head, rule, MARK.decode(), SECRET)
    alone = _head([], b"a=1&" + ours)
    assert only_ours(alone, rule, WATCH) == ""
    assert inject(alone, rule, MARK.decode(), SECRET)


def test_a_basic_login_is_the_only_one() -> None:
    ours = (b"authorization", b"Basic " + base64.b64encode(b"me:" + MARK))
    rule = _rule("basic", "basic")
    for other in (b"Bearer fake-other", b"Basic " + base64.b64encode(b"a:b")):
        for pairs in ([ours, (b"authorization", other)], [(b"authorization", other), ours]):
            assert not inject(_head(pairs), rule, MARK.decode(), SECRET)
    assert inject(_head([ours]), rule, MARK.decode(), SECRET)


@pytest.mark.parametrize("query", [b"access_token=fake", b"a=1&API_KEY=fake", b"%61pi_key=fake"])
def test_another_key_in_the_query_is_named(query: bytes) -> None:
    assert only_ours(_head([(b"x-api-key", MARK)], query), KEY, WATCH)
    assert not only_ours(_head([(b"x-api-key", MARK)], b"key=PROJ-1&q=api_key"), KEY, WATCH)


async def test_a_request_cannot_bring_a_key_of_its_own(lab: Lab) -> None:
    ours = f"x-api-key: {lab.placeholder}\r\nauthorization: Bearer fake-attacker\r\n"
    answer = await lab.get("api.vendor.test", "/v1/x", ours)
    assert b"FEN-506" in answer
    assert b"authorization" in answer
    assert b"require = false" in answer
    assert not lab.vendor.seen
    ours = f"x-api-key: {lab.placeholder}\r\nauthorization: Bearer {lab.placeholder}\r\n"
    assert b" 200 " in await lab.get("api.vendor.test", "/v1/x", ours)
    assert lab.vendor.seen[-1].head.count(SECRET.encode()) == 1
    assert b"authorization" not in lab.vendor.seen[-1].head
    answer = await lab.get("api.vendor.test", "/v1/x?access_token=fake-attacker", ours)
    assert b"FEN-506" in answer


def _feed(peek: Peek, data: bytes, size: int) -> None:
    _feed_pieces(peek, [data[at : at + size] for at in range(0, len(data), size)])


def _feed_pieces(peek: Peek, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        peek.unpacker.push(piece)
        while (plain := peek.unpacker.step()) is not None:
            peek.check(plain)


def zipped(data: bytes) -> bytes:
    """Return a zip whose second member is the data."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.txt", "nothing here " * 9)
        archive.writestr(zipfile.ZipInfo("plain.txt"), "PK\x03\x04 is stored")
        archive.writestr("folder/second.txt", data)
    return target.getvalue()


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, zlib.compress, bz2.compress, lzma.compress, zipped],
    ids=["gz", "z", "bz", "xz", "zip"],
)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_secret_in_a_compressed_file_ends_the_answer(
    pack: Callable[[bytes], bytes], size: int
) -> None:
    forms = Forms([SECRET])
    data = pack(b"some words, " * 50 + SECRET.encode() + b" and more")
    with pytest.raises(Malformed, match="compressed"):
        _feed(Peek(forms), data, size)
    clean = pack(b"some words, " * 5000)
    _feed(Peek(forms), clean, size)
    broken = Peek(forms)
    _feed(broken, clean[:20] + b"\xff" * 50, 70)
    _feed(broken, SECRET.encode(), 100)


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, zlib.compress, bz2.compress, lzma.compress],
    ids=["gz", "z", "bz", "xz"],
)
@pytest.mark.parametrize("padding", [b"", b"\0" * 512])
def test_a_secret_in_any_member_is_found_however_the_magic_is_cut(
    pack: Callable[[bytes], bytes], padding: bytes
) -> None:
    forms = Forms([SECRET])
    data = pack(b"one") + padding + pack(b"two " + SECRET.encode())
    for first in (*range(1, 8), len(pack(b"one")) + 1, len(data)):
        peek = Peek(forms)
        whole = data + b"\0"
        with pytest.raises(Malformed, match="compressed"):
            _feed_pieces(peek, (whole[:first], whole[first:]))


async def test_a_compressed_file_that_comes_after_its_first_byte_is_looked_into(lab: Lab) -> None:
    file = gzip.compress(SECRET.encode())

    async def drip(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(file) + file[:1])
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.write(file[1:])

    lab.vendor.answer = drip
    answer = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}\r\n")
    assert file not in answer
    assert SECRET.encode() in lab.vendor.seen[-1].head


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress, zipped]
)
def test_a_secret_far_behind_the_beginning_is_found(pack: Callable[[bytes], bytes]) -> None:
    data = pack(bytes(9 << 20) + SECRET.encode() + b"more")
    with pytest.raises(Malformed, match="compressed"):
        _feed(Peek(Forms([SECRET])), data, 65_536)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress])
def test_a_bomb_comes_bit_by_bit_and_ends(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    unpacker = Unpacker()
    unpacker.push(pack(bytes(9 << 20)))
    bits = []
    while (part := unpacker.step()) is not None:
        bits.append(len(part))
    assert max(bits) <= BIT
    assert sum(bits) == 9 << 20
    many = pack(b"member") * 2000
    unpacker = Unpacker()
    unpacker.push(many)
    assert unpacker.step() == b"member"
    monkeypatch.setattr("unlit.fence.gateway.unpack._MOST_INFLATED", 1 << 20)
    unpacker = Unpacker()
    unpacker.push(pack(bytes(2 << 20)))
    with pytest.raises(Malformed, match="without measure"):
        list(iter(unpacker.step, None))


@pytest.mark.parametrize(
    "data", [gzip.compress(bytes(60 << 20)), bz2.compress(bytes(9 << 20))], ids=["gz", "bz"]
)
async def test_others_have_their_turn_while_a_crafted_piece_is_undone(data: bytes) -> None:
    turns = count = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(neighbour())
    async for part in bits(Unpacker(), data):
        assert len(part) <= BIT
        count += 1
    task.cancel()
    assert count >= 100
    assert turns >= count


def test_what_a_request_inflates_to_is_bounded_and_goes_on_behind_a_member() -> None:
    assert len(inflated(b"gzip", gzip.compress(bytes(9 << 20)))) <= 1 << 20
    assert inflated(b"GZIP", gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"
    small = zlib.compressobj(wbits=9)
    assert inflated(b"deflate", small.compress(b"few") + small.flush()) == b"few"
    assert inflated(b"gzip", b"plain text") == b""
    assert inflated(b"br", gzip.compress(b"one")) == b""


@pytest.mark.parametrize(
    "name",
    [
        b"x_forwarded_for",
        b"x_http_method_override",
        b"content_length",
        b"transfer_encoding",
        b"destination",
        b"x-original-uri",
    ],
)
def test_names_that_mislead_with_underscores_do_not_go_on(name: bytes) -> None:
    assert forwardable([(name, b"1"), (b"x_mine", b"2")]) == [(b"x_mine", b"2")]


@pytest.mark.parametrize("pair", [(b"x", b"a\r\nfoo: bar"), (b"x", b"a\0"), (b"x:y", b"1"),
                                  (b"x", b"a\nb"), (b"", b"a")])  # fmt: skip
def test_a_field_of_http2_that_would_be_two_lines_is_refused(pair: tuple[bytes, bytes]) -> None:
    head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.test"),
            (b":path", b"/"), pair]  # fmt: skip
    with pytest.raises(Malformed):
        request_of(head, "a.test", 443, ended=True)
