"""What the launcher is told about a fence, as plain JSON values."""

from typing import Any, Final, TypedDict

from unlit.fence.launch.scene import Piece

TRAMPOLINE: Final = ("/bin/sh", "-c", 'printf . >&3; exec "$@" 3>&-', "fence")
"""Runs inside before the command: it tells that the view stands, then becomes the command."""


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
    still: list[Piece]
    fresh: list[Piece]


Message = dict[str, Any]
