"""Secrets spelled with anything between their letters, or partly escaped: found by what is left.

The exact search knows each spelling letter by letter. Here all but letters and digits is dropped
and case folded, so that one form stands for a key in capitals, with blanks, dashes or line ends
between its letters, wrapped in base64, or dumped in hexadecimal however it is laid out.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

SHORTEST: Final = 12
"""What is left of a form must be that long; less might stand anywhere by chance."""

_HELD_FROM: Final = 10
_LONGEST_SECRET: Final = 300
_LAST: Final = 4
_PROBE: Final = 8
_A_LINE: Final = 16
_WIDE: Final = b"\xef\xbc"
_FOLD: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
)  # fmt: skip
_KEPT: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_DROPPED: Final = bytes(byte for byte in range(256) if byte not in _KEPT)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TAG: Final = re.compile(rb"<[^<>]{0,80}>")
_SCRIPT: Final = re.compile(rb"\\+(?:u00|x)([0-9A-Fa-f]{2})")
_BYTE_FORMS: Final = (
    "%02x", "x%02x", "0x%02x", "x00%02x", "u00%02x", "u000000%02x", "0000%02x", "25%02x",
    "2525%02x", "u%02x", "%d", "%03d", "%04d", "%o", "0%o", "%03o", "0o%o", "0x%x",
)  # fmt: skip


def bare(data: bytes) -> bytes:
    """Return the letters and digits of some bytes, in small letters."""
    return data.translate(_FOLD, _DROPPED)


def _forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    if len(secret) > _LONGEST_SECRET:
        return
    text = secret.decode("utf-8", "replace")
    digits = binascii.hexlify(secret)
    turned = codecs.encode(text, "rot13").encode()
    for one in (secret, secret[::-1], turned, digits, text.encode("utf-16-le")):
        yield one
        yield from _base64(one)
    yield from (binascii.hexlify(secret[::-1]), binascii.hexlify(base64.b64encode(secret)))
    yield from (base64.b32hexencode(secret).rstrip(b"="), base64.b32encode(secret).rstrip(b"="))
    for form in _BYTE_FORMS:
        yield "".join(form % byte for byte in secret).encode()
    for mark in ("", "0b"):
        yield "".join(f"{mark}{byte:08b}" for byte in secret).encode()
    for at in range(0, len(secret) - _A_LINE + 1, _A_LINE):  # a dump with offsets and a margin
        yield from (secret[at : at + _A_LINE], digits[2 * at : 2 * (at + _A_LINE)])
    for first in (0, 1):
        yield "".join(f"{number}{char}" for number, char in enumerate(text, first)).encode()
    number = int.from_bytes(secret, "big")
    yield from (str(number).encode(), _in_base(number, 36), _in_base(number, 62))


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield what is the same in base64 whatever stands before and after."""
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + data)
        yield padded[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]


def _in_base(number: int, base: int) -> bytes:
    out = ""
    while number:
        number, digit = divmod(number, base)
        out = _DIGITS[digit] + out
    return out.encode()


class Loose:
    """Looks for some secrets in what is left of bytes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        whole = [secret.encode("utf-8") for secret in secrets]
        plain = {bare(secret) for secret in whole}
        forms = {bare(form) for secret in whole for form in _forms(secret)}
        self._plain = tuple(form for form in plain if len(form) >= SHORTEST)
        self._forms = tuple(form for form in sorted(forms) if len(form) >= SHORTEST)
        self.longest = max(map(len, self._forms), default=0)
        # Python looks for a few bytes by skipping; for more it prepares a table each time
        self._probes = tuple({form[:_PROBE] for form in self._forms})
        self._starts: dict[bytes, list[tuple[int, bytes]]] = {}
        for form in self._forms:
            for at in range(_HELD_FROM, min(len(form), 1024)):
                self._starts.setdefault(form[at - _LAST : at], []).append((at, form))

    def mask(self, data: bytes, before: bytes = b"") -> tuple[bytes, int]:
        """Return `data` with every secret masked, and how many there were.

        Args:
            data: A piece.
            before: What is left of the pieces before it, which are gone already.
        """
        left = before + bare(data)
        found = self._found(left)
        if not found:
            return (b"*" * len(data), 1) if self._is_escaped(data) else (data, 0)
        places = [at for at, byte in enumerate(data) if byte in _KEPT]
        masked, count = bytearray(data), 0
        for form in found:
            at = left.find(form)
            while at >= 0:
                begins, ends = at - len(before), at + len(form) - len(before)
                if ends > 0:
                    first, last = places[max(0, begins)], places[ends - 1] + 1
                    masked[first:last] = b"*" * (last - first)
                    count += 1
                at = left.find(form, at + 1)
        return bytes(masked), count

    def _found(self, left: bytes) -> list[bytes]:
        for probe in self._probes:
            if probe in left:
                return [form for form in self._forms if form in left]
        return []

    def _is_escaped(self, data: bytes) -> bool:
        """Say whether a secret stands there when escapes are resolved, or markup is left out."""
        if not self._plain:
            return False
        views = []
        if b"%" in data:
            views.append(unquote_to_bytes(data))
        if b"\\" in data:
            views.append(_SCRIPT.sub(lambda match: bytes([int(match[1], 16)]), data))
        if b"&" in data:
            views.append(html.unescape(data.decode("latin1")).encode("latin1", "replace"))
        if _WIDE in data:
            text = unicodedata.normalize("NFKC", data.decode("utf-8", "ignore"))
            views.append(text.encode("utf-8"))
        if b"<" in data:
            views.append(_TAG.sub(b"", data))
        return any(
            form in left for left in map(bare, views) for form in self._plain
        )  # the place is not known, so nothing of the piece goes on

    def held_back(self, data: bytes, before: bytes) -> int:
        """Return how many bytes at the end of `data` may go on as a secret in the next piece."""
        tail = (before + bare(data[-4 * self.longest :]))[-self.longest :]
        held = 0
        for size, form in self._starts.get(tail[-_LAST:], ()):
            if size > held and tail.endswith(form[:size]):
                held = size
        if not held:
            return 0
        places = [at for at, byte in enumerate(data) if byte in _KEPT]
        return len(data) - (places[-held] if held <= len(places) else 0)
