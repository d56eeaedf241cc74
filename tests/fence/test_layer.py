"""Changes are plain data: nothing in them leads out of the workspace."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.errors import OutsideFailed
from unlit.fence.layer import leads_out, may_change, read_layer
from unlit.policy.model import FileRules


def _stream(*frames: tuple[dict[str, Any], bytes]) -> io.BytesIO:
    made = io.BytesIO()
    for head, content in frames:
        text = json.dumps(head).encode()
        made.write(struct.pack("=I", len(text)) + text + content)
    made.write(struct.pack("=I", 0))
    made.seek(0)
    return made


def _file(path: str, content: bytes = b"x", mode: int = 0o644) -> tuple[dict[str, Any], bytes]:
    return {"path": path, "kind": "file", "mode": mode, "size": len(content)}, content


@pytest.mark.parametrize("path", ["/etc/passwd", "../out", "a/../../out", "", "a\0b"])
def test_a_path_that_leaves_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(OutsideFailed, match="FEN-031"):
        read_layer(_stream(_file(path)), tmp_path)


def test_a_cut_stream_is_refused(tmp_path: Path) -> None:
    whole = _stream(_file("a", b"content")).getvalue()
    for length in range(len(whole) - 1):
        with pytest.raises((OutsideFailed, ValueError)):
            read_layer(io.BytesIO(whole[:length]), tmp_path)


def test_a_change_below_a_link_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(tmp_path / "out")
    layer = read_layer(_stream(_file("link/file")), tmp_path / "work")
    with pytest.raises(OutsideFailed, match="FEN-032"):
        layer.apply_to(tmp_path / "work")
    assert not list((tmp_path / "out").iterdir())


def test_a_link_in_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "file").symlink_to(target)
    read_layer(_stream(_file("file", b"new")), tmp_path / "work").apply_to(tmp_path / "work")
    assert target.read_text() == "kept"
    assert (tmp_path / "work" / "file").read_bytes() == b"new"


def test_special_bits_are_dropped(tmp_path: Path) -> None:
    read_layer(_stream(_file("tool", mode=0o6755)), tmp_path).apply_to(tmp_path)
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o755


def test_an_opaque_folder_hides_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").write_text("old")
    frames = ({"path": "d", "kind": "opaque", "mode": 0o755, "size": 0}, b""), _file("d/new")
    layer = read_layer(_stream(*frames), tmp_path)
    assert {(file.path, file.kind) for file in layer.files} == {
        ("d/old", "deleted"),
        ("d/new", "file"),
    }


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("src/main.py", True),
        (".git/config", True),
        (".git/hooks", False),
        (".git/hooks/pre-commit", False),
        (".GIT/HOOKS/pre-commit", False),
        ("sub/.git/hooks/x", True),
        ("secrets/a/b", False),
        ("secretsx/a", True),
        ("a.pem", False),
        ("deep/a.pem", True),
        ("deep/b.key", False),
    ],
)
def test_guards_name_a_path_and_all_below_it(path: str, allowed: bool) -> None:
    rules = FileRules(hide=("secrets/**", "*.pem", "**/*.key"), read_only=(".git/hooks",))
    assert may_change(path, rules) is allowed


@given(st.lists(st.text("abc.", min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_narrower_grant_never_lets_more_through(parts: list[str]) -> None:
    path = "/".join(parts)
    wide, narrow = FileRules(write=(".",)), FileRules(write=("a",), read_only=("a/b",))
    assert may_change(path, wide)
    if may_change(path, narrow):
        assert path == "a" or path.startswith("a/")
        assert not path.startswith("a/b/")


@pytest.mark.parametrize("kind", ["symlink", "file", "deleted"])
def test_nothing_takes_the_place_of_a_folder_that_holds_a_guarded_path(
    tmp_path: Path, kind: str
) -> None:
    for name in ("a/b/x.py", "a/c/y.py", "d/z.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    frames = []
    for path in ("a/b", "a/c", "d"):
        head = {"path": path, "kind": kind, "mode": 0o644, "size": 0, "target": "/usr/x"}
        frames.append((head, b""))
    rules = FileRules(write=(".",), read_only=("a/*/x.py", "**/z.py"))
    layer = read_layer(_stream(*frames), tmp_path).guard(rules)
    assert [file.path for file in layer.files] == ["a/c"]
    assert {file.path for file in layer.refused} == {"a/b", "d"}


@pytest.mark.parametrize(
    ("path", "target", "leads"),
    [
        ("notes", "/home/u/.ssh/id", True), ("notes", "../other", True), ("a/n", "../b", False),
        ("a/n", "../../b", True), ("n", "a/b", False), ("n", "a/../../../etc/passwd", True),
        ("n", "a/l/..", True), ("n", "/usr/bin/python3", False), ("n", "/usr/../etc/shadow", True),
        ("n", "./a", False), ("n", ".", False), ("a/b/n", "../..", False), ("n", "..", True),
        ("n", "/work/x", True), ("n", "/usrlocal/x", True), ("n", "/proc/self/environ", True),
    ],
)  # fmt: skip
def test_a_link_that_may_lead_out_of_the_workspace_is_told(
    path: str, target: str, *, leads: bool
) -> None:
    assert leads_out(path, target) is leads


def test_a_link_that_leads_out_is_refused_and_one_within_is_taken(tmp_path: Path) -> None:
    kept = {"kind": "symlink", "mode": 0o777, "size": 0}
    frames = [({"path": "in", "target": "a/b", **kept}, b""),
              ({"path": "out", "target": str(tmp_path / "vault"), **kept}, b"")]  # fmt: skip
    layer = read_layer(_stream(*frames), tmp_path).guard(FileRules(write=(".",)))
    assert [file.path for file in layer.files] == ["in"]
    assert [file.path for file in layer.refused] == ["out"]


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "a/\x07", "\x7f"])
def test_a_name_that_a_terminal_would_obey_is_refused(tmp_path: Path, name: str) -> None:
    layer = read_layer(_stream(_file(name), _file("plain ü")), tmp_path)
    layer = layer.guard(FileRules(write=(".",)))
    assert [file.path for file in layer.files] == ["plain ü"]
    assert [file.path for file in layer.refused] == [name]


@pytest.mark.parametrize(
    "path", ["policy.toml", "sub/Policy.toml", "unlit.toml", "policy.toml.signed"]
)
def test_what_the_next_command_would_obey_is_written_by_people(tmp_path: Path, path: str) -> None:
    frames = [
        _file(path),
        ({"path": "unlit.toml.bak", "kind": "deleted", "mode": 0, "size": 0}, b""),
    ]
    layer = read_layer(_stream(*frames), tmp_path).guard(FileRules(write=(".",)))
    assert [file.path for file in layer.refused] == [path]
    named = FileRules(write=(".", f"**/{path.rpartition('/')[2].lower()}", path))
    assert not read_layer(_stream(*frames), tmp_path).guard(named).refused
