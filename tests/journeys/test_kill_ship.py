"""`kill -9` of `unlit approve` at any moment: merged, tagged, attested, deployed once."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example, git

from unlit.core.ids import RunId
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState
from unlit.record.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

WORDS = ("specs/desk-booking.md", "--agent", "scripted:../candidates", "--vault", "../vault")
POINTS = int(os.environ.get("UNLIT_KILL_POINTS", "2"))
SHIP = """
[deploy]
command = "sleep 0.3; test -f $UNLIT_TREE/unlit.toml && echo $UNLIT_KEY"
health = ["sleep 0.2"]
stages = [10, 50, 100]
looks = 1
pause_s = 0
"""


def prepared(folder: Path) -> tuple[Home, Path, str]:
    """A run that waits at its gate, whose repository changelogs and deploys."""
    home = Home(folder / "home")
    home.folder.mkdir()
    base = example("desk-booking", folder / "desk")
    path = base / "unlit.toml"
    text = path.read_text().replace("[ship]\n", '[ship]\nchangelog = "CHANGELOG.md"\n')
    path.write_text(text + SHIP)
    git(base, "add", "-A")
    git(base, "-c", "user.name=a", "-c", "user.email=a@x.example", "commit", "-q", "-m", "deploy")
    found = home.json("run", *WORDS, "--seed", "7", cwd=base)
    return home, base, str(found["run"])


def shipped_once(home: Home, base: Path, run: str) -> None:
    assert git(base, "rev-list", "--merges", "--count", "main") == "1"
    assert git(base, "tag") == f"unlit/{run}"
    assert git(base, "show", "main:CHANGELOG.md").count(run) == 1
    assert git(base, "status", "--porcelain") == ""
    (database,) = home.state.glob("*/record.db")
    store = Store.open(sqlite_url(database))
    try:
        assert store.find_run(run).state is RunState.SHIPPED
        (rollout,) = store.events(RunId(run), kinds=("rollout",))
        assert rollout.data["ok"], rollout.data
        assert [step["name"] for step in rollout.data["steps"]] == [
            f"{what} {percent} %" for percent in (10, 50, 100) for what in ("deploy", "health at")
        ]
        kept = store.events(RunId(run), kinds=("rollout-step",))
        assert len({row.key for row in kept}) == len(kept)
        (approved,) = [row for row in store.gate_decisions() if row.run == run]
        assert approved.decision == "approved"
    finally:
        store.close()
    for name in ("provenance.dsse.json", "outcome.dsse.json", "sbom.cdx.json"):
        (path,) = home.state.glob(f"*/reports/{run}/{name}")
        json.loads(path.read_text())


def killed_after(home: Home, base: Path, words: list[str], after_s: float) -> int | None:
    """Kill a command after a while; its exit code when it was done before."""
    process = subprocess.Popen(
        [*UNLIT, *words], cwd=base, env=home.env, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        return process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def test_killed_at_any_moment_it_ships_and_deploys_once(tmp_path: Path) -> None:
    world = tmp_path / "world"
    world.mkdir()
    home, base, run = prepared(world)
    shutil.copytree(world, tmp_path / "kept", symlinks=True)
    words = ["approve", run, "--reason", "it is right"]
    begun = time.monotonic()
    home.unlit(*words, cwd=base)
    took_s = time.monotonic() - begun
    shipped_once(home, base, run)
    chance = random.Random(13)
    for point in range(POINTS):
        shutil.rmtree(world)
        shutil.copytree(tmp_path / "kept", world, symlinks=True)
        killed_after(home, base, words, chance.uniform(0.25, 0.95) * took_s)
        if point % 2:
            killed_after(home, base, ["ship", run], chance.uniform(0.25, 0.95) * took_s)
        done: Any = home.unlit(*words, "--json", cwd=base, check=False)
        assert done.returncode == 0, (point, done.stderr[-3000:])
        assert json.loads(done.stdout)["state"] == "shipped"
        shipped_once(home, base, run)
