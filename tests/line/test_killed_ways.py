"""`kill -9` in a tournament, a comment's round, a graph line's branches and a managed child."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.line.test_killed import facts_of, kill
from tests.line.world import overlays

SCRIPT = Path(__file__).with_name("killed_ways.py")
POINTS = int(os.environ.get("UNLIT_KILL_POINTS", "2"))


def start(way: str, state: Path, repository: Path, played: Path) -> subprocess.Popen[str]:
    words = [sys.executable, str(SCRIPT), way, str(state), str(repository), str(played)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["tournament", "comment", "graph", "managed"])
def test_it_ends_like_an_undisturbed_one(way: str, tmp_path: Path, repository: Path) -> None:
    played = overlays(tmp_path, *(("10", "11") if way == "comment" else ("3", "10")))
    begun = time.monotonic()
    expected = facts_of(start(way, tmp_path / "undisturbed", repository, played))
    whole_s = time.monotonic() - begun
    assert expected["effects"] == ["shipped\n"]
    assert len(expected["trees"]) == 2
    for seed in range(POINTS):
        dice = random.Random(f"{way}/{seed}")
        state = tmp_path / f"killed-{seed}"
        process = start(way, state, repository, played)
        try:
            process.communicate(timeout=whole_s * dice.uniform(0.3, 0.95))
        except subprocess.TimeoutExpired:
            kill(process, whole_group=dice.random() < 0.5)
        assert facts_of(start(way, state, repository, played)) == expected, f"{way} {seed}"
