"""The processes below a process, as the host sees them."""

import contextlib
import os
import signal
from collections.abc import Sequence
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """Return the children of a process, of all its threads."""
    found = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 # no pathlib in the launcher
    except OSError:
        return []
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123
                found += [int(one) for one in file.read().split()]
        except OSError:
            continue
    return found


def below(pid: int) -> list[int]:
    """Return all descendants of a process that still run."""
    found: list[int] = []
    waiting = children(pid)
    while waiting:
        one = waiting.pop()
        if not _is_zombie(one):
            found.append(one)
        waiting += children(one)
    return found


def kill_largest(roots: Sequence[int], limit_bytes: int) -> int:
    """Kill the largest process below `roots` if all of them together use more than the limit.

    It stands in for a control group where none can be had: what grows faster than we look is
    caught late.

    Returns:
        Bytes that all of them used; more than the limit if it was met.
    """
    sizes = {pid: _resident(pid) for root in roots for pid in below(root)}
    used = sum(sizes.values())
    if used > limit_bytes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(max(sizes, key=lambda pid: sizes[pid]), signal.SIGKILL)
    return used


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 # no pathlib in the launcher
            return file.read().rsplit(b")", 1)[1].split()[0] == b"Z"
    except OSError:
        return True


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 # no pathlib in the launcher
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0
