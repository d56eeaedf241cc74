"""HTTP/1.1 for the twins' listeners: an answer that need not wait leaves in the turn it came in.

No task, no scope and no message queue for each request: the parser's callbacks collect a request,
the application answers it, its bytes go out. Only what must wait (faults with latency, a receiver
that has to be asked) becomes a task; requests pipelined behind it keep their order.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import httptools
from typing_extensions import override

from unlit.twins.heads import LONGEST, Heads
from unlit.twins.kit.http import Reply, Request

logger = logging.getLogger(__name__)
MAX_BODY: Final = 256 * 1024 * 1024
MAX_HEAD: Final = 128 * 1024
IDLE_S: Final = 75
HEAD_S: Final = 60
QUEUED: Final = 32
MANY: Final = 64 * 1024
GRACE_S: Final = 1.0
_JSON: Final = "Content-Type: application/json;charset=utf-8\r\n"


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer that waited, and how much of it may arrive.

    Attributes:
        cut: ``whole``; ``half`` of the body, then the connection ends; ``nothing`` of it.
    """

    reply: Reply
    cut: str = "whole"


Respond = Callable[[Request], "Reply | Awaitable[Sent]"]


@cache
def wire_name(name: str) -> str:
    """Return a header's name as HTTP/1.1 servers write it; some clients compare its letters."""
    return name.title()


@cache
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n"


