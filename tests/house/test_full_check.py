"""What failed once runs once more, alone; what fails twice, or too often, fails the check."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Fails while the file `seen` of its own name is not there.
ONCE = """
    seen = Path(__file__).with_suffix(".seen-" + {name!r})
    first = not seen.exists()
    seen.touch()
    assert not first, "the first time"
"""


def check(folder: Path, *bodies: str, seeds: Sequence[str] = ()) -> tuple[int, str]:
    shutil.copy(ROOT / "tests/conftest.py", folder / "conftest.py")
    lines = ["from pathlib import Path", "import pytest", "def test_sound(): pass"]
    for number, body in enumerate(bodies):
        lines += [f"def test_{number}():", body.format(name=str(number))]
    (folder / "test_it.py").write_text("\n".join(lines) + "\n")
    command = [sys.executable, str(ROOT / "scripts/full_check.py"), "test_it.py", *seeds]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_nothing_runs_again_where_all_passed(tmp_path: Path) -> None:
    code, said = check(tmp_path, "    pass")
    assert (code, "once more" in said, "2 passed" in said) == (0, False, True)


def test_one_that_passes_alone_is_named_and_its_first_failure_stays(tmp_path: Path) -> None:
    code, said = check(tmp_path, ONCE)
    assert code == 0
    assert "the first time" in said
    assert "unsteady: test_it.py::test_0 failed in the whole run (above) and passed alone" in said
    assert said.splitlines()[-1] == "2 passed, 1 of them only alone"


def test_one_that_fails_twice_fails_the_check(tmp_path: Path) -> None:
    code, said = check(tmp_path, ONCE, "    assert 1 == 2")
    assert code == 1
    assert "failed twice: test_it.py::test_1" in said
    assert "unsteady" not in said


def test_one_that_is_not_exercised_the_second_time_did_not_pass(tmp_path: Path) -> None:
    skips = ONCE.replace('assert not first, "the first time"', "assert not first") + (
        "    pytest.skip('no such thing here')"
    )
    code, said = check(tmp_path, skips)
    assert (code, "failed twice" in said) == (1, True)


def test_the_second_try_throws_the_dice_of_the_first(tmp_path: Path) -> None:
    dice = (
        "    from hypothesis import given, strategies as st\n"
        "    @given(st.integers(0, 10**12))\n"
        "    def at(n):\n"
        "        with Path('drawn').open('a') as file: file.write(str(n) + ' ')\n"
        "        assert n < 10**9\n"
        "    Path('drawn').unlink(missing_ok=True)\n"
        "    try: at()\n"
        "    finally: Path('drawn').rename(f'drawn-{{len(list(Path().glob(\"drawn-*\")))}}')"
    )
    code, said = check(tmp_path, dice, seeds=["--seeded-sample", "--randomly-seed=7"])
    assert (code, "failed twice" in said) == (1, True)
    drawn = [path.read_text() for path in sorted(tmp_path.glob("drawn-*"))]
    assert len(drawn) == 2
    assert drawn[0] == drawn[1]


def test_four_failures_are_no_chance(tmp_path: Path) -> None:
    code, said = check(tmp_path, ONCE, ONCE, ONCE, ONCE)
    assert (code, "once more" in said) == (1, False)


def test_a_file_that_does_not_import_fails_the_check(tmp_path: Path) -> None:
    code, said = check(tmp_path, "    return return")
    assert code != 0
    assert "unsteady" not in said


@pytest.mark.parametrize("wrong", ["--no-such-flag", "nowhere.py"])
def test_a_run_that_cannot_begin_fails(tmp_path: Path, wrong: str) -> None:
    command = [sys.executable, str(ROOT / "scripts/full_check.py"), wrong]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 1)
