"""Durable steps: found by name, whatever order branches ended in before the work was cut off."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import durable_url

from unlit.line.engine import Body, DbosEngine, EngineOptions
from unlit.line.ports import Durable
from unlit.record.engine import open_engine


async def opened(folder: Path, body: Body, executor: str) -> DbosEngine:
    url = durable_url(folder)
    return await DbosEngine.start(
        EngineOptions(open_engine(url, own_transactions=False), url, executor, "steps-1"), body
    )


async def test_branches_go_on_whatever_order_they_ended_in(tmp_path: Path) -> None:
    done: list[str] = []
    held: list[str] = []
    cut = asyncio.Event()
    slow = True

    async def act(name: str) -> dict[str, Any]:
        if slow and name in ("a2", "b3"):
            held.append(name)
            if len(held) == 2:
                cut.set()
            await asyncio.Event().wait()
        done.append(name)
        return {"name": name}

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        async def branch(names: list[str]) -> list[str]:
            return [
                (await durable.step(name, lambda name=name: act(name)))["name"]  # type: ignore[misc]
                for name in names
            ]

        await durable.step("first", lambda: act("first"))
        if not slow:
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            one = group.create_task(branch(["a1", "a2", "a3"]))
            two = group.create_task(branch(["b1", "b2", "b3"]))
        await durable.step("last", lambda: act("last"))
        return {"one": one.result(), "two": two.result()}

    engine = await opened(tmp_path, body, "steps-a")
    await engine.begin("r-1", "line")
    await asyncio.wait_for(cut.wait(), 60)
    await engine.close()
    assert sorted(done) == ["a1", "b1", "b2", "first"]

    slow = False
    engine = await opened(tmp_path, body, "steps-b")
    await engine.resume("r-1", "line")
    found = await asyncio.wait_for(engine.wait("r-1", "line"), 60)
    assert found == {"one": ["a1", "a2", "a3"], "two": ["b1", "b2", "b3"]}
    assert sorted(done) == ["a1", "a2", "a3", "b1", "b2", "b3", "first", "last"]
    assert sorted(await engine.steps("r-1", "line")) == sorted(done)
    await engine.close()


async def test_a_step_that_failed_fails_again_and_is_not_done_again(tmp_path: Path) -> None:
    tries: list[str] = []
    held = asyncio.Event()

    async def broken() -> None:
        tries.append("broken")
        raise ValueError("no such thing")

    async def waits() -> None:
        held.set()
        await asyncio.sleep(0 if len(tries) > 1 or again else 600)

    again = False

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        said = ""
        try:
            await durable.step("broken", broken)
        except Exception as error:
            said = str(error)
        await durable.step("waits", waits)
        return {"said": said}

    engine = await opened(tmp_path, body, "steps-c")
    await engine.begin("r-2", "line")
    await asyncio.wait_for(held.wait(), 60)
    await engine.close()
    again = True
    engine = await opened(tmp_path, body, "steps-d")
    await engine.resume("r-2", "line")
    assert await asyncio.wait_for(engine.wait("r-2", "line"), 60) == {
        "said": "ValueError: no such thing"
    }
    assert tries == ["broken"]
    await engine.close()


async def test_work_whose_flow_lost_a_step_is_refused(tmp_path: Path) -> None:
    names = ["one", "two", "stop"]
    held = asyncio.Event()

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        async def nothing(name: str) -> None:
            if name == "stop":
                held.set()
                await asyncio.Event().wait()

        for name in names:
            await durable.step(name, lambda name=name: nothing(name))  # type: ignore[misc]
        return {}

    engine = await opened(tmp_path, body, "steps-e")
    await engine.begin("r-3", "line")
    await asyncio.wait_for(held.wait(), 60)
    await engine.close()
    names = ["one", "three"]
    engine = await opened(tmp_path, body, "steps-f")
    await engine.resume("r-3", "line")
    with pytest.raises(Exception, match="LIN-003"):
        await asyncio.wait_for(engine.wait("r-3", "line"), 60)
    await engine.close()


async def test_interrupted_work_begins_no_further_step(tmp_path: Path) -> None:
    done: list[str] = []
    held, go = asyncio.Event(), asyncio.Event()

    async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
        async def act(name: str) -> None:
            done.append(name)

        await durable.step("one", lambda: act("one"))
        held.set()
        await go.wait()
        await durable.step("two", lambda: act("two"))
        return {}

    engine = await opened(tmp_path, body, "steps-g")
    await engine.begin("r-4", "line")
    await asyncio.wait_for(held.wait(), 60)
    await engine.interrupt("r-4", "line")
    go.set()
    with pytest.raises(Exception, match=r"(?i)cancel|interrupt"):
        await asyncio.wait_for(engine.wait("r-4", "line"), 60)
    assert done == ["one"]
    await engine.resume("r-4", "line")
    await asyncio.wait_for(engine.wait("r-4", "line"), 60)
    assert done == ["one", "two"]
    await engine.close()
