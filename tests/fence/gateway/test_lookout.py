"""Secrets in what is compressed, whole bodies and base64 text within them, however it is cut."""

import asyncio
import base64
import bz2
import gzip
import io
import json
import lzma
import random
import sys
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise

import brotli  # type: ignore[import-untyped] # it has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fence.gateway.lab import Lab, Seen

from unlit.fence.gateway.head import Malformed
from unlit.fence.gateway.lookout import Lookout
from unlit.fence.gateway.scrub import Across, Forms
from unlit.fence.gateway.unpack import Inflater

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECRET = "fake-secret-0123456789-abcdef"
FORMS = Forms([SECRET])


def zipped(data: bytes) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("one.json", data)
    return place.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib, quick": lambda data: zlib.compress(data, 1),
    "zlib, small": lambda data: zlib.compress(data, 9),
    "zlib, level 3": lambda data: zlib.compress(data, 3),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "zstd": zstd.compress,
    "zstd, small": lambda data: zstd.compress(data, 19),
    "zstd after a frame to skip": lambda data: (
        b"\x55\x2a\x4d\x18\x04\x00\x00\x00abcd" + zstd.compress(data)
    ),
}
WITHOUT_MARK: dict[str, Callable[[bytes], bytes]] = {
    "brotli": brotli.compress,
    "brotli, quick": lambda data: brotli.compress(data, quality=0),
}
SAYS = json.dumps({"name": "Ann", "key": SECRET, "list": list(range(50))}).encode()
HARMLESS = json.dumps({"name": "Ann", "list": list(range(80))}).encode()


async def seen(body: bytes, cuts: list[int]) -> list[bytes]:
    """Return the pieces that may go on, each with what waited before it."""
    lookout = Lookout(FORMS)
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    gone, waiting = [], b""
    for begin, end in pairwise(places):
        waiting += body[begin:end]
        if await lookout.may_go(body[begin:end]):
            gone.append(waiting)
            waiting = b""
    return [*gone, waiting]


@pytest.mark.parametrize("cut", [(), (1,), (7, 30), (20, 40, 60, 61)])
@pytest.mark.parametrize("name", [*PACKED, *WITHOUT_MARK])
async def test_a_secret_in_a_compressed_body_ends_it(name: str, cut: tuple[int, ...]) -> None:
    pack = (PACKED | WITHOUT_MARK)[name]
    with pytest.raises(Malformed, match="compressed data"):
        await seen(pack(SAYS), list(cut))
    assert b"".join(await seen(pack(HARMLESS), list(cut))) == pack(HARMLESS)


WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "in JSON": lambda text: b'{"data": "' + text + b'", "more": 1}',
    "in a data address": lambda text: b"<a href='data:application/x;base64," + text + b"'>",
    "at the end": lambda text: b"here: " + text,
    "in lines": lambda text: b"\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
    "in lines in JSON": lambda text: (
        b'["' + b"\\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + b'"]'
    ),
    "with slashes escaped": lambda text: b'["' + text.replace(b"/", b"\\/") + b'"]',
    "without padding": lambda text: b"x=" + text.rstrip(b"="),
    "for addresses": lambda text: text.replace(b"+", b"-").replace(b"/", b"_") + b"&x=1",
    "as a form": lambda text: text.replace(b"+", b"%2B").replace(b"/", b"%2F") + b"&x=1",
    "after decoys": lambda text: b"H4sI eJw eAF eJxjYGBgAAAABAAB " * 20 + b"'" + text + b"'",
}


