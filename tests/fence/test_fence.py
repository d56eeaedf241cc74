"""What a fence promises to those who run things in it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fence.conftest import Bench

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.fence import Limits, Mount

Shell = Callable[..., Any]

SERVER = (
    'python3 -c "import socket\n'
    "a = socket.create_server(('127.0.0.1', 5432)); b = socket.create_server(('0.0.0.0', 8080))\n"
    "print('up', flush=True)\n"
    "while True:\n"
    "  for s, w in ((a, b'pg'), (b, b'web')):\n"
    "    s.settimeout(0.05)\n"
    "    try: c, _ = s.accept(); c.sendall(w); c.close()\n"
    '    except TimeoutError: pass"'
)


async def test_a_command_runs_as_nobody_with_nothing(bench: Bench, shell: Shell) -> None:
    fence = await bench.open()
    done = await shell(fence, "id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; env")
    lines = done.stdout.decode().split("\n")
    assert lines[:4] == ["1000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]
    names = {line.split("=", 1)[0] for line in lines[4:] if "=" in line}
    assert "SSL_CERT_FILE" in names
    assert not names & {"USERNAME", "VIRTUAL_ENV", "PYTHONPATH", "SSH_AUTH_SOCK", "OLDPWD"}


async def test_no_descriptor_is_inherited(bench: Bench, shell: Shell) -> None:
    fence = await bench.open()
    done = await shell(fence, "for f in /proc/self/fd/*; do readlink $f; done | grep -vc '^pipe:'")
    assert done.stdout.strip() == b"0"


async def test_standard_streams_and_exit_codes_are_the_commands_own(
    bench: Bench, shell: Shell
) -> None:
    fence = await bench.open()
    done = await shell(fence, "cat; echo wrong >&2; exit 7", stdin=b"words")
    assert (done.stdout, done.stderr, done.exit_code) == (b"words", b"wrong\n", 7)
    assert (await fence.run(["no-such-command"])).exit_code == 127
    assert (await fence.run(["/etc/hostname"])).exit_code == 126
    assert (await shell(fence, "kill -9 $$")).exit_code == 137


async def test_a_view_that_cannot_be_made_is_125(bench: Bench) -> None:
    fence = await bench.open()
    done = await fence.run(["true"], cwd="/no/such/folder")
    assert done.exit_code == 125
    assert b"/no/such/folder" in done.stderr


async def test_a_command_that_takes_too_long_is_ended_with_its_children(
    bench: Bench, shell: Shell
) -> None:
    fence = await bench.open()
    done = await shell(fence, "sleep 60 & sleep 60", timeout_s=0.3)
    assert done.timed_out
    assert done.exit_code == 137
    assert (await fence.close()).processes_left == 0


async def test_output_comes_while_the_command_runs(bench: Bench) -> None:
    fence = await bench.open()
    running = await fence.spawn(["cat"])
    await running.write(b"one\n")
    lines = running.lines()
    assert await anext(lines) == b"one\n"
    running.close_stdin()
    assert (await running.wait()).exit_code == 0


async def test_changes_come_out_and_the_workspace_stays(bench: Bench, shell: Shell) -> None:
    workspace = bench.folder / "workspace"
    (workspace / "old.txt").write_text("old")
    (workspace / "gone").mkdir()
    (workspace / "gone" / "a").write_text("a")
    fence = await bench.open(workspace=workspace)
    await shell(
        fence,
        "echo new > new.txt; echo more >> old.txt; rm -r gone; mkdir gone; echo b > gone/b;"
        " ln -s new.txt link; chmod +x new.txt",
    )
    layer = fence.changes()
    found = {(file.path, file.kind) for file in layer.files}
    assert found == {
        ("new.txt", "file"),
        ("old.txt", "file"),
        ("gone/a", "deleted"),
        ("gone/b", "file"),
        ("link", "symlink"),
    }
    assert layer.read("old.txt") == b"oldmore\n"
    assert (workspace / "old.txt").read_text() == "old"
    layer.apply_to(workspace)
    assert os.access(workspace / "new.txt", os.X_OK)
    assert not (workspace / "gone" / "a").exists()
    assert (workspace / "link").readlink() == Path("new.txt")


async def test_a_reset_fence_is_as_new(bench: Bench, shell: Shell) -> None:
    (bench.folder / "workspace" / "kept").write_text("kept")
    fence = await bench.open()
    await shell(fence, "rm kept; echo x > made; echo x > ~/made; echo x > /tmp/made")
    daemon = await fence.spawn(["sleep", "60"])
    await fence.reset()
    assert daemon.ended
    done = await shell(fence, "ls /work ~ /tmp | grep made; cat kept")
    assert done.stdout == b"kept"
    assert fence.changes().files == ()


async def test_the_loopback_is_the_products_own(bench: Bench, shell: Shell) -> None:
    fence = await bench.open()
    server = await fence.spawn(["sh", "-c", SERVER])
    assert await anext(server.lines()) == b"up\n"
    reader, writer = await fence.connect(5432)
    assert await reader.read() == b"pg"
    writer.close()
    port = await fence.forward(8080)
    reader, writer = await asyncio.open_connection(port.host, port.port)
    assert await reader.read() == b"web"
    writer.close()
    await port.aclose()
    done = await shell(fence, "curl -s --http0.9 -m 5 http://127.0.0.1:8080/")
    assert done.stdout == b"web"


async def test_nothing_listening_is_refused(bench: Bench) -> None:
    fence = await bench.open()
    with pytest.raises(ConnectionRefusedError):
        await fence.connect(9)


@pytest.mark.parametrize("port", [80, 443, 22, 25, 5432, 8443, 61234])
async def test_every_port_of_every_address_is_the_gateways(
    bench: Bench, shell: Shell, port: int
) -> None:
    fence = await bench.open()
    done = await shell(
        fence, f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://192.0.2.7:{port}/"
    )
    assert done.stdout == b"403"
    assert (await fence.close()).denied == 1


async def test_a_refusal_names_the_rule_and_the_command_that_explains(
    bench: Bench, shell: Shell
) -> None:
    fence = await bench.open()
    done = await shell(fence, "curl -s -m 10 https://files.example.com/x")
    assert b"default deny" in done.stdout
    assert b"unlit policy explain product GET" in done.stdout


async def test_mounts_are_shown_and_only_writable_ones_take_writes(
    bench: Bench, shell: Shell
) -> None:
    tools, kept = bench.folder / "tools", bench.folder / "kept"
    tools.mkdir()
    (tools / "private").write_text("tool")
    (tools / "private").chmod(0o600)
    kept.mkdir(mode=0o700)
    single = bench.folder / "single.txt"
    single.write_text("one file")
    mounts = (
        Mount(tools, "/opt/tools"),
        Mount(kept, "/deps", writable=True),
        Mount(single, "/opt/one"),
    )
    fence = await bench.open(mounts=mounts)
    done = await shell(
        fence, "cat /opt/tools/private /opt/one; echo x > /opt/tools/no; echo made > /deps/made"
    )
    assert done.stdout == b"toolone file"
    assert b"Read-only" in done.stderr
    assert not (tools / "no").exists()
    made = kept / "made"
    assert made.read_text() == "made\n"
    assert made.stat().st_uid == kept.stat().st_uid


async def test_hidden_and_read_only_paths_hold_inside_the_workspace(
    bench: Bench, shell: Shell
) -> None:
    policy = (
        'version = 1\n[files.product]\nhide = [".env", "secrets/**"]\n'
        'read_only = [".git/hooks", "AGENTS.md"]\n'
    )
    workspace = bench.folder / "workspace"
    for name, text in ((".env", "KEY=fake"), ("AGENTS.md", "rules"), (".git/hooks/pre", "hook")):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text)
    (workspace / "secrets").mkdir()
    (workspace / "secrets" / "key").write_text("fake-key")
    fence = await bench.open(policy)
    done = await shell(
        fence,
        "cat .env; ls secrets; echo x > AGENTS.md; echo x > .git/hooks/pre;"
        " mv .git moved && echo moved; rm -rf .git; cat .git/hooks/pre AGENTS.md; mv AGENTS.md b",
    )
    assert done.stdout == b"hookrules"
    assert fence.changes().files == ()


async def test_the_disk_of_a_fence_ends_at_its_limit(bench: Bench, shell: Shell) -> None:
    fence = await bench.open(limits=Limits(disk_mb=16, inodes=300))
    done = await shell(fence, "head -c 40M /dev/zero > big")
    assert b"No space left" in done.stderr
    assert done.limits_met == ("disk",)
    await fence.reset()
    done = await shell(fence, "for i in $(seq 400); do : > f$i || break; done")
    assert b"No space left" in done.stderr
    await fence.reset()
    done = await shell(fence, "head -c 40M /dev/zero > /dev/shm/big")
    assert b"No space left" in done.stderr


async def test_files_and_processes_are_limited(bench: Bench, shell: Shell) -> None:
    fence = await bench.open(limits=Limits(file_mb=1, processes=20, open_files=40))
    assert (await shell(fence, "head -c 2M /dev/zero > big")).exit_code != 0
    done = await shell(fence, "for i in $(seq 60); do sleep 5 & done", timeout_s=20)
    assert b"fork" in done.stderr.lower()
    code = "f=[open('/dev/null') for _ in range(60)]"
    assert b"Too many open files" in (await fence.run(["python3", "-c", code])).stderr
    await fence.reset()
    assert (await shell(fence, "echo still")).stdout == b"still\n"


async def test_memory_is_limited(bench: Bench) -> None:
    fence = await bench.open(limits=Limits(memory_mb=128))
    code = "b = []\nimport time\nfor _ in range(64): b.append(bytearray(8 << 20)); time.sleep(.02)"
    done = await fence.run(["python3", "-c", code], timeout_s=30)
    assert done.exit_code in (137, 1)
    assert done.limits_met == ("memory",)
    assert done.peak_memory_mb is not None
    assert done.peak_memory_mb > 100
    assert (await fence.run(["echo", "still"])).stdout == b"still\n"


async def test_a_missing_workspace_or_mount_is_named(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="FEN-021"):
        await bench.open(mounts=(Mount(bench.folder / "nowhere", "/x"),))


async def test_a_mount_that_has_no_place_inside_is_named(bench: Bench) -> None:
    with pytest.raises(OutsideFailed, match=r"FEN-013.*/usr/new"):
        await bench.open(mounts=(Mount(bench.folder / "workspace", "/usr/new"),))


async def test_what_no_fence_may_see_is_never_shown(bench: Bench) -> None:
    for shown in (bench.folder, bench.folder / "vault"):
        with pytest.raises(InvalidInput, match="FEN-022"):
            await bench.open(mounts=(Mount(shown, "/opt/x"),))
    with pytest.raises(InvalidInput, match="FEN-022"):
        await bench.open(workspace=bench.folder)


async def test_only_granted_paths_take_writes(bench: Bench, shell: Shell) -> None:
    for name in ("src", "docs"):
        (bench.folder / "workspace" / name).mkdir()
    fence = await bench.open('version = 1\n[files.product]\nwrite = ["src"]\n')
    done = await shell(fence, "echo x > src/a; echo x > docs/a; echo x > b")
    assert done.stderr.count(b"Read-only file system") == 2
    assert [file.path for file in fence.changes().files] == ["src/a"]


async def test_a_guarded_path_that_is_made_anew_is_not_taken(bench: Bench, shell: Shell) -> None:
    fence = await bench.open('version = 1\n[files.product]\nread_only = [".git/hooks", "*.pem"]\n')
    await shell(
        fence,
        "mkdir -p .git/HOOKS .git/hooks; echo x > .git/hooks/pre-commit;"
        " echo x > .git/HOOKS/post; echo x > a.pem; echo x > .git/config; echo x > .git/HEAD",
    )
    layer = fence.changes()
    assert [file.path for file in layer.files] == [".git/HEAD"]
    assert {file.path for file in layer.refused} == {
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/HOOKS/post",
        "a.pem",
    }


async def test_the_report_proves_that_the_fence_held(bench: Bench) -> None:
    fence = await bench.open()
    report = await fence.close()
    assert report.held
    assert {probe.when for probe in report.probes} == {"start", "end"}
    assert any(probe.control for probe in report.probes)
    assert report.processes_left == 0
    assert await fence.close() is report


async def test_a_fence_that_lost_its_keeper_did_not_hold(bench: Bench) -> None:
    fence = await bench.open()
    assert fence.keeper is not None
    os.kill(fence.keeper, 9)
    with pytest.raises(OutsideFailed, match="FEN-011"):
        await fence.run(["true"])
    with pytest.raises(OutsideFailed, match="FEN-011"):
        fence.changes()
    report = await fence.close()
    assert not report.held


async def test_a_fence_that_its_own_processes_fill_is_probed_all_the_same(bench: Bench) -> None:
    limits = Limits(processes=20, memory_mb=256, wall_s=120)
    fence = await bench.open(limits=limits)
    fill = """
