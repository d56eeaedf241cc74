"""The rules of gates, as `unlit.toml` says them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.review.rules.gates import GateRules, parse_rules
from unlit.wiring.factory import FILE_NAME


def gate_rules(repository: Path) -> GateRules:
    """Return the rules of `[gate.NAME]` in unlit.toml; none is the default: one person, anybody.

    Raises:
        InvalidInput: They are not understood.
    """
    path = repository / FILE_NAME
    if not path.exists():
        return GateRules()
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("gate", {})
    except (OSError, ValueError) as error:
        raise InvalidInput(
            "REV-042",
            f"{path} cannot be read: {error}.",
            "a gate whose rules are not known stays shut.",
            "correct it.",
        ) from error
    return parse_rules(found if isinstance(found, Mapping) else {"": found})
