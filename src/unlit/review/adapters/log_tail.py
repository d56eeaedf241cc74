"""Read a log from its end, so that a page over a million entries reads a few blocks."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.policy import AuditEntry
from unlit.policy.audit.form import LOG_NAME, parse_entry

_BLOCK: Final = 256 * 1024
_MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tail:
    """The newest entries that match.

    Attributes:
        before: Where to go on for older ones; `None` when the log's beginning was reached.
        searched_all: Whether the whole rest of the log was searched.
    """

    entries: tuple[AuditEntry, ...]
    before: int | None
    searched_all: bool


def tail(
    folder: Path, keep: Callable[[AuditEntry], bool], *, want: int, before: int | None = None
) -> Tail:
    """Return up to `want` matching entries that end before byte `before`, newest first."""
    try:
        descriptor = os.open(folder / LOG_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Tail((), None, True)
    try:
        end = os.fstat(descriptor).st_size
        at = end if before is None else max(0, min(before, end))
        return _walk(descriptor, at, keep, want)
    finally:
        os.close(descriptor)


def _walk(descriptor: int, at: int, keep: Callable[[AuditEntry], bool], want: int) -> Tail:
    found: list[AuditEntry] = []
    rest = b""
    start = at
    while start > 0 and at - start < _MOST_BYTES:
        size = min(_BLOCK, start)
        start -= size
        block = os.pread(descriptor, size, start) + rest
        lines = block.split(b"\n")
        rest = lines[0] if start > 0 else b""
        place = start + len(block)
        for line in reversed(lines if start == 0 else lines[1:]):
            place -= len(line)
            entry = parse_entry(line) if line else None
            if entry is not None and keep(entry):
                found.append(entry)
                if len(found) == want:
                    return Tail(tuple(found), place if place > 0 else None, place <= 0)
            place -= 1
    return Tail(tuple(found), (start + len(rest)) or None if start > 0 else None, start <= 0)
