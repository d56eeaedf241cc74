"""Socket Mode: one websocket for each connection of an app; envelopes acknowledged by id."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.twins.kit.http import Request
from unlit.twins.kit.world import World
from unlit.twins.model import Delivery

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
TICKET_S: Final = 30.0


@dataclass(slots=True)
class Sockets:
    """The open sockets by world."""

    open: dict[str, list["asyncio.Queue[bytes]"]] = field(default_factory=dict)

    def push(self, world: World, delivery: Delivery) -> None:
        """Send an event through one of the open sockets of a world, in turn."""
        queues = self.open.get(world.id)
        if not queues:
            return
        raw = world.text("slack.envelope", 32, "0123456789abcdef")
        envelope = {
            "envelope_id": "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])),
            "payload": json.loads(delivery.body),
            "type": "events_api",
            "accepts_response_payload": False,
            "retry_attempt": 0,
            "retry_reason": "",
        }
        queue = queues[world.number("slack.socket", 0) % len(queues)]
        queue.put_nowait(json.dumps(envelope).encode())

    async def talk(self, world: World, app: str, receive: Receive, send: Send) -> None:
        """Serve one connection until it closes."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues = self.open.setdefault(world.id, [])
        queues.append(queue)
        self._count(world)
        await send({"type": "websocket.accept"})
        hello = {
            "type": "hello", "num_connections": len(queues),
            "connection_info": {"app_id": app},
            "debug_info": {"host": "applink-twin", "build_number": 1,
                           "approximate_connection_time": 18060},
        }  # fmt: skip
        await send({"type": "websocket.send", "text": json.dumps(hello)})
        writer = asyncio.get_running_loop().create_task(_write(queue, send))
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                acknowledge(world, message.get("text") or "")
        finally:
            writer.cancel()
            queues.remove(queue)
            self._count(world)

    def _count(self, world: World) -> None:
        world.table("slack.meta").put("sockets", len(self.open.get(world.id, ())))


async def _write(queue: "asyncio.Queue[bytes]", send: Send) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            text = (await queue.get()).decode()
            await send({"type": "websocket.send", "text": text})


def acknowledge(world: World, text: str) -> None:
    """Keep what the app acknowledged."""
    try:
        body = json.loads(text)
    except ValueError:
        return
    if isinstance(body, dict) and "envelope_id" in body:
        world.table("slack.acknowledged").put(body["envelope_id"], body.get("payload"))


def ticket_of(world: World, request: Request) -> dict[str, Any] | None:
    """Return the ticket of a connection, once."""
    key = request.arg("ticket") or ""
    row = world.table("slack.tickets").drop(key)
    if row is None or world.now() - row["at"] > TICKET_S:
        return None
    return row  # type: ignore[no-any-return] # JSON
