"""The rules of gates, as `unlit.toml` says them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.review.rules.gate_table import parse_rules
from unlit.review.rules.gates import GateRules
from unlit.wiring.paths import FILE_NAME


def gate_rules(repository: Path) -> GateRules:
    """Return the rules of `[gate.NAME]` in unlit.toml.

    Where there is one, a gate that names nobody is `factory.reviewers`' to decide. Where there is
    none, one person decides, whoever it is: `reviewers` are who is asked.

    Raises:
        InvalidInput: They are not understood.
    """
    path = repository / FILE_NAME
    if not path.exists():
        return GateRules()
    try:
        parsed: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            "REV-042",
            f"{path} cannot be read: {error}.",
            "a gate whose rules are not known stays shut.",
            "correct it.",
        ) from error
    found, factory = parsed.get("gate", {}), parsed.get("factory", {})
    people = factory.get("reviewers", []) if found and isinstance(factory, Mapping) else []
    return parse_rules(found if isinstance(found, Mapping) else {"": found}, people)
