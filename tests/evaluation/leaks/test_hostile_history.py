"""A candidate may bring a `.git` of its own making: reading its objects runs nothing of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from unlit.evaluation.leaks.sources import MAX_FILE_BYTES, plant_history, read_history

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
UNREADABLE = "aa/" + "b" * 38
BOMB = 200_000_000


def hostile(folder: Path, mark: Path) -> Path:
    """Make a repository whose missing objects are promised by a remote that runs a program."""
    repository = plant_history(folder / "repository", b"a note that was deleted")
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
    program.chmod(0o755)
    for name, value in (
        ("core.repositoryformatversion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.url", "ssh://nowhere/x"), ("remote.origin.promisor", "true"),
        ("core.sshCommand", str(program)), ("core.fsmonitor", str(program)),
        ("core.pager", str(program)), ("core.hooksPath", str(folder)),
    ):  # fmt: skip
        subprocess.run([*GIT, "-C", str(repository), "config", name, value], check=True)
    unreadable = repository / ".git" / "objects" / UNREADABLE
    unreadable.parent.mkdir(exist_ok=True)
    unreadable.touch()
    return repository


def test_a_repositorys_settings_are_not_obeyed(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    repository = hostile(tmp_path, mark)
    subprocess.run(
        [*GIT, "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"],
        capture_output=True,
    )
    if not mark.exists():
        pytest.skip("this git does not fetch what is promised while it reads")
    mark.unlink()
    found = [item.content for item in read_history([repository])]
    assert not mark.exists(), "a program of the candidate ran outside every fence"
    assert b"a note that was deleted" in found


def test_a_bare_repository_and_one_of_other_digests_are_read(tmp_path: Path) -> None:
    for number, words in enumerate((["--bare"], ["--object-format=sha256"])):
        place = tmp_path / str(number)
        subprocess.run([*GIT, "init", "-q", *words, str(place)], check=True)
        subprocess.run(
            [*GIT, "-C", str(place), "hash-object", "-w", "--stdin"], input=b"held", check=True,
            capture_output=True,
        )  # fmt: skip
        assert [item.content for item in read_history([place])] == [b"held"]


def test_what_unpacks_to_much_is_never_held_whole(tmp_path: Path) -> None:
    subprocess.run([*GIT, "init", "-q", str(tmp_path)], check=True)
    bomb = tmp_path / "bomb"
    with bomb.open("wb") as file:
        file.truncate(BOMB)
    words = [*GIT, "-C", str(tmp_path), "-c", "core.bigFileThreshold=1m"]
    subprocess.run([*words, "hash-object", "-w", str(bomb)], check=True, capture_output=True)
    code = (
        "from pathlib import Path; import re\n"
        "from unlit.evaluation.leaks.sources import read_history\n"
        f"found = [len(item.content) for item in read_history([Path({str(tmp_path)!r})])]\n"
        # not `ru_maxrss`: a program begins with the peak of who started it
        "status = Path('/proc/self/status').read_text()\n"
        "print(found, re.search(r'VmHWM:\\s+(\\d+)', status)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert f"[{MAX_FILE_BYTES}]" in done.stdout, done.stderr
    peak_kb = int(done.stdout.split()[-1])
    assert peak_kb * 1024 < BOMB * 0.9


def test_a_folder_that_is_no_repository_holds_nothing(tmp_path: Path) -> None:
    assert list(read_history([tmp_path])) == []
