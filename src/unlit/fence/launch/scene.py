"""What commands of a fence see, put together once; each command then gets it by one bind.

Making the view anew for every command, mount by mount, would take longer than anything else.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import Final, TypedDict

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import trees

_QUIET: Final = sys_.MS_NOSUID | sys_.MS_NODEV


class Piece(TypedDict):
    """One part of the view.

    `kind` is ``bind`` (of `source`), ``device`` (of `source`), ``link`` (to `source`), ``copy`` (of
    the small files of the folder `source`), ``folder`` or ``terminals``; a source without a slash
    in front is in the stage.
    """

    kind: str
    source: str
    target: str
    writable: bool


class NoPlace(OSError):
    """A part of the view has no place inside."""


def build(stage: str, pieces: Sequence[Piece]) -> None:
    """Put the view together at ``rw/view`` in the stage.

    It is made anew with the writable layer: what stayed would say by its times how old it is, and
    so to a product how often it ran before.

    Args:
        stage: The fence's folder of mount points.
        pieces: What is shown, outermost first.
    """
    root = f"{stage}/rw/view"
    sys_.mount("tmpfs", root, "tmpfs", _QUIET, "size=1m,mode=0755")
    for piece in pieces:
        try:
            _put(stage, root, piece)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise NoPlace(error.errno, f"{piece['target']}: {reason}") from error
    trees.restrict(root, writable=False, recursive=False)


def _put(stage: str, root: str, piece: Piece) -> None:
    source, target = piece["source"], f"{root}{piece['target']}"
    if piece["kind"] == "link":
        os.symlink(source, target)  # noqa: PTH211 # no pathlib in the launcher
    elif piece["kind"] == "folder":
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
    elif piece["kind"] == "copy":
        _copy(source, target)
    elif piece["kind"] == "terminals":
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
        flags = sys_.MS_NOSUID | sys_.MS_NOEXEC
        sys_.mount("devpts", target, "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
    else:
        if not source.startswith("/"):
            source = f"{stage}/{source}"
        _bind(source, target, piece)


def _copy(source: str, target: str) -> None:
    for name, content in _content(source):
        if content is None:
            os.makedirs(f"{target}{name}", 0o755, exist_ok=True)  # noqa: PTH103 # launcher
            continue
        fd = os.open(f"{target}{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        os.write(fd, content)
        os.close(fd)


@cache
def _content(source: str) -> tuple[tuple[str, bytes | None], ...]:
    """Return the folders below a folder, itself first, and its files; read once for all resets."""
    found: list[tuple[str, bytes | None]] = []
    for folder, _, names in os.walk(source):
        below = folder.removeprefix(source)
        found.append((below, None))
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 # no pathlib in the launcher
                found.append((f"{below}/{name}", file.read()))
    return tuple(found)


def _bind(source: str, target: str, piece: Piece) -> None:
    try:
        sys_.mount(source, target, "", sys_.MS_BIND | sys_.MS_REC)
    except FileNotFoundError:  # mostly the place is there
        _make_place(source, target)
        sys_.mount(source, target, "", sys_.MS_BIND | sys_.MS_REC)
    if piece["kind"] == "bind":
        trees.restrict(target, writable=piece["writable"], recursive=True)


def _make_place(source: str, target: str) -> None:
    if os.path.isdir(source):  # noqa: PTH112 # no pathlib in the launcher
        os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103 # no pathlib in the launcher
    elif not os.path.exists(target):  # noqa: PTH110 # no pathlib in the launcher
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)  # noqa: PTH103, PTH120 # launcher
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
