"""The file of a log, and what stands ahead of it on the disk; the log's lock guards all of it."""

import errno
import fcntl
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed
from unlit.policy.audit.ahead import Ahead, drop_ahead, following, lines_ahead, make_ahead
from unlit.policy.audit.form import (
    CHECKPOINTS_NAME,
    LOG_NAME,
    Checkpoint,
    checkpoint_text,
    entry_start,
)
from unlit.policy.audit.merkle import Frontier, leaf_hash

_WORTH_AHEAD: Final = 16
"""After so many entries that were waited for, a file ahead of the log is worth its making."""

_WHY: Final = "nothing may happen that the audit log does not hold"


class HeldByAnother(OutsideFailed):
    """Another process writes the log."""


class LogFile:
    """Appends lines, at once or, when they stand ahead of the log, a moment later.

    Args:
        descriptor: The log's own file, open for appending.
        directory: The log's folder.
        clock: Tells how long a sync takes.
    """

    def __init__(self, descriptor: int, directory: Path, clock: Clock) -> None:
        self.descriptor = descriptor
        self.usual_sync_s = 0.0
        self._clock = clock
        self._directory = directory
        self._ahead: Ahead | None = None
        self._late: list[bytes] = []
        self._tried = False
        self.waited_for = 0

    @property
    def is_ahead(self) -> bool:
        """Whether there is a file ahead of the log."""
        return self._ahead is not None

    @property
    def is_behind(self) -> bool:
        """Whether the log still lacks a line."""
        return bool(self._late)

    def add(self, line: bytes, *, late: bool = False) -> None:
        """Append a line, with its newline; a late one waits for `catch_up` or the next that is not.

        Raises:
            OSError: It was not written.
        """
        self._late.append(line)
        if not (late and self._ahead is not None):
            self.catch_up()
        if self._ahead is not None:
            self._ahead.note(line)

    def catch_up(self) -> None:
        """Write what is late.

        Raises:
            OSError: It was not written, or not all of it.
        """
        if not self._late:
            return
        data = self._late[0] if len(self._late) == 1 else b"".join(self._late)
        self._late.clear()
        if os.write(self.descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, "the disk is full")

    def waiting(self, durable: int) -> bytes:
        """Return the lines that may be put ahead, when `durable` entries are on the disk."""
        ahead = self._ahead
        return ahead.waiting if ahead is not None and durable >= ahead.first else b""

    def put(self, lines: bytes) -> bool:
        """Put lines ahead of the log and return when they are on the disk; `False` if it cannot."""
        started = self._clock.monotonic_s()
        try:
            done = self._ahead is not None and self._ahead.put(lines)
        except OSError:
            return False  # the log itself is synced then, and says what is wrong
        if done:
            self._note_sync(started)
        return done

    def sync(self) -> None:
        """Sync the log itself."""
        started = self._clock.monotonic_s()
        os.fdatasync(self.descriptor)
        self._note_sync(started)

    def _note_sync(self, started_s: float) -> None:
        took_s = self._clock.monotonic_s() - started_s
        self.usual_sync_s += (took_s - self.usual_sync_s) * 0.1

    def restart(self) -> None:
        """Use the file ahead from its beginning again: the log was synced."""
        if self._ahead is not None:
            self._ahead.restart()

    def cover(self, size: int) -> None:
        """Forget the lines of the first `size` entries: they are on the disk."""
        if self._ahead is not None:
            self._ahead.cover(size)

    def make_ahead(self) -> Ahead | None:
        """Make a file ahead of the log, once, if it is worth it and offered; without the lock."""
        if self._tried or self.waited_for < _WORTH_AHEAD:
            return None
        self._tried = True
        return make_ahead(self._directory)

    def use(self, ahead: Ahead, size: int) -> None:
        """Use a file ahead of a log that has `size` entries now."""
        ahead.first = size
        self._ahead = ahead

    def close(self, *, is_whole: bool) -> None:
        """Close the files; what stands ahead of a log that is not whole is kept."""
        if self._ahead is not None:
            self._ahead.close()
            if is_whole:
                drop_ahead(self._directory)
        os.close(self.descriptor)


