"""Secrets in answers: masked in any common spelling, length kept, however the pieces are cut."""

import bz2
import lzma
import re
import zlib
from collections.abc import Iterable
from typing import Final, Protocol

from unlit.fence.gateway.head import Headers, Malformed
from unlit.fence.gateway.inject import Search
from unlit.fence.gateway.spellings import reflections

_MASK: Final = b"*"
_MOST_INFLATED: Final = 1 << 30
_PIECE: Final = 262_144
_SHORT_FORM: Final = 512
_END: Final = 4
_MOST_PEEKED: Final = 1 << 20
_MOST_INFLATED_OF_A_PEEK: Final = 1 << 20
_COST_OF_A_MEMBER: Final = 4096
_MAGIC: Final = 6


class Forms:
    """The spellings of some secrets, compiled once."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[bytes] = set()
        for secret in secrets:
            forms.update(reflections(secret.encode("utf-8")))
        self._search = Search(forms)
        self.longest = self._search.longest
        starts = {form[:at] for form in forms for at in range(1, min(len(form), _SHORT_FORM))}
        # every beginning of a long form would be a table that grows with its square
        self._long = [form for form in forms if len(form) > _SHORT_FORM]
        self._starts_by_end: dict[bytes, list[bytes]] = {}
        for start in sorted(starts, key=len, reverse=True):
            self._starts_by_end.setdefault(start[-_END:], []).append(start)

    def mask(self, data: bytes) -> tuple[bytes, int]:
        """Return `data` with every secret masked, and how many there were."""
        if not self._search.finds(data):
            return data, 0
        return self._search.pattern.subn(_stars, data)

    def stand_in(self, data: bytes) -> bool:
        """Say whether a secret may stand in `data`."""
        return self._search.finds(data)

    def held_back(self, data: bytes) -> int:
        """Return how many bytes at the end of `data` may be the beginning of a secret."""
        if not data:
            return 0
        held = 0
        for size in range(_END, 0, -1):  # beginnings shorter than that lie under their own length
            for start in self._starts_by_end.get(data[-size:], ()):
                if data.endswith(start):
                    held = len(start)
                    break
            if held:
                break
        for form in self._long:
            at = data.find(form[: _SHORT_FORM - 1], max(0, len(data) - len(form) + 1))
            while at >= 0 and len(data) - at > held:
                if form.startswith(data[at:]):
                    held = len(data) - at
                at = data.find(form[: _SHORT_FORM - 1], at + 1)
        return held


def _stars(match: re.Match[bytes]) -> bytes:
    return _MASK * (match.end() - match.start())


class Scrubber:
    """Masks secrets in one body, fed piece by piece; partial matches wait for the next piece."""

    def __init__(self, forms: Forms) -> None:
        self.masked = 0
        self.forms = forms
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return what may go on."""
        data, found = self.forms.mask(self._rest + data)
        self.masked += found
        held = self.forms.held_back(data)
        self._rest = data[len(data) - held :] if held else b""
        return data[: len(data) - held] if held else data

    def finish(self) -> bytes:
        """Return what was held back; the body has ended."""
        rest, self._rest = self._rest, b""
        return rest


class Inflater:
    """Undoes the content codings that an upstream used although it was asked not to."""

    def __init__(self, coding: bytes) -> None:
        if coding not in (b"gzip", b"x-gzip", b"deflate"):
            raise Malformed(502, f"the answer has the content coding {coding[:20]!r}")
        self._inflate = zlib.decompressobj(wbits=47)
        self._total = 0

    def feed(self, data: bytes) -> bytes:
        """Return the plain bytes of a piece.

        Raises:
            Malformed: It is not what the header says, or it grows without measure.
        """
        parts = []
        try:
            while data:
                part = self._inflate.decompress(data, _PIECE)
                self._total += len(part)
                if self._total > _MOST_INFLATED:
                    raise Malformed(502, "the answer inflates without measure")
                parts.append(part)
                data = self._inflate.unconsumed_tail
                if self._inflate.eof:
                    data = self._inflate.unused_data
                    self._inflate = zlib.decompressobj(wbits=47)
        except zlib.error:
            raise Malformed(502, "the answer is not compressed as it says") from None
        return b"".join(parts)


