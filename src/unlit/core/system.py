"""The real clock and ids; the only impure module of `core`."""

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Final

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic time in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` on the running event loop."""
        await asyncio.sleep(seconds)


class SystemIds:
    """Identifiers from the operating system's random source (50 bits each)."""

    def fresh(self, prefix: str) -> str:
        """Return ``prefix-xxxxxxxxxx``."""
        return f"{prefix}-" + "".join(_BASE32[byte & 31] for byte in os.urandom(10))
