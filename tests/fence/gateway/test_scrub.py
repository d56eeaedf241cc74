"""No spelling of a secret comes back, however the answer is cut; the rest does, untouched."""

import base64
import binascii
import codecs
import gzip
import json
import zlib
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.fence.gateway.head import Malformed
from unlit.fence.gateway.scrub import Forms, Scrubber
from unlit.fence.gateway.unpack import Inflater

SECRETS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60
)
NOISE = st.binary(max_size=40)


def through(secret: str, data: bytes, cuts: list[int]) -> bytes:
    scrubber = Scrubber(Forms([secret]))
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    out = b"".join(scrubber.feed(data[a:b]) for a, b in pairwise(places))
    return out + scrubber.finish()


def hidden(secret: str, shift: bytes) -> dict[str, bytes]:
    raw = secret.encode()
    return {
        "plain": raw,
        "reversed": raw[::-1],
        "hex": binascii.hexlify(raw),
        "HEX": binascii.hexlify(raw).upper(),
        "url": quote(secret, safe="").encode(),
        "utf-16": secret.encode("utf-16-le"),
        "base64": base64.b64encode(shift + raw + b"tail"),
        "base64url": base64.urlsafe_b64encode(shift + raw + b"tail"),
        "base32": base64.b32encode(shift + raw + b"tail"),
    }


@pytest.mark.timeout(600)
@settings(max_examples=150, deadline=None)
@given(SECRETS, NOISE, NOISE, st.lists(st.integers(0, 400), max_size=6), st.binary(max_size=4))
def test_a_secret_is_masked_in_every_spelling_and_cut(
    secret: str, before: bytes, after: bytes, cuts: list[int], shift: bytes
) -> None:
    for kind, form in hidden(secret, shift).items():
        out = through(secret, before + form + after, cuts)
        assert len(out) == len(before + form + after)
        assert form not in out, kind
        assert secret.encode() not in out
        assert secret.encode() not in _decoded(kind, out[len(before) : len(before) + len(form)])


def _decoded(kind: str, text: bytes) -> bytes:
    # the mask is no letter of the alphabets: read it as the letter A
    text = text.replace(b"*", b"A")
    try:
        if kind == "base64":
            return base64.b64decode(text)
        if kind == "base64url":
            return base64.urlsafe_b64decode(text)
        if kind == "base32":
            return base64.b32decode(text)
    except ValueError:
        return b""
    return text


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_what_holds_no_secret_passes_untouched(pieces: list[bytes]) -> None:
    scrubber = Scrubber(Forms(["fake-secret-not-in-there-0123"]))
    out = b"".join(scrubber.feed(piece) for piece in pieces) + scrubber.finish()
    assert out == b"".join(pieces)


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=5))
def test_an_event_is_not_held_back_longer_than_it_must(data: bytes, cuts: list[int]) -> None:
    forms = Forms(["fake-secret-0123456789"])
    scrubber = Scrubber(forms)
    out = scrubber.feed(data)
    assert len(data) - len(out) < forms.longest
    if data.endswith(b"\n\n"):
        assert out.endswith(b"\n\n")


def undone(inflater: Inflater, piece: bytes) -> bytes:
    inflater.push(piece)
    parts = []
    while (part := inflater.step()) is not None:
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
@given(data=st.binary(max_size=3000), cut=st.integers(1, 50))
def test_compressed_answers_are_read(coding: bytes, data: bytes, cut: int) -> None:
    packed = gzip.compress(data) if coding == b"gzip" else zlib.compress(data)
    inflater = Inflater(coding)
    pieces = [packed[n : n + cut] for n in range(0, len(packed), cut)]
    assert b"".join(undone(inflater, piece) for piece in pieces) == data


def test_a_bomb_and_an_unknown_coding_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlit.fence.gateway.unpack._MOST_INFLATED", 1 << 20)
    inflater = Inflater(b"gzip")
    with pytest.raises(Malformed, match="without measure"):
        undone(inflater, gzip.compress(b"\0" * (2 << 20)))
    for coding in (b"compress", b"dcb"):
        with pytest.raises(Malformed):
            Inflater(coding)
    with pytest.raises(Malformed, match="not compressed"):
        undone(Inflater(b"gzip"), b"plain text")


TOKEN = "fake-Secret_0123456789/abcDEF+x"
SHOWN = {
    "json escapes": "".join(f"\\u{ord(c):04x}" for c in TOKEN),
    "js escapes": "".join(f"\\x{ord(c):02X}" for c in TOKEN),
    "html decimal": "".join(f"&#{ord(c)};" for c in TOKEN),
    "html hex": "".join(f"&#x{ord(c):x};" for c in TOKEN),
    "octal": "".join(f"\\{ord(c):03o}" for c in TOKEN),
    "quoted printable": "".join(f"={ord(c):02X}" for c in TOKEN),
    "url twice": quote(quote(TOKEN, safe=""), safe=""),
    "hex with colons": ":".join(f"{ord(c):02x}" for c in TOKEN),
    "hex dump": " ".join(f"{ord(c):02X}" for c in TOKEN),
    "bytes as numbers": json.dumps(list(TOKEN.encode())),
    "bytes as numbers, close": json.dumps(list(TOKEN.encode()), separators=(",", ":")),
    "base64 twice": base64.b64encode(base64.b64encode(b"me:" + TOKEN.encode())).decode(),
    "base64 in lines": base64.encodebytes(TOKEN.encode() * 3).decode(),
    "base85": base64.b85encode(TOKEN.encode()).decode(),
    "rot13": codecs.encode(TOKEN, "rot13"),
    "utf-32": TOKEN.encode("utf-32-le").decode("latin1"),
    "spaced": " ".join(TOKEN),
    "hex reversed": TOKEN.encode().hex()[::-1],
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_secret_is_masked_however_it_is_printed(name: str) -> None:
    shown = f"before {SHOWN[name]} after".encode("latin1")
    for size in (1, 7, len(shown)):
        scrubber = Scrubber(Forms({TOKEN}))
        pieces = [shown[at : at + size] for at in range(0, len(shown), size)]
        out = b"".join(scrubber.feed(piece) for piece in pieces) + scrubber.finish()
        assert scrubber.masked >= 1, out
        assert out.count(b"*") >= len(TOKEN) // 2
        assert out.startswith(b"before ")
        assert len(out) == len(shown)


@pytest.mark.parametrize("size", [1, 100, 700, 5000])
def test_a_long_secret_is_masked_however_the_pieces_are_cut(size: int) -> None:
    secret = "fake-" + "".join(f"{number:04d}" for number in range(900))
    forms = Forms([secret])
    data = b"a" * 50 + secret.encode() + b"fake-0000" + secret.encode()[:700] + b" end"
    scrubber = Scrubber(forms)
    out = b"".join(scrubber.feed(data[at : at + size]) for at in range(0, len(data), size))
    out += scrubber.finish()
    assert out == data.replace(secret.encode(), b"*" * len(secret))
