"""The audit log of gates: a folder of its own, so that no decision waits for a running fence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.policy import AuditLog, Identity
from unlit.review.ports import GateLog


class FolderGateLog(GateLog):
    """Opens the log for one entry at a time; each is on the disk, signed, before it returns.

    Args:
        folder: Folder of the log; ``gates`` inside the state's audit folder.
        clock: Tells the time of entries.
        key_dir: Where the signing key lies; the audit folder's own by default.
    """

    def __init__(self, folder: Path, clock: Clock, *, key_dir: Path | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._key_dir = key_dir

    @override
    def write(self, kind: str, run: str, person: str, fields: Mapping[str, Any]) -> int:
        """Write one entry to the disk and return its index."""
        log = AuditLog.open(self._folder, {"log": "gates"}, self._clock, key_dir=self._key_dir)
        try:
            return log.append(
                kind, Identity(run, "gate", person, "person"), dict(fields), sync=True
            )
        finally:
            log.close()
