"""Nothing is left behind, however the factory ends; and an ordinary user has a fence too."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parents[2] / "src"

FACTORY = """
import asyncio, json, sys
from pathlib import Path
from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec
from unlit.policy import AuditLog, Identity, parse_policy

async def main(folder):
    folder = Path(folder)
    (folder / "ws").mkdir()
    (folder / "ws" / "given").write_text("given")
    audit = AuditLog.open(folder / "audit", {}, SystemClock(), key_dir=folder / "keys")
    host = await FenceHost.start(folder / "state", audit)
    identity = Identity("run", "stage", "agent", "product")
    policy = parse_policy("version = 1\\n")
    fence = await host.open(FenceSpec("product", policy, identity, folder / "ws"))
    daemon = "(setsid sleep 987654 &) ; trap '' TERM INT HUP; cat given; sleep 987654"
    await fence.spawn(["sh", "-c", daemon])
    line = "id -u; cat given; curl -s -m 9 http://192.0.2.1/; echo x > made"
    done = await fence.run(["sh", "-c", line])
    changed = [file.path for file in fence.changes().files]
    print(json.dumps({"folder": str(host._folder), "keeper": fence.keeper,
        "launcher": host._launcher.pid, "out": done.stdout.decode(), "changed": changed,
        "weak": fence.weak}), flush=True)
    if sys.argv[2] == "wait":
        await asyncio.sleep(600)
    report = await fence.close()
    await host.close()
    audit.close()
    print(json.dumps({"held": report.held, "left": report.processes_left}), flush=True)

asyncio.run(main(sys.argv[1]))
"""


def _start(
    folder: Path,
    mode: str,
    *,
    prefix: tuple[str, ...] = (),
    python: str = sys.executable,
    env: dict[str, str] | None = None,
) -> "subprocess.Popen[str]":
    program = folder / "factory.py"
    program.write_text(FACTORY, encoding="utf-8")
    return subprocess.Popen(
        [*prefix, python, str(program), str(folder), mode],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )


def _eventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def _processes(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_a_factory_that_is_ended(tmp_path: Path, number: int) -> None:
    factory = _start(tmp_path, "wait")
    assert factory.stdout is not None
    told: dict[str, Any] = json.loads(factory.stdout.readline())
    assert Path(told["folder"]).exists()
    assert _processes("987654")
    factory.send_signal(number)
    factory.wait(timeout=20)
    assert _eventually(lambda: not _processes("987654"))
    assert _eventually(lambda: not Path(told["folder"]).exists())
    assert _eventually(lambda: not Path(f"/proc/{told['keeper']}").exists())
    assert _eventually(lambda: not Path(f"/proc/{told['launcher']}").exists())
    groups = f"unlit-{told['launcher']}-"
    assert not list(Path("/sys/fs/cgroup").rglob(f"{groups}*"))
    assert told["folder"] not in Path("/proc/self/mountinfo").read_text()


def test_the_fence_ends_when_the_keeper_is_killed(tmp_path: Path) -> None:
    factory = _start(tmp_path, "wait")
    assert factory.stdout is not None
    told = json.loads(factory.stdout.readline())
    os.kill(told["keeper"], signal.SIGKILL)
    assert _eventually(lambda: not _processes("987654"))
    factory.send_signal(signal.SIGKILL)
    factory.wait(timeout=20)


def _ordinary_python() -> tuple[str, dict[str, str]] | None:
    """Find a Python of our version that an ordinary user may read, with our libraries."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = next((p for p in sys.path if p.endswith("site-packages")), "")
    # Once more from itself: what setpriv starts may have been looked up with rights it then drops.
    again = (
        "import subprocess, sys, unlit.fence.host;"
        "subprocess.run([sys.executable, '-c', ''], check=True)"
    )
    for candidate in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin") or ""):
        if not candidate:
            continue
        env = {"PYTHONPATH": f"{PACKAGES}:{libraries}", "HOME": "/nonexistent", "PATH": os.defpath}
        tried = subprocess.run(
            [*_as_nobody(), candidate, "-c", again],
            env=env,
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return candidate, env
    return None


def _as_nobody() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv") or "setpriv"
    return (setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups")


def test_an_ordinary_user_has_the_same_fence(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to become an ordinary user")
    found = _ordinary_python()
    if found is None:
        pytest.skip("no Python here that an ordinary user can run")
    home = Path("/tmp") / f"unlit-ordinary-{os.getpid()}"
    home.mkdir()
    os.chown(home, 65534, 65534)
    try:
        factory = _start(home, "end", prefix=_as_nobody(), python=found[0], env=found[1])
        said, _ = factory.communicate(timeout=60)
    finally:
        shutil.rmtree(home)
    told, ended = (json.loads(line) for line in said.splitlines())
    assert told["out"].startswith("1000\ngiven")
    assert "default deny" in told["out"]
    assert told["changed"] == ["made"]
    assert ended == {"held": True, "left": 0}
    assert any("share one user" in sentence for sentence in told["weak"])
