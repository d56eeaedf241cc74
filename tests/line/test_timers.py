"""The default of a human gate is taken when its time is over, by whoever lives; once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.line.world import durable_url, overlays, request, services

from unlit.core.ids import RunId
from unlit.core.states import Verdict
from unlit.line.answering import answer_gate
from unlit.line.onward import Comment, go_on
from unlit.line.ports import Services
from unlit.line.service import Line
from unlit.line.timers import Timers, due, until, wait_out
from unlit.line.worker import Worker
from unlit.record.leases import Leases
from unlit.record.model import RunState

TEXT = """digraph timed { start [shape=Mdiamond] exit [shape=Msquare]
    write [type="unlit.build"] grade [type="unlit.validate"]
    ask [shape=hexagon, label="Good?", human.default_choice="yes", timeout="%s"]
    start -> write -> ask
    ask -> grade [label="[Y] Yes"] ask -> exit [label="[N] No"]
    grade -> exit }"""


async def asked(world: Services, repository: Path, line: Line, limit: str) -> RunId:
    (repository / "line.dot").write_text(TEXT % limit)
    run = await line.start(replace(request(repository), line=str(repository / "line.dot")))
    waiting = await line.wait(run)
    assert waiting.note.startswith("waits for an answer at ask")
    return run


async def test_nothing_is_due_before_its_time_and_a_person_goes_first(
    tmp_path: Path, repository: Path
) -> None:
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await asked(world, repository, line, "2h")
        at = until(world.store, line.known(run))
        assert at is not None
        assert timedelta(hours=1) < at - world.clock.now() < timedelta(hours=3)
        timers = Timers(line)
        assert await timers.fire() == ()
        await line.resume(run)  # too early: it waits on, and its time is not begun anew
        assert (await line.wait(run)).state is RunState.WAITING
        assert until(world.store, line.known(run)) == at
        answer_gate(world.store, world.clock, line.known(run), ("n", "ann", "no"))
        assert until(world.store, line.known(run)) is None


async def test_the_default_is_taken_once_although_two_look(
    tmp_path: Path, repository: Path
) -> None:
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await asked(world, repository, line, "10ms")
        await asyncio.sleep(0.05)
        assert due(world.store, world.clock) == (run,)
        one, two = Timers(line), Timers(line)
        fired = [*(await one.fire()), *(await two.fire())]
        assert fired == [run]
        await one.settle()
        await two.settle()
        done = line.known(run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    said = [row.text for row in world.store.events(run, kinds=("note",))]
    assert "nobody answered in 10ms: yes" in said


async def test_a_worker_wakes_a_run_that_another_process_left_at_its_gate(
    tmp_path: Path, repository: Path
) -> None:
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await asked(world, repository, line, "10ms")
    async with Line.open(world, durable_url(state), queues=("lines",)) as line:
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(line, Leases(world.store), length_s=6).work(stop))
        try:
            async with asyncio.timeout(120):
                while world.store.find_run(run).verdict is not Verdict.SHIP:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        finally:
            stop.set()
            with suppress(Exception):
                await asyncio.wait_for(working, 60)


async def test_a_process_may_wait_at_the_gate_itself(tmp_path: Path, repository: Path) -> None:
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await asked(world, repository, line, "1500ms")
        async with asyncio.timeout(120):
            done = await wait_out(line, run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)


async def test_a_gate_that_opens_anew_has_its_time_anew(tmp_path: Path, repository: Path) -> None:
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10", "11"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await asked(world, repository, line, "30m")
        answer_gate(world.store, world.clock, line.known(run), ("n", "ann", "no"))
        await line.resume(run)
        assert (await line.wait(run)).state is RunState.ENDED
        first = world.store.events(run, kinds=("asked",))[0].at
        await go_on(line, run, Comment("write another", "eve"))
        again = await line.wait(run)
        at = until(world.store, again)
    assert again.note.startswith("waits for an answer at ask")
    assert at is not None
    assert at > first + timedelta(minutes=30)
