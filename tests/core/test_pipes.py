"""A process that ends before it was fed: under both event loops no error, and its answer whole."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from unlit.core.pipes import converse

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def _ended_first(data: bytes) -> tuple[bytes, bytes, int | None]:
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "exec <&-; echo early; echo why >&2; exit 3",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    await process.wait()
    await asyncio.sleep(0.05)  # the loop hears that nobody reads any more, as on a busy machine
    process.stdin.close()
    await asyncio.sleep(0)
    out, said = await converse(process, data)
    return out, said, process.returncode


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("data", [b"", b"x" * 1_000_000], ids=["nothing", "much"])
def test_a_process_that_ended_before_it_was_fed_is_still_heard(loop: str, data: bytes) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = LOOPS[loop]
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(_ended_first(data)) == (b"early\n", b"why\n", 3)


async def _echoed(data: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return (await converse(process, data))[0]


@pytest.mark.parametrize("loop", LOOPS)
def test_more_than_a_pipe_holds_goes_in_and_out(loop: str) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(_echoed(b"y" * 3_000_000)) == b"y" * 3_000_000
