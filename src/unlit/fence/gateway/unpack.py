"""Compressed data undone a bounded bit at a time, so that no crafted piece holds up anybody else.

A bit of zlib's is at most 64 KiB and takes a fraction of a millisecond; bzip2 and xz work through a
whole block before they give any of it, so whoever calls takes their bits off the event loop.
"""

import bz2
import lzma
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped] # it has no types
from typing_extensions import override

from unlit.fence.gateway.head import Malformed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BIT: Final = 65_536
_MOST_INFLATED: Final = 1 << 30
_MOST_OF_A_REQUEST: Final = 1 << 20
_MEMBERS_A_BIT: Final = 16
_MAGIC: Final = 6
_TO_GUESS: Final = 16
_A_LINE: Final = 64
_FIRST_BYTES: Final = frozenset(b"\x1f\x78\x42\xfdP\0\x28" + bytes(range(0x50, 0x60)))
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPED_BY_ZSTD: Final = b"\x2a\x4d\x18"
_ZIP_MEMBER: Final = b"PK\x03\x04"
_ZIP_HEAD: Final = struct.Struct("<4sHHHHHIIIHH")
_DEFLATED: Final = 8


class _Undoing(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Brotli:
    """Undoes Brotli."""

    unused_data = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._inner.is_finished())

    @property
    def needs_input(self) -> bool:
        return bool(self._inner.can_accept_more_data())

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return bytes(self._inner.process(data, output_buffer_limit=max_length))


def _zlib() -> _Undoing:
    return zlib.decompressobj(wbits=47)


_CODINGS: Final[dict[bytes, Callable[[], _Undoing]]] = {
    b"gzip": _zlib,
    b"x-gzip": _zlib,
    b"deflate": _zlib,
    b"br": _Brotli,
    b"zstd": zstd.ZstdDecompressor,
}
_BROKEN: Final = (
    zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, zstd.ZstdError, brotli.error,
)  # fmt: skip


class Unpacker:
    """Undoes gzip, zlib, bzip2, xz, Zstandard and the members of a zip, as they come.

    What begins as none of them and as no text may be Brotli, which has no mark of its own: that is
    tried. `over` is set when what follows is no compressed data.
    """

    def __init__(self, undo: _Undoing | None = None) -> None:
        self.over = False
        self._undo = undo
        self._unread = b""
        self._is_zip = False
        self._is_new = undo is None
        self._total = 0

    @property
    def is_slow(self) -> bool:
        """Whether the next bit may take long."""
        return isinstance(self._undo, bz2.BZ2Decompressor | lzma.LZMADecompressor) or (
            self._undo is None and self._unread[:1] in (b"B", b"\xfd")
        )

    def push(self, data: bytes) -> None:
        """Take a piece; call `step` until it returns nothing."""
        if self.over or not data:
            return
        self._unread += data
        if self._is_new:
            first = self._unread[:_A_LINE]
            is_text = first[0] not in _FIRST_BYTES and first.isascii()  # most answers
            if is_text and len(first) >= _TO_GUESS:
                self.over, self._unread = True, b""

    def step(self) -> bytes | None:
        """Undo a bit and return it, which may be empty; `None` when more must come first.

        Raises:
            Malformed: It grows without measure.
        """
        for _ in range(_MEMBERS_A_BIT):
            if self.over or (self._undo is None and not self._find_member()):
                return None
            part = self._bit()
            if part is None:
                return None
            if part:
                self._total += len(part)
                if self._total > _MOST_INFLATED:
                    raise Malformed(502, "the answer inflates without measure")
                return part
        return b""

    def _find_member(self) -> bool:
        """Begin the next member, if its beginning is there."""
        if self._is_zip:
            return self._find_zip_member()
        data = self._unread.lstrip(b"\0")  # members may be padded
        self._unread = data
        if len(data) < _MAGIC:  # too little to tell its kind
            return False
        if data.startswith(_ZIP_MEMBER):
            self._is_zip, self._is_new = True, False
            return self._find_zip_member()
        self._undo = _undo(data)
        if self._undo is None and self._is_new:
            if len(data) < _TO_GUESS:
                return False
            self._undo = None if data[:_A_LINE].isascii() else _Brotli()
        self._is_new = False
        self.over = self._undo is None
        if self.over:
            self._unread = b""
        return not self.over

    def _find_zip_member(self) -> bool:
        """Go to the next deflated member of a zip; what is only stored is seen as it stands."""
        data, at = self._unread, -1
        while True:
            at = data.find(_ZIP_MEMBER, at + 1)
            if at < 0:
                self._unread = data[-len(_ZIP_MEMBER) + 1 :]
                return False
            if len(data) - at < _ZIP_HEAD.size:
                break
            head = _ZIP_HEAD.unpack_from(data, at)
            if head[3] != _DEFLATED:
                continue
            begins = at + _ZIP_HEAD.size + head[9] + head[10]
            if len(data) < begins:
                break
            self._unread = data[begins:]
            self._undo = zlib.decompressobj(wbits=-15)
            return True
        self._unread = data[at:]
        return False

    def _bit(self) -> bytes | None:
        """Return up to `BIT` plain bytes; `None` when there is nothing to read."""
        undo = self._undo
        waits = getattr(undo, "needs_input", True)
        if undo is None or (waits and not self._unread):
            return None
        given, self._unread = (self._unread, b"") if waits else (b"", self._unread)
        try:
            part = undo.decompress(given, BIT)
        except _BROKEN:
            return self._broken(given)
        self._unread = getattr(undo, "unconsumed_tail", b"") + self._unread
        if undo.eof:
            self._unread = undo.unused_data + self._unread
            self._undo = None
        return part

    def _broken(self, given: bytes) -> bytes:
        """Go on where a member only looked like one."""
        self._undo = None
        if self._is_zip:
            self._unread = given + self._unread
        else:
            self.over = True
            self._unread = b""
        return b""


class Inflater(Unpacker):
    """Undoes the content coding that an upstream used although it was asked not to.

    Args:
        coding: As the answer names it.

    Raises:
        Malformed: It is none that is known.
    """

    def __init__(self, coding: bytes) -> None:
        if coding not in _CODINGS:
            raise Malformed(502, f"the answer has the content coding {coding[:20]!r}")
        self._make = _CODINGS[coding]
        super().__init__(self._make())

    @override
    def _find_member(self) -> bool:
        if self._unread:
            self._undo = self._make()
        return bool(self._unread)

    @override
    def _broken(self, given: bytes) -> bytes:
        raise Malformed(502, "the answer is not compressed as it says")


def _undo(first: bytes) -> _Undoing | None:
    if first[:3] == b"\x1f\x8b\x08" or (first[:1] == b"x" and first[1:2] in b"\x01\x5e\x9c\xda"):
        return _zlib()
    if first[:3] == b"BZh":
        return bz2.BZ2Decompressor()
    if first[:6] == b"\xfd7zXZ\x00":
        return lzma.LZMADecompressor()
    if first[:4] == _ZSTD or (first[1:4] == _SKIPPED_BY_ZSTD and 0x50 <= first[0] <= 0x5F):
        return zstd.ZstdDecompressor()
    return None


def inflated(coding: bytes, data: bytes) -> bytes:
    """Return how a request's body begins when its coding is undone; nothing if that is unknown."""
    make = _CODINGS.get(coding.strip().lower())
    if make is None:
        return b""
    unpacker = Unpacker(make())
    unpacker.push(data)
    parts: list[bytes] = []
    while (part := unpacker.step()) is not None and len(parts) * BIT < _MOST_OF_A_REQUEST:
        parts.append(part)
    return b"".join(parts)
