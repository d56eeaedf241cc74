"""The command that recomputes each number of a report."""

import shlex
from collections.abc import Mapping
from typing import Any

from unlit.review.model import RunFacts

NUMBERS = (
    "satisfaction",
    "criteria",
    "claims",
    "sealed",
    "looks",
    "strength",
    "leaks",
    "fence",
    "cost",
    "time",
    "twins",
    "level",
)


def commands_of(run: RunFacts, workspace: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what to type to see where a number comes from, by name."""
    commands = {name: f"unlit review {run.id} --number {name}" for name in NUMBERS}
    if run.commit is not None:
        folder = f"candidate-{run.commit[:10]}"
        words = [
            "git", "-C", workspace, "worktree", "add", "--detach", f"/tmp/{folder}", run.commit,  # noqa: S108 # a suggestion to type
        ]  # fmt: skip
        commands["checkout"] = shlex.join(words)
        words = ["unlit", "evaluate", "--spec", run.spec_path, "--candidate", f"/tmp/{folder}"]  # noqa: S108 # a suggestion to type
        if settings.get("vault"):
            words += ["--vault", str(settings["vault"])]
        commands["evaluate"] = shlex.join([*words, "--seed", str(run.seed)])
        commands["diff"] = shlex.join(["git", "-C", workspace, "diff", run.base, run.commit])
    commands["audit"] = f"unlit audit show --run {run.id}"
    return commands
