"""A product behind the weaker backend listens on the machine's port: alone, or not at all."""

import asyncio
import socket

import pytest

from unlit.core.clock import FakeClock
from unlit.core.errors import OutsideFailed
from unlit.core.system import SystemClock
from unlit.evaluation.adapters.host_port import own_port

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
    return number


async def test_a_program_that_listens_there_is_named_before_anything_runs(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OutsideFailed) as told:
        async with own_port(port, SystemClock()):
            pytest.fail("it went on")
    assert told.value.code == "EVA-158"
    assert str(port) in told.value.what


async def test_a_second_grading_waits_until_the_first_has_ended(port: int) -> None:
    order: list[str] = []
    first_is_in = asyncio.Event()

    async def grade(name: str) -> None:
        async with own_port(port, SystemClock()):
            order.append(f"{name} begins")
            first_is_in.set()
            await SystemClock().sleep(0.1)
            order.append(f"{name} ends")

    async with asyncio.TaskGroup() as group:
        group.create_task(grade("one"))
        await first_is_in.wait()
        group.create_task(grade("two"))
    assert order == ["one begins", "one ends", "two begins", "two ends"]


async def test_a_grading_that_never_ends_is_not_waited_for_for_ever(port: int) -> None:
    async with own_port(port, SystemClock()):
        with pytest.raises(OutsideFailed, match="half an hour"):
            async with own_port(port, FakeClock()):
                pytest.fail("it went on")


async def test_no_port_keeps_nothing() -> None:
    async with own_port(None, SystemClock()), own_port(None, SystemClock()):
        pass
