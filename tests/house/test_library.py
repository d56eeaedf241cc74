"""Every room works alone as a library: what its README shows, runs as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "unlit"
SHOWN = re.compile(r"^## As a library\n(?:.*\n)*?```python\n((?:.*\n)*?)```$", re.MULTILINE)
READMES = {
    path.parent.name: path.read_text(encoding="utf-8") for path in SOURCE.glob("*/README.md")
}
ALONE = ("context", "evaluation", "fence", "intent", "models", "policy", "record", "twins")
"""The rooms that are products of their own."""


@pytest.mark.parametrize("room", ALONE)
def test_what_a_room_shows_of_itself_as_a_library_runs(room: str, tmp_path: Path) -> None:
    found = SHOWN.search(READMES[room])
    assert found is not None, f"{room}/README.md shows no use as a library"
    program = found[1]
    assert len(program.splitlines()) <= 20, "short, or nobody reads it"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout
