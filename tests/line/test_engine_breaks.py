"""What breaks in the durable engine (ADR 0501 has the table), each with the way round it."""

import asyncio
import contextlib
import importlib.metadata
import io
import logging
import pickle
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import durable_url, overlays, services
from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.line.closed_json import ClosedJson, StepFailed
from unlit.line.engine import DbosEngine, EngineOptions
from unlit.line.ports import Durable
from unlit.line.service import Line, executor_id
from unlit.line.worker import Worker
from unlit.record.engine import open_engine
from unlit.record.leases import Leases
from unlit.record.store import Store

SOURCE = Path(__file__).parents[2] / "src" / "unlit"


def test_nothing_of_the_closed_part_is_used() -> None:
    for path in SOURCE.rglob("*.py"):
        words = path.read_text(encoding="utf-8")
        if "dbos" in words.lower():
            assert not re.search(r"dbos[._-]enterprise|conductor_(?:key|url)", words), path


def test_the_engines_version_is_the_one_these_tests_ran_with() -> None:
    major, minor = importlib.metadata.version("dbos").split(".")[:2]
    assert (major, minor) == ("3", "4")
    pinned = (SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"dbos>=3.4,<3.5"' in pinned


async def test_a_dead_executors_work_is_taken_over_once_by_another(tmp_path: Path) -> None:
    done: list[str] = []
    held = asyncio.Event()
    dead = True

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        async def act(name: str) -> None:
            if dead and name == "two":
                held.set()
                await asyncio.Event().wait()
            done.append(name)

        for name in ("one", "two"):
            await durable.step(name, lambda name=name: act(name))  # type: ignore[misc]
        return {"by": executor}

    url = durable_url(tmp_path)

    async def opened(name: str) -> DbosEngine:
        options = EngineOptions(
            open_engine(url, own_transactions=False), url, name, "breaks-1", queues=("lines",)
        )
        return await DbosEngine.start(options, body)

    executor = "breaks-first"
    engine = await opened(executor)
    await engine.begin("r-1", "line")
    await asyncio.wait_for(held.wait(), 60)
    await engine.close()

    dead, executor = False, "breaks-second"
    engine = await opened(executor)
    await asyncio.sleep(1)
    assert done == ["one"], "a dead executor's work stays where it is until somebody takes it"
    assert await engine.reclaim("breaks-first", "lines") == ("r-1/line",)
    assert await engine.reclaim("breaks-first", "lines") == ()
    found = await asyncio.wait_for(engine.wait("r-1", "line"), 60)
    assert (found, done) == ({"by": "breaks-second"}, ["one", "two"])
    await engine.close()


async def test_work_of_another_version_is_not_touched(tmp_path: Path) -> None:
    done: list[str] = []
    hold = True
    held = asyncio.Event()

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        if hold:
            held.set()
            await asyncio.Event().wait()
        done.append(run)
        return {}

    url = durable_url(tmp_path)
    for version in ("breaks-1", "breaks-2"):
        options = EngineOptions(
            open_engine(url, own_transactions=False), url, f"breaks-{version}", version
        )
        engine = await DbosEngine.start(options, body)
        if version == "breaks-1":
            await engine.begin("r-1", "line")
            await asyncio.wait_for(held.wait(), 60)
            hold = False
        else:
            await asyncio.sleep(1)
            assert done == []
            assert await engine.version("r-1", "line") == "breaks-1"
        await engine.close()


class Hostile:
    @override
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, ("never",))


def test_what_lies_in_the_database_runs_nothing(tmp_path: Path) -> None:
    closed = ClosedJson()
    with pytest.raises(ValueError, match="Expecting value"):
        closed.deserialize(pickle.dumps(Hostile(), 0).decode("latin-1"))
    with pytest.raises(TypeError, match="a step may not return Hostile"):
        closed.serialize(Hostile())
    plain = {"a": [1, 2.5, None, True], "b": ("x", {"c": "d"})}
    assert closed.deserialize(closed.serialize(plain)) == plain
    failed = closed.deserialize(closed.serialize(ValueError("no")))
    assert isinstance(failed, StepFailed)
    assert str(failed) == "ValueError: no"
    refused = InvalidInput("LIN-003", "No.", "why.", "do.")
    again = closed.deserialize(closed.serialize(refused))
    assert isinstance(again, InvalidInput)
    assert str(again) == str(refused)
    assert closed.name() == "unlit_closed_json_1"


async def test_one_process_has_one_engine(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")):
        with pytest.raises(InvalidInput, match="LIN-001"):
            async with Line.open(world, durable_url(tmp_path / "state")):
                pass


async def test_an_engine_that_could_not_start_keeps_no_other_out(tmp_path: Path) -> None:
    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        return {}

    def options(folder: Path) -> EngineOptions:
        url = durable_url(folder)
        database = open_engine(url, own_transactions=False)
        return EngineOptions(database, url, f"starts-{folder.name}", "1")

    broken = tmp_path / "durable-elsewhere"
    broken.mkdir()
    wrong = options(broken)
    wrong.database.dispose()
    shutil.rmtree(broken)
    with pytest.raises(Exception, match="unable to open"):
        await DbosEngine.start(wrong, body)
    sound = await DbosEngine.start(options(tmp_path), body)
    await sound.close()


async def test_the_engine_starts_where_the_stderr_of_an_earlier_one_was_closed(
    tmp_path: Path,
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    with contextlib.redirect_stderr(io.StringIO()) as told:
        async with Line.open(world, durable_url(tmp_path / "state")):
            pass
    told.close()
    world = services(tmp_path / "again", overlays(tmp_path, "3"), [])
    async with Line.open(world, durable_url(tmp_path / "again")):
        assert logging.getLogger("dbos").handlers


async def test_two_live_workers_never_have_one_id(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    assert executor_id() == executor_id()
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        leases = Leases(world.store)
        assert leases.take(executor_id(), "here", 1, ("lines",), "line-0")
        with pytest.raises(InvalidInput, match="LIN-082"):
            await Worker(line, leases).work(asyncio.Event())


async def test_a_worker_that_lost_its_lease_ends(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        leases = Leases(world.store, length_s=0.0)  # over as soon as it is taken: a long sleep
        with pytest.raises(OutsideFailed, match="LIN-081"):
            await asyncio.wait_for(Worker(line, leases).work(asyncio.Event()), 60)
        assert executor_id() in leases.reap()
        assert leases.reap() == (), "reaped by one caller only"


class AwayForAWhile(Leases):
    """Leases of a database that starts again: away for some beats, then long past the lease."""

    def __init__(self, store: Store, stop: asyncio.Event) -> None:
        super().__init__(store, length_s=0.0)
        self.acts: list[str] = []
        self._stop = stop

    @override
    def renew(self, worker: str) -> bool:
        self.acts.append("renew")
        if len(self.acts) <= 3:
            raise OutsideFailed("REC-003", "It is starting up.", "it is away.", "start it.")
        self._stop.set()
        return super().renew(worker)

    @override
    def reap(self) -> tuple[str, ...]:
        self.acts.append("reap")
        return ()


async def test_a_worker_outlives_a_database_that_starts_again(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    stop = asyncio.Event()
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        leases = AwayForAWhile(world.store, stop)
        await asyncio.wait_for(Worker(line, leases, length_s=0.06).work(stop), 60)
    assert leases.acts == ["renew"] * 4, "late itself, it looks for no dead ones yet"