class Marks:
    """The signed checkpoints of a log.

    Args:
        descriptor: Their file, open for appending.
        key: Signs them.
    """

    def __init__(self, descriptor: int, key: Ed25519PrivateKey) -> None:
        self._descriptor = descriptor
        self._key = key

    def sign(self, size: int, root: bytes, now: datetime) -> None:
        """Say that the first `size` entries have this root."""
        at = now.isoformat(timespec="milliseconds")
        signature = self._key.sign(checkpoint_text(size, root, at))
        os.write(self._descriptor, Checkpoint(size, root, at, signature).line())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Opened:
    """A log's files, and what was wrong with them.

    Attributes:
        file: The log.
        marks: The file of checkpoints, open for appending.
        torn_bytes: Bytes of a torn last line that was cut off.
        found: Entries that only stood ahead of the log, and are in it now.
    """

    file: LogFile
    marks: int
    torn_bytes: int
    found: int


def open_log(directory: Path, frontier: Frontier, clock: Clock) -> Opened:
    """Open a log for writing, cut off what is torn, and take up what stands ahead of it.

    Args:
        directory: The log's folder.
        frontier: Empty; it gets every entry.
        clock: Tells how long a sync takes.

    Raises:
        HeldByAnother: Another process writes it.
        OutsideFailed: It is damaged.
        OSError: It cannot be opened or written.
    """
    path = directory / LOG_NAME
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.open(path, flags, 0o600)
    marks = os.open(directory / CHECKPOINTS_NAME, flags, 0o600)
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(log)
        os.close(marks)
        raise HeldByAnother(
            "POL-144",
            f"The audit log in {directory} cannot be written: another process writes it.",
            "two writers would break its order",
            "Wait for the other process, or let this one write a log beside it.",
        ) from error
    _cut_torn_line(marks)
    torn = _replay(path, log, frontier)
    file = LogFile(log, directory, clock)
    return Opened(file, marks, torn, _take_up(file, directory, frontier))


def _take_up(file: LogFile, directory: Path, frontier: Frontier) -> int:
    """Take up what was promised to be on the disk and the log lost; return how many."""
    found = following(lines_ahead(directory), frontier.size)
    for line in found:
        file.add(line)
        frontier.add(leaf_hash(line[:-1]))
    if found:
        file.sync()
    drop_ahead(directory)
    return len(found)


def _replay(path: Path, descriptor: int, frontier: Frontier) -> int:
    """Take up what a log holds already; cut a torn last line off and return its length."""
    good = 0
    with path.open("rb") as file:
        for line in file:
            # cheap on purpose, a log may be long: `verify` reads every entry in full
            if not (line.endswith(b"}\n") and line.startswith(entry_start(frontier.size))):
                break
            frontier.add(leaf_hash(line[:-1]))
            good += len(line)
    size = path.stat().st_size
    if size == good:
        return 0
    rest = _read_at(descriptor, good, size - good)
    if b"\n" in rest[:-1] or rest.endswith(b"\n"):
        what = f"entry {frontier.size} is damaged and is not the last"
        raise unwritable(path.parent, f"{what}; run `unlit audit verify`")
    os.ftruncate(descriptor, good)
    os.fdatasync(descriptor)
    return size - good


def _cut_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    tail = _read_at(descriptor, max(0, size - 4096), min(size, 4096))
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, size - (len(tail) - tail.rfind(b"\n") - 1))


def _read_at(descriptor: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)


def unwritable(directory: Path, reason: str) -> OutsideFailed:
    """Say that the log cannot be written, and why."""
    return OutsideFailed(
        "POL-140",
        f"The audit log in {directory} cannot be written: {reason}.",
        _WHY,
        "Make room on the disk, or name another state folder, and start again.",
    )
