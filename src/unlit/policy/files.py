"""Reading a policy file from disk, with this machine's own package mirrors."""

import os
from collections.abc import Mapping
from pathlib import Path

from unlit.core.errors import InvalidInput
from unlit.policy.mirrors import machine_mirrors
from unlit.policy.model import Policy
from unlit.policy.rules.parse import parse_policy


def load_policy(path: Path, *, env: Mapping[str, str] | None = None) -> Policy:
    """Read, parse and check the policy at `path`.

    Args:
        path: The file.
        env: Environment that tells the machine's package registries; default the process's own.

    Raises:
        InvalidInput: The file cannot be read, or is no policy; the message names line and column.
    """
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
    machine = os.environ if env is None else env  # noqa: TID251 # pip's, uv's and npm's own settings
    return parse_policy(text, str(path), mirrors=machine_mirrors(machine))
