"""What differs between a workspace and its copy, as the frames that a layer is read from."""

import json
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PIECE = 1 << 20


def difference(lower: Path, upper: Path, out: int) -> None:
    """Write what `upper` changed against `lower` to a descriptor, as `read_layer` wants it."""
    for frame, path in _frames(lower, upper):
        head = json.dumps(frame).encode()
        _write(out, struct.pack("=I", len(head)) + head)
        if path is not None:
            _copy(path, out, int(frame["size"]))
    _write(out, struct.pack("=I", 0))


def _frames(lower: Path, upper: Path) -> Iterator[tuple[dict[str, Any], Path | None]]:
    before, after = _listed(lower), _listed(upper)
    for name in sorted(before.keys() - after.keys()):
        yield {"path": name, "kind": "deleted", "mode": 0, "size": 0}, None
    for name, status in sorted(after.items()):
        path = upper / name
        frame: dict[str, Any] = {"path": name, "mode": stat.S_IMODE(status.st_mode), "size": 0}
        if stat.S_ISLNK(status.st_mode):
            target = str(path.readlink())
            old = before.get(name)
            if (
                old is None
                or not stat.S_ISLNK(old.st_mode)
                or str((lower / name).readlink()) != target
            ):
                yield {**frame, "kind": "symlink", "target": target}, None
        elif _differs(before.get(name), status, lower / name, path):
            yield {**frame, "kind": "file", "size": status.st_size}, path


def _listed(root: Path) -> dict[str, os.stat_result]:
    found = {}
    for folder, folders, names in os.walk(root, followlinks=False):
        for name in (*names, *(one for one in folders if Path(folder, one).is_symlink())):
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                found[str(path.relative_to(root))] = status
    return found


def _differs(old: os.stat_result | None, new: os.stat_result, lower: Path, upper: Path) -> bool:
    if old is None or not stat.S_ISREG(old.st_mode) or old.st_size != new.st_size:
        return True
    if stat.S_IMODE(old.st_mode) & 0o100 != stat.S_IMODE(new.st_mode) & 0o100:
        return True
    return old.st_mtime_ns != new.st_mtime_ns and lower.read_bytes() != upper.read_bytes()


def _copy(path: Path, out: int, size: int) -> None:
    with path.open("rb") as file:
        left = size
        while left:
            piece = file.read(min(left, _PIECE)) or bytes(min(left, _PIECE))
            _write(out, piece)
            left -= len(piece)


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]