class Door:
    """One listener and its connections.

    Args:
        respond: Answers a request, at once or in time.
        websocket: ASGI application of WebSocket connections.
    """

    def __init__(self, respond: Respond, websocket: Any = None) -> None:
        self.respond = respond
        self.open: set[Connection] = set()
        self.ticks = 0
        self.closing = False
        self.date = ""
        self.heads = Heads()
        self._websocket = websocket
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sockets: Any = None

    async def listen(self, listener: socket.socket) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self, loop), sock=listener, backlog=2048
        )
        self._tick(loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once a second: a new date, and an end to connections that say nothing."""
        self.ticks += 1
        self.date = f"Date: {formatdate(usegmt=True)}\r\n"
        for connection in tuple(self.open):
            connection.sweep()
        self._timer = loop.call_later(1, self._tick, loop)

    def upgrade(self, transport: asyncio.Transport, head: bytes, rest: bytes) -> bool:
        """Hand a connection over to a WebSocket; `False` when nobody talks that way here."""
        if self._websocket is None:
            return False
        # Loaded when first needed: most worlds never open a socket.
        import uvicorn
        from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
        from uvicorn.server import ServerState

        if self._sockets is None:
            config = uvicorn.Config(
                self._websocket, log_config=None, access_log=False, ws="wsproto", lifespan="off"
            )
            config.load()
            self._sockets = (config, ServerState())
        config, state = self._sockets
        protocol = WSProtocol(config=config, server_state=state, app_state={})
        protocol.connection_made(transport)
        transport.set_protocol(protocol)
        protocol.data_received(head)
        if rest:
            protocol.data_received(rest)
        return True

    async def close(self) -> None:
        """Stop accepting; running answers are cut after a second."""
        self.closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.open):
            connection.finish()
        state = None if self._sockets is None else self._sockets[1]
        for protocol in tuple(state.connections) if state else ():
            protocol.shutdown()
        loop = asyncio.get_running_loop()
        end = loop.time() + GRACE_S
        while (self.open or (state and state.connections)) and loop.time() < end:  # noqa: ASYNC110 # transports set no event
            await asyncio.sleep(0.005)
        for connection in tuple(self.open):
            connection.cut()
        if state is not None:
            _cut_sockets(state)
        await asyncio.sleep(0)


def _cut_sockets(state: Any) -> None:
    for protocol in tuple(state.connections):
        protocol.transport.abort()
    for task in tuple(state.tasks):
        task.cancel()


class Connection(asyncio.Protocol):
    """One connection of a client."""

    __slots__ = (
        "_began", "_blocked", "_body", "_chunks", "_done", "_door", "_fresh", "_headers", "_last",
        "_loop", "_old", "_out", "_parser", "_read", "_seen", "_size", "_task", "_transport",
        "_upgrading", "_url", "_waiting",
    )  # fmt: skip

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self._door = door
        self._loop = loop
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[str, str] = {}
        self._url = b""
        self._chunks: list[bytes] | None = None
        self._body = b""
        self._size = 0
        self._read = True  # whether no request is half read
        self._fresh: bytes | None = None  # bytes that begin with a request and are not understood
        self._upgrading = False
        self._began = self._seen = door.ticks
        self._out: list[bytes] = []
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._blocked = self._done = self._last = self._old = False

    # --- the transport's side
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self._transport = transport
        self._door.open.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; nobody waits for what is being done."""
        self._door.open.discard(self)
        self._done = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    @override
    def data_received(self, data: bytes) -> None:
        """Read on, answering each request that is complete."""
        if self._done:
            return
        door = self._door
        self._seen = door.ticks
        if self._read:
            end = data.find(b"\r\n\r\n") + 4
            head = door.heads.get(data[:end])
            if head is not None and len(data) == end + head.size:
                self._began, self._old = self._seen, False
                self._take(head.request(data[end:]), head.keep and not door.closing)
                if self._out:
                    self._flush()
                return
            self._fresh = data if len(data) < 2 * LONGEST else None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400, "This is no HTTP request.")
        if self._out:
            self._flush()

    @override
    def eof_received(self) -> bool:
        """The client says no more; what it asked is still answered."""
        self._last = True
        return self._task is not None or bool(self._waiting)

    @override
    def pause_writing(self) -> None:
        """The client reads slower than it asks: wait for it."""
        self._blocked = True
        with contextlib.suppress(RuntimeError):
            self._transport.pause_reading()

    @override
    def resume_writing(self) -> None:
        """The client has caught up."""
        self._blocked = False
        self._drain()

    # --- the parser's side
    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers = b"", {}
        self._body, self._chunks, self._size = b"", None, 0
        self._read, self._began = False, self._door.ticks

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; the last of equal names wins."""
        known = _names.get(name)
        self._headers[known or _name(name)] = value.decode("latin-1")
        self._size += len(name) + len(value)
        if self._size > MAX_HEAD:
            self._count(0)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HEAD:
            self._refuse(431, "The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """All headers are there."""
        headers = self._headers
        self._size = 0
        if len(headers.get("content-length", "")) > 8 and not self._done:
            length = headers["content-length"]
            if length.isdigit() and int(length) > MAX_BODY:
                self._refuse(413, "The body is too large.")
        if "expect" in headers and headers["expect"].lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "upgrade" in headers and self._parser.should_upgrade():
            self._upgrading = headers["upgrade"].lower() == "websocket"

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._size += len(body)
        if self._size > MAX_BODY:
            self._refuse(413, "The body is too large.")
        elif self._chunks is not None:
            self._chunks.append(body)
        elif self._body:
            self._chunks = [self._body, body]
        else:
            self._body = body

    def on_message_complete(self) -> None:
        """The request is whole: answer it, or let it wait behind others."""
        self._read = True
        if self._done or self._upgrading:
            return
        body = self._body if self._chunks is None else b"".join(self._chunks)
        path, query = _target(self._url)
        headers = self._headers
        request = Request(
            self._parser.get_method().decode("ascii"),
            path,
            query,
            headers,
            body,
            f"http://{headers.get('host', '127.0.0.1')}",
        )
        keep = self._parser.should_keep_alive()
        self._old = "connection" in headers and self._parser.get_http_version() == "1.0"
        if self._fresh is not None:
            if not self._old:
                self._door.heads.learn(self._fresh, request, keep)
            self._fresh = None
        self._take(request, keep and not self._door.closing)

    def _take(self, request: Request, keep: bool) -> None:
        """Answer a request now, or behind those that wait."""
        if self._task is not None or self._blocked or self._waiting:
            self._waiting.append((request, keep))
            if len(self._waiting) >= QUEUED:
                self._transport.pause_reading()
            return
        self._answer(request, keep)

    # --- answering
    def _answer(self, request: Request, keep: bool) -> None:
        try:
            found = self._door.respond(request)
        except Exception:  # the client must not be told that its request was none
            logger.exception("twin failed", extra={"path": request.raw_path})
            found = Reply(500, {"error": "internal_error"}, [("x-twin-error", "TWN-500")])
        if isinstance(found, Reply):
            whole = self._encoded(found, request.method, keep)
            self._out.append(whole)
            if not keep:
                self._end()
            elif len(whole) > MANY or len(self._out) > QUEUED:
                self._flush()  # the transport says at once when the client does not follow
            return
        self._task = self._loop.create_task(self._later(found, request.method, keep))

    async def _later(self, waited: Awaitable[Sent], method: str, keep: bool) -> None:
        try:
            sent = await waited
        except asyncio.CancelledError:
            raise
        except Exception:  # the client must not hang
            logger.exception("twin failed")
            sent = Sent(Reply(500))
            keep = False
        self._task = None
        if self._done:
            return
        if sent.cut == "whole":
            self._out.append(self._encoded(sent.reply, method, keep))
        else:
            whole = self._encoded(sent.reply, method, keep=True)
            size = len(sent.reply.encoded())
            self._out.append(whole[: len(whole) - size + (size // 2 if sent.cut == "half" else 0)])
            keep = False
        self._flush()
        if keep and not (self._last and not self._waiting):
            self._drain()
        else:
            self._end()

    def _drain(self) -> None:
        """Answer what waited, in order."""
        while self._waiting and self._task is None and not self._blocked and not self._done:
            request, keep = self._waiting.popleft()
            self._answer(request, keep)
            self._flush()
        if self._done or self._blocked or self._task is not None:
            return
        if self._last:
            self._end()
        else:
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()

    def _encoded(self, reply: Reply, method: str, keep: bool) -> bytes:
        end = "" if keep else "Connection: close\r\n"
        if keep and self._old:
            end = "Connection: keep-alive\r\n"
        return _encoded(reply, method, self._door.date, end)

    def _flush(self) -> None:
        out = self._out
        if out and not self._transport.is_closing():
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()

    # --- ends
    def _refuse(self, status: int, why: str) -> None:
        if self._done:
            return
        text = why.encode()
        reply = Reply(status, text, [("content-type", "text/plain; charset=utf-8")])
        self._out.append(self._encoded(reply, "GET", keep=False))
        self._end()

    def _end(self) -> None:
        """Send what is ready and close."""
        self._done = True
        self._waiting.clear()
        self._flush()
        self._transport.close()

    def _upgrade(self, rest: bytes) -> None:
        if not self._upgrading:  # h2c and the like: the request is answered, the offer is not taken
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self.data_received(rest)
            return
        head = b"%b %b HTTP/1.1\r\n" % (self._parser.get_method(), self._url)
        for name, value in self._headers.items():
            head += f"{name}: {value}\r\n".encode("latin-1")
        self._flush()
        self._door.open.discard(self)
        self._done = True
        if not self._door.upgrade(self._transport, head + b"\r\n", rest):
            self._transport.close()

    def sweep(self) -> None:
        """End a connection that is idle, or that does not finish its request's head."""
        if self._task is not None or self._done:
            return
        now = self._door.ticks
        if not self._read and (now - self._seen > IDLE_S or self._slow_head(now)):
            self._refuse(408, "The request did not come in time.")
        elif self._read and not self._waiting and now - self._seen > IDLE_S:
            self._end()

    def _slow_head(self, now: int) -> bool:
        return not self._body and self._chunks is None and now - self._began > HEAD_S

    def finish(self) -> None:
        """The listener closes: end now, or after what is being answered."""
        if self._task is None and not self._waiting:
            self._end()

    def cut(self) -> None:
        """End now, whatever is being answered."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()


def _encoded(reply: Reply, method: str, date: str, end: str) -> bytes:
    """Return an answer's bytes; `end` is the last line of its head."""
    body = reply.encoded()
    status = reply.status
    text = _status_line(status) + date
    typed = False
    for name, value in reply.headers:
        if name == "content-type":
            typed = True
        if "\n" in value or "\r" in value:
            value = " ".join(value.splitlines())  # never a header of its own
        text += f"{wire_name(name)}: {value}\r\n"
    if status in (204, 304):
        body = b""
    else:
        if body and not typed:
            text += _JSON
        text += f"Content-Length: {len(body)}\r\n"
    head = f"{text}{end}\r\n".encode("latin-1", "replace")
    return head if method == "HEAD" else head + body


_names: dict[bytes, str] = {}


def _name(raw: bytes) -> str:
    """Return a header's name in lower case."""
    found = _names.get(raw)
    if found is None:
        if len(_names) > 2000:
            _names.clear()
        found = _names[raw] = raw.decode("latin-1").lower()
    return found


def _target(url: bytes) -> tuple[str, str]:
    """Return path and query of a request's target, which may be a whole URL."""
    if not url.startswith(b"/"):
        try:
            parsed = httptools.parse_url(url)
        except httptools.HttpParserInvalidURLError:
            return url.decode("latin-1"), ""
        return (parsed.path or b"/").decode("latin-1"), (parsed.query or b"").decode("latin-1")
    text = url.decode("latin-1")
    if "#" in text:
        text = text.split("#", 1)[0]
    path, _, query = text.partition("?")
    return path, query
