"""Where control groups can be made, found in file trees that look like the kernel's."""

from pathlib import Path

import pytest

from unlit.fence.launch.cgroups import Version1, Version2, find, was_met


def _own(folder: Path, text: str) -> str:
    file = folder / "own"
    file.write_text(text)
    return str(file)


def _group(path: Path, controllers: str = "memory pids") -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.controllers").write_text(controllers)
    (path / "cgroup.subtree_control").write_text(controllers)
    (path / "cgroup.procs").write_text("")


def test_version_two_takes_its_own_group_when_controllers_are_handed_down(tmp_path: Path) -> None:
    _group(tmp_path)
    _group(tmp_path / "mine")
    found = find(str(tmp_path), _own(tmp_path, "0::/mine\n"))
    assert isinstance(found, Version2)
    assert found.members_file("x") == f"{tmp_path}/mine/x/cgroup.procs"


def test_a_delegated_scope_is_found_without_being_touched(tmp_path: Path) -> None:
    _group(tmp_path)
    scope = tmp_path / "run-1.scope"
    _group(scope)
    (scope / "cgroup.subtree_control").write_text("")
    own = _own(tmp_path, "0::/run-1.scope\n")
    assert isinstance(find(str(tmp_path), own, settle=False), Version2)
    assert not (scope / "unlit-factory").exists()


def test_version_one_needs_both_trees(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "cgroup.procs").write_text("")
    own = _own(tmp_path, "4:memory:/\n5:pids:/\n")
    assert find(str(tmp_path), own) is None
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "cgroup.procs").write_text("")
    assert isinstance(find(str(tmp_path), own), Version1)


def test_a_group_that_a_killed_launcher_left_is_taken_over_unless_something_lives_in_it(
    tmp_path: Path,
) -> None:
    groups = Version1(str(tmp_path / "memory"), str(tmp_path / "pids"))
    for tree in ("memory", "pids"):
        (tmp_path / tree / "unlit-7-1").mkdir(parents=True)  # empty, as after its processes' end
    groups.make("unlit-7-1")
    (tmp_path / "pids" / "unlit-7-1" / "alive").write_text("")  # the kernel refuses to remove it
    with pytest.raises(OSError, match="not empty"):
        groups.make("unlit-7-1")


def test_no_tree_is_no_group(tmp_path: Path) -> None:
    assert find(str(tmp_path), _own(tmp_path, "")) is None
    assert find(str(tmp_path), str(tmp_path / "missing")) is None


def test_events_tell_what_was_met() -> None:
    assert was_met("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert was_met("max 1\n")
    assert not was_met("low 0\nhigh 7\nmax 0\noom 0\noom_kill 0\n")
    assert not was_met("")