@pytest.mark.parametrize("how", WRAPPED)
@pytest.mark.parametrize("name", PACKED)
async def test_a_secret_in_base64_of_compressed_data_ends_it(name: str, how: str) -> None:
    body = WRAPPED[how](base64.b64encode(PACKED[name](SAYS)))
    for cuts in ([], [len(body) // 2], list(range(0, len(body), 11))):
        with pytest.raises(Malformed, match="compressed data"):
            await seen(body, cuts)
    body = WRAPPED[how](base64.b64encode(PACKED[name](HARMLESS)))
    assert b"".join(await seen(body, [len(body) // 3])) == body


async def test_not_even_its_beginning_goes_on() -> None:
    packed = zlib.compressobj(0)  # what is only stored can be cut anywhere
    body = packed.compress(b"x" * 100 + SAYS) + packed.flush()
    half = body.index(SECRET.encode()) + 20
    lookout = Lookout(FORMS)
    assert not await lookout.may_go(body[:half])
    with pytest.raises(Malformed):
        await lookout.may_go(body[half:])
    assert not await (again := Lookout(FORMS)).may_go(body[:half])
    assert await again.may_go(b"something else" * 10)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5), st.integers(0, 10**6))
def test_anything_goes_on_as_it_is(body: bytes, cuts: list[int], seed: int) -> None:
    some = random.Random(seed)  # no secret
    beginnings = [b"H4sI", b"eJw", b"KLUv", b"UEsDB", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"\x0b"]
    for data in (body, some.choice(beginnings) + body, base64.b64encode(body)):
        assert b"".join(asyncio.run(seen(data, cuts))) == data


@pytest.mark.parametrize(("coding", "name"), [(b"br", "brotli"), (b"zstd", "zstd")])
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_answers_in_newer_codings_are_read(coding: bytes, name: str, cut: int) -> None:
    packed = (PACKED | WITHOUT_MARK)[name](SAYS * 20)
    inflater, parts = Inflater(coding), []
    for at in range(0, len(packed), cut):
        inflater.push(packed[at : at + cut])
        while (part := inflater.step()) is not None:
            parts.append(part)
    assert b"".join(parts) == SAYS * 20


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
async def test_an_answer_in_a_coding_nobody_asked_for_is_masked(lab: Lab, coding: str) -> None:
    packed = {"br": brotli.compress, "zstd": zstd.compress, "gzip": gzip.compress}[coding](SAYS)

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(packed)}"
        writer.write(head.encode() + b"\r\n\r\n" + packed)

    lab.vendor.answer = answer
    back = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
    assert b"Ann" in back
    assert SECRET.encode() not in back
    assert b"content-encoding" not in back.lower()


async def test_an_answer_that_says_nothing_of_its_coding_ends(lab: Lab) -> None:
    for packed in (
        brotli.compress(SAYS),
        zstd.compress(SAYS),
        b'{"x": "' + base64.b64encode(gzip.compress(SAYS)) + b'"}',
    ):

        async def answer(seen: Seen, writer: asyncio.StreamWriter, body: bytes = packed) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

        lab.vendor.answer = answer
        back = await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
        assert packed[8:40] not in back
        assert b"compressed data" in back  # nothing had gone out yet: it is told


async def test_an_answer_that_is_cut_in_its_middle_is_written_down(lab: Lab) -> None:
    packed = zlib.compressobj(0)
    whole = packed.compress(b"x" * 3000 + SAYS) + packed.flush()

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(whole))
        writer.write(whole[:2000])
        await writer.drain()
        await went_on.wait()
        writer.write(whole[2000:])

    went_on = asyncio.Event()
    lab.vendor.answer = answer
    reader, writer = await lab.connect("api.vendor.test")
    request = f"GET /v1/x HTTP/1.1\r\nhost: api.vendor.test\r\nx-api-key: {lab.placeholder}\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(60):
        assert b"xxxx" in await reader.readuntil(b"xxxx")
        went_on.set()
        assert SECRET.encode() not in await reader.read(-1)
    entry = await lab.entry("exchange.cut")
    assert entry.fields["reason"] == "a secret stands in compressed data of the answer."


@pytest.mark.parametrize("size", [1, 3, 13, 20])
@pytest.mark.parametrize("shown", [SECRET, SECRET.encode().hex(), " ".join(SECRET)])
def test_a_secret_over_messages_shows_no_more_than_its_beginning(size: int, shown: str) -> None:
    across, text = Across(FORMS), f"before {shown} after"
    sent = [text[at : at + size].encode() for at in range(0, len(text), size)]
    back = [across.mask(one) for one in sent]
    whole = b"".join(masked for masked, _ in back)
    assert len(whole) == len(text)
    assert whole.startswith(b"before ")
    assert whole.endswith(b"after")
    assert shown.encode()[len(shown) // 2 :] not in whole
    assert any(found for _, found in back)
    left = whole.removeprefix(b"before ").partition(b"*")[0]
    assert len(left) <= max(13, len(shown) // 3)


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_messages_without_a_secret_go_on_untouched(sent: list[bytes]) -> None:
    across = Across(FORMS)
    assert [across.mask(one)[0] for one in sent] == sent
