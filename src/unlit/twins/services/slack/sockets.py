"""Socket Mode (envelopes acknowledged by id) and RTM (bare events, messages sent by the client)."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.twins.kit.http import Request
from unlit.twins.kit.world import World
from unlit.twins.model import Delivery
from unlit.twins.services.slack.events import RTM

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
TICKET_S: Final = 30.0


@dataclass(slots=True)
class Sockets:
    """The open sockets by world: of Socket Mode, and of RTM."""

    open: dict[str, list["asyncio.Queue[bytes]"]] = field(default_factory=dict)
    rtm: dict[str, list["asyncio.Queue[bytes]"]] = field(default_factory=dict)

    def push(self, world: World, delivery: Delivery) -> None:
        """Send an event through one open socket of a world in turn, or to all clients of RTM."""
        if delivery.headers == RTM:
            event = json.dumps(json.loads(delivery.body)["event"]).encode()
            for queue in self.rtm.get(world.id, ()):
                queue.put_nowait(event)
            return
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

    async def talk_rtm(self, world: World, ask: Ask, receive: Receive, send: Send) -> None:
        """Serve one client of RTM until it closes.

        Args:
            world: Whose events it hears.
            ask: Calls a Web API method as the client, for what it sends.
            receive: ASGI.
            send: ASGI.
        """
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues = self.rtm.setdefault(world.id, [])
        queues.append(queue)
        self._count(world)
        await send({"type": "websocket.accept"})
        hello = {"type": "hello", "fast_reconnect": False, "region": "us-east-1", "start": True,
                 "host_id": "gs-twin"}  # fmt: skip
        await send({"type": "websocket.send", "text": json.dumps(hello)})
        writer = asyncio.get_running_loop().create_task(_write(queue, send))
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                answer = _said(message.get("text") or "", ask)
                if answer is not None:
                    await send({"type": "websocket.send", "text": json.dumps(answer)})
        finally:
            writer.cancel()
            queues.remove(queue)
            self._count(world)

    def _count(self, world: World) -> None:
        meta = world.table("slack.meta")
        meta.put("sockets", len(self.open.get(world.id, ())))
        meta.put("rtm", len(self.rtm.get(world.id, ())))


def _said(text: str, ask: Ask) -> dict[str, Any] | None:
    """Do what a client of RTM says; return the answer, which carries its number."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return _refused(None, 1, "invalid event")
    number = said.get("id")
    if said.get("type") == "ping":
        kept = {key: value for key, value in said.items() if key not in ("id", "type")}
        return {"type": "pong", "reply_to": number, **kept}
    if said.get("type") == "message":
        fields = {key: said[key] for key in ("channel", "text", "thread_ts") if key in said}
        done = ask("chat.postMessage", fields)
        if done.get("ok"):
            return {"ok": True, "reply_to": number, "ts": done["ts"], "text": said.get("text", "")}
        return _refused(number, 2, str(done.get("error")))
    if said.get("type") in ("typing", "presence_sub", "presence_query"):
        return None
    return _refused(number, 1, "invalid event type")


def _refused(number: Any, code: int, why: str) -> dict[str, Any]:
    return {"ok": False, "reply_to": number, "error": {"code": code, "msg": why}}


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
