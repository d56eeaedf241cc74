"""Where a leak would show: files, history, logs and outputs, each read as bytes with a label."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_FILE_BYTES: Final = 4_000_000
MAX_FILES: Final = 50_000
_HISTORY_TIMEOUT_S: Final = 120
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
    """Yield every object of git repositories, also those that no branch reaches any more."""
    for repository in repositories:
        process = subprocess.run(  # noqa: S603 # fixed command; no hook or filter runs in cat-file
            ["/usr/bin/env", "git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false",
             "-C", str(repository), "cat-file", "--batch-all-objects", "--batch", "--buffer"],
            capture_output=True, timeout=_HISTORY_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1",
                 "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": "/nonexistent"},
        )  # fmt: skip
        yield from _objects(process.stdout)


def _objects(stream: bytes) -> Iterator[Item]:
    position = 0
    while position < len(stream):
        end = stream.find(b"\n", position)
        if end < 0:
            return
        head = stream[position:end].split()
        if len(head) != 3 or not head[2].isdigit():
            return
        size = int(head[2])
        yield Item(head[0].decode(), stream[end + 1 : end + 1 + min(size, MAX_FILE_BYTES)])
        position = end + 1 + size + 1


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
