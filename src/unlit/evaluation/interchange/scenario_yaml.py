"""Scenarios as YAML that a person reads: texts of several lines stay lines."""

from collections.abc import Mapping
from typing import Any

import yaml
from typing_extensions import override


class _Dumper(yaml.SafeDumper):
    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def scenario_yaml(table: Mapping[str, Any]) -> str:
    """Return a scenario as YAML; what is read back from it is equal."""
    dumped = yaml.dump(
        dict(table), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )  # fmt: skip
    return str(dumped)
