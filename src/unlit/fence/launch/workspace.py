"""The writable layer of a fence: an overlay whose upper half is a small tmpfs, and its content.

The upper half holds only what the fence changed. It is sent out as a stream of frames, so that no
program of the host ever works in the fence's tree.
"""

import json
import os
import stat
import struct
from collections.abc import Iterator
from typing import Any, Final

import unlit.fence.launch.syscalls as sys_

_WHITEOUT: Final = "user.overlay.whiteout"
_OPAQUE: Final = "user.overlay.opaque"
_PIECE: Final = 1 << 20
_DEEPEST: Final = 100
_LONGEST: Final = 3_000


def lay(stage: str, disk_mb: int, inodes: int) -> None:
    """Mount the writable layer, ``rw``: in it ``work`` is the overlay, ``view`` is to be filled.

    All of it is one tree of mounts, which is taken away by one act.
    """
    rw = f"{stage}/rw"
    options = f"size={disk_mb}m,nr_inodes={inodes},mode=0700"
    sys_.mount("tmpfs", rw, "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, options)
    for name in ("up", "wk", "home", "shm", "tmp", "nothing", "work", "view"):
        os.mkdir(f"{rw}/{name}", 0o700)  # noqa: PTH102 # no pathlib in the launcher: it costs start time
    os.close(os.open(f"{rw}/empty", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    for name in ("shm", "tmp"):
        os.chmod(f"{rw}/{name}", 0o1777)  # noqa: PTH101, S103 # /dev/shm and /tmp inside
    parts = f"lowerdir={stage}/lower,upperdir={rw}/up,workdir={rw}/wk,userxattr"
    sys_.mount("overlay", f"{rw}/work", "overlay", sys_.MS_NOSUID | sys_.MS_NODEV, parts)


def lift(stage: str) -> None:
    """Take the writable layer away, with all that was written and all that is mounted in it."""
    sys_.unmount(f"{stage}/rw")


def stream(upper: str, out: int, budget: int) -> None:
    """Write every change below `upper` to a descriptor.

    A frame is a 4-byte length, a JSON object ``{path, kind, mode, size}`` and, for files, `size`
    bytes. Kinds are ``file``, ``symlink`` (with ``target``), ``deleted`` and ``opaque``. Files that
    would bring the whole over `budget` bytes are named as ``excess`` and not sent: holes and hard
    links can promise more than the disk of the fence can hold. So are folders too deep to walk.
    """
    for frame, path in _frames(upper, ""):
        if frame["kind"] == "file":
            if frame["size"] > budget:
                frame["kind"] = "excess"
            else:
                budget -= frame["size"]
        head = json.dumps(frame).encode()
        _write(out, struct.pack("=I", len(head)) + head)
        if frame["kind"] == "file":
            _copy(path, out, frame["size"])
    _write(out, struct.pack("=I", 0))


def _frames(folder: str, prefix: str) -> Iterator[tuple[dict[str, Any], str]]:
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = f"{prefix}{entry.name}"
        status = entry.stat(follow_symlinks=False)
        kind = _kind(entry.path, status)
        frame: dict[str, Any] = {
            "path": os.fsencode(path).decode("utf-8", "surrogateescape"),
            "kind": kind,
            "mode": stat.S_IMODE(status.st_mode),
            "size": status.st_size if kind == "file" else 0,
        }
        if kind == "symlink":
            frame["target"] = os.readlink(entry.path)  # noqa: PTH115 # no pathlib in the launcher
        if kind == "folder" and (path.count("/") >= _DEEPEST or len(entry.path) > _LONGEST):
            yield {**frame, "kind": "excess"}, entry.path
        elif kind == "folder":
            if _has(entry.path, _OPAQUE):
                yield {**frame, "kind": "opaque"}, entry.path
            yield from _frames(entry.path, f"{path}/")
        elif kind:
            yield frame, entry.path


def _kind(path: str, status: os.stat_result) -> str:
    mode = status.st_mode
    if stat.S_ISCHR(mode) and status.st_rdev == 0:
        return "deleted"
    if stat.S_ISREG(mode):
        return "deleted" if status.st_size == 0 and _has(path, _WHITEOUT) else "file"
    if stat.S_ISLNK(mode):
        return "symlink"
    return "folder" if stat.S_ISDIR(mode) else ""  # sockets, pipes and devices stay behind


def _has(path: str, name: str) -> bool:
    try:
        return bool(os.getxattr(path, name, follow_symlinks=False))
    except OSError:
        return False


def _copy(path: str, out: int, size: int) -> None:
    """Send exactly `size` bytes: a file that shrank meanwhile is filled up with zeros."""
    left = size
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while left:
            piece = os.read(descriptor, min(left, _PIECE)) or bytes(min(left, _PIECE))
            _write(out, piece)
            left -= len(piece)
    finally:
        os.close(descriptor)


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]
