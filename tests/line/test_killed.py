"""`kill -9` of the process that works on a run, at seeded moments; then it is resumed."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import overlays

SCRIPT = Path(__file__).with_name("killed.py")
POINTS = int(os.environ.get("UNLIT_KILL_POINTS", "10"))


def start(state: Path, repository: Path, played: Path) -> subprocess.Popen[str]:
    words = [sys.executable, str(SCRIPT), str(state), str(repository), str(played)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kill(process: subprocess.Popen[str], whole_group: bool) -> None:
    """`kill -9` of the process alone, or of all that it started too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
    process.communicate()


def facts_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.mark.slow
@pytest.mark.timeout(60 * POINTS + 600)
def test_a_run_killed_at_any_moment_ends_like_an_undisturbed_one(
    tmp_path: Path, repository: Path
) -> None:
    played = overlays(tmp_path, "3", "10")
    begun = time.monotonic()
    expected = facts_of(start(tmp_path / "undisturbed", repository, played))
    whole_s = time.monotonic() - begun
    assert expected["effects"] == ["shipped\n"]
    kills = 0
    for seed in range(POINTS):
        dice = random.Random(seed)
        state = tmp_path / f"killed-{seed}"
        for _ in range(dice.randint(1, 2)):
            process, begun = start(state, repository, played), time.monotonic()
            try:
                process.communicate(timeout=dice.uniform(0.1, 1.0) * whole_s)
                whole_s = min(whole_s, time.monotonic() - begun)  # the first one was a slow one
            except subprocess.TimeoutExpired:
                kills += 1
            kill(process, whole_group=dice.random() < 0.5)
        found = facts_of(start(state, repository, played))
        assert found == expected, f"seed {seed}"
    assert kills >= POINTS // 5
