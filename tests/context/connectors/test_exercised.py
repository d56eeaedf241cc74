"""What the table of connectors says was exercised was: the tests are run and watched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unlit.context.registry import table_of_connectors

HERE = Path(__file__).parent
ELSEWHERE = {"bugsink", "roundup"}  # their own tests need the real servers


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_said_to_be_exercised_was(tmp_path: Path) -> None:
    noted = tmp_path / "exercised.json"
    argv = [sys.executable, "-m", "pytest", "-p", "tests.context.connectors.exercised", str(HERE)]
    done = subprocess.run(
        [*argv, "-m", "not slow", "--ignore", str(HERE / "test_bad_input.py")],
        cwd=HERE.parents[2],
        env={**os.environ, "UNLIT_EXERCISED": str(noted)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    exercised = json.loads(noted.read_text())
    claimed = {
        row["kind"]: set(row["operations"].split()) - set(row["untested"].split())
        for row in table_of_connectors()
        if row["kind"] not in ELSEWHERE
    }
    wrong = {kind: sorted(names - set(exercised[kind])) for kind, names in claimed.items()}
    assert {kind: names for kind, names in wrong.items() if names} == {}
