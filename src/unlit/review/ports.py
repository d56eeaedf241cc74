"""What the review room needs from outside: somewhere to write a decision before it counts."""

from collections.abc import Mapping
from typing import Any, Protocol


class GateLog(Protocol):
    """The audit log, as gates see it."""

    def write(self, kind: str, run: str, person: str, fields: Mapping[str, Any]) -> int:
        """Write one entry to the disk and return its index.

        Raises:
            OutsideFailed: It could not be written; the decision must not be made.
        """
        ...
