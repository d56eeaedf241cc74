"""What commands of a fence see, put together once; each command then gets it by one bind.

Making the view anew for every command, mount by mount, would take longer than anything else.
"""

import os
from collections.abc import Sequence
from typing import Final, TypedDict

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import trees

_QUIET: Final = sys_.MS_NOSUID | sys_.MS_NODEV


class Piece(TypedDict):
    """One part of the view.

    `kind` is ``bind`` (of `source`), ``device`` (of `source`), ``link`` (to `source`), ``folder``
    or ``terminals``; a source without a slash in front is in the stage.
    """

    kind: str
    source: str
    target: str
    writable: bool


class NoPlace(OSError):
    """A part of the view has no place inside."""


def build(stage: str, still: Sequence[Piece], fresh: Sequence[Piece]) -> None:
    """Put the view together at ``view`` in the stage.

    Args:
        stage: The fence's folder of mount points.
        still: What stays as long as the fence.
        fresh: What lies on the writable layer, and is put in place again by `refresh`.
    """
    root = f"{stage}/view"
    sys_.mount("tmpfs", root, "tmpfs", _QUIET, "size=1m,mode=0755")
    for piece in (*still, *fresh):
        try:
            _put(stage, root, piece)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise NoPlace(error.errno, f"{piece['target']}: {reason}") from error
    trees.restrict(root, writable=False, recursive=False)


def refresh(stage: str, fresh: Sequence[Piece]) -> None:
    """Put what lies on the writable layer in place again, after that was made anew."""
    for piece in fresh:
        _put(stage, f"{stage}/view", piece)


def detach(stage: str, fresh: Sequence[Piece]) -> None:
    """Take what lies on the writable layer out of the view."""
    for piece in reversed(fresh):
        sys_.unmount(f"{stage}/view{piece['target']}")


def _put(stage: str, root: str, piece: Piece) -> None:
    source, target = piece["source"], f"{root}{piece['target']}"
    if piece["kind"] == "link":
        os.symlink(source, target)  # noqa: PTH211 # no pathlib in the launcher
    elif piece["kind"] == "folder":
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
    elif piece["kind"] == "terminals":
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
        flags = sys_.MS_NOSUID | sys_.MS_NOEXEC
        sys_.mount("devpts", target, "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
    else:
        if not source.startswith("/"):
            source = f"{stage}/{source}"
        _bind(source, target, piece)


def _bind(source: str, target: str, piece: Piece) -> None:
    if os.path.isdir(source):  # noqa: PTH112 # no pathlib in the launcher
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
    elif not os.path.exists(target):  # noqa: PTH110 # no pathlib in the launcher
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)  # noqa: PTH103, PTH120 # launcher
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    sys_.mount(source, target, "", sys_.MS_BIND | sys_.MS_REC)
    if piece["kind"] == "bind":
        trees.restrict(target, writable=piece["writable"], recursive=True)
