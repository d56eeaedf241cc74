"""What a session was refused, written down: each one, until they come too fast, then counted.

A program that asks without end must not fill the disk of the log. Nothing of a refused request
leaves the fence, so its entry may stand for many (ADR 0205).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.policy.audit.log import AuditLog
from unlit.policy.model import JSON, Identity

FOLDED: Final = "refusals.folded"
MOST_AT_ONCE: Final = 500
EACH_S: Final = 1.0
_MOST_HOSTS: Final = 8


class Refusals:
    """Writes the refusals of one session; used on the gateway's loop only.

    Args:
        audit: The log.
        identity: Whose session it is.
        session_id: Its name.
        clock: Tells the time.
    """

    def __init__(self, audit: AuditLog, identity: Identity, session_id: str, clock: Clock) -> None:
        self._audit = audit
        self._identity = identity
        self._session_id = session_id
        self._clock = clock
        self._left = float(MOST_AT_ONCE)
        self._last_s = clock.monotonic_s()
        self._count = 0
        self._first: datetime | None = None
        self._latest: datetime | None = None
        self._where: Counter[str] = Counter()

    def take(self, kind: str, where: str, fields: Mapping[str, JSON]) -> None:
        """Write one refusal, or count it where too many came.

        Args:
            kind: Kind of its entry.
            where: The host that was asked, for the count.
            fields: The entry.

        Raises:
            OutsideFailed: The audit log cannot be written.
        """
        now_s = self._clock.monotonic_s()
        self._left = min(MOST_AT_ONCE, self._left + (now_s - self._last_s) / EACH_S)
        self._last_s = now_s
        if self._left >= 1:
            self._left -= 1
            self._audit.append(kind, self._identity, {"session": self._session_id, **fields})
            return
        self._latest = self._clock.now()
        if self._count == 0:
            self._first = self._latest
            asyncio.get_running_loop().call_later(EACH_S, self._flush_quietly)
        self._count += 1
        known = where in self._where or len(self._where) < _MOST_HOSTS
        self._where[where[:100] if known else "others"] += 1

    def flush(self) -> None:
        """Write one entry for what was counted.

        Raises:
            OutsideFailed: The audit log cannot be written.
        """
        if self._count == 0 or self._first is None or self._latest is None:
            return
        fields: dict[str, JSON] = {
            "session": self._session_id,
            "outcome": "deny",
            "count": self._count,
            "first": self._first.isoformat(timespec="milliseconds"),
            "last": self._latest.isoformat(timespec="milliseconds"),
            "hosts": dict(self._where),
            "reason": f"they came faster than one in {EACH_S:g} s; nothing of them left the fence.",
        }
        self._count = 0
        self._where.clear()
        self._audit.append(FOLDED, self._identity, fields)

    def _flush_quietly(self) -> None:
        with contextlib.suppress(UnlitError):  # the log is gone: nothing more can happen anyway
            self.flush()
