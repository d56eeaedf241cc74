"""What the launcher is told about a fence, as plain JSON values."""

from typing import Any, TypedDict


class Bind(TypedDict):
    """A folder or file to show: host path and the path inside."""

    source: str
    target: str
    writable: bool


class Order(TypedDict):
    """A fence to make.

    `stage` is an existing folder for mount points; `uid` is the user to become (root only).
    """

    stage: str
    uid: int | None
    workspace: str
    binds: list[Bind]
    disk_mb: int
    inodes: int
    rlimits: dict[str, int]
    bwrap: str


class Run(TypedDict):
    """A command to run inside; `arguments` are bubblewrap's."""

    id: int
    arguments: list[str]
    argv: list[str]


Message = dict[str, Any]
