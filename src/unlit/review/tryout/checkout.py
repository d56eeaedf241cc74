"""A candidate's files, taken out of the run's own repository byte by byte.

No git command touches the files: attributes and filters that an agent wrote are never obeyed.
"""

import asyncio
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from unlit.core.errors import OutsideFailed
from unlit.core.pipes import converse

_MOST_BYTES: Final = 1_000_000_000
_LINK: Final = "120000"
_PROGRAM: Final = "100755"
_KINDS: Final = (_LINK, _PROGRAM, "100644")


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    digest: str
    path: str


async def check_out(repository: Path, commit: str, folder: Path) -> int:
    """Write the files of a commit into an empty folder; return how many.

    Raises:
        OutsideFailed: The commit is not there, or a file cannot be written.
    """
    git = shutil.which("git") or "git"
    listing = await _git(git, repository, b"", "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = [entry for line in listing.split(b"\0") if (entry := _entry(line)) is not None]
    wanted = "".join(f"{entry.digest}\n" for entry in entries).encode()
    batch = await _git(git, repository, wanted, "cat-file", "--batch")
    await asyncio.to_thread(_write, entries, batch, folder)
    return len(entries)


def _entry(line: bytes) -> _Entry | None:
    head, _, path = line.partition(b"\t")
    words = head.split()
    if len(words) != 3 or words[0].decode() not in _KINDS:
        return None
    name = path.decode("utf-8", "surrogateescape")
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or ".git" in parts:
        return None
    return _Entry(words[0].decode(), words[2].decode(), name)


def _write(entries: list[_Entry], batch: bytes, folder: Path) -> None:
    at, links = 0, []
    try:
        for entry in entries:
            end = batch.index(b"\n", at)
            size = int(batch[at:end].split()[2])
            body = batch[end + 1 : end + 1 + size]
            at = end + size + 2
            path = folder / entry.path
            if entry.mode == _LINK:
                links.append((path, body.decode("utf-8", "surrogateescape")))
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            path.chmod(0o755 if entry.mode == _PROGRAM else 0o644)
        for path, target in links:  # last, so that no file is written through one
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        for path in (folder, *(one for one in folder.rglob("*") if _is_folder(one))):
            path.chmod(0o755)
    except (OSError, ValueError, IndexError) as error:
        raise _failed(f"its files cannot be written: {error}") from error


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


async def _git(git: str, repository: Path, stdin: bytes, *words: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        git, "-C", str(repository), *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1",
             "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
    )  # fmt: skip
    out, said = await converse(process, stdin)
    if process.returncode != 0 or len(out) > _MOST_BYTES:
        raise _failed(said.decode("utf-8", "replace").strip()[:200] or "it is too large")
    return out


def _failed(why: str) -> OutsideFailed:
    return OutsideFailed(
        "REV-062", f"The candidate's files cannot be had: {why}.",
        "they are taken from the run's own repository in the state folder.",
        "see whether the state folder is whole and has room.",
    )  # fmt: skip
