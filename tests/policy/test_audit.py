"""The audit log: complete, in order, tamper-evident, crash-safe, inert."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, logs_in, merged, read_entries, verify
from unlit.policy.audit.export import check_envelope, check_proof, export, prove
from unlit.policy.audit.merkle import Frontier, inclusion_proof, leaf_hash, root_from_proof
from unlit.policy.audit.show import entry_text

WHO = Identity("r-1", "build", "scripted", "coder")


def written(folder: Path, count: int = 10) -> Path:
    log = AuditLog.open(folder / "audit", {"machine": "test"}, FakeClock())
    for number in range(count):
        outcome = "deny" if number % 3 == 0 else "upstream"
        log.append("exchange", WHO, {"number": number, "outcome": outcome})
    log.close()
    return folder / "audit"


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    folder = written(tmp_path)
    entries = list(read_entries(folder))
    assert [entry.index for entry in entries] == list(range(11))
    assert entries[1].fields == {"number": 0, "outcome": "deny"}
    assert [e.fields["number"] for e in read_entries(folder, "r-1", denied=True)] == [0, 3, 6, 9]
    result = verify(folder)
    assert result.ok
    assert (result.entries, result.signed) == (11, 11)
    assert result.header["machine"] == "test"


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert (folder / "log.jsonl").stat().st_mode & 0o077 == 0
    assert (tmp_path / "audit-key" / "ed25519").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("what", ["change", "drop", "swap", "cut", "forge", "resign"])
def test_every_kind_of_tampering_is_found(tmp_path: Path, what: str) -> None:
    folder = written(tmp_path)
    path, marks = folder / "log.jsonl", folder / "checkpoints"
    lines = path.read_bytes().splitlines(keepends=True)
    key = str(json.loads(lines[0])["f"]["key"])
    if what == "change":
        lines[4] = lines[4].replace(b"deny", b"upst")
    elif what == "drop":
        del lines[4]
    elif what == "swap":
        lines[4], lines[5] = lines[5], lines[4]
    elif what == "cut":
        del lines[8:]
    elif what == "forge":
        lines[4] = lines[4].replace(b'"number":3', b'"number":7')
        marks.write_bytes(b"")
    else:
        other = written(tmp_path / "other", 3)
        lines = (other / "log.jsonl").read_bytes().splitlines(keepends=True)
        marks.write_bytes((other / "checkpoints").read_bytes())
    path.write_bytes(b"".join(lines))
    assert not verify(folder, key=key).ok


def test_a_torn_tail_is_cut_and_said(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with (folder / "log.jsonl").open("ab") as file:
        file.write(b'{"i":11,"at":"2026')
    log = AuditLog.open(folder, {}, FakeClock())
    log.append("exchange", WHO, {})
    log.close()
    kinds = [entry.kind for entry in read_entries(folder)][11:]
    assert kinds == ["log.repaired", "log.opened", "exchange"]
    assert verify(folder).ok


def test_damage_in_the_middle_is_not_repaired_away(tmp_path: Path) -> None:
    folder = written(tmp_path)
    path = folder / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"{broken\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(OutsideFailed, match="damaged"):
        AuditLog.open(folder, {}, FakeClock())


def test_everything_synced_survives_kill_9(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from unlit.core.system import SystemClock\n"
        "from unlit.policy import AuditLog, Identity\n"
        "log = AuditLog.open(Path(sys.argv[1]), {}, SystemClock())\n"
        "who = Identity('r', 's', 'a', 'coder')\n"
        "for n in range(10**9):\n"
        "    log.append('exchange', who, {'n': n}, sync=True)\n"
        "    os.write(1, b'%d\\n' % n)\n"
    )
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "audit")], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        process.kill()
        synced = [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
        kept = [
            entry.fields["n"]
            for entry in read_entries(tmp_path / "audit")
            if entry.fields.get("n") is not None
        ]
        assert not synced or synced[-1] in kept
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    log.close()
    assert verify(tmp_path / "audit").ok


def test_a_log_that_cannot_be_written_refuses_for_good(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    os.dup2(os.open("/dev/full", os.O_WRONLY), log._file.descriptor)
    with pytest.raises(OutsideFailed) as caught:
        log.append("exchange", WHO, {})
    assert caught.value.code == "POL-140"
    with pytest.raises(OutsideFailed):
        log.append("exchange", WHO, {})
    log.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    program = (
        "import sys; from pathlib import Path; from unlit.core.system import SystemClock\n"
        "from unlit.policy import AuditLog\n"
        "AuditLog.open(Path(sys.argv[1]), {}, SystemClock())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "audit")], capture_output=True, check=False
    )
    assert b"another process writes it" in done.stderr
    log.close()


def test_a_second_process_writes_beside_and_both_are_read(tmp_path: Path) -> None:
    clock = FakeClock()
    one = AuditLog.open_or_beside(tmp_path / "audit", {}, clock, name="a")
    two = AuditLog.open_or_beside(tmp_path / "audit", {}, clock, name="b")
    for number, log in enumerate((one, two, one)):
        clock.advance(1)
        log.append("exchange", WHO, {"n": number})
    one.close()
    two.close()
    logs = logs_in(tmp_path / "audit")
    assert [log.name for log in logs] == ["audit", "beside-b"]
    assert all(verify(log).ok for log in logs)
    assert verify(logs[0]).header["key"] == verify(logs[1]).header["key"]
    numbers = [entry.fields["n"] for entry in merged(logs, "r-1")]
    assert numbers == [0, 1, 2]
    again = AuditLog.open_or_beside(tmp_path / "audit", {}, clock, name="c")
    assert again.directory == tmp_path / "audit"
    again.close()


def test_hostile_text_stays_one_inert_line(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    hostile = '\n{"i":99}\x1b[2J\u202e\u0085' + "x" * 10_000_000
    log.append("exchange", WHO, {"url": hostile, "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}})
    log.close()
    raw = (tmp_path / "audit" / "log.jsonl").read_bytes()
    assert raw.count(b"\n") == 2
    assert len(raw) < 4000
    assert all(32 <= byte < 127 or byte == 10 for byte in raw)
    shown = entry_text(list(read_entries(tmp_path / "audit"))[1])
    assert shown.isprintable()


async def test_a_durable_entry_is_on_the_disk(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    index = await log.append_durable("exchange", WHO, {"n": 1})
    assert log._durable > index
    index = await log.append_durable("exchange", WHO, {"n": 1}, alone=True)
    assert log._durable > index
    log._file.usual_sync_s = 1.0
    index = await log.append_durable("exchange", WHO, {"n": 2})
    assert log._durable > index
    log.close()


@pytest.mark.parametrize("alone", [True, False])
async def test_what_cannot_be_synced_does_not_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    with monkeypatch.context() as broken:
        broken.setattr("os.fdatasync", fail)
        with pytest.raises(OutsideFailed, match="POL-140"):
            await log.append_durable("exchange", WHO, {"n": 1}, alone=alone)
    with pytest.raises(OutsideFailed):
        log.append("exchange", WHO, {"n": 2})
    log.close()


async def test_whoever_waits_for_a_failed_log_gets_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    log._file.usual_sync_s = 1.0  # a slow disk: its thread syncs
    syncing, go_on, write, sync = threading.Event(), threading.Event(), os.write, os.fdatasync

    def slow(descriptor: int) -> None:
        syncing.set()
        go_on.wait(20)
        sync(descriptor)

    def full(descriptor: int, data: bytes) -> int:
        if descriptor == log._file.descriptor:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    def all_written() -> None:
        until = time.monotonic() + 20
        while log.entries < 6 and time.monotonic() < until:
            time.sleep(0.01)

    with monkeypatch.context() as broken:
        broken.setattr("os.fdatasync", slow)
        log.append("exchange", WHO, {"n": 0})
        assert await asyncio.to_thread(syncing.wait, 20)
        # these come too late for the sync that runs, and there will be no other
        waiting = [asyncio.create_task(log.append_durable("exchange", WHO, {})) for _ in range(3)]
        waiting.append(
            asyncio.create_task(asyncio.to_thread(log.append, "exchange", WHO, {}, sync=True))
        )
        await asyncio.to_thread(all_written)
        broken.setattr("os.write", full)
        with pytest.raises(OutsideFailed, match="POL-140"):
            log.append("exchange", WHO, {})
        go_on.set()
        async with asyncio.timeout(20):
            ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [getattr(one, "code", one) for one in ended] == ["POL-140"] * 4
    log.close()


async def test_what_was_synced_meanwhile_waits_for_no_further_sync(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    index = log.append("exchange", WHO, {}, sync=True)
    done = asyncio.get_running_loop().create_future()
    log._ask_thread(index, asyncio.get_running_loop(), done)
    async with asyncio.timeout(20):
        await done
    log.close()


def test_an_entry_can_be_proven_alone(tmp_path: Path) -> None:
    folder = written(tmp_path)
    key = str(verify(folder).header["key"])
    proof = prove(folder, 5)
    assert check_proof(proof, key)
    assert not check_proof(proof | {"index": 6}, key)
    assert not check_proof(proof | {"entry": proof["entry"].replace("4", "5", 1)}, key)
    with pytest.raises(InvalidInput):
        prove(folder, 500)


def test_the_export_is_signed(tmp_path: Path) -> None:
    folder = written(tmp_path)
    key = str(verify(folder).header["key"])
    envelope = export(folder, run="r-1")
    assert check_envelope(envelope, key)
    assert not check_envelope(envelope | {"payload": "e30="}, key)


@given(st.integers(1, 70), st.data())
def test_every_leaf_has_a_proof(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(leaves, index)
    assert root_from_proof(leaves[index], index, size, path) == frontier.root()
    other = (index + 1) % size
    if other != index:
        assert root_from_proof(leaves[other], index, size, path) != frontier.root()


def kept_apart(folder: Path, target: Path, synced: int) -> Path:
    """Return a copy of a log as a power cut may leave it: the log lost what it did not sync."""
    target.mkdir()
    lines = (folder / "log.jsonl").read_bytes().splitlines(keepends=True)
    (target / "log.jsonl").write_bytes(b"".join(lines[:synced]))
    for name in ("checkpoints", "ahead"):
        (target / name).write_bytes((folder / name).read_bytes())
    marks = (target / "checkpoints").read_bytes().splitlines(keepends=True)
    early = [mark for mark in marks if json.loads(mark)["size"] <= synced]
    (target / "checkpoints").write_bytes(b"".join(early))
    return target


async def ahead_of(log: AuditLog, entries: int) -> None:
    """Write entries that stand ahead of the log; its own thread syncs nothing by itself."""
    for _ in range(16):
        await log.append_durable("exchange", WHO, {}, alone=True)
    await asyncio.to_thread(log.append, "exchange", WHO, {}, sync=True)
    async with asyncio.timeout(60):
        while not log._file.is_ahead:  # noqa: ASYNC110 # the log's thread makes it
            await asyncio.sleep(0.01)
    for number in range(entries):
        log.append("exchange", WHO, {"quiet": number})
        await log.append_durable("exchange", WHO, {"n": number}, alone=True)
    await asyncio.sleep(0)  # what is late is written at the end of the turn


@pytest.fixture
def quiet_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlit.policy.audit.log.SYNC_WITHIN_S", 3600)


@pytest.mark.usefixtures("quiet_thread")
async def test_what_stood_ahead_of_the_log_is_taken_up_after_a_power_cut(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    await ahead_of(log, 20)
    last = log.entries
    assert (tmp_path / "audit" / "log.jsonl").read_bytes().count(b"\n") == last
    lines = (tmp_path / "audit" / "ahead").read_bytes()
    assert lines.startswith(b"unlitah1")
    cut = kept_apart(tmp_path / "audit", tmp_path / "cut", last - 30)
    log.close()
    assert not (tmp_path / "audit" / "ahead").exists()
    found = verify(cut)
    assert any("stand in ahead only" in problem for problem in found.problems)
    again = AuditLog.open(cut, {}, FakeClock(), key_dir=tmp_path / "audit-key")
    again.close()
    assert verify(cut).ok, verify(cut).problems
    entries = list(read_entries(cut))
    assert [entry.index for entry in entries] == list(range(last + 2))
    assert entries[last].kind == "log.repaired"
    assert entries[last].fields["found"] == 30


@pytest.mark.usefixtures("quiet_thread")
async def test_a_torn_frame_ahead_of_the_log_was_promised_to_nobody(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    await ahead_of(log, 5)
    last = log.entries
    cut = kept_apart(tmp_path / "audit", tmp_path / "cut", last - 10)
    log.close()
    torn = bytearray((cut / "ahead").read_bytes())
    place = torn.rfind(b'"n":4')
    torn[place : place + 5] = b'"n":5'
    (cut / "ahead").write_bytes(torn)
    again = AuditLog.open(cut, {}, FakeClock(), key_dir=tmp_path / "audit-key")
    again.close()
    assert verify(cut).ok
    repaired = [entry for entry in read_entries(cut) if entry.kind == "log.repaired"]
    assert [entry.fields["found"] for entry in repaired] == [8]


@pytest.mark.usefixtures("quiet_thread")
async def test_the_file_ahead_is_used_again_and_again(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    await ahead_of(log, 600)
    big = {f"k{number}": "x" * 500 for number in range(64)}
    for _ in range(3):  # more than a frame holds
        for _ in range(3):
            log.append("exchange", WHO, big)
        await log.append_durable("exchange", WHO, {"n": -1}, alone=True)
    writing = [threading.Thread(target=log.append, args=("exchange", WHO, {})) for _ in range(8)]
    for thread in writing:
        thread.start()
    await log.append_durable("exchange", WHO, {"n": -2}, alone=True)
    for thread in writing:
        thread.join()
    size = log.entries
    log.close()
    result = verify(tmp_path / "audit")
    assert result.ok, result.problems
    assert result.entries == size


async def test_a_log_without_a_file_ahead_syncs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def none(_: Path) -> None:
        tried.set()

    monkeypatch.setattr("unlit.policy.audit.file.make_ahead", none)
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    deadline = time.monotonic() + 60
    while not tried.is_set() and time.monotonic() < deadline:
        await log.append_durable("exchange", WHO, {}, alone=True)
    await log.append_durable("exchange", WHO, {}, alone=True)
    log.close()
    assert verify(tmp_path / "audit").ok
    assert not (tmp_path / "audit" / "ahead").exists()
