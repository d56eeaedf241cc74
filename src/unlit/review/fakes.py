"""In-memory fakes of the review room's ports, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from unlit.core.errors import OutsideFailed
from unlit.review.ports import GateLog


@dataclass
class FakeGateLog(GateLog):
    """Keeps entries in a list; `broken` makes every write fail."""

    entries: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)
    broken: bool = False

    @override
    def write(self, kind: str, run: str, person: str, fields: Mapping[str, Any]) -> int:
        """Keep one entry."""
        if self.broken:
            raise OutsideFailed(
                "REV-090", "The fake log is broken.", "a test asked for it.", "mend it."
            )
        self.entries.append((kind, run, person, dict(fields)))
        return len(self.entries) - 1
