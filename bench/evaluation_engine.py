"""The engine alone: trajectories a second whose product is a function call, and memory at 10,000.

Everything of a real trajectory happens but the process: sampling, steps, checks, closed world,
counting in order, the ship test, the leak scan and the journal on disk. Target: 2,000/s, and a
tenth of what Inspect spends on a sample whose solver is a function call, in the same run.

Inspect comes from PyPI into a folder of its own, `/tmp/unlit-inspect` (kept for the next time);
where it cannot be had, that part says "not exercised". Run `python bench/evaluation_engine.py [N]`,
N samples for Inspect.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.ports import Ended, Pool
from unlit.evaluation.registry import driver
from unlit.evaluation.service import Parts, grade
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import load_vault
from unlit.policy import Identity

INSPECT = Path("/tmp/unlit-inspect")
PROBE = """
import sys, time
from inspect_ai import Task, eval as inspect_eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import includes
from inspect_ai.solver import solver
count = int(sys.argv[1])
@solver
def greet():
    async def solve(state, generate):
        state.output = ModelOutput.from_content("mockllm/model", f"hello {state.input_text}")
        return state
    return solve
def run(n, folder):
    samples = [Sample(input=f"n{i}", target=f"hello n{i}") for i in range(n)]
    task = Task(dataset=MemoryDataset(samples), solver=greet(), scorer=includes())
    started = time.perf_counter(); cpu = time.process_time()
    logs = inspect_eval(task, model="mockllm/model", display="none", log_dir=folder,
                        max_samples=2, log_samples=True)
    assert logs[0].status == "success", logs[0].error
    return time.perf_counter() - started, time.process_time() - cpu
folder = sys.argv[2]
run(50, folder)
small, cs = run(100, folder); large, cl = run(count, folder)
print((large - small) / (count - 100), (cl - cs) / (count - 100))
"""
SCENARIO = """\
id: s{n}
story: s
criterion: [AC-1]
partition: validation
oracle: contract
author: {{by: person}}
owner: o
because: b
vary: {{who: {{from: names}}}}
when: [{{cli: {{run: [greet, "{{who}}"]}}}}]
then: [{{exit: 0}}, {{stdout: "hello {{who}}"}}]
never: [traceback]
"""


class Function:
    """A product that is a function call."""

    async def run(self, argv: Sequence[str], **rest: object) -> Ended:
        return Ended(0, f"hello {argv[-1]}\n".encode())

    async def write(self, *words: object, **rest: object) -> None:
        return None

    def read_changed(self, *words: object) -> dict[str, bytes]:
        return {}

    async def reset(self) -> None:
        return None


class InProcess:
    """As much of a pool as a function call needs."""

    async def open(self, slot: str, candidate: Path) -> Function:
        return Function()

    async def release(self, sandbox: Function) -> None:
        return None


def megabytes() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def run(count: int) -> tuple[float, float, float, int, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vault").mkdir()
        for n in range(5):
            (folder / "vault" / f"{n}.yaml").write_text(SCENARIO.format(n=n))
        request = EvaluationRequest(
            spec=folder, candidate=folder, base=None, vault=folder / "vault",
            partition=Partition.VALIDATION, product=Product(run="x"), ship=ShipRule(), seed=1,
            max_trajectories=count, parallel=2, look=None, artefacts=folder / "a",
            policy=folder, identity=Identity("r", "s", "a", "product"), keep_going=True,
        )  # fmt: skip
        pool = cast(Pool, InProcess())
        parts = Parts(
            FakeWorlds(), pool, SystemClock(), driver, ArtefactStore(folder / "a"), Proof([])
        )
        before = megabytes()
        started, spent = time.perf_counter(), time.process_time()
        counted = await grade(request, load_vault(folder / "vault"), parts, lambda event: None)
        took, cpu = time.perf_counter() - started, time.process_time() - spent
        size = (folder / "a" / "trajectories.jsonl").stat().st_size
        assert counted.test.satisfied == count, counted.test
        return count / took, before, megabytes(), size, cpu / count


def inspect_overhead(samples: int) -> tuple[float, float] | None:
    """Return wall and processor seconds that Inspect spends on one sample, or None."""
    python = INSPECT / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "venv", str(INSPECT)],
            [str(INSPECT / "bin" / "pip"), "-q", "install", "inspect-ai"],
        ):
            if subprocess.run(command, capture_output=True, check=False).returncode != 0:
                return None
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), "-c", PROBE, str(samples), folder], capture_output=True, text=True,
            check=False, cwd=folder,
        )  # fmt: skip
    if done.returncode != 0 or not done.stdout.strip():
        return None
    wall, cpu = done.stdout.split()[-2:]
    return float(wall), float(cpu)


def main() -> None:
    asyncio.run(run(200))
    rate, _, _, _, cpu = asyncio.run(run(2000))
    print(f"trajectories/s, engine alone: {rate:.0f} (target 2000);"
          f" {cpu * 1000:.3f} ms of processor time each")  # fmt: skip
    theirs = inspect_overhead(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
    if theirs is None:
        print("Inspect: not exercised, inspect-ai cannot be installed here")
    else:
        wall, spent = theirs
        print(f"Inspect: {wall * 1000:.2f} ms, {spent * 1000:.2f} ms of processor time a sample;"
              f" ours is {cpu / spent:.3f} of its processor time, {1 / rate / wall:.3f} of its wall"
              f" time (target 0.1)")  # fmt: skip
    rate, before, after, size, _ = asyncio.run(run(10_000))
    print(f"10,000 trajectories: {rate:.0f}/s, memory {before:.0f} -> {after:.0f} MB,"
          f" journal {size / 10_000:.0f} bytes each")  # fmt: skip
    half = asyncio.run(run(5_000))[3]
    print(f"record size: {half / 5_000:.1f} bytes each at 5,000, {size / 10_000:.1f} at 10,000")
    sys.exit(0)


if __name__ == "__main__":
    main()