import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(600)
    except OSError: break
print("full", flush=True)
time.sleep(600)
"""
    running = await fence.spawn(["python3", "-c", fill], env={}, cwd="/work")
    async with asyncio.timeout(60):
        assert await anext(running.lines()) == b"full\n"
    report = await fence.close()
    assert report.held
    assert {probe.when for probe in report.probes} == {"start", "end"}


async def test_fences_come_and_go_side_by_side(bench: Bench, shell: Shell) -> None:
    fences = [await bench.open() for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        ran = [
            group.create_task(shell(fence, "echo $$; cat /tmp/x; echo x > /tmp/x"))
            for fence in fences
        ]
    assert all(b"No such file" in task.result().stderr for task in ran)


async def test_commands_that_start_at_once_do_not_disturb_each_other(bench: Bench) -> None:
    fence = await bench.open()
    async with asyncio.TaskGroup() as group:
        ran = [group.create_task(fence.run(["echo", str(n)])) for n in range(24)]
    assert [task.result().stdout for task in ran] == [f"{n}\n".encode() for n in range(24)]


async def test_a_report_names_the_limits_that_were_met(bench: Bench, shell: Shell) -> None:
    fence = await bench.open(limits=Limits(disk_mb=16, file_mb=1, processes=20, cpu_s=1))
    await shell(fence, "exec head -c 2M /dev/zero > big")
    await fence.run(["sh", "-c", "while :; do :; done"], timeout_s=20)
    await shell(fence, "sleep 30", timeout_s=0.2)
    report = await fence.close()
    assert set(report.limits_met) == {"file size", "processor time", "wall time"}


async def test_a_huge_file_and_a_lost_git_folder_do_no_harm(bench: Bench, shell: Shell) -> None:
    workspace = bench.folder / "workspace"
    (workspace / ".git").mkdir()
    (workspace / ".git" / "HEAD").write_text("ref: refs/heads/main")
    fence = await bench.open(limits=Limits(disk_mb=16, file_mb=16))
    await shell(
        fence, "truncate -s 5G huge; head -c 5G /dev/zero > big; rm -rf .git; echo x > kept"
    )
    layer = fence.changes()
    assert ".git" in {file.path for file in layer.refused}
    layer.apply_to(workspace)
    assert (workspace / ".git" / "HEAD").exists()
    assert (await fence.close()).held


async def test_every_start_is_written_down_first(bench: Bench) -> None:
    coder = await bench.open("version = 1\n", role="coder")
    await coder.run(["echo", "of the coder"])
    product = await bench.open()
    await product.run(["echo", "of a scenario"])
    words = [str(entry["argv"]) for entry in bench.entries("fence.run")]
    assert "echo of the coder" in words
    assert "echo" in words
    assert not any("scenario" in word for word in words)
    assert [entry["mounts"] for entry in bench.entries("fence.open")] == [[], []]


async def test_holes_and_hard_links_do_not_make_a_layer_larger_than_the_disk(
    bench: Bench, shell: Shell
) -> None:
    fence = await bench.open(limits=Limits(disk_mb=16, file_mb=64))
    await shell(
        fence, "truncate -s 60M hole; head -c 7M /dev/zero > a; ln a b; ln a c; echo x > kept"
    )
    layer = fence.changes()
    assert sum(file.size for file in layer.files) <= 16 << 20
    assert {"a", "kept"} <= {file.path for file in layer.files}
    assert "hole" in {file.path for file in layer.refused}
