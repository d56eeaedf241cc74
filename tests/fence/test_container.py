"""The container backend: podman's fence with our gateway, by name only."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fence.battery.lab import open_lab
from tests.fence.battery.test_battery import ATTEMPTS, within_fence

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.system import SystemClock
from unlit.fence import Fence, FenceSpec, Mount
from unlit.fence.backends import start_host
from unlit.fence.launch.seccomp import engine_profile
from unlit.fence.sandboxes.container import WEAK, ContainerHost
from unlit.policy import AuditLog, Identity, parse_policy, read_entries

POLICY = 'version = 1\n[files.coder]\nhide = [".env"]\nread_only = ["AGENTS.md"]\nwrite = ["."]\n'
SAMPLE = (
    "read the vault", "read the secret in the workspace", "write to the host",
    "see a process outside", "mount", "make a user namespace", "handle page faults",
    "open a submission ring", "open a socket to the hypervisor", "have any right at all",
    "reach the host's loopback", "reach the host by its own address", "live on after the end",
    "talk to a service by its abstract socket", "use more memory than allowed",
    "start more processes than allowed", "leave a link that leads to the vault",
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> None:
    """Skip where no engine can start a container."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.skip("no podman here, or not root: not exercised")
    try:
        asyncio.run(ContainerHost._must_work())
    except OutsideFailed as error:
        pytest.skip(f"the engine starts no container here: {error.why[:200]}")


@pytest.fixture
async def fence(tmp_path: Path, engine: None) -> AsyncIterator[Fence]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in (".env", "AGENTS.md", "kept", "gone"):
        (workspace / name).write_text(f"{name}\n")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await start_host("container", tmp_path / "state", audit)
    identity = Identity("run", "tests", "agent", "coder")
    opened = await host.open(FenceSpec("coder", parse_policy(POLICY), identity, workspace))
    yield opened
    await opened.close()
    await host.close()
    audit.close()


@pytest.mark.slow
@pytest.mark.enable_socket
async def test_a_container_holds_and_says_what_it_does_not_hold(
    fence: Fence, tmp_path: Path
) -> None:
    line = (
        "id -u; cat .env; echo x > new; rm gone; echo x >> AGENTS.md; touch /usr/x /etc/x; "
        'grep -E "Seccomp:|CapBnd|NoNew" /proc/self/status; curl -s -m 20 http://example.com/'
    )
    done = await fence.run(["sh", "-c", line], timeout_s=120)
    said = (done.stdout + done.stderr).decode()
    assert said.startswith("61000\n")
    assert "CapBnd:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "Seccomp:\t2" in said
    assert "FEN-501" in said
    assert said.count("Read-only file system") == 3  # /usr, /etc and what policy keeps
    late = await fence.run(["sleep", "600"], timeout_s=2)
    assert late.timed_out
    layer = await asyncio.to_thread(fence.changes)
    assert {(one.path, one.kind) for one in layer.files} == {("new", "file"), ("gone", "deleted")}
    assert "AGENTS.md" not in {one.path for one in layer.refused}  # it could not be written at all
    await fence.reset()
    again = await fence.run(["ls"], timeout_s=120)
    assert again.stdout.split() == [b"AGENTS.md", b"gone", b"kept"]
    report = await fence.close()
    assert report.held
    assert report.weak == WEAK
    assert report.denied == 1
    assert report.processes_left == 0
    kinds = [entry.kind for entry in read_entries(tmp_path / "audit")]
    assert {"fence.open", "fence.run", "exchange", "fence.close"} <= set(kinds)


@pytest.mark.slow
@pytest.mark.enable_socket
async def test_what_listens_inside_is_reached_from_outside(fence: Fence) -> None:
    await fence.spawn(["python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"], env={},
                      cwd="/work")  # fmt: skip
    reader, writer = await _connected(fence, 8000)
    writer.write(b"GET /kept HTTP/1.0\r\n\r\n")
    assert (await reader.read()).endswith(b"kept\n")
    writer.close()


@pytest.mark.slow
@pytest.mark.enable_socket
async def test_a_time_limit_holds_against_a_command_that_forges_its_note(fence: Fence) -> None:
    other = asyncio.create_task(fence.run(["sleep", "300"], timeout_s=300))
    seen = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -aq 'slee[p] 300'"
    begun = await fence.run(["sh", "-c", f"until {seen}; do sleep 0.1; done"], timeout_s=60)
    assert begun.exit_code == 0
    late = await fence.run(["sleep", "300"], timeout_s=2)
    assert late.timed_out
    assert not other.done()  # only what is late is ended where nobody cheats
    line = "for one in /tmp/.fence-*; do echo 99999 > $one; done; echo done; sleep 60; echo late"
    started = time.monotonic()
    forged = await fence.run(["sh", "-c", line], timeout_s=10)
    assert forged.timed_out
    assert forged.stdout == b"done\n"
    assert time.monotonic() - started < 45
    assert (await asyncio.wait_for(other, 30)).exit_code != 0
    again = await fence.run(["echo", "here"], timeout_s=60)
    assert again.stdout == b"here\n"


