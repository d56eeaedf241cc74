"""Entries that somebody waits for, put on the disk ahead of the log in one cheap write.

A log that grows changes its size, and a file system commits a journal for that at each sync. This
file has its size already: what is written over its zeros is on the disk with one write of one
block. It holds only what the log's own last sync did not cover, and whoever opens the log after a
power cut takes from here what the log itself lost.

A frame is a magic, the length of its lines, their SHA-256, and the lines; it begins at a block. The
first frame that is none ends the reading, so a torn one was never promised to anybody.
"""

import contextlib
import hashlib
import mmap
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from unlit.policy.audit.form import entry_start

AHEAD_NAME: Final = "ahead"
_BLOCK: Final = 4096
_BLOCKS: Final = 256
_MOST_BLOCKS: Final = 16
_HEAD: Final = struct.Struct(">8sI32s")
_MAGIC: Final = b"unlitah1"


class Ahead:
    """The file, and the lines that the log's own sync does not cover yet.

    Args:
        descriptor: The file, open so that a write returns when it is on the disk.

    `first` is the index of the first entry remembered; what is before it must be in the log, and
    synced, before anything is put here.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = mmap.mmap(-1, _BLOCK * _MOST_BLOCKS)
        self._view = memoryview(self._buffer)
        self._block = 0
        self._lines: list[bytes] = []
        self._size = 0
        self.first = 0

    def note(self, data: bytes) -> None:
        """Remember the next entry, with its newline."""
        self._lines.append(data)
        self._size += len(data)

    def cover(self, size: int) -> None:
        """Forget the entries before `size`: they are on the disk."""
        if size > self.first:
            gone = self._lines[: size - self.first]
            del self._lines[: size - self.first]
            self._size -= sum(map(len, gone))
            self.first = size

    @property
    def waiting(self) -> bytes:
        """What is remembered, if it fits in one frame; else nothing."""
        if self._size + _HEAD.size > len(self._buffer):
            return b""
        return b"".join(self._lines)

    def put(self, lines: bytes) -> bool:
        """Write lines and return when they are on the disk; `False` when there is no more room."""
        if not lines:
            return False
        blocks = -(-(_HEAD.size + len(lines)) // _BLOCK)
        if self._block + blocks > _BLOCKS:
            return False
        size = blocks * _BLOCK
        head = _HEAD.pack(_MAGIC, len(lines), hashlib.sha256(lines).digest())
        self._buffer[: len(head) + len(lines)] = head + lines
        if os.pwrite(self._descriptor, self._view[:size], self._block * _BLOCK) != size:
            return False
        self._block += blocks
        return True

    def restart(self) -> None:
        """Begin again at the first block; only when the log holds all that was put here."""
        self._block = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
        self._view.release()
        self._buffer.close()


def make_ahead(directory: Path) -> Ahead | None:
    """Make the file beside a log; `None` where the file system does not offer it."""
    path = directory / AHEAD_NAME
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DSYNC
    for direct in (os.O_DIRECT, 0):  # straight to the disk where that is possible: cheaper
        try:
            descriptor = os.open(path, flags | direct, 0o600)
        except OSError:
            continue
        try:
            with mmap.mmap(-1, _BLOCK * _BLOCKS) as zeros:
                if os.pwrite(descriptor, zeros, 0) == len(zeros):
                    os.fsync(descriptor)
                    return Ahead(descriptor)
        except OSError:
            pass
        os.close(descriptor)
    return None


def following(lines: Iterable[bytes], size: int) -> list[bytes]:
    """Return those of some lines, with newline, that follow a log of `size` entries."""
    found: list[bytes] = []
    for line in lines:
        if line.startswith(entry_start(size + len(found))):
            found.append(line)
    return found


def drop_ahead(directory: Path) -> None:
    """Remove the file; only when the log holds, synced, all that stands in it."""
    with contextlib.suppress(FileNotFoundError):
        (directory / AHEAD_NAME).unlink()


def lines_ahead(directory: Path) -> list[bytes]:
    """Return the lines that stand in the file of a log, oldest frame first."""
    try:
        data = (directory / AHEAD_NAME).read_bytes()
    except FileNotFoundError:
        return []
    found: list[bytes] = []
    at = 0
    while at + _HEAD.size <= len(data):
        magic, length, digest = _HEAD.unpack_from(data, at)
        lines = data[at + _HEAD.size : at + _HEAD.size + length]
        if magic != _MAGIC or len(lines) != length or hashlib.sha256(lines).digest() != digest:
            break
        found += lines.splitlines(keepends=True)
        at += -(-(_HEAD.size + length) // _BLOCK) * _BLOCK
    return found
