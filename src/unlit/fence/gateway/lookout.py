"""Secrets in what is compressed without saying so: a whole body, or base64 text within one.

What is found there cannot be masked, so the answer ends.
"""

import asyncio
import binascii
import re
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Final

from unlit.fence.gateway.head import Malformed
from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.unpack import Unpacker

_NEAR: Final = 12
_MOST_TEXT: Final = 1 << 20
_MOST_TRIES: Final = 256
_FIRST_TRY: Final = 256
_BEGINNINGS: Final = tuple(
    re.compile(beginning).search
    for beginning in (
        rb"e(?:J[w-z]|N[o-r]|A[E-H]|F[4-7])", b"H4sI", b"KLUv", b"UEsDB", b"Qlpo",
        rb"Td6WFo",
    )
)  # fmt: skip
"""How zlib at its four levels, gzip, Zstandard, zip, bzip2 and xz begin in base64: expressions that
begin with a letter are searched for several times faster than `in` and one expression for all."""

_LONGEST_BEGINNING: Final = 13
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_\-\\%\s]*")
_ESCAPED: Final = (
    (b"\\n", b""), (b"\\r", b""), (b"\\t", b""), (b"\\u002b", b"+"), (b"\\u002B", b"+"),
    (b"\\u002f", b"/"), (b"\\u002F", b"/"), (b"%2B", b"+"), (b"%2F", b"/"), (b"%2b", b"+"),
    (b"%2f", b"/"), (b"%0A", b""), (b"%0D", b""),
)  # fmt: skip
_LONGEST_ESCAPE: Final = 6
_XZ: Final = b"Td6WFo"
_SLASH: Final = re.compile(rb"(?:[/_]|%2[Ff]|\\u002[Ff])\Z")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_DROPPED: Final = b" \t\r\n\v\f\\%"


class Peek:
    """Looks for secrets in what some compressed data holds, bit by bit."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._tail = b""
        self.unpacker = Unpacker()

    def check(self, plain: bytes) -> None:
        """Take the next bit of what was compressed.

        Raises:
            Malformed: A secret stands in it.
        """
        seen = self._tail + plain
        if self._forms.stand_in(seen):
            raise Malformed(502, "a secret stands in compressed data of the answer")
        self._tail = seen[-self._forms.longest :]

    @property
    def is_near(self) -> bool:
        """Whether what was seen ends as a secret may begin."""
        return not self.unpacker.over and self._forms.held_back(self._tail) >= _NEAR


class _Text:
    """Base64 text that may hold compressed data, as far as it has come."""

    def __init__(self, peek: Peek) -> None:
        self.peek = peek
        self._cut = b""
        self._rest = b""

    def undo(self, run: bytes, *, is_end: bool) -> bytes:
        """Return the bytes that the next part of the text stands for."""
        run, self._cut = self._cut + run, b""
        if b"\\" in run or b"%" in run:
            last = max(run.rfind(b"\\"), run.rfind(b"%"))
            if not is_end and last > len(run) - _LONGEST_ESCAPE:
                run, self._cut = run[:last], run[last:]
            for escape, plain in _ESCAPED:
                run = run.replace(escape, plain)
        text = self._rest + run.translate(_STANDARD, _DROPPED)
        if is_end:  # the last characters may make less than three bytes
            text = text[: -1 if len(text) % 4 == 1 else None]
            text += b"=" * (-len(text) % 4)
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        return binascii.a2b_base64(text[:whole])


class PackedText:
    """Finds base64 text in a body that begins as compressed data does."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._open: _Text | None = None
        self._edge = b""
        self._left = _MOST_TEXT
        self._tries = _MOST_TRIES

    def find(self, piece: bytes) -> Iterator[tuple[Peek, bytes]]:
        """Yield a look and the compressed bytes that it should take next."""
        if self._left <= 0 or self._tries <= 0:
            return
        self._left -= len(piece)
        data = self._edge + piece
        self._edge = b""
        at = 0
        if self._open is not None:
            at = yield from self._take(self._open, data, 0)
        while self._open is None and self._tries > 0:
            begin = _beginning(data, at)
            if begin < 0:
                self._edge = data[at:][-_LONGEST_BEGINNING + 1 :]
                return
            self._tries -= 1
            self._open = _Text(Peek(self._forms))
            at = yield from self._take(self._open, data, begin)

    def _take(self, text: _Text, data: bytes, at: int) -> Generator[tuple[Peek, bytes], None, int]:
        """Give a look what belongs to it; return where to look on."""
        begin = at
        # most of what only looks so fails within its first few bytes
        for stop in (at + _FIRST_TRY, len(data)):
            end = _end_of_run(data, at, stop)
            is_end = end < min(stop, len(data))
            yield text.peek, text.undo(data[at:end], is_end=is_end)
            if text.peek.unpacker.over:
                self._open = None
                return begin + 1
            at = end
            if is_end:
                self._open = None
                break
        return at


def _end_of_run(data: bytes, at: int, stop: int) -> int:
    match = _RUN.match(data, at, stop)
    return match.end() if match else at


def _beginning(data: bytes, at: int) -> int:
    """Return where the next text begins that may be compressed data, or -1."""
    found = [match.start() for search in _BEGINNINGS if (match := search(data, at)) is not None]
    if not found:
        return -1
    begin = min(found)
    if data.startswith(_XZ, begin):  # the slash before it may be escaped
        slash = _SLASH.search(data, max(at, begin - _LONGEST_ESCAPE), begin)
        begin = slash.start() if slash is not None else begin
    return begin


class Lookout:
    """Looks into all that is compressed in one body or message."""

    def __init__(self, forms: Forms) -> None:
        self._whole = Peek(forms)
        self._text = PackedText(forms)

    async def may_go(self, piece: bytes) -> bool:
        """Look into a piece and say whether it may go on, or should wait for the next.

        Raises:
            Malformed: A secret stands in something compressed.
        """
        near = False
        if not self._whole.unpacker.over:
            async for plain in bits(self._whole.unpacker, piece):
                self._whole.check(plain)
            near = self._whole.is_near
        for peek, packed in self._text.find(piece):
            async for plain in bits(peek.unpacker, packed):
                peek.check(plain)
            near = near or peek.is_near
        return not near


async def bits(unpacker: Unpacker, piece: bytes) -> AsyncIterator[bytes]:
    """Undo a piece bit by bit; others have their turn between two of them."""
    unpacker.push(piece)
    while True:
        if unpacker.is_slow:
            part = await asyncio.to_thread(unpacker.step)
        else:
            part = unpacker.step()
        if part is None:
            return
        if part:
            yield part
        await asyncio.sleep(0)