async def _connected(fence: Fence, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(90):
        while True:
            try:
                return await fence.connect(port)
            except ConnectionError:
                await asyncio.sleep(0.2)


@pytest.mark.soak
@pytest.mark.enable_socket
@pytest.mark.parametrize("name", SAMPLE)
async def test_attempts_are_blocked_in_a_container(tmp_path: Path, engine: None, name: str) -> None:
    attempt = next(one for one in ATTEMPTS if one.name == name)
    async with open_lab(tmp_path / "lab") as lab:
        outcome = await within_fence(lab, attempt, "container")
    assert not outcome.leaked, outcome.said
    assert outcome.report is not None
    assert outcome.report.held


@pytest.mark.slow
async def test_a_path_of_another_user_is_not_taken_away(tmp_path: Path, engine: None) -> None:
    workspace, theirs = tmp_path / "workspace", tmp_path / "theirs"
    for folder in (workspace, theirs):
        folder.mkdir()
    (theirs / "file").write_text("x")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await start_host("container", tmp_path / "state", audit)
    mounts = (Mount(theirs, "/deps", writable=True),)
    identity = Identity("run", "tests", "agent", "coder")
    spec = FenceSpec("coder", parse_policy(POLICY), identity, workspace, mounts)
    with pytest.raises(InvalidInput, match="FEN-006"):
        await host.open(spec)
    assert theirs.stat().st_uid == os.geteuid()
    await host.close()
    audit.close()


async def _refused(tmp_path: Path, read_only: str, mounts: tuple[Mount, ...] = ()) -> None:
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await start_host("container", tmp_path / "state", audit)
    policy = parse_policy(
        f'version = 1\n[files.coder]\nwrite = ["."]\nread_only = ["{read_only}"]\n'
    )
    identity = Identity("run", "tests", "agent", "coder")
    spec = FenceSpec("coder", policy, identity, tmp_path / "workspace", mounts)
    try:
        with pytest.raises(InvalidInput, match="FEN-007"):
            await host.open(spec)
    finally:
        await host.close()
        audit.close()


@pytest.mark.slow
async def test_a_link_on_the_way_to_what_policy_keeps_shows_nothing(
    tmp_path: Path, engine: None
) -> None:
    workspace, vault = tmp_path / "workspace", tmp_path / "vault"
    for folder in (workspace, vault):
        folder.mkdir()
    (vault / "x.toml").write_text("sealed")
    (workspace / "config").symlink_to(vault)
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await start_host("container", tmp_path / "state", audit)
    policy = parse_policy(
        'version = 1\n[files.coder]\nwrite = ["."]\nread_only = ["config/*.toml"]\n'
    )
    identity = Identity("run", "tests", "agent", "coder")
    opened = await host.open(FenceSpec("coder", policy, identity, workspace))
    done = await opened.run(["cat", "config/x.toml"], timeout_s=120)
    assert done.exit_code == 1
    assert b"sealed" not in done.stdout
    await opened.close()
    await host.close()
    audit.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a,ro=false", 'a"b', "a\nb"])
@pytest.mark.parametrize("mounted", [True, False])
async def test_a_name_is_never_an_option_of_a_mount(
    tmp_path: Path, engine: None, name: str, *, mounted: bool
) -> None:
    folder = tmp_path / ("theirs" if mounted else "workspace") / name
    for one in (tmp_path / "workspace", folder):
        one.mkdir(parents=True, exist_ok=True)
    mounts = (Mount(folder, "/deps", writable=True),) if mounted else ()
    await _refused(tmp_path, "a*", mounts)


def test_the_engine_is_given_the_same_filter() -> None:
    rules = engine_profile()["syscalls"]
    denied = {name for rule in rules for name in rule["names"] if not rule["args"]}
    assert {"mount", "bpf", "io_uring_setup", "ptrace", "keyctl", "userfaultfd", "clone3"} <= denied
    families = [rule["args"][0]["valueTwo"] for rule in rules if rule.get("errnoRet") == 97]
    assert 40 in families  # vsock
    assert not {1, 2, 10} & set(families)
