"""A key with anything between its letters, or partly escaped, is masked however it is cut."""

import base64
import binascii
import codecs
import html
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.fence.gateway.heads import request_head
from unlit.fence.gateway.inject import Watch
from unlit.fence.gateway.loose import Loose, bare
from unlit.fence.gateway.scrub import Forms, Scrubber, scrub_headers

KEY = "fake-Key_0123456789/abcDEF+xYz7Q"
PLACEHOLDER = "unlitph" + "0123456789" * 4
RAW = KEY.encode()
FORMS = Forms([KEY])
HEX = RAW.hex()
PAIRS = [HEX[at : at + 2] for at in range(0, len(HEX), 2)]
B64 = base64.b64encode(RAW).decode()
NUMBER = int.from_bytes(RAW, "big")
BETWEEN = {
    "underscores": "_", "plus": "+", "semicolons": ";", "two blanks": "  ", "stars": "*",
    "zero width": "\u200b", "soft hyphens": "\u00ad", "joined strings": "' + '", "lines": " \r\n",
}  # fmt: skip
SPELLED = {
    **{f"letters with {name}": mark.join(KEY) for name, mark in BETWEEN.items()},
    **{f"hexadecimal with {name}": mark.join(PAIRS) for name, mark in BETWEEN.items()},
    "groups of four": "-".join(KEY[at : at + 4] for at in range(0, len(KEY), 4)),
    "soft line ends": "=\r\n".join(KEY[at : at + 9] for at in range(0, len(KEY), 9)),
    "0x": ",".join(f"0x{pair}" for pair in PAIRS),
    "a plain dump": "\n".join(HEX[at : at + 60] for at in range(0, len(HEX), 60)),
    "escapes escaped": "".join(f"\\\\u00{pair}" for pair in PAIRS),
    "percent u": "".join(f"%u00{pair}" for pair in PAIRS),
    "percent three times": "".join(f"%2525{pair}" for pair in PAIRS),
    "style sheet": "".join(f"\\0000{pair}" for pair in PAIRS),
    "entities of four digits": "".join(f"&#x00{pair};" for pair in PAIRS),
    "numbers a line each": "\n".join(map(str, RAW)),
    "numbers of three digits": "".join(f"{byte:03d}" for byte in RAW),
    "octal with zeros": "".join(f"\\0{byte:o}" for byte in RAW),
    "binary with commas": ",".join(f"{byte:08b}" for byte in RAW),
    "one number": str(NUMBER),
    "one hexadecimal number": hex(NUMBER),
    "base64 in groups": " ".join(B64[at : at + 4] for at in range(0, len(B64), 4)),
    "base64 of hexadecimal": base64.b64encode(HEX.encode()).decode(),
    "hexadecimal of base64": B64.encode().hex(),
    "base64 backwards": base64.b64encode(RAW[::-1]).decode(),
    "base32 of its other alphabet": base64.b32hexencode(RAW).decode(),
    "base64 of rot13": base64.b64encode(codecs.encode(KEY, "rot13").encode()).decode(),
    "capitals in turn": "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(KEY)),
    "title": KEY.title(),
    "numbered": "\n".join(f"{number}: {char}" for number, char in enumerate(KEY)),
    "an object": json.dumps({str(number): char for number, char in enumerate(KEY)}),
    "quoted letters": " ".join(f'"{char}"' for char in KEY),
    "backslashes": "".join(f"\\{char}" for char in KEY),
}  # fmt: skip
ESCAPED = {
    "percent, half": "".join(c if n % 2 else f"%{ord(c):02X}" for n, c in enumerate(KEY)),
    "entities, half": "".join(c if n % 2 else f"&#{ord(c)};" for n, c in enumerate(KEY)),
    "script, half": "".join(c if n % 3 else f"\\u{ord(c):04x}" for n, c in enumerate(KEY)),
    "tags": "".join(f"<b>{c}</b>" for c in html.escape(KEY)),
    "wide letters": "".join(chr(ord(char) + 0xFEE0) for char in KEY),
}


