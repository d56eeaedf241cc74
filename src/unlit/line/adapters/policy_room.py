"""The policy room as the line needs it."""

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from unlit.line.model import FileRules
from unlit.line.ports import Policies
from unlit.policy import load_policy
from unlit.policy.rules.exposure import ways_out


class PolicyRoom(Policies):
    """Reads policy files."""

    @override
    def digest(self, path: Path) -> str:
        return load_policy(path).digest

    @override
    def files(self, path: Path, role: str) -> FileRules:
        policy = load_policy(path)
        rules, limits = policy.files(role), policy.limits(role)
        whole = None if limits.file_mb is None else limits.file_mb * 1024 * 1024 - 1
        return FileRules(tuple(rules.write), (*rules.read_only, *rules.hide), whole)

    @override
    def ways_out(self, path: Path, role: str) -> Sequence[str]:
        return tuple(rule.sentence for rule in ways_out(load_policy(path), role))

    @override
    def refuses_exposure(self, path: Path) -> bool:
        return load_policy(path).exposure.meets == "refuse"
