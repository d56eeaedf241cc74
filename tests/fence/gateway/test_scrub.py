"""No spelling of a secret comes back, however the answer is cut; the rest does, untouched."""

import base64
import binascii
import gzip
import zlib
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.fence.gateway.head import Malformed
from unlit.fence.gateway.scrub import Forms, Inflater, Scrubber

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


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
@given(data=st.binary(max_size=3000), cut=st.integers(1, 50))
def test_compressed_answers_are_read(coding: bytes, data: bytes, cut: int) -> None:
    packed = gzip.compress(data) if coding == b"gzip" else zlib.compress(data)
    inflater = Inflater(coding)
    pieces = [packed[n : n + cut] for n in range(0, len(packed), cut)]
    assert b"".join(inflater.feed(piece) for piece in pieces) == data


def test_a_bomb_and_an_unknown_coding_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlit.fence.gateway.scrub._MOST_INFLATED", 1 << 20)
    inflater = Inflater(b"gzip")
    with pytest.raises(Malformed, match="without measure"):
        inflater.feed(gzip.compress(b"\0" * (2 << 20)))
    for coding in (b"br", b"zstd"):
        with pytest.raises(Malformed):
            Inflater(coding)
    with pytest.raises(Malformed, match="not compressed"):
        Inflater(b"gzip").feed(b"plain text")
