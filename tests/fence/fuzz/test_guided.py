"""Coverage-guided fuzzing, with a fixed seed in the full check and for much longer by hand."""

import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.fence.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[3]
RUNS = {"head": 40_000, "http2": 1_500, "chunks": 4_000, "policy": 8_000}
SOAK_S = 600


def guided(name: str, *options: str) -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed (group fuzz)")
    words = [sys.executable, "-m", "tests.fence.fuzz.guided", name, "-seed=7", *options]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.parametrize("name", TARGETS)
def test_changed_seeds_keep_every_promise(name: str) -> None:
    target, seeds = TARGETS[name]
    dice = random.Random(7)
    for _ in range(300 if name == "head" else 60):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data) + 1)
            data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        target(bytes(data))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TARGETS)
def test_guided_by_coverage_no_promise_is_broken(name: str) -> None:
    guided(name, f"-runs={RUNS[name]}", "-max_len=2048")


@pytest.mark.soak
@pytest.mark.timeout(2 * SOAK_S)
@pytest.mark.parametrize("name", TARGETS)
def test_guided_by_coverage_for_long(name: str) -> None:
    guided(name, f"-max_total_time={SOAK_S}", "-max_len=8192")
