"""Many calls with one token: none is refused, and what is kept stays bounded."""

import asyncio

import pytest

from unlit.twins.kit.world import KEPT_BODIES
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

BODY = b"channel=general&text=hello"


async def many(calls: int, connections: int = 8) -> Universe:
    """Post through the wire on kept connections; every answer is checked."""
    universe = Universe(["slack"])
    universe.default = universe.create_world()
    server = await TwinServer.start(universe, service="slack")
    host, port = server.address.split(":")
    token = universe.tokens(universe.default)["slack"]
    asked = (
        f"POST /api/chat.postMessage HTTP/1.1\r\nHost: {server.address}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY

    async def one(count: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for start in range(0, count, 50):
            number = min(50, count - start)
            writer.write(asked * number)  # pipelined
            for _ in range(number):
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(size)
                assert head.startswith(b"HTTP/1.1 200 "), head
                assert body.startswith(b'{"ok":true'), body[:200]
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one(calls // connections))
    await server.close()
    return universe


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize(
    "calls", [4_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
async def test_no_call_is_refused_for_being_one_of_many(calls: int) -> None:
    universe = await many(calls)
    world = universe.world(str(universe.default))
    assert len(world.calls) == calls
    assert {call.status for call in world.calls} == {200}
    assert len(world.recent) == KEPT_BODIES
    kept = len(world.table(f"slack.messages:{world.table('slack.channel_names')['general']}"))
    assert kept == calls
    stamps = [m["ts"] for m in universe.state(world.id)["slack.messages"]]
    assert len(set(stamps)) == calls
