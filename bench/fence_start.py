"""Time from asking for a fence to its first instruction, against bare bubblewrap and srt.

Run: python bench/fence_start.py [ROUNDS]. All cases take turns in one run, so only their ratios
count. The fence is whole: gateway session, workspace layer, limits, and the probe from inside.
"""

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec
from unlit.policy import AuditLog, Identity, parse_policy

SRT = Path.home() / ".cache/unlit/tools/srt/node_modules/.bin/srt"
BWRAP = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all"]
Case = Callable[[], Awaitable[None]]


async def command(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert await process.stdout.read(1) == b"x", argv
    waiting.append(process)


waiting: list[asyncio.subprocess.Process] = []
later: list[Awaitable[object]] = []


async def measure(cases: dict[str, Case], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 2):
        for name, case in cases.items():
            began = time.perf_counter()
            await case()
            took = (time.perf_counter() - began) * 1000
            if number >= 2:
                times[name].append(took)
            while later:
                await later.pop()
            while waiting:
                process = waiting.pop()
                await process.communicate()
            await asyncio.sleep(0.03)  # let the other cases' remains go
    return times


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        os.chmod(folder, 0o755)  # noqa: PTH101 # nothing else runs yet
        os.mkdir(folder / "workspace")  # noqa: PTH102 # the same
        audit = AuditLog.open(folder / "audit", {}, SystemClock(), key_dir=folder / "keys")
        stack.callback(audit.close)
        host = await FenceHost.start(folder / "state", audit)
        policy = parse_policy("version = 1\n")
        spec = FenceSpec(
            "product", policy, Identity("r", "s", "a", "product"), folder / "workspace"
        )
        ready = await host.open(spec)
        opened = []

        async def whole() -> None:
            fence = await host.open(spec)
            running = await fence.spawn(["printf", "x"])
            assert await running.stdout.readexactly(1) == b"x"
            opened.append(fence)
            later.append(running.wait())

        async def within() -> None:
            running = await ready.spawn(["printf", "x"])
            assert await running.stdout.readexactly(1) == b"x"
            later.append(running.wait())

        async def reset() -> None:
            await ready.reset()

        async def close() -> None:
            await opened.pop().close()

        cases: dict[str, Case] = {
            "plain subprocess": lambda: command("printf", "x"),
            "bwrap --unshare-all": lambda: command(*BWRAP, "printf", "x"),
            "fence to first instruction": whole,
            "(closing it)": close,
            "command in an open fence": within,
            "reset of a fence": reset,
        }
        if os.access(SRT, os.X_OK) and shutil.which("socat"):
            cases["srt"] = lambda: command(str(SRT), "printf", "x")
        times = await measure(cases, rounds)
        await host.close()
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        low, high = (sorted(taken)[int(len(taken) * share)] for share in (0.1, 0.9))
        print(f"{name:28} median {medians[name]:7.1f}   p10 {low:7.1f}   p90 {high:7.1f} ms")
    ratio = medians["fence to first instruction"] / medians["bwrap --unshare-all"]
    print(f"fence : bwrap --unshare-all = {ratio:.1f} (limit 5)")
    if "srt" in medians:
        share = medians["srt"] / medians["fence to first instruction"]
        print(f"srt : fence = {share:.1f} (limit 10)")
    else:
        print("srt: not exercised (npm install @anthropic-ai/sandbox-runtime; needs socat)")
    print(json.dumps({"schema": "unlit.bench/1", "bench": "fence_start", "median_ms": medians}))


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
