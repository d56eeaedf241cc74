"""Cost of one durable step on SQLite (WAL): at most 1.5 ms wanted, on a quiet machine.

``python bench/line_durable_step.py [STEPS] [--full]`` prints the median and the 95 % quantile over
workflows of 100 steps, beside the library's own step on the same database in the same run, and the
floor: the same awaits without the engine. ``--full`` waits for the disk at each commit
(``synchronous=FULL``: nothing is lost in a power cut either).
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dbos import DBOS
from sqlalchemy import event

from unlit.line.engine import DbosEngine, EngineOptions
from unlit.line.ports import Durable
from unlit.record.engine import open_engine, sqlite_url

PER_WORKFLOW = 100


async def nothing() -> dict[str, Any]:
    return {"state": "done", "detail": "", "n": 1}


async def main(steps: int, *, full: bool) -> None:
    took_ms: list[float] = []
    bare_ms: list[float] = []

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        for number in range(PER_WORKFLOW):
            begun = time.perf_counter()
            if kind == "bare":
                await DBOS.run_step_async({"name": f"s{number}"}, nothing)
            else:
                await durable.step(f"s{number}", nothing)
            (bare_ms if kind == "bare" else took_ms).append((time.perf_counter() - begun) * 1000)
        return {}

    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "durable.db")
        database = open_engine(url, own_transactions=False)
        if full:
            event.listen(database, "connect", lambda c, _: c.execute("PRAGMA synchronous=FULL"))
        engine = await DbosEngine.start(EngineOptions(database, url, "bench-1", "bench"), body)
        for number in range(max(1, steps // PER_WORKFLOW)):
            for kind in ("line", "bare"):
                await engine.begin(f"r{number}", kind)
                await engine.wait(f"r{number}", kind)
        await engine.close()
    begun = time.perf_counter()
    for _ in range(1000):
        await nothing()
    floor_ms = time.perf_counter() - begun
    took_ms.sort()
    disk = "FULL" if full else "NORMAL"
    print(f"steps            {len(took_ms)}, synchronous={disk}, load {os.getloadavg()[0]:.1f}")
    print(f"median           {statistics.median(took_ms):.3f} ms a step (wanted: at most 1.5)")
    print(f"95 % quantile    {took_ms[int(len(took_ms) * 0.95)]:.3f} ms")
    bare = statistics.median(bare_ms)
    print(f"the library's    {bare:.3f} ms, ratio {statistics.median(took_ms) / bare:.2f}")
    print(f"floor            {floor_ms:.5f} ms: the same await without the engine")


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    asyncio.run(main(numbers[0] if numbers else 2000, full="--full" in sys.argv))
