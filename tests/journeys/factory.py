"""Run the real command line as a person would, in a home of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UNLIT = (sys.executable, "-m", "unlit")


@dataclass(frozen=True)
class Home:
    """An empty home with the commands run in it."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("UNLIT_", "XDG_"))}
        return {**kept, "HOME": str(self.folder)}

    @property
    def state(self) -> Path:
        return self.folder / ".local" / "state" / "unlit"

    def unlit(
        self, *words: str, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*UNLIT, *words],
            cwd=cwd or self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check:
            assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-1000:]
        return done

    def json(self, *words: str, cwd: Path | None = None) -> Any:
        return json.loads(self.unlit(*words, "--json", cwd=cwd).stdout)


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def example(name: str, target: Path) -> Path:
    """Copy an example and make its base a repository; returns the base's folder."""
    shutil.copytree(ROOT / "examples" / name, target)
    base = target / "base"
    git(base, "init", "-q", "-b", "main")
    git(base, "add", "-A")
    git(base, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "base")
    return base


def can_fence() -> str:
    """Return why no fence can be made here; empty when it can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if shutil.which("git") is None:
        return "git is not installed"
    return ""
