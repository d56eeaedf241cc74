"""What the launcher is told about a fence, as plain JSON values."""

from collections.abc import Mapping
from typing import Any, TypedDict

from unlit.fence.launch.scene import Piece


class Bind(TypedDict):
    """A folder or file of the host to show."""

    source: str
    folder: bool
    writable: bool


class Order(TypedDict):
    """A fence to make. `stage` is an existing empty folder, the same for every fence of a host."""

    stage: str
    workspace: str
    binds: list[Bind]
    disk_mb: int
    inodes: int
    memory_mb: int
    processes: int
    rlimits: dict[str, int]
    bwrap: str
    view: list[Piece]


Message = dict[str, Any]


def trampoline(rlimits: Mapping[str, int], terminal: int | None = None) -> tuple[str, ...]:
    """Return what runs inside before the command, and then becomes the command.

    It tells by a byte on descriptor 3 that the view stands, and sets the limits that the keeper
    cannot have itself. With a number of a terminal below ``/dev/pts``, that becomes the command's
    own, controlling one.
    """
    lines = [f"ulimit -n {rlimits['RLIMIT_NOFILE']}"]
    if "RLIMIT_CPU" in rlimits:
        seconds = rlimits["RLIMIT_CPU"]
        lines += [f"ulimit -S -t {seconds}", f"ulimit -H -t {seconds + 1}"]  # a signal first
    if terminal is not None:
        lines.append(f"exec </dev/pts/{terminal} >/dev/pts/{terminal} 2>&1")
    become = 'exec "$@" 3>&-' if terminal is None else 'exec setsid -c "$@" 3>&-'
    lines += ["printf . >&3", become]
    return ("/bin/sh", "-c", " && ".join(lines), "fence")
