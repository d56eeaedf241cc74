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


def checkout_folder(commit: str) -> str:
    """Return where `checkout_command` puts a candidate."""
    return f"/tmp/candidate-{commit[:10]}"  # noqa: S108 # a suggestion to type


def checkout_command(workspace: str, commit: str) -> str:
    """Return what to type to have a candidate's files in a folder of their own."""
    words = ["git", "-C", workspace, "worktree", "add", "--detach", checkout_folder(commit), commit]
    return shlex.join(words)


def commands_of(run: RunFacts, settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what to type to see where a number comes from, by name."""
    commands = {name: f"unlit review {run.id} --number {name}" for name in NUMBERS}
    commands["export"] = f"unlit review {run.id} --export record.json"
    commands["offline"] = "unlit review --record record.json --number satisfaction"
    if run.commit is not None:
        folder = checkout_folder(run.commit)
        commands["checkout"] = checkout_command(run.workspace, run.commit)
        words = ["unlit", "evaluate", "--spec", run.spec_path, "--candidate", folder]
        if settings.get("vault"):
            words += ["--vault", str(settings["vault"])]
        commands["evaluate"] = shlex.join([*words, "--seed", str(run.seed)])
        words = ["git", "-C", run.workspace, "diff", run.base, run.commit]
        commands["diff"] = shlex.join(words)
    commands["audit"] = f"unlit audit show --run {run.id}"
    return commands