class _Undoing(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Beginning:
    """The first plain bytes of compressed data, member after member, a fixed number at most.

    `over` is set when that many were read, or what follows is no compressed data.
    """

    def __init__(self, undo: _Undoing | None = None) -> None:
        self.over = False
        self._undo = undo
        self._unread = b""
        self._room = _MOST_INFLATED_OF_A_PEEK

    def feed(self, data: bytes) -> bytes:
        """Return what a piece adds."""
        parts = []
        data, self._unread = self._unread + data, b""
        while data and not self.over:
            if self._undo is None:
                data = data.lstrip(b"\0")  # members may be padded
                if len(data) < _MAGIC:  # too little to tell its kind
                    self._unread = data
                    break
                self._undo = _undo(data)
            part, data = self._step(data)
            parts.append(part)
        return b"".join(parts)

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        """Return plain bytes, and what stands behind the member's end."""
        undo = self._undo
        try:
            part = undo.decompress(data, self._room) if undo is not None else b""
        except (zlib.error, OSError, lzma.LZMAError, EOFError):
            undo, part = None, b""
        if undo is None:  # it is no compressed data, or only looked like it
            self.over = True
            return part, b""
        self._room -= len(part)
        rest = b""
        if undo.eof:
            rest, self._undo = undo.unused_data, None
            self._room -= _COST_OF_A_MEMBER
        self.over = self._room <= 0
        return part, rest


class Peek:
    """Looks into a body that is compressed without saying so, as a file is; at its beginning only.

    What it finds cannot be masked, so the answer ends there. Brotli and Zstandard pass unseen: they
    have no place in an answer that says nothing of them.
    """

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._beginning = _Beginning()
        self._left = _MOST_PEEKED
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take a piece.

        Raises:
            Malformed: A secret stands in what it inflates to.
        """
        if self._beginning.over or self._left <= 0:
            return
        self._left -= len(data)
        plain = self._beginning.feed(data)
        if not plain:
            return
        seen = self._tail + plain
        if self._forms.stand_in(seen):
            raise Malformed(502, "a secret stands in compressed data of the answer")
        self._tail = seen[-self._forms.longest :]


def _undo(first: bytes) -> _Undoing | None:
    if first[:3] == b"\x1f\x8b\x08" or (first[:1] == b"x" and first[1:2] in b"\x01\x5e\x9c\xda"):
        return zlib.decompressobj(wbits=47)
    if first[:3] == b"BZh":
        return bz2.BZ2Decompressor()
    if first[:6] == b"\xfd7zXZ\x00":
        return lzma.LZMADecompressor()
    return None


def inflated(coding: bytes, data: bytes) -> bytes:
    """Return how a request's body begins when its coding is undone; nothing if that is unknown."""
    if coding.strip().lower() not in (b"gzip", b"x-gzip", b"deflate"):
        return b""
    return _Beginning(zlib.decompressobj(wbits=47)).feed(data)


def scrub_headers(headers: Headers, forms: Forms) -> tuple[Headers, int]:
    """Mask secrets in the fields of an answer."""
    if not forms.stand_in(b"\n".join(value for _, value in headers)):
        return headers, 0
    total = 0
    kept: Headers = []
    for name, value in headers:
        masked, found = forms.mask(value)
        total += found
        kept.append((name, masked))
    return kept, total


def take_coding(headers: Headers) -> tuple[Headers, Inflater | None]:
    """Remove Content-Encoding (and what depended on it) and return what undoes it."""
    codings = [value.strip().lower() for name, value in headers if name == b"content-encoding"]
    codings = [coding for coding in codings if coding != b"identity"]
    if not codings:
        return headers, None
    if len(codings) > 1:
        raise Malformed(502, "the answer has several content codings")
    changed = (b"content-encoding", b"etag", b"digest", b"content-md5")
    return [pair for pair in headers if pair[0] not in changed], Inflater(codings[0])