def scrubbed(data: bytes, cuts: list[int]) -> bytes:
    scrubber = Scrubber(FORMS)
    places = sorted({0, len(data), *cuts})
    out = b"".join(scrubber.feed(data[a:b]) for a, b in pairwise(places))
    return out + scrubber.finish()


@pytest.mark.parametrize("name", [*SPELLED, *ESCAPED])
def test_a_key_in_an_odd_spelling_is_masked(name: str) -> None:
    form = {**SPELLED, **ESCAPED}[name].encode()
    data = b'{"seen": "' + form + b'", "and": "more"}'
    out = scrubbed(data, [])
    assert len(out) == len(data)
    assert sum(byte != ord("*") for byte in out) <= 40, out
    fields, found = scrub_headers([(b"x-seen", b"is " + form), (b"x", b"y")], FORMS)
    assert found
    assert sum(byte != ord("*") for byte in fields[0][1]) <= 12
    assert fields[1] == (b"x", b"y")


@pytest.mark.parametrize("name", SPELLED)
def test_it_is_masked_wherever_it_is_cut(name: str) -> None:
    form = SPELLED[name].encode()
    data = b'{"seen": "' + form + b'"}'
    for cut in range(0, len(data), 7):
        out = scrubbed(data, [cut, cut + 3])
        assert len(out) == len(data)
        assert sum(byte != ord("*") for byte in out[10:]) <= 10 * len(form) // len(KEY) + 40, out


def test_a_dump_with_offsets_shows_no_line_of_it() -> None:
    dump = "".join(
        f"{at:08x}  {binascii.hexlify(RAW[at : at + 16], ' ').decode()}  |{KEY[at : at + 16]}|\n"
        for at in range(0, len(RAW), 16)
    )
    out = scrubbed(dump.encode(), [])
    assert bare(RAW[:16]) not in bare(out)
    assert HEX[:32].encode() not in bare(out)
    assert HEX[32:64].encode() not in bare(out)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_what_holds_no_key_passes_untouched(pieces: list[bytes]) -> None:
    scrubber = Scrubber(FORMS)
    out = b"".join(scrubber.feed(piece) for piece in pieces) + scrubber.finish()
    assert out == b"".join(pieces)


def test_an_event_goes_on_at_once() -> None:
    scrubber = Scrubber(FORMS)
    for text in (b'data: {"text": "so a fake"}\n\n', b"data: f\n\n", b"data: fake-Key\n\n"):
        assert scrubber.feed(text) == text


def test_what_is_too_short_to_tell_is_left_to_the_exact_search() -> None:
    assert Loose(["fake1"]).mask(b"f a k e 1")[1] == 0
    assert Forms(["fake-key-1"]).mask_whole(b"it is fake-key-1")[0] == b"it is **********"


def test_a_field_that_was_clean_once_vouches_for_no_other() -> None:
    forms = Forms([KEY])
    clean = [(b"server", b"x"), (b"date", b"today")]
    for number in range(2000):
        assert scrub_headers([*clean, (b"n", b"%d" % number)], forms)[1] == 0
    for _ in range(2):
        fields, found = scrub_headers([*clean, (b"x", RAW), (b"y", b"x" + RAW)], forms)
        assert found == 2
        assert KEY.encode() not in b"".join(value for _, value in fields)
    watch = Watch({"key": PLACEHOLDER})
    plain = request_head(b"GET /a HTTP/1.1\r\nHost: x.test\r\nX-Key: one", "https", 443)
    for _ in range(2):
        assert not watch.finds_in(plain)
    hidden = request_head(
        b"GET /a HTTP/1.1\r\nHost: x.test\r\nX-Key: one\r\nX-Two: " + PLACEHOLDER.encode(),
        "https", 443,
    )  # fmt: skip
    for _ in range(2):
        assert watch.finds_in(hidden)
    plain.path = f"/{PLACEHOLDER}"
    assert watch.finds_in(plain)
