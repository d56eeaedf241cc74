"""Each attempt is blocked by the fence, and succeeds without one."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fence.battery.attempt import PREAMBLE, Attempt, attempts
from tests.fence.battery.lab import POLICY, Lab, open_lab

from unlit.core.errors import OutsideFailed
from unlit.core.system import SystemClock
from unlit.fence import FenceReport, FenceSpec, Limits
from unlit.fence.backends import start_host
from unlit.policy import AuditLog, Identity, parse_policy

ATTEMPTS = attempts()
TIGHT = Limits(
    memory_mb=160, disk_mb=48, inodes=2000, processes=40, open_files=128, file_mb=12, wall_s=30
)
SECONDS = 12.0
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin")
IS_ROOT = os.geteuid() == 0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.skipif(PYTHON is None, reason="no python3 below /usr to run attempts with"),
]


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt."""

    leaked: bool
    said: str
    report: FenceReport | None = None
    ended: bool = False
    """Whether the attempt ended its own fence, so that nothing of it is left to take out."""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path / "lab") as made:
        yield made


def test_there_are_enough_attempts_and_each_has_its_own_name() -> None:
    names = [attempt.name for attempt in ATTEMPTS]
    assert len(names) == len(set(names)) >= 100


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda one: f"{one.area}: {one.name}")
async def test_an_attempt_leaks_without_a_fence_and_not_with_one(
    lab: Lab, attempt: Attempt
) -> None:
    if attempt.root and not IS_ROOT:
        pytest.skip("leaks without a fence only when root runs it")
    outside = await without_fence(lab, attempt)
    if not outside.leaked and not has_way(lab, attempt):
        pytest.skip("this machine has no such way out, with or without a fence")
    assert outside.leaked, f"does not count: it does not leak without a fence: {outside.said}"
    lab.told.clear()
    lab.clear_drop()
    inside = await within_fence(lab, attempt)
    assert inside.report is not None
    if attempt.group and any("Memory is watched" in weak for weak in inside.report.weak):
        pytest.skip("this user can make no control group, and the fence's report says so")
    assert not inside.leaked, inside.said
    assert inside.report.held or inside.ended


def has_way(lab: Lab, attempt: Attempt) -> bool:
    """Say whether the machine has what an attempt goes by at all: an address, a kernel feature."""
    needs = {"address6": "IPv6 address", "link6": "link address", "address": "by its own address"}
    for fact, words in needs.items():
        if words in attempt.name and not lab.facts[fact]:
            return False
    return not attempt.optional


async def without_fence(lab: Lab, attempt: Attempt) -> Outcome:
    """Run an attempt as an agent runs on a laptop: in the workspace, with the key in reach."""
    workspace = lab.workspace("bare")
    mark, tag = secrets.token_hex(8), str(secrets.randbelow(10**9) + 10**9)
    env = {
        "LAB": lab.facts_for(mark, tag, inside=False),
        "API_KEY": lab.key,
        "PATH": os.defpath,
        "HOME": str(lab.folder / "home"),
    }
    process = await asyncio.create_subprocess_exec(
        PYTHON or sys.executable, "-I", "-c", PREAMBLE + attempt.code,
        cwd=workspace, env=env, pass_fds=[lab.left_open], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = await process.communicate()
    found = await _leaked(lab, attempt, stdout, mark, tag, workspace)
    for pid in _tagged(tag):
        os.kill(pid, signal.SIGKILL)
    return Outcome(found, (stdout + stderr).decode("utf-8", "replace")[-600:])


async def within_fence(lab: Lab, attempt: Attempt, backend: str = "full") -> Outcome:
    """Run the same attempt in a fence, apply what it made to its workspace, and look outside."""
    workspace = lab.workspace("fenced")
    audit = AuditLog.open(lab.folder / "log", {}, SystemClock(), key_dir=lab.folder / "keys")
    server = lab.facts["server"]
    host = await start_host(
        backend, lab.folder / "state", audit,
        secret_env={"API_KEY": lab.key}, upstream_tls=str(lab.ca),
        overrides={"api.example.com": f"{server[0]}:{server[1]}"},
        watched={"vault": lab.folder / "vault", "home": lab.folder / "home"},
    )  # fmt: skip
    mark, tag = secrets.token_hex(8), str(secrets.randbelow(10**9) + 10**9)
    try:
        os.set_inheritable(lab.left_open, True)
        identity = Identity("battery", "battery", "attacker", "coder")
        spec = FenceSpec("coder", parse_policy(POLICY), identity, workspace, limits=TIGHT)
        fence = await host.open(spec)
        done = await fence.run(
            ["python3", "-I", "-c", PREAMBLE + attempt.code],
            env={"LAB": lab.facts_for(mark, tag, inside=True)}, timeout_s=SECONDS,
        )  # fmt: skip
        layer = None
        with contextlib.suppress(OutsideFailed):  # memory that outlives who took it: keeper gone
            layer = fence.changes()
        report = await fence.close()
        if layer is not None:
            layer.apply_to(workspace)
    finally:
        await host.close()
        audit.close()
    found = await _leaked(lab, attempt, done.stdout, mark, tag, workspace)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")[-600:]
    return Outcome(found, said, report, ended=layer is None)


async def _leaked(
    lab: Lab, attempt: Attempt, stdout: bytes, mark: str, tag: str, workspace: Path
) -> bool:
    text = stdout.decode("latin1")
    if any(word in text for word in (mark, lab.canary, lab.key)):
        return True
    if attempt.sign == "told":
        await asyncio.sleep(0.2)
        return b"EXFIL" in lab.told
    if attempt.sign == "host":
        return (Path(lab.facts["drop"]) / attempt.detail).exists()
    if attempt.sign == "process":
        await asyncio.sleep(0.2)
        return bool(_tagged(tag))
    if attempt.sign == "workspace":
        name, _, what = attempt.detail.partition("?")
        place = workspace / name
        return _lies_there(place, what)
    return False


def _lies_there(place: Path, what: str) -> bool:
    if what == "absent":
        return not os.path.lexists(place.with_name("AGENTS.md"))
    if not os.path.lexists(place):
        return False
    if what == "suid":
        return bool(place.stat().st_mode & 0o6000)
    if what == "capable":
        return "security.capability" in os.listxattr(place)
    if what == "stuck":
        return _cannot_be_removed(place)
    if what == "special":
        return not (place.is_file() or place.is_dir() or place.is_symlink())
    return True


def _cannot_be_removed(place: Path) -> bool:
    """Say whether a file is marked as immutable, and take the mark away."""
    with place.open() as file:
        flags = bytearray(8)
        fcntl.ioctl(file, 0x80086601, flags)
        if not flags[0] & 0x10:
            return False
        fcntl.ioctl(file, 0x40086602, bytes(8))
    return True


def _tagged(tag: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"sleep", tag.encode()]:
                found.append(int(entry.name))
    return found
