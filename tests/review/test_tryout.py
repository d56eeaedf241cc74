"""Try it: the real fence, the real twins; a person's terminal or browser; nothing left behind."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.review.tried import make_run, settings_in

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.system import SystemClock
from unlit.policy import read_entries, verify
from unlit.record.engine import sqlite_url
from unlit.record.store import Store
from unlit.review.tryout import Trial, plan_of
from unlit.review.tryout.checkout import check_out
from unlit.review.tryout.trial import sweep
from unlit.review.tryout.worlds import best_of, choices, world_seed

WAIT_S = 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(sqlite_url(tmp_path / "record.db"))
    yield opened
    opened.close()


async def _until(trial: Trial, words: bytes) -> bytes:
    printed = bytearray()

    async def take(piece: bytes) -> None:
        printed.extend(piece)

    assert trial.terminal is not None
    watching = asyncio.create_task(trial.terminal.watch(take))
    async with asyncio.timeout(WAIT_S):
        while words not in printed:  # noqa: ASYNC110 # what it prints sets no event
            await asyncio.sleep(0.02)
    watching.cancel()
    return bytes(printed)


@pytest.mark.fence
async def test_a_person_types_and_the_twins_hold_what_the_product_did(
    store: Store, tmp_path: Path
) -> None:
    plan = plan_of(store, make_run(store, tmp_path))
    world = world_seed(plan.vault, "hello", may_see=False)
    trial = Trial("try-1", plan, world, settings_in(tmp_path))
    await trial.open(SystemClock())
    assert trial.terminal is not None
    assert trial.seen().changed == {}
    await _until(trial, b"product.py say hello")  # typed, not run
    trial.terminal.type(b"\r")
    await _until(trial, b"posted\r\n")
    changed = trial.seen().changed
    assert [row["text"] for row in changed["slack.messages"]["added"]] == ["hello"]
    trial.terminal.type(b"ls / ; cat /proc/1/environ; exit\r")
    async with asyncio.timeout(WAIT_S):
        while not trial.has_ended_itself:  # noqa: ASYNC110 # its end sets no event
            await asyncio.sleep(0.02)
    await trial.close()
    assert trial.report is not None
    assert trial.report.held
    assert trial.report.processes_left == 0
    assert list((tmp_path / "tries").iterdir()) == []
    log = tmp_path / "audit" / "beside-try-1"
    assert verify(log).ok
    kinds = [entry.kind for entry in read_entries(log)]
    assert kinds.count("fence.open") == kinds.count("fence.close") == 1
    assert trial.seen().changed == changed  # what was seen last can still be looked at


@pytest.mark.fence
async def test_a_served_product_has_an_origin_that_only_its_token_opens(
    store: Store, tmp_path: Path
) -> None:
    plan = plan_of(store, make_run(store, tmp_path, kind="web"))
    world = world_seed(plan.vault, "hello", may_see=False)
    trial = Trial("try-2", plan, world, settings_in(tmp_path, framed_by="http://127.0.0.1:1"))
    await trial.open(SystemClock())
    proxy = trial.proxy
    assert proxy is not None
    host = f"{proxy.token}.localhost:{proxy.port}"
    assert (await _ask(proxy.port, "GET / HTTP/1.1", "127.0.0.1")).startswith(b"HTTP/1.1 421")
    assert (await _ask(proxy.port, "GET / HTTP/1.1", f"x{host}")).startswith(b"HTTP/1.1 421")
    answer = await _ask(proxy.port, "GET / HTTP/1.1", host)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b" 200 " in head
    assert b"default-src 'self'" in head
    assert b"frame-ancestors http://127.0.0.1:1" in head
    assert b"<h1>Desk</h1>" in answer
    await _ask(proxy.port, "POST / HTTP/1.1", host)
    texts = [row["text"] for row in trial.seen().changed["slack.messages"]["added"]]
    assert texts == ["hello from the page"]
    await trial.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    assert list((tmp_path / "tries").iterdir()) == []


async def _ask(port: int, line: str, host: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n".encode())
    async with asyncio.timeout(WAIT_S):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.fence
async def test_a_product_that_does_not_start_says_so_and_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlit.review.tryout.trial.START_S", 2.0)
    run = make_run(store, tmp_path, kind="web")
    plan = replace(plan_of(store, run), command=("python", "nothing.py"))
    trial = Trial("try-3", plan, world_seed(plan.vault, "empty", may_see=False),
                  settings_in(tmp_path))  # fmt: skip
    with pytest.raises(OutsideFailed, match="did not listen on port 8080"):
        await trial.open(SystemClock())
    assert trial.state == "failed"
    assert list((tmp_path / "tries").iterdir()) == []


def test_worlds_of_validation_are_for_who_may_see_and_sealed_ones_for_nobody(
    store: Store, tmp_path: Path
) -> None:
    plan = plan_of(store, make_run(store, tmp_path))
    assert [one.name for one in choices(plan.vault, may_see=False)] == ["hello", "empty"]
    assert [one.name for one in choices(plan.vault, may_see=True)] == [
        "hello", "hello-validation", "empty",
    ]  # fmt: skip
    assert best_of(choices(plan.vault, may_see=False), "AC-9").name == "hello"
    for name, may_see in (("hello-validation", False), ("hello-sealed", True), ("x", True)):
        with pytest.raises(InvalidInput, match="There is no world"):
            world_seed(plan.vault, name, may_see=may_see)


async def test_a_candidates_files_come_out_whole_whatever_its_attributes_say(
    store: Store, tmp_path: Path
) -> None:
    plan = plan_of(store, make_run(store, tmp_path))
    folder = tmp_path / "out"
    folder.mkdir()
    assert await check_out(plan.workspace, plan.commit, folder) == 3
    assert (folder / "product.py").read_text() == (tmp_path / "repository/product.py").read_text()
    assert (folder / "link").readlink() == Path("product.py")
    assert not (folder / ".git").exists()
    with pytest.raises(OutsideFailed, match="cannot be had"):
        await check_out(plan.workspace, "0" * 40, folder)


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "99999999-abc").mkdir()
    (tmp_path / "1-alive").mkdir()
    assert sweep(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["1-alive"]
    assert sweep(tmp_path / "none") == 0


def test_a_run_without_candidates_cannot_be_tried(store: Store, tmp_path: Path) -> None:
    run = make_run(store, tmp_path)
    with pytest.raises(InvalidInput, match="no candidate c9"):
        plan_of(store, run, "c9")
