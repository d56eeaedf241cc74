"""When a spec was first committed: what an organisation forbids must have been dated before."""

import os
import subprocess
from pathlib import Path
from typing import Final

OPTION: Final = "spec_since"
"""Option of a request: the day of the spec's first commit, when there is one."""
_TIMEOUT_S: Final = 30


def first_commit_day(spec: Path) -> str | None:
    """Return the day (YYYY-MM-DD) of a spec's first commit; None where git knows of none."""
    command = ["git", "-C", str(spec.resolve().parent), "-c", "core.hooksPath=/dev/null",
               "-c", "log.showSignature=false", "log", "--follow", "--diff-filter=A",
               "--format=%cs", "--", spec.name]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 # git, in a folder that no agent wrote
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env={"PATH": os.defpath, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    days = done.stdout.split()
    return days[-1] if done.returncode == 0 and days else None
