"""Entries a second into the audit log, and the price of a synced one: 50,000/s, and one sync.

The floor of a sync is measured in the same run, on the same disk: append and `fdatasync` by hand.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, verify

WHO = Identity("r-bench", "build", "bench", "coder")
FIELDS = {
    "session": "f1",
    "method": "GET",
    "url": "https://api.example.com/v1/things/12",
    "outcome": "upstream",
    "rule": "allow[1]",
}
PLAIN = 100_000
SYNCED = 500


def floor_ms(folder: Path) -> float:
    descriptor = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    took = []
    for _ in range(SYNCED):
        os.write(descriptor, b"x" * 250)
        started = time.perf_counter()
        os.fdatasync(descriptor)
        took.append(time.perf_counter() - started)
    os.close(descriptor)
    return statistics.median(took) * 1000


async def durable(log: AuditLog, at_once: int) -> tuple[float, float]:
    took: list[float] = []

    async def one() -> None:
        for _ in range(SYNCED // at_once):
            started = time.perf_counter()
            await log.append_durable("exchange", WHO, FIELDS)
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one())
    return len(took) / (time.perf_counter() - started), statistics.median(took) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = AuditLog.open(folder / "audit", {}, SystemClock())
        started = time.perf_counter()
        for _ in range(PLAIN):
            log.append("exchange", WHO, FIELDS)
        rate = PLAIN / (time.perf_counter() - started)
        one = uvloop.run(durable(log, 1))
        many = uvloop.run(durable(log, 50))
        log.close()
        started = time.perf_counter()
        result = verify(folder / "audit")
        checked = result.entries / (time.perf_counter() - started)
        sync_ms = floor_ms(folder)
    sys.stdout.write(
        json.dumps(
            {
                "entries_per_s": round(rate),
                "fdatasync_ms": round(sync_ms, 3),
                "durable_alone_ms": round(one[1], 3),
                "durable_50_at_once_per_s": round(many[0]),
                "verified_per_s": round(checked),
                "holds": result.ok,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
