"""Where a leak would show: files, history, logs and outputs, each read as bytes with a label."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MAX_FILE_BYTES: Final = 4_000_000
MAX_FILES: Final = 50_000
_HISTORY_TIMEOUT_S: Final = 120
_LONGEST_HEAD: Final = 200
_PIECE: Final = 1 << 20
_SHA256: Final = re.compile(r"(?im)^\s*objectformat\s*=\s*sha256\s*$")
_SKIPPED: Final = frozenset({".git", "node_modules", ".venv"})


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of content and where it was."""

    label: str
    content: bytes


def read_trees(roots: Sequence[Path]) -> Iterator[Item]:
    """Yield every regular file below some folders; links are yielded by their target's name."""
    count = 0
    for root in roots:
        if root.is_file():
            yield Item(root.name, root.read_bytes()[:MAX_FILE_BYTES])
            continue
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            for name in sorted(names):
                count += 1
                if count > MAX_FILES:
                    return
                yield from _file(Path(folder) / name, root)


def _file(path: Path, root: Path) -> Iterator[Item]:
    name = os.fsencode(path.relative_to(root))  # a name is bytes, and need not be UTF-8
    label = name.decode("utf-8", "backslashreplace")
    try:
        if path.is_symlink():
            yield Item(label, os.fsencode(path.readlink()))
        elif path.is_file():
            with path.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES)
            yield Item(label, content)
            yield Item(label, name)
    except OSError:
        return


def read_history(repositories: Sequence[Path]) -> Iterator[Item]:
    """Yield every object of git repositories, also those that no branch reaches any more.

    A repository's own settings are never obeyed: with them, reading an object can run a program
    (a remote that promises what is missing, and a command that reaches it). Its objects are read
    through an empty repository of ours instead, and never held whole, however large they unpack.
    """
    for repository in repositories:
        objects = next(
            (path for path in (repository / ".git" / "objects", repository / "objects")
             if path.is_dir()), None,
        )  # fmt: skip
        if objects is not None:
            with tempfile.TemporaryDirectory(prefix="unlit-history-") as folder:
                yield from _read_objects(objects, Path(folder))


def _read_objects(objects: Path, folder: Path) -> Iterator[Item]:
    format_ = "sha256" if _SHA256.search(_settings(objects.parent)) else "sha1"
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": "/nonexistent",
           "GIT_NO_LAZY_FETCH": "1"}  # fmt: skip
    place = ["/usr/bin/env", "git", "--git-dir", str(folder)]
    subprocess.run(  # noqa: S603 # fixed command in a folder of our own
        [*place, "init", "--quiet", "--bare", "--template=", f"--object-format={format_}"],
        capture_output=True, timeout=30, check=True, stdin=subprocess.DEVNULL, env=env,
    )  # fmt: skip
    reading = [*place, "-c", "safe.directory=*", "-c", "core.bigFileThreshold=1m",
               "cat-file", "--batch-all-objects", "--batch", "--buffer"]  # fmt: skip
    with subprocess.Popen(  # noqa: S603 # fixed command; no hook or filter runs in cat-file
        reading, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**env, "GIT_OBJECT_DIRECTORY": str(objects)},
    ) as process:  # fmt: skip
        ending = threading.Timer(_HISTORY_TIMEOUT_S, process.kill)
        ending.start()
        try:
            assert process.stdout is not None  # noqa: S101 # a pipe
            yield from _objects(process.stdout)
        finally:
            ending.cancel()
            process.kill()


def _settings(repository: Path) -> str:
    try:
        return (repository / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _objects(stream: IO[bytes]) -> Iterator[Item]:
    while line := stream.readline(_LONGEST_HEAD):
        head = line.split()
        if head[1:] == [b"missing"]:
            continue  # it is named, and cannot be read: that hides nothing else
        if len(head) != 3 or not head[2].isdigit():
            return
        left = int(head[2])
        content = stream.read(min(left, MAX_FILE_BYTES))
        left -= len(content)
        while left and (piece := stream.read(min(left, _PIECE))):
            left -= len(piece)
        stream.read(1)
        yield Item(head[0].decode(), content)


def texts(kind: str, values: Iterable[str]) -> Iterator[Item]:
    """Yield texts that are already in memory."""
    for number, value in enumerate(values, 1):
        yield Item(f"{kind} {number}", value.encode("utf-8", "surrogatepass"))


def plant_history(folder: Path, note: bytes) -> Path:
    """Make a repository in which `note` was committed and then deleted; for the control."""
    folder.mkdir(parents=True)
    settings = ("user.name=control", "user.email=control@example.com", "commit.gpgsign=false",
                "init.defaultBranch=main", "gc.auto=0")  # fmt: skip
    options = [word for setting in settings for word in ("-c", setting)]
    command = ["/usr/bin/env", "git", *options, "-C", str(folder)]
    steps: Sequence[Sequence[str]] = (
        ("init", "-q"),
        ("add", "note"),
        ("commit", "-q", "-m", "one"),
        ("rm", "-q", "note"),
        ("commit", "-q", "-m", "two"),
    )
    (folder / "note").write_bytes(note)
    for step in steps:
        subprocess.run(  # noqa: S603 # fixed commands in a folder of our own
            [*command, *step], capture_output=True, timeout=30, check=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1",
                 "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(folder)},
        )  # fmt: skip
    return folder
