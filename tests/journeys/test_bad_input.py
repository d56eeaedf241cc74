"""Bad input: one clear error, the documented exit code, no traceback, nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example, git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

RUN = ("run", "specs/desk-booking.md", "--agent", "scripted:../candidates", "--vault", "../vault")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return example("desk-booking", tmp_path / "desk")


def _refused(home: Home, base: Path, *words: str, env: dict[str, str] | None = None) -> str:
    """Run, and return what it complains about after checking its shape."""
    done = subprocess.run(
        [*UNLIT, *words],
        cwd=base,
        env={**home.env, **(env or {})},
        capture_output=True,
        text=True,
        timeout=200,
    )
    text = done.stderr
    assert "Traceback" not in text + done.stdout
    assert "  Why: " in text, text
    assert "  Do:  " in text, text
    return f"{done.returncode} {text}"


def test_a_missing_spec(home: Home, base: Path) -> None:
    told = _refused(home, base, "run", "specs/nowhere.md", "--vault", "../vault")
    assert told.startswith("3 ")
    assert "nowhere.md" in told


def test_a_spec_that_is_no_spec(home: Home, base: Path) -> None:
    (base / "specs" / "desk-booking.md").write_text("just words\n")
    assert _refused(home, base, *RUN).startswith("3 ")


def test_a_broken_policy_is_named_with_its_line(home: Home, base: Path) -> None:
    policy = base / "policy.toml"
    policy.write_text(policy.read_text().replace("twin =", "twinn ="))
    told = _refused(home, base, *RUN)
    assert told.startswith("3 ")
    assert "policy.toml:" in told


def test_a_vault_inside_the_repository(home: Home, base: Path) -> None:
    shutil.copytree(base.parent / "vault", base / "vault")
    told = _refused(home, base, *RUN[:-1], "vault")
    assert told.startswith("3 CLI-022")


def test_an_unknown_agent(home: Home, base: Path) -> None:
    told = _refused(home, base, "run", RUN[1], "--agent", "hal", "--vault", "../vault")
    assert told.startswith("3 HAR-001")
    assert "scripted" in told


def test_a_broken_scenario_is_named_with_file_and_line(home: Home, base: Path) -> None:
    path = base.parent / "vault" / "validation" / "order-validation.yaml"
    path.write_text(path.read_text().replace("then:", "thn:"))
    words = ("evaluate", "--spec", RUN[1], "--candidate", ".", "--vault", "../vault")
    told = _refused(home, base, *words)
    assert told.startswith("3 ")
    assert "order-validation.yaml" in told


def test_no_repository(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(Path(__file__).parents[2] / "examples" / "desk-booking" / "base", folder)
    told = _refused(home, folder, *RUN)
    assert told[0] in "35"


def _path_without(tmp_path: Path, *programs: str) -> str:
    """Make a PATH that has what Unlit needs, less some programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "bwrap", "sh", "nft", "tar", "python3"):
        found = shutil.which(name)
        if found and name not in programs:
            (folder / name).symlink_to(found)
    return str(folder)


def test_no_bubblewrap(home: Home, base: Path, tmp_path: Path) -> None:
    told = _refused(home, base, *RUN, env={"PATH": _path_without(tmp_path, "bwrap")})
    assert told.startswith("5 FEN-003")
    assert "apt-get install bubblewrap" in told


def test_a_port_that_is_taken(home: Home, base: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = _refused(home, base, "console", "--port", port)
        assert port in told
        told = _refused(home, base, "twins", "serve", "slack", "--port", port)
        assert port in told


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.5, 2.0, 4.0, 7.0])
def test_ctrl_c_at_any_moment_leaves_no_process_and_no_mount(
    home: Home, base: Path, after_s: float
) -> None:
    process = subprocess.Popen(
        [*UNLIT, *RUN], cwd=base, env=home.env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    while not _listens(process.pid):  # what Python says while it starts itself is not ours
        time.sleep(0.01)
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told, told[-2000:]
    assert process.returncode in (0, 130)
    deadline = time.monotonic() + 60
    while _left_behind(base) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _left_behind(base) == []
    assert str(base) not in Path("/proc/mounts").read_text()


def _listens(pid: int) -> bool:
    """Say whether the command has begun: its first act is to answer SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(row for row in status.splitlines() if row.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def _left_behind(base: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(base.parent).encode() in words and b"pytest" not in words:
            found.append(words.decode(errors="replace"))
    return found


def test_after_all_this_the_repository_is_untouched(home: Home, base: Path) -> None:
    _refused(home, base, "run", RUN[1], "--agent", "hal", "--vault", "../vault")
    assert git(base, "status", "--short") == ""
    assert not any(home.state.glob("*/workspaces/*"))
