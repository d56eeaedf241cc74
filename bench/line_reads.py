"""Commands that only read, with 10,000 runs in the record: under 0.5 s each wanted.

``python bench/line_reads.py [RUNS]`` fills a record, then times `unlit runs`, `show` and `cost` as
processes of their own, and prints the floor: ``python -c pass``.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from unlit.core.ids import CandidateId, Digest, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.record.engine import sqlite_url
from unlit.record.model import Run, RunState, Stage, StageState, Trajectory
from unlit.record.store import Store
from unlit.wiring.paths import repository_id

AT = datetime(2026, 3, 1, tzinfo=UTC)


def fill(store: Store, repository: Path, count: int) -> None:
    for number in range(count):
        run = RunId(f"r-{number:010d}")
        at = AT + timedelta(seconds=number)
        store.begin_run(
            Run(
                run, "spec", Digest("sha256:1"), "Title", str(repository), "s.md", "b" * 40,
                "t" * 40, "/w", "scripted", "ann", RunState.WAITING, at, at, verdict=Verdict.SHIP,
            )
        )  # fmt: skip
        if number % 100 == 0:
            store.start_stage(Stage(run, "intent", "intent", StageState.DONE, 0, at))
            store.keep_trajectories(
                [
                    Trajectory(
                        run,
                        CandidateId("c1"),
                        Partition.VALIDATION,
                        n,
                        ScenarioId("s"),
                        TrajectoryState.SATISFIED,
                    )
                    for n in range(100)
                ]
            )


def timed(words: list[str], env: dict[str, str], cwd: Path) -> float:
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(words, env=env, cwd=cwd, check=True, capture_output=True)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repo"
        (repository / ".git").mkdir(parents=True)
        state = Path(folder) / "state" / repository_id(repository)
        store = Store.open(sqlite_url(state / "record.db"))
        begun = time.perf_counter()
        fill(store, repository, count)
        print(f"filled {count} runs in {time.perf_counter() - begun:.1f} s")
        store.close()
        env = {**os.environ, "UNLIT_STATE_HOME": str(Path(folder) / "state")}
        floor = timed([sys.executable, "-c", "pass"], env, repository)
        print(f"{'python -c pass':28} {floor:.3f} s")
        for words in (["runs"], ["runs", "--json"], ["show", "last"], ["cost"]):
            took = timed([sys.executable, "-m", "unlit", *words], env, repository)
            name = "unlit " + " ".join(words)
            print(f"{name:28} {took:.3f} s (wanted: under 0.5), {took / floor:.0f} × python")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
