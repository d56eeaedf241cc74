"""Reading a policy file from disk, with this machine's own package mirrors."""

import os
from collections.abc import Mapping
from pathlib import Path

from unlit.core.errors import InvalidInput
from unlit.policy.mirrors import machine_mirrors
from unlit.policy.model import Policy
from unlit.policy.rules.parse import parse_policy
from unlit.policy.rules.testing import run_tests
from unlit.policy.trust import require_trusted


def load_policy(
    path: Path, *, env: Mapping[str, str] | None = None, trusted: bool = False
) -> Policy:
    """Read, parse and check the policy at `path`, and run the tests that it holds.

    Args:
        path: The file.
        env: Environment that tells the machine's package registries; default the process's own.
        trusted: Who started this process has looked already at whose signature it bears.

    Raises:
        InvalidInput: The file cannot be read, is no policy, or fails a test of its own; the message
            names line and column.
        RefusedByPolicy: It was changed after a person signed it, or a trusted signature is wanted
            and is not there.
    """
    policy = read_policy(path, env=env)
    if not trusted:
        require_trusted(path, os.environ if env is None else env)  # noqa: TID251 # where the list is
    for tried in run_tests(policy):
        if not tried.passed:
            test, got = tried.test, tried.decision
            raise InvalidInput(
                "POL-107",
                f"{path}:{test.at}: {test.role} {test.request}: expected {test.expect}, "
                f"got {got.outcome} by {got.rule}.",
                "the rules do not mean what their author says they mean",
                "Correct the rules or the test; `unlit policy test` shows all.",
            )
    return policy


def read_policy(path: Path, *, env: Mapping[str, str] | None = None) -> Policy:
    """Like `load_policy`, without running the policy's own tests."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InvalidInput(
            "POL-106",
            f"Cannot read the policy {path}: {reason}.",
            "nothing is allowed without it",
            "Name a readable policy file.",
        ) from error
    machine = os.environ if env is None else env  # noqa: TID251 # pip's, uv's and npm's settings
    return parse_policy(text, str(path), mirrors=machine_mirrors(machine))
