"""`kill -9` of `unlit run` at any moment, then `unlit resume`: the same end, nothing twice."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example, git

from unlit.core.ids import RunId
from unlit.core.states import Partition
from unlit.record.engine import sqlite_url
from unlit.record.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

WORDS = ("specs/desk-booking.md", "--agent", "scripted:../candidates", "--vault", "../vault")
SEED = 7


def outcome(home: Home, run: str) -> dict[str, Any]:
    (database,) = home.state.glob("*/record.db")
    store = Store.open(sqlite_url(database))
    try:
        found = store.run(RunId(run))
        assert found is not None
        candidates = store.candidates(found.id)
        counted = {
            f"{candidate.id}/{partition.value}": len(
                store.trajectories(found.id, candidate.id, partition)
            )
            for candidate in candidates
            for partition in (Partition.VALIDATION, Partition.SEALED)
        }
        return {
            "state": found.state,
            "verdict": found.verdict,
            "trees": [candidate.tree for candidate in candidates],
            "commits": [
                git(Path(found.workspace), "rev-list", "--count", f"{found.base}..{one.commit}")
                for one in candidates
            ],
            "looks": len(store.looks()),
            "trajectories": counted,
        }
    finally:
        store.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    home = Home(folder / "home")
    home.folder.mkdir()
    base = example("desk-booking", folder / "desk")
    begun = time.monotonic()
    found = home.json("run", *WORDS, "--seed", str(SEED), cwd=base)
    return {"took_s": time.monotonic() - begun, **outcome(home, found["run"])}


@pytest.mark.parametrize("point", range(10))
def test_a_killed_run_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: dict[str, Any], point: int
) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    after_s = random.Random(point).uniform(0.1, 0.95) * undisturbed["took_s"]
    process = subprocess.Popen(
        [*UNLIT, "run", *WORDS, "--seed", str(SEED)],
        cwd=base,
        env=home.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    listed = home.unlit("runs", "--json", cwd=base, check=False)
    if "r-" not in listed.stdout:  # killed before anything was recorded: nothing to resume
        found = home.json("run", *WORDS, "--seed", str(SEED), cwd=base)
    else:
        resumed = home.unlit("resume", "last", "--json", cwd=base, check=False)
        if resumed.returncode != 0 and "LIN-012" not in resumed.stderr:
            assert "waiting" in home.unlit("runs", cwd=base).stdout, resumed.stderr
        found = {"run": home.unlit("runs", cwd=base).stdout.split()[0]}
    expected = {k: v for k, v in undisturbed.items() if k != "took_s"}
    assert outcome(home, found["run"]) == expected
    assert strays(os.getpid(), base) == []


def strays(own: int, base: Path) -> list[str]:
    """Return processes that still work in the example's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == own:
            continue
        try:
            here = (entry / "cwd").resolve()
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if here == base or str(base).encode() in words:
            found.append(words.decode(errors="replace"))
    return found
