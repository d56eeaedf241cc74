"""Git as a tool of ours: bare repositories only, no hooks, no configuration but our own.

Host git never runs in a folder that an agent wrote. Candidates become commits through
`hash-object` and an index of our own, so attributes, filters and hooks in a tree are inert.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
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
            "free space, or repair the repository; then `unlit resume RUN`.",
        )
    return done.stdout.decode(errors="surrogateescape").strip()
