"""Command-line trajectories a second in the real fence, against a bare loop of `bwrap`.

Two products: one of 300 ms (target: at least 80 % of the bare rate), and `true`, for which the
added milliseconds are stated. Same number at once, same machine, in turns.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.registry import driver
from unlit.evaluation.service import Parts, grade
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import load_vault
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

AT_ONCE = 2
SCENARIO = """\
id: s
story: s
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person}
owner: o
because: b
when: [{cli: {run: []}}]
then: [{exit: 0}]
never: [traceback]
"""


async def bare(command: list[str], count: int) -> float:
    """Run `count` times in bwrap, some at once; return seconds each takes of the whole."""
    bwrap = shutil.which("bwrap") or "bwrap"
    argv = [bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
            "--unshare-all", "--die-with-parent", *command]  # fmt: skip
    source = iter(range(count))

    async def work() -> None:
        for _ in source:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return (time.perf_counter() - started) / count


async def ours(command: list[str], count: int, host: FenceHost, folder: Path) -> float:
    vault = folder / "vault"
    vault.mkdir(exist_ok=True)
    (vault / "s.yaml").write_text(SCENARIO)
    candidate = folder / "candidate"
    candidate.mkdir(exist_ok=True)
    artefacts = Path(tempfile.mkdtemp(dir=folder))
    request = EvaluationRequest(
        spec=folder, candidate=candidate, base=None, vault=vault, partition=Partition.VALIDATION,
        product=Product(run=" ".join(command)), ship=ShipRule(), seed=1, max_trajectories=count,
        parallel=AT_ONCE, look=None, artefacts=artefacts, policy=folder,
        identity=Identity("r", "s", "a", "product"), keep_going=True,
    )  # fmt: skip
    pool = FencePool(host, ProductFence(parse_policy("version = 1\n"), request.identity), "", {})
    parts = Parts(FakeWorlds(), pool, SystemClock(), driver, ArtefactStore(artefacts), Proof([]))
    times: list[float] = []
    await grade(request, load_vault(vault), parts, lambda event: times.append(time.perf_counter()))
    # opening the fences is once per grading; the rate is taken from the second trajectory on
    return (times[-1] - times[1]) / (len(times) - 2)


async def measure() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audit = AuditLog.open(folder / "audit", {}, SystemClock())
        host = await FenceHost.start(folder / "state", audit)
        try:
            for label, command, count in (
                ("300 ms", ["sleep", "0.3"], 40),
                ("true", ["true"], 150),
            ):
                pairs = []
                for _ in range(3):
                    floor = await bare(command, count)
                    pairs.append((floor, await ours(command, count, host, folder)))
                floor = statistics.median(pair[0] for pair in pairs)
                taken = statistics.median(pair[1] for pair in pairs)
                print(f"{label}: bare bwrap {1 / floor:.1f}/s, trajectories {1 / taken:.1f}/s"
                      f" ({floor / taken:.0%} of the bare rate;"
                      f" {(taken - floor) * 1000 * AT_ONCE:.1f} ms added to each)")  # fmt: skip
        finally:
            await host.close()
            audit.close()


def main() -> None:
    asyncio.run(measure())
    sys.exit(0)


if __name__ == "__main__":
    main()
