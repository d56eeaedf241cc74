"""`kill -9` of one part of a working factory: fence launcher, evaluator, that one's launcher.

The run goes on by itself or stops with a sentence; after `unlit resume` the end is that of an
undisturbed run. What a part did is never taken for the candidate's doing.
"""

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example
from tests.journeys.test_kill import SEED, WORDS, outcome, strays

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

LAUNCHER = "unlit.fence.launch.zygote"
EVALUATOR = "unlit.evaluation.process"
PARTS = {
    "launcher": (LAUNCHER,),
    "evaluator": (EVALUATOR,),
    "launcher of the evaluator": (EVALUATOR, LAUNCHER),
}


def _part(root: int, path: tuple[str, ...]) -> int | None:
    """Return the process reached from `root` by children whose command lines hold these words."""
    here = root
    for words in path:
        found = [pid for pid in _children(here) if words in _command(pid)]
        if not found:
            return None
        here = found[0]
    return here


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sorted(int(one) for task in tasks for one in (task / "children").read_text().split())
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    home = Home(folder / "home")
    home.folder.mkdir()
    base = example("desk-booking", folder / "desk")
    begun = time.monotonic()
    found = home.json("run", *WORDS, "--seed", str(SEED), cwd=base)
    return {"took_s": time.monotonic() - begun, **outcome(home, found["run"])}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "point", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in (1, 2, 3))]
)
def test_a_run_that_lost_a_part_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: dict[str, Any], part: str, point: int
) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    after_s = random.Random(f"{part} {point}").uniform(0.1, 0.8) * undisturbed["took_s"]
    process = subprocess.Popen(
        [*UNLIT, "run", *WORDS, "--seed", str(SEED)],
        cwd=base,
        env=home.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(after_s)
    victim = None
    while process.poll() is None and victim is None:
        victim = _part(process.pid, PARTS[part])
        time.sleep(0.01)
    assert victim is not None, "the run ended before its part was seen"
    os.kill(victim, signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert "Traceback" not in said
    (run,) = home.json("runs", cwd=base)["runs"]
    if run["state"] != "waiting":
        assert process.returncode == 5, said
        resumed = home.unlit("resume", run["run"], cwd=base, check=False)
        assert "Traceback" not in resumed.stderr
    expected = {k: v for k, v in undisturbed.items() if k != "took_s"}
    assert outcome(home, run["run"]) == expected, said
    assert strays(os.getpid(), base) == []
