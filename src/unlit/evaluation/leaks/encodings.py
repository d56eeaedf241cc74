"""A needle in the encodings that copied text travels in. Pure."""

import base64
import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

MAX_UNPACKED: Final = 8 * 1024 * 1024


def _plain(needle: bytes) -> list[bytes]:
    return [needle]


def _case(needle: bytes) -> list[bytes]:
    return [needle.upper(), needle.lower()]


def _hexadecimal(needle: bytes) -> list[bytes]:
    return [needle.hex().encode(), needle.hex().upper().encode()]


def _base64(needle: bytes) -> list[bytes]:
    """Return the part that does not depend on what stands around, at all three alignments."""
    found = []
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + needle)
        first, last = (0, 2, 3)[shift], len(text) - len(text) % 4
        tail = 4 if (shift + len(needle)) % 3 else 0
        found.append(text[first : last - tail])
    return [*found, *(text.translate(_URL_SAFE) for text in found)]


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def _base32(needle: bytes) -> list[bytes]:
    return [base64.b32encode(needle).rstrip(b"=")[: len(needle) * 8 // 5]]


def _percent(needle: bytes) -> list[bytes]:
    every = "".join(f"%{byte:02X}" for byte in needle)
    return [every.encode(), every.lower().encode(), quote(needle).encode()]


def _escaped(needle: bytes) -> list[bytes]:
    return ["".join(f"\\u{byte:04x}" for byte in needle).encode(),
            "".join(f"\\x{byte:02x}" for byte in needle).encode()]  # fmt: skip


def _utf16(needle: bytes) -> list[bytes]:
    text = needle.decode("utf-8", "replace")
    return [text.encode("utf-16-le"), text.encode("utf-16-be")]


def _reversed(needle: bytes) -> list[bytes]:
    return [needle[::-1]]


def _rot13(needle: bytes) -> list[bytes]:
    return [codecs.encode(needle.decode("utf-8", "replace"), "rot13").encode()]


def _split(needle: bytes) -> list[bytes]:
    """Return the needle with a separator between characters: dashes, spaces, dots."""
    letters = [needle[n : n + 1] for n in range(len(needle))]
    return [separator.join(letters) for separator in (b"-", b" ", b".", b"_")]


ENCODINGS: Final[Mapping[str, Callable[[bytes], list[bytes]]]] = {
    "plain": _plain,
    "case": _case,
    "hexadecimal": _hexadecimal,
    "base64": _base64,
    "base32": _base32,
    "percent": _percent,
    "escaped": _escaped,
    "utf-16": _utf16,
    "reversed": _reversed,
    "rot13": _rot13,
    "split": _split,
}
CONTAINERS: Final = ("gzip", "zlib", "zip")


def encode_as(name: str, needle: bytes) -> bytes:
    """Return `needle` as a copyist would have it in one encoding or container; for controls."""
    match name:
        case "gzip":
            return gzip.compress(b"before " + needle + b" after")
        case "zlib":
            return zlib.compress(b"before " + needle + b" after")
        case "zip":
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("note.txt", b"before " + needle + b" after")
            return buffer.getvalue()
        case "base64":
            return base64.b64encode(b"x" + needle + b"yz")
        case "base32":
            return base64.b32encode(needle)
        case "case":
            return b"before " + needle.upper() + b" after"
    return b"before " + ENCODINGS[name](needle)[0] + b" after"


def unpacked(content: bytes, containers: Sequence[str] = CONTAINERS) -> Iterator[bytes]:
    """Yield `content`, and what it holds if it is a compressed file."""
    yield content
    if "gzip" in containers and content[:2] == b"\x1f\x8b":
        yield from _inflate(content, zlib.MAX_WBITS | 16)
    elif "zlib" in containers and content[:1] == b"\x78":
        yield from _inflate(content, zlib.MAX_WBITS)
    elif "zip" in containers and content[:4] == b"PK\x03\x04":
        yield from _unzip(content)


def _inflate(content: bytes, window: int) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(window).decompress(content, MAX_UNPACKED)
    except zlib.error:
        return


def _unzip(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist()[:1000]:
                with archive.open(member) as stream:
                    yield stream.read(MAX_UNPACKED)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, OSError):
        return
