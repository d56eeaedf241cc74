"""One listener for all twins: routes by host, then finds the world."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from unlit.core.errors import OutsideFailed
from unlit.twins.control import control
from unlit.twins.kit.delivery import HttpSender, Postman, Sender
from unlit.twins.kit.http import Reply, Request
from unlit.twins.universe import Answered, Universe
from unlit.twins.wire import MAX_BODY, Door, Sent, wire_name

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class TwinApp:
    """Answers what a listener reads; also an ASGI application, to be mounted elsewhere.

    Args:
        universe: Whose worlds are served.
        service: Answer always as this service; `None` decides by the Host header.
        postman: Delivers webhooks; one of its own by default.
    """

    def __init__(
        self, universe: Universe, service: str | None = None, postman: Postman | None = None
    ) -> None:
        self.universe = universe
        self.service = service
        self.postman = postman or Postman(universe.twins)

    def respond(self, request: Request) -> Reply | Awaitable[Sent]:
        """Answer a request; what must wait is awaited by the caller."""
        universe = self.universe
        vendor = universe.service_for_host(request.host)
        # Behind the gateway the product must not reach the controls, only the vendor's paths.
        if vendor is None and request.raw_path.startswith("/_twin"):
            return self._control(request)
        service = vendor or self.service
        if service is None:
            message = f"No twin answers for the host {request.host!r}."
            return Reply(421, {"error": "no_such_service", "message": message})
        if vendor is not None:
            request.origin = "https://" + request.headers["host"]
        answered = universe.answer(service, request)
        world = answered.world
        if answered.reply.wait is not None or answered.fault is not None:
            return self._in_time(answered)
        if world is not None and world.outbox:
            self.postman.collect(world)
        return answered.reply

    def _control(self, request: Request) -> Reply:
        reply = control(self.universe, self.service, request)
        self._collect()
        return reply

    def _collect(self) -> None:
        for world in self.universe.every_world():
            if world.outbox:
                self.postman.collect(world)

    async def _in_time(self, answered: Answered) -> Sent:
        reply, fault, world = answered.reply, answered.fault, answered.world
        if reply.wait is not None:
            reply = await reply.wait(self.postman.sender)
        if world is not None and world.outbox:
            self.postman.collect(world)
        if fault is None:
            return Sent(reply)
        if fault.latency_s:
            await asyncio.sleep(fault.latency_s)
        if fault.kind == "timeout":
            await asyncio.sleep(fault.latency_s or 3600)
        if fault.kind in ("timeout", "drop"):
            # An announced body that never comes: the client sees a connection cut in the middle.
            return Sent(Reply(200, b"-"), "nothing")
        return Sent(reply, "half" if fault.kind == "truncate" else "whole")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            found = self.respond(request_of(scope, await read_body(receive)))
            sent = Sent(found) if isinstance(found, Reply) else await found
            await _send(send, sent)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, b"")
        service = self.universe.service_for_host(request.host) or self.service
        twin = self.universe.by_service.get(service or "")
        talk = getattr(twin, "websocket", None)
        await receive()
        if talk is None:
            await send({"type": "websocket.close", "code": 1008})
            return

        async def sent(message: dict[str, Any]) -> None:
            await send(message)
            self._collect()  # what a client of a socket did may be told to others

        await talk(self.universe, request, receive, sent)


async def read_body(receive: Receive) -> bytes:
    """Return all bytes of a request's body; more than the limit is thrown away."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def request_of(scope: Scope, body: bytes) -> Request:
    """Return the request of an ASGI scope."""
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Request(
        scope.get("method", "GET"),
        raw_path.decode("latin-1").split("?", 1)[0],
        scope.get("query_string", b"").decode("latin-1"),
        headers,
        body,
        f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}",
    )


async def _send(send: Send, sent: Sent) -> None:
    reply = sent.reply
    body = reply.encoded()
    headers = [
        (wire_name(name).encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in reply.headers
    ]
    if body and reply.header("content-type") is None:
        headers.append((b"Content-Type", b"application/json;charset=utf-8"))
    if reply.status not in (204, 304):
        headers.append((b"Content-Length", str(len(body)).encode()))
    left = {"whole": len(body), "half": len(body) // 2}.get(sent.cut, 0)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:left]})


class TwinServer:
    """One listener; make it with `start`."""

    def __init__(self, door: Door, address: str, postman: Postman) -> None:
        self._door = door
        self._postman = postman
        self.address = address

    @classmethod
    async def start(
        cls,
        universe: Universe,
        address: str = "127.0.0.1:0",
        *,
        service: str | None = None,
        sender: Sender | None = None,
    ) -> "TwinServer":
        """Listen and serve until closed.

        Args:
            universe: Whose worlds are served.
            address: ``HOST:PORT`` (port 0: any) or ``unix:/path``.
            service: Answer always as this service; `None` decides by the Host header.
            sender: Carries webhooks; over HTTP by default.

        Raises:
            OutsideFailed: The address cannot be listened on.
        """
        listener, shown = listen_on(address)
        postman = Postman(universe.twins, sender or HttpSender())
        app = TwinApp(universe, service, postman)
        door = Door(app.respond, app)
        await door.listen(listener)
        return cls(door, shown, postman)

    async def close(self) -> None:
        """Stop listening; running answers are cut after a second."""
        await self._postman.close()
        await self._door.close()


def listen_on(address: str) -> tuple[socket.socket, str]:
    """Bind a listener to ``HOST:PORT`` or ``unix:/path``; return it and its real address.

    Raises:
        OutsideFailed: The address cannot be listened on.
    """
    try:
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            Path(path).unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            return listener, address
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, proto=socket.IPPROTO_TCP)  # else Nagle stays on: 40 ms
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise OutsideFailed(
            "TWN-110",
            f"Twins cannot listen on {address!r}.",
            str(error),
            "choose another address, or port 0.",
        ) from error
    return listener, f"{host}:{listener.getsockname()[1]}"
