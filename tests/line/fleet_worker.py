"""A worker of a fleet over fakes: ``python fleet_worker.py URL STATE PLAYED LEASE_S``."""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.line.world import services

from unlit.line.rules.queues import LINES
from unlit.line.service import Line
from unlit.line.worker import Worker
from unlit.record.blobs import StoreBodies
from unlit.record.leases import Leases


async def go(url: str, state: Path, played: Path, lease_s: float) -> None:
    world = services(state, played, [], pause_s=0.1, url=url)
    world = replace(world, bodies=StoreBodies(world.store), shared=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Line.open(world, url, queues=(LINES,), per_worker=2) as line:
        print("ready", flush=True)
        await Worker(line, Leases(world.store, lease_s), length_s=lease_s).work(stop)


if __name__ == "__main__":
    asyncio.run(go(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])))
