"""A fence that serves many trajectories: a program inside cannot count how often it ran there."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fence.conftest import Bench

Shell = Callable[..., Any]

RUNS = 3
CALM_S = 0.3
SLACK_S = 0.1
POLICY = """\
version = 1

[limits.product]
requests_per_s = 3
"""
COUNTER = (Path(__file__).parent / "counts_its_runs.py").read_text(encoding="utf-8")


async def test_nothing_that_counts_survives_a_reset(bench: Bench) -> None:
    """The program looks at all it can count by, tells it, and then leaves traces everywhere."""
    (bench.folder / "workspace" / "count.py").write_text(COUNTER, encoding="utf-8")
    fence = await bench.open(POLICY)
    seen = []
    for _ in range(RUNS):
        await fence.reset()
        done = await fence.run(["python3", "-B", "count.py"], timeout_s=60)
        assert done.exit_code == 0, done.stderr.decode()
        seen.append(json.loads(done.stdout))
    assert [one["marks"] for one in seen] == [[]] * RUNS
    for name in seen[0]:
        assert [one[name] for one in seen] == [seen[0][name]] * RUNS, name
    assert seen[0]["pace"] == [403] * 3, "its pace is that of a first run"
    report = await fence.close()
    assert report.held
    assert len(report.asked) == 1, "the wishes of all runs are one for people"


async def test_without_a_reset_the_same_program_counts(bench: Bench) -> None:
    """Its detectors detect: the second run in a fence that is not reset knows that it is one."""
    (bench.folder / "workspace" / "count.py").write_text(COUNTER, encoding="utf-8")
    fence = await bench.open(POLICY)
    first = json.loads((await fence.run(["python3", "-B", "count.py"], timeout_s=60)).stdout)
    again = json.loads((await fence.run(["python3", "-B", "count.py"], timeout_s=60)).stdout)
    differing = {name for name in first if first[name] != again[name]}
    assert differing >= {"marks", "files", "net", "address", "wishes"}


async def test_nothing_that_the_fence_shows_tells_its_age(bench: Bench, shell: Shell) -> None:
    fence = await bench.open()
    await asyncio.sleep(CALM_S)
    began_s = time.time() - SLACK_S
    await fence.reset()
    places = "/ /dev /dev/pts /dev/shm /etc /etc/hosts /etc/ssl/certs/ca-certificates.crt /home"
    places += " /home/agent /proc /proc/keys /proc/key-users /run /tmp /var /work"
    done = await shell(fence, f"stat -c '%n %.3Z %.3W' $(ls -d {places} 2>/dev/null)")
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    assert len(lines) >= 12
    ages = [(name, float(at)) for name, *times in lines for at in times]
    assert [name for name, at in ages if 1 < at < began_s] == [], "0 is a time that is not known"


async def test_a_reset_fence_reaches_the_gateway_again(bench: Bench, shell: Shell) -> None:
    fence = await bench.open()
    for _ in range(RUNS):
        await fence.reset()
        done = await shell(fence, "curl -s -m 20 http://nowhere.example.com/")
        assert b"FEN-501" in done.stdout
    assert (await fence.close()).denied == RUNS, "what was counted before a reset stays counted"


async def test_a_connection_does_not_outlive_a_reset(bench: Bench) -> None:
    fence = await bench.open()
    code = (
        "import socket, time\n"
        "s = socket.create_connection(('198.18.0.1', 80)); print('up', flush=True); time.sleep(60)"
    )
    running = await fence.spawn(["python3", "-c", code])
    assert await anext(running.lines()) == b"up\n"
    await fence.reset()
    assert running.ended
    assert (await fence.run(["true"])).exit_code == 0
