"""What a fence shows, decided before anything is mounted."""

from pathlib import Path

from unlit.fence.view import (
    HOME,
    View,
    arguments,
    fresh,
    granted_mounts,
    matching,
    still,
)
from unlit.policy.model import FileRules


def _view(**more: object) -> View:
    return View(stage=Path("/stage"), etc=Path("/stage-etc"), **more)  # type: ignore[arg-type]


def test_the_environment_is_made_from_nothing() -> None:
    words = arguments(_view(), {"TOKEN": "placeholder"}, "/work")
    assert "--clearenv" in words
    named = {words[at + 1] for at, word in enumerate(words) if word == "--setenv"}
    assert {"TOKEN", "HOME", "PATH", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} <= named
    assert "--disable-userns" in words


def test_only_the_writable_layer_and_writable_mounts_take_writes() -> None:
    view = _view(targets=(("/opt/tools", False), ("/deps", True), ("/work/sub", False)))
    writable = {piece["target"] for piece in (*still(view), *fresh(view)) if piece["writable"]}
    assert writable == {HOME, "/tmp", "/dev/shm", "/work", "/deps"}


def test_folders_above_a_read_only_path_are_mounts_too() -> None:
    targets = [piece["target"] for piece in fresh(_view(read_only=(".git/hooks/pre",)))]
    assert targets[-3:] == ["/work/.git", "/work/.git/hooks", "/work/.git/hooks/pre"]


def test_a_mount_inside_the_workspace_comes_after_it() -> None:
    targets = [piece["target"] for piece in fresh(_view(targets=(("/work/vendor", False),)))]
    assert targets.index("/work/vendor") > targets.index("/work")


def test_hidden_paths_are_covered_last() -> None:
    pieces = fresh(_view(hidden=((".env", False), ("secrets", True))))
    assert [(piece["source"], piece["target"]) for piece in pieces[-2:]] == [
        ("rw/empty", "/work/.env"),
        ("rw/nothing", "/work/secrets"),
    ]


def test_globs_name_what_is_there_and_never_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / ".env").write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    found = matching(tmp_path, [".env*", "secrets/**", "link", "../x", "/etc", "~/.ssh", "missing"])
    assert found == [".env", "secrets"]


def test_what_is_hidden_under_one_name_is_not_read_under_another(tmp_path: Path) -> None:
    (tmp_path / "conf" / "deep").mkdir(parents=True)
    (tmp_path / "conf" / "real.env").write_text("x")
    (tmp_path / ".env").symlink_to("b")
    (tmp_path / "b").symlink_to("/work/conf/real.env")
    (tmp_path / "a").symlink_to("conf/deep/../deep")
    for name, target in (("out", "/etc"), ("up", "../x"), ("loop", "loop"), ("gone", "nosuch")):
        (tmp_path / name).symlink_to(target)
    patterns = [".env", "a/**", "out", "up", "loop", "gone"]
    assert matching(tmp_path, patterns, beyond=True) == ["conf/real.env", "conf/deep"]
    assert matching(tmp_path, patterns) == []


def test_grants_outside_the_workspace_are_shown_below_the_fences_home(tmp_path: Path) -> None:
    (tmp_path / ".cache" / "uv").mkdir(parents=True)
    rules = FileRules(read=("~/.cache/uv", "~/missing", "~"), write=(".", str(tmp_path / ".cache")))
    mounts = granted_mounts(rules, tmp_path)
    assert [(mount.target, mount.writable) for mount in mounts] == [
        (f"{HOME}/.cache/uv", False),
        (str(tmp_path / ".cache"), True),
    ]
