"""Against the real services' recordings, where the folder is there (UNLIT_RECORDINGS)."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unlit.twins.fidelity.recording import is_opaque, read_recordings
from unlit.twins.fidelity.replay import replay, score

ROOT = Path(__file__).parents[2]
FOLDER = (
    Path(os.environ.get("UNLIT_RECORDINGS", ROOT.parent / "shared" / "twins")) / "data" / "open"
)
SOURCE = ROOT / "src" / "unlit" / "twins" / "services"
pytestmark = pytest.mark.recordings


def recorded(service: str) -> Path:
    path = FOLDER / f"{service}.interaction.jsonl"
    if not path.exists():
        pytest.skip("the folder of recordings is not there (UNLIT_RECORDINGS)")
    return path


@pytest.mark.parametrize(
    ("service", "every", "status", "shape", "values"),
    [("okta", 6, 0.93, 0.82, 0.66), ("slack", 1, 0.80, 0.80, 0.80)],
)
def test_earned_answers_agree(
    service: str, every: int, status: float, shape: float, values: float
) -> None:
    cassettes = read_recordings(recorded(service))[::every]
    found = score([row for row in replay(cassettes, [service]) if not row.given])
    assert (found.status or 0) >= status
    assert (found.at_least or 0) >= shape
    assert (found.values or 0) >= values


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():  # the keys are the contract's property names
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("service", ["okta", "slack"])
def test_no_recorded_id_is_in_the_source(service: str) -> None:
    ids = set()
    for line in recorded(service).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for text in texts([row["upath"], row["resp_body"]]):
            for part in re.split(r"[/?&=:]", text):
                if len(part) >= 14 and is_opaque(part) and re.search(r"[0-9][A-Za-z]", part):
                    ids.add(part)
    assert len(ids) > 20
    held = set()
    for path in (SOURCE / service).rglob("*"):
        if path.suffix in (".py", ".json", ".md", ".toml"):
            held |= set(re.findall(r"[A-Za-z0-9_.-]{14,}", path.read_text(encoding="utf-8")))
    assert sorted(ids & held) == []


def test_the_stored_shapes_are_learnt_by_the_projects_own_script() -> None:
    folder = recorded("okta").parents[1]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "learn_shapes.py", folder],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
