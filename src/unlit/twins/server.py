"""One listener for all twins: routes by host, then finds the world."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import uvicorn
from typing_extensions import override

from unlit.core.errors import OutsideFailed
from unlit.twins.control import control
from unlit.twins.kit.delivery import HttpSender, Postman, Sender
from unlit.twins.kit.http import Reply, Request
from unlit.twins.universe import Answered, Universe

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
MAX_BODY: Final = 256 * 1024 * 1024
_JSON: Final = b"application/json;charset=utf-8"


class TwinApp:
    """The ASGI application.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        request = request_of(scope, body)
        vendor = self.universe.service_for_host(request.host)
        # Behind the gateway the product must not reach the controls, only the vendor's paths.
        if request.raw_path.startswith("/_twin") and vendor is None:
            reply = await control(self.universe, self.service, request)
            for world in self.universe.every_world():
                if world.outbox:
                    self.postman.collect(world)
            await _send(send, reply)
            return
        service = vendor or self.service
        if service is None:
            message = f"No twin answers for the host {request.host!r}."
            await _send(send, Reply(421, {"error": "no_such_service", "message": message}))
            return
        if vendor is not None:
            request.origin = "https://" + request.headers["host"]
        answered = self.universe.answer(service, request)
        if answered.reply.wait is not None:
            answered = replace(answered, reply=await answered.reply.wait(self.postman.sender))
        if answered.world is not None and answered.world.outbox:
            self.postman.collect(answered.world)
        await _deliver(send, answered)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, b"")
        service = self.universe.service_for_host(request.host) or self.service
        twin = self.universe.by_service.get(service or "")
        talk = getattr(twin, "websocket", None)
        await receive()
        if talk is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        await talk(self.universe, request, receive, send)


async def read_body(receive: Receive) -> bytes:
    """Return all bytes of a request's body; more than the limit is thrown away."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
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


async def _deliver(send: Send, answered: Answered) -> None:
    fault, reply = answered.fault, answered.reply
    if fault is not None:
        if fault.latency_s:
            await asyncio.sleep(fault.latency_s)
        if fault.kind == "timeout":
            await asyncio.sleep(fault.latency_s or 3600)
        if fault.kind in ("timeout", "drop"):
            # An announced body that never comes: the client sees a connection cut in the middle.
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"1")],
                }
            )
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if fault.kind == "truncate":
            await _send(send, reply, cut=True)
            return
    await _send(send, reply)


async def _send(send: Send, reply: Reply, *, cut: bool = False) -> None:
    body = reply.encoded()
    headers: list[tuple[bytes, bytes]] = []
    typed = False
    for name, value in reply.headers:
        typed = typed or name == "content-type"
        headers.append((_wire(name), value.encode("latin-1", "replace")))
    if body and not typed:
        headers.append((b"Content-Type", _JSON))
    if reply.status not in (204, 304):
        headers.append((b"Content-Length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2] if cut else body})


@cache
def _wire(name: str) -> bytes:
    """Return a header's name as HTTP/1.1 servers write it; some clients compare its letters."""
    return name.title().encode("latin-1")


class _Quiet(uvicorn.Server):
    """uvicorn without its signal handlers: the process belongs to somebody else."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def quiet_server(app: Any) -> uvicorn.Server:
    """Return a server for an ASGI application that touches neither signals nor logging."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", http="httptools", ws="wsproto",
        server_header=False, date_header=True, timeout_keep_alive=75, proxy_headers=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    return _Quiet(config)


class TwinServer:
    """One listener; make it with `start`."""

    def __init__(
        self, server: uvicorn.Server, task: "asyncio.Task[None]", address: str, postman: Postman
    ) -> None:
        self._server = server
        self._task = task
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
        server = quiet_server(TwinApp(universe, service, postman))
        task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        while not server.started:
            if task.done():
                task.result()
                break
            await asyncio.sleep(0.001)
        return cls(server, task, shown, postman)

    async def close(self) -> None:
        """Stop listening; running answers are cut after a second."""
        self._server.should_exit = True
        await self._postman.close()
        await self._task


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
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError) as error:
        raise OutsideFailed(
            "TWN-110",
            f"Twins cannot listen on {address!r}.",
            str(error),
            "choose another address, or port 0.",
        ) from error
    return listener, f"{host}:{listener.getsockname()[1]}"
