"""What a fence changed in its workspace, taken out as plain data and applied by our own code."""

import json
import os
import re
import shutil
import stat
import struct
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from unlit.core.errors import OutsideFailed
from unlit.fence.git_control import bare_control, controls_git
from unlit.fence.model import ChangedFile
from unlit.policy.model import FileRules

_HEAD_LIMIT: Final = 1 << 20
_PIECE: Final = 1 << 20
_FACTORY_FILES: Final = frozenset({"policy.toml", "policy.toml.signed", "unlit.toml"})
_OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SYSTEM: Final = ("/usr/", "/bin/", "/lib/", "/lib64/", "/sbin/", "/opt/", "/dev/null", "/deps/")


@dataclass(frozen=True, slots=True)
class _Content:
    offset: int
    size: int


class Layer:
    """The difference between a fence's workspace and its lower layer.

    Contents lie in one unnamed temporary file, so that a large layer does not fill memory.
    Paths never leave the workspace; links are carried as links and never followed.

    Attributes:
        files: What changed and may be taken.
        refused: What changed although policy guards it, leads out of the workspace, or is larger
            than the fence's disk by holes or hard links; it is not taken.
    """

    def __init__(
        self,
        files: tuple[ChangedFile, ...],
        contents: dict[str, _Content],
        targets: dict[str, str],
        store: BinaryIO,
        lower: Path | None = None,
    ) -> None:
        self.files = files
        self._lower = lower
        self.refused: tuple[ChangedFile, ...] = ()
        self._contents = contents
        self._targets = targets
        self._store = store

    def guard(self, rules: FileRules) -> "Layer":
        """Set apart the changes that may not be taken; return the layer itself.

        These are what file rules keep, what would make a person's own git run programs, the
        factory's own files, and links that lead out of the workspace: whoever reads the result
        outside would read something else.
        Nor are names with control characters taken: a terminal that lists them would obey, or
        show them in another order than they have.
        """
        lower = self._lower
        planted = bare_control(
            (file.path for file in self.files if file.kind != "deleted"),
            lambda path: lower is not None and os.path.lexists(lower / path),
        )
        through = [
            file
            for file in self.files
            if may_change(file.path, rules)
            and not self._displaces(file, rules)
            and not controls_git(file.path)
            and not rules_the_factory(file.path, rules)
            and not _OBEYED.search(file.path)
            and file.path not in planted
            and not (file.kind == "symlink" and leads_out(file.path, self._targets[file.path]))
        ]
        kept = set(through)
        self.refused += tuple(file for file in self.files if file not in kept)
        self.files = tuple(through)
        return self

    def _displaces(self, file: ChangedFile, rules: FileRules) -> bool:
        """Say whether a change stands where a folder was that holds something guarded."""
        root = None if self._lower is None else self._lower / file.path
        if self._lower is None or root is None or root.is_symlink() or not root.is_dir():
            return False
        return any(
            not may_change(str((Path(folder) / name).relative_to(self._lower)), rules)
            for folder, folders, names in os.walk(root, followlinks=False)
            for name in (*folders, *names)
        )

    def read(self, path: str) -> bytes:
        """Return the bytes of a changed file.

        Raises:
            KeyError: The layer has no such file.
        """
        found = self._contents[path]
        return os.pread(self._store.fileno(), found.size, found.offset)

    def target(self, path: str) -> str:
        """Return where a changed symbolic link points."""
        return self._targets[path]

    def apply_to(self, folder: Path) -> None:
        """Write the changes over `folder`, a copy of the lower layer.

        A parent that is a link is refused, set-uid and set-gid bits are dropped.

        Raises:
            OutsideFailed: A change would be written through a link.
        """
        for file in self.files:
            place = folder / file.path
            _no_link_on_the_way(folder, place)
            if file.kind == "deleted":
                _remove(place)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.is_symlink() or place.is_dir():
                _remove(place)
            if file.kind == "symlink":
                place.unlink(missing_ok=True)
                place.symlink_to(self._targets[file.path])
            else:
                self._write(file, place)

    def _write(self, file: ChangedFile, place: Path) -> None:
        found = self._contents[file.path]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(place, flags, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            left, offset = found.size, found.offset
            while left:
                piece = os.pread(self._store.fileno(), min(left, _PIECE), offset)
                out.write(piece)
                left -= len(piece)
                offset += len(piece)
            os.fchmod(out.fileno(), 0o755 if file.mode & stat.S_IXUSR else 0o644)


def leads_out(path: str, target: str) -> bool:
    """Say whether a link at a path of the workspace may lead elsewhere than into the workspace.

    Links to the system's programs are taken, as virtual environments have them. Dots count only at
    the beginning: behind a name, which may be a link too, they lead nobody knows where.
    """
    parts = target.split("/")
    if target.startswith("/"):
        return ".." in parts or not target.startswith(_SYSTEM)
    rest = [part for part in parts if part not in ("", ".")]
    up = 0
    while up < len(rest) and rest[up] == "..":
        up += 1
    return ".." in rest[up:] or up > path.count("/")


def may_change(path: str, rules: FileRules) -> bool:
    """Say whether file rules let a fence change a path of its workspace."""
    kept = (*rules.hide, *rules.read_only)
    if any(_covers(pattern, path) or _lies_above(path, pattern) for pattern in kept):
        return False
    return any(_covers(pattern, path) for pattern in rules.write)


def rules_the_factory(path: str, rules: FileRules) -> bool:
    """Say whether a path is a policy or settings that the next command here would obey.

    Whoever wrote it would say what he may reach, and name programs to be run outside. A pattern of
    `write` that ends in the name itself lets it through.
    """
    name = path.lower().rpartition("/")[2]
    if name not in _FACTORY_FILES:
        return False
    named = [rule for rule in rules.write if rule.lower().rpartition("/")[2] == name]
    return not any(_covers(pattern, path) for pattern in named)


def _lies_above(path: str, pattern: str) -> bool:
    """Say whether a change at a path takes the place of a folder that a pattern names on its way.

    A wildcard names no folder: what stands where one might have been is not its place.
    """
    parts = path.lower().split("/")
    wanted = pattern.removesuffix("/**").removesuffix("/").removeprefix("./").lower().split("/")
    return len(parts) < len(wanted) and parts == wanted[: len(parts)]


def _covers(pattern: str, path: str) -> bool:
    """Say whether a pattern names a path or a folder that it lies in; case does not matter.

    It does not matter because a file system may not care about it either.
    """
    cleaned = pattern.removesuffix("/**").removesuffix("/").removeprefix("./").lower()
    if cleaned in (".", "", "**"):
        return True
    depth = cleaned.count("/") + 1
    parts = path.lower().split("/")
    if "**" in cleaned:
        return any(fnmatchcase("/".join(parts[:n]), cleaned) for n in range(1, len(parts) + 1))
    head = parts[:depth]
    wanted = cleaned.split("/")
    return len(head) == depth and all(map(fnmatchcase, head, wanted))


def read_layer(stream: BinaryIO, lower: Path) -> Layer:
    """Read what the keeper sends; `lower` tells what an opaque folder hides.

    Raises:
        OutsideFailed: The stream is cut or names a path outside the workspace.
    """
    # The store must outlive this function: the layer owns it.
    store: BinaryIO = tempfile.TemporaryFile(prefix="unlit-layer-")  # noqa: SIM115
    found: dict[str, ChangedFile] = {}
    contents: dict[str, _Content] = {}
    targets: dict[str, str] = {}
    opaque: list[str] = []
    excess: list[ChangedFile] = []
    while (frame := _frame(stream)) is not None:
        path, kind = _inside(str(frame["path"])), str(frame["kind"])
        if kind == "opaque":
            opaque.append(path)
            continue
        size = int(frame["size"])
        if kind == "excess":
            excess.append(ChangedFile(path, "file", int(frame["mode"]), size))
        elif kind == "file":
            contents[path] = _Content(store.tell(), size)
            _copy(stream, store, size)
            found[path] = ChangedFile(path, "file", int(frame["mode"]), size)
        elif kind == "symlink":
            targets[path] = str(frame["target"])
            found[path] = ChangedFile(path, "symlink", 0o777, 0)
        else:
            found[path] = ChangedFile(path, "deleted", 0, 0)
    store.flush()
    for path in opaque:
        _hide(lower, path, found)
    ordered = _deletions_first(found.values())
    layer = Layer(ordered, contents, targets, store, lower)
    layer.refused = tuple(excess)
    return layer


def _frame(stream: BinaryIO) -> dict[str, Any] | None:
    length = struct.unpack("=I", _exactly(stream, 4))[0]
    if length == 0:
        return None
    if length > _HEAD_LIMIT:
        raise _cut("a frame head of more than 1 MB")
    frame: dict[str, Any] = json.loads(_exactly(stream, length))
    return frame


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise _cut("the end of it is missing")
    return data


def _copy(stream: BinaryIO, store: BinaryIO, size: int) -> None:
    left = size
    while left:
        piece = _exactly(stream, min(left, _PIECE))
        store.write(piece)
        left -= len(piece)


def _cut(detail: str) -> OutsideFailed:
    return OutsideFailed(
        "FEN-031",
        f"The changes of a fence could not be read: {detail}.",
        "a layer that is not whole is not taken.",
        "try again; if it happens again, look at free memory and disk.",
    )


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise _cut(f"the path {path!r} lies outside the workspace")
    return path


def _hide(lower: Path, path: str, found: dict[str, ChangedFile]) -> None:
    """A folder was replaced: everything that the lower layer had in it and is not there is gone."""
    root = lower / path
    if root.is_symlink() or not root.is_dir():
        return
    for folder, _, names in os.walk(root, followlinks=False):
        for name in names:
            gone = str((Path(folder) / name).relative_to(lower))
            found.setdefault(gone, ChangedFile(gone, "deleted", 0, 0))


def _deletions_first(files: Iterable[ChangedFile]) -> tuple[ChangedFile, ...]:
    return tuple(sorted(files, key=lambda file: (file.kind != "deleted", file.path)))


def _no_link_on_the_way(folder: Path, place: Path) -> None:
    for parent in place.relative_to(folder).parents:
        if (folder / parent).is_symlink() and str(parent) != ".":
            raise OutsideFailed(
                "FEN-032",
                f"A change at {place.relative_to(folder)} would be written through a link.",
                "a link may lead out of the workspace.",
                "look at what the agent did with that folder.",
            )


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
