"""The engine alone: trajectories a second whose product is a function call, and memory at 10,000.

Everything of a real trajectory happens but the process: sampling, steps, checks, closed world,
counting in order, the ship test, the leak scan and the journal on disk. Target: 2,000/s.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.ports import Ended
from unlit.evaluation.registry import driver
from unlit.evaluation.service import Parts, grade
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import load_vault
from unlit.policy import Identity

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

    async def run(self, argv, *, stdin=b"", env=None, timeout_s=600):
        return Ended(0, f"hello {argv[-1]}\n".encode())

    async def write(self, files, delete=()):
        return None

    def read_changed(self, limit_bytes=0):
        return {}

    async def reset(self):
        return None


class Pool:
    async def open(self, slot, candidate):
        return Function()

    async def release(self, sandbox):
        return None


def megabytes() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def run(count: int) -> tuple[float, float, float, int]:
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
        parts = Parts(
            FakeWorlds(), Pool(), SystemClock(), driver, ArtefactStore(folder / "a"), Proof([])
        )
        before = megabytes()
        started = time.perf_counter()
        counted = await grade(request, load_vault(folder / "vault"), parts, lambda event: None)
        took = time.perf_counter() - started
        size = (folder / "a" / "trajectories.jsonl").stat().st_size
        assert counted.test.satisfied == count, counted.test
        return count / took, before, megabytes(), size


def main() -> None:
    asyncio.run(run(200))
    rate, _, _, _ = asyncio.run(run(2000))
    print(f"trajectories/s, engine alone: {rate:.0f} (target 2000)")
    rate, before, after, size = asyncio.run(run(10_000))
    print(f"10,000 trajectories: {rate:.0f}/s, memory {before:.0f} -> {after:.0f} MB,"
          f" journal {size / 10_000:.0f} bytes each")  # fmt: skip
    sys.exit(0)


if __name__ == "__main__":
    main()
