"""The weaker backend holds what it says, and says what it does not hold."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from unlit.core.errors import UsageError
from unlit.core.system import SystemClock
from unlit.fence import Fence, FenceSpec, Mount
from unlit.fence.backends import known_backend, start_host
from unlit.fence.launch.measure import landlock_abi
from unlit.fence.sandboxes.landlock import WEAK, LandlockHost
from unlit.policy import AuditLog, Identity, parse_policy, read_entries

pytestmark = pytest.mark.skipif(landlock_abi() < 4, reason="Landlock is off or too old here")

POLICY = 'version = 1\n[files.coder]\nhide = [".env"]\nread_only = ["AGENTS.md"]\nwrite = ["."]\n'


@pytest.fixture
async def fence(tmp_path: Path) -> AsyncIterator[Fence]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in (".env", "AGENTS.md", "kept", "gone"):
        (workspace / name).write_text(f"{name}\n")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await LandlockHost.start(tmp_path / "state", audit)
    identity = Identity("run", "tests", "agent", "coder")
    opened = await host.open(FenceSpec("coder", parse_policy(POLICY), identity, workspace))
    yield opened
    await opened.close()
    await host.close()
    audit.close()


async def _shell(fence: Fence, line: str, **more: Any) -> bytes:
    done = await fence.run(["sh", "-c", line], timeout_s=20, **more)
    return done.stdout + done.stderr


async def test_it_reads_and_writes_what_it_is_granted(fence: Fence, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("fake-secret")
    said = await _shell(fence, f"cat kept; cat {secret}; echo x > {secret}; cat .env; echo x > new")
    assert said.startswith(b"kept\n")
    assert said.count(b"Permission denied") == 2
    assert b"fake-secret" not in said
    assert b"No such file" in said
    assert secret.read_text() == "fake-secret"


async def test_changes_come_out_but_not_those_of_guarded_paths(fence: Fence) -> None:
    await _shell(fence, "echo x > new; echo x >> AGENTS.md; rm gone; ln -s new link")
    layer = await asyncio.to_thread(fence.changes)
    found = {(file.path, file.kind) for file in layer.files}
    assert found == {("new", "file"), ("gone", "deleted"), ("link", "symlink")}
    assert "AGENTS.md" in {file.path for file in layer.refused}


async def test_only_the_proxy_is_reached(fence: Fence) -> None:
    said = await _shell(fence, "curl -s -m 5 https://example.com/")
    assert b"default deny" in said
    port = (await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)).sockets[0]
    code = f"import socket; socket.create_connection(('127.0.0.1', {port.getsockname()[1]}), 3)"
    assert b"Permission" in (await fence.run(["python3", "-c", code])).stderr
    udp = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
    assert b"not permitted" in (await fence.run(["python3", "-c", udp])).stderr
    unix = "import socket; socket.socket(socket.AF_UNIX)"
    assert b"not supported" in (await fence.run(["python3", "-c", unix])).stderr


async def test_what_runs_away_is_ended_with_its_command(fence: Fence) -> None:
    await _shell(fence, "(setsid sleep 445566 > /dev/null 2>&1 &)")
    found = [
        entry
        for entry in Path("/proc").iterdir()  # noqa: ASYNC240 # not a disk
        if entry.name.isdigit() and b"445566" in _words(entry)
    ]
    assert not found


async def test_its_report_says_how_weak_it_is(fence: Fence) -> None:
    report = await fence.close()
    assert report.weak == WEAK
    assert report.held


async def test_a_mount_is_found_by_the_path_that_was_asked_for(tmp_path: Path) -> None:
    for name in ("workspace", "tools", "deps/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tools" / "tool").write_text("#!/bin/sh\necho tool\n")
    (tmp_path / "deps" / "bin" / "dep").write_text("#!/bin/sh\necho dep\n")
    for program in ("tools/tool", "deps/bin/dep"):
        (tmp_path / program).chmod(0o755)
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await start_host("landlock", tmp_path / "state", audit)
    mounts = (
        Mount(tmp_path / "tools" / "tool", "/opt/x/bin/tool"),
        Mount(tmp_path / "deps", "/deps", writable=True),
    )
    identity = Identity("run", "tests", "agent", "coder")
    spec = FenceSpec("coder", parse_policy(POLICY), identity, tmp_path / "workspace", mounts)
    fence = await host.open(spec)
    path = {"PATH": "/deps/bin:/opt/x/bin:/usr/bin:/bin", "PLACE": "/deps/made"}
    try:
        assert await _shell(fence, "tool; dep; echo x > $PLACE", env=path) == b"tool\ndep\n"
        assert (await fence.run(["/opt/x/bin/tool"])).stdout == b"tool\n"
    finally:
        report = await fence.close()
        await host.close()
        audit.close()
    assert (tmp_path / "deps" / "made").read_text() == "x\n"
    assert report.held
    assert report.weak == WEAK
    closed = [entry for entry in read_entries(tmp_path / "audit") if entry.kind == "fence.close"]
    assert closed[0].fields["weak"] == list(WEAK)


async def test_a_reset_leaves_nothing_and_a_port_is_reached(fence: Fence) -> None:
    await _shell(fence, "echo x > new; echo x > $HOME/kept; rm kept")
    await fence.reset()
    assert (await asyncio.to_thread(fence.changes)).files == ()
    assert await _shell(fence, "cat kept; ls new $HOME/kept 2>/dev/null") == b"kept\n"
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1],"
        " flush=True); c, _ = s.accept(); c.sendall(b'hello'); c.close()"
    )
    running = await fence.spawn(["python3", "-c", code])
    port = int(await running.stdout.readline())
    reader, writer = await fence.connect(port)
    assert await reader.read(5) == b"hello"
    writer.close()
    await running.wait()


@pytest.mark.parametrize("name", ["docker", "podman", ""])
async def test_what_is_no_backend_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="FEN-055"):
        known_backend(name)


def _words(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""
