"""By hand: `kill -9` of the whole demonstration at five moments, then `unlit resume`."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence

from unlit.core.ids import RunId
from unlit.record.engine import sqlite_url
from unlit.record.store import Store

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))


def _outcome(home: Home, run: str) -> dict[str, Any]:
    (database,) = home.state.glob("*/record.db")
    store = Store.open(sqlite_url(database))
    try:
        found = store.find_run(run)
        return {
            "state": found.state,
            "verdict": found.verdict,
            "trees": [one.tree for one in store.candidates(RunId(found.id))],
            "looks": len(store.looks()),
            "trajectories": len(store.trajectories(RunId(found.id))),
        }
    finally:
        store.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = Home(tmp_path_factory.mktemp("home"))
    begun = time.monotonic()
    found = home.json("demo")
    return {"took_s": time.monotonic() - begun, **_outcome(home, found["run"])}


@pytest.mark.parametrize("point", range(5))
def test_a_killed_demonstration_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: dict[str, Any], point: int
) -> None:
    home = Home(tmp_path)
    after_s = random.Random(100 + point).uniform(0.1, 0.95) * undisturbed["took_s"]
    process = subprocess.Popen(
        [*UNLIT, "demo"], env=home.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (repository,) = home.state.glob("demo/*/repository")
    done = subprocess.run(
        [*UNLIT, "resume", "last", "--json", "--repository", str(repository)],
        env=home.env,
        capture_output=True,
        text=True,
        timeout=900,
    )
    found = json.loads(done.stdout) if done.stdout.startswith("{") else {"run": "last"}
    expected = {key: value for key, value in undisturbed.items() if key != "took_s"}
    assert _outcome(home, found["run"]) == expected, done.stderr[-2000:]
