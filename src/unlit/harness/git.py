"""Git as a tool of ours: bare repositories only, no hooks, no configuration but our own.

Host git never runs in a folder that an agent wrote. Candidates become commits through
`fast-import` and an index of our own, so attributes, filters and hooks in a tree are inert.
"""

import os
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed

_NEUTRAL: Final = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.symlinks=true",
    "-c", "core.autocrlf=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "protocol.file.allow=always",
    "-c", "safe.directory=*",
    "-c", "commit.gpgSign=false",
)  # fmt: skip
_PART_OBJECTS: Final = 10_000
_PART_BYTES: Final = 32 * 1024 * 1024
_ENV: Final = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}


class Git:
    """Runs git on one bare repository."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository

    def write(self, bodies: Iterable[bytes], scratch: Path) -> list[str]:
        """Write objects and return their hashes in order: one process for many of them.

        Raises:
            OutsideFailed: Git failed.
        """
        names: list[str] = []
        part: list[bytes] = []
        size = 0
        for body in bodies:
            part.append(b"blob\nmark :%d\ndata %d\n%b\n" % (len(part) + 1, len(body), body))
            size += len(body)
            if len(part) >= _PART_OBJECTS or size >= _PART_BYTES:
                names += self._write(part, scratch)
                part, size = [], 0
        return names + (self._write(part, scratch) if part else [])

    def _write(self, part: Sequence[bytes], scratch: Path) -> list[str]:
        marks = scratch / f".marks-{os.getpid()}-{threading.get_ident()}"
        words = ("--quiet", "--done", f"--export-marks={marks.resolve()}")
        try:
            self("fast-import", *words, stdin=b"".join(part) + b"done\n")
            pairs = [line.split() for line in marks.read_text("ascii").splitlines()]
        finally:
            marks.unlink(missing_ok=True)
        found = {int(mark.removeprefix(":")): name for mark, name in pairs}
        return [found[number] for number in range(1, len(part) + 1)]

    def __call__(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        work_tree: Path | None = None,
    ) -> str:
        """Run one git command and return what it printed, stripped.

        Raises:
            OutsideFailed: Git failed.
        """
        place = [f"--git-dir={self.repository}"]
        if work_tree is not None:
            place.append(f"--work-tree={work_tree}")
        return run_git([*place, *arguments], stdin=stdin, env=env)


def run_git(
    arguments: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> str:
    """Run git with a neutral configuration and return what it printed, stripped.

    Raises:
        InvalidInput: There is no git on this machine.
        OutsideFailed: Git failed.
    """
    try:
        done = subprocess.run(  # noqa: S603 # fixed program, our arguments
            ["git", *_NEUTRAL, *arguments],  # noqa: S607 # found on the system's default path
            input=stdin,
            capture_output=True,
            env={**_ENV, **(env or {})},
            check=False,
            timeout=600,
        )
    except FileNotFoundError as error:
        raise InvalidInput(
            "HAR-021",
            "There is no git on this machine.",
            "a run is a git repository with one commit for each candidate.",
            "install git.",
        ) from error
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        verb = next((word for word in arguments if not word.startswith("-")), "git")
        raise OutsideFailed(
            "HAR-022",
            f"git {verb} failed: {' '.join(last) or done.returncode}.",
            "the workspace of a run is kept by git.",
            "free space, or repair the repository; then resume the run, or begin one.",
        )
    return done.stdout.decode(errors="surrogateescape").strip()
