"""The disk of the state fills up under a run; with space again it ends as an undisturbed one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import Home, can_fence, example
from tests.journeys.test_kill import SEED, WORDS, outcome, strays

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))
elif os.geteuid() != 0:
    pytestmark.append(pytest.mark.skip(reason="only root can mount a small disk"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for the state."""
    folder = tmp_path / "home" / ".local" / "state"
    folder.mkdir(parents=True)
    size(folder, 4096, new=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def size(folder: Path, kilobytes: int, *, new: bool = False) -> None:
    options = f"{'' if new else 'remount,'}size={kilobytes}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    home = Home(folder / "home")
    home.folder.mkdir()
    base = example("desk-booking", folder / "desk")
    found = home.json("run", *WORDS, "--seed", str(SEED), cwd=base)
    return outcome(home, found["run"])


@pytest.mark.parametrize("kilobytes", [64, 768, pytest.param(1024, marks=pytest.mark.soak)])
def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, small: Path, undisturbed: dict[str, Any], kilobytes: int
) -> None:
    home = Home(tmp_path / "home")
    base = example("desk-booking", tmp_path / "desk")
    size(small, kilobytes)
    done = home.unlit("run", *WORDS, "--seed", str(SEED), cwd=base, check=False)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert "Do:" in done.stderr
    assert shutil.disk_usage(small).free < 64 * 1024, "the disk was not full"
    assert strays(os.getpid(), base) == []
    size(small, 65536)
    known = home.json("runs", cwd=base)["runs"]
    if known:
        home.unlit("resume", known[0]["run"], cwd=base, check=False)
        run = known[0]["run"]
    else:
        run = home.json("run", *WORDS, "--seed", str(SEED), cwd=base)["run"]
    assert outcome(home, run) == undisturbed, done.stderr
