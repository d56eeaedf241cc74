"""WebSocket driver over a socket opened inside the fence (wsproto)."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from unlit.evaluation.checks.match import match_text
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.ports import Connection
from unlit.evaluation.stage import ProductFailed, Stage


class Socket:
    """One open WebSocket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._wire = WSConnection(ConnectionType.CLIENT)
        self._partial = ""
        self._ready: list[str] = []
        self.closed = False

    async def open(self, path: str, headers: Mapping[str, str]) -> None:
        """Do the opening handshake.

        Raises:
            ProductFailed: The product does not speak WebSocket there.
        """
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send(Request(host="localhost", target=path, extra_headers=extra))
        while True:
            for event in self._wire.events():
                if isinstance(event, AcceptConnection):
                    return
                if isinstance(event, RejectConnection):
                    raise ProductFailed(f"the WebSocket was refused with {event.status_code}")
            await self._read()

    async def send(self, message: Any) -> None:
        """Send one message; what is not text as JSON."""
        text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
        await self._send(Message(data=text))

    async def receive(self) -> str | None:
        """Return the next message; None when the product has closed."""
        while not self._ready and not self.closed:
            self._collect()
            if not self._ready and not self.closed:
                await self._read()
        return self._ready.pop(0) if self._ready else None

    def _collect(self) -> None:
        replies = []
        for event in self._wire.events():
            if isinstance(event, TextMessage | BytesMessage):
                data = event.data
                self._partial += data if isinstance(data, str) else bytes(data).decode("latin-1")
                if event.message_finished:
                    self._ready.append(self._partial)
                    self._partial = ""
            elif isinstance(event, Ping):
                replies.append(event.response())
            elif isinstance(event, CloseConnection):
                self.closed = True
        for reply in replies:
            self._connection.writer.write(self._wire.send(reply))

    async def _read(self) -> None:
        data = await self._connection.reader.read(65536)
        if not data:
            self.closed = True
        try:
            self._wire.receive_data(data or None)
        except RemoteProtocolError as error:
            raise ProductFailed("the WebSocket answer breaks the protocol") from error
        if not data:
            raise ProductFailed("the product closed the WebSocket")

    async def _send(self, event: Any) -> None:
        self._connection.writer.write(self._wire.send(event))
        await self._connection.writer.drain()

    async def close(self) -> None:
        """Close without waiting for an answer."""
        self._connection.writer.close()


async def perform(params: Mapping[str, Any], stage: Stage) -> None:
    """Open, send, wait for what must arrive, close; as far as the step says."""
    sockets: dict[str, Socket] = stage.extra.setdefault("sockets", {})
    name = str(params.get("as", ""))
    received: list[str] = []
    try:
        async with asyncio.timeout(float(params.get("timeout_s", 10))):
            if "open" in params:
                sockets[name] = await _open(params, stage)
            socket = sockets.get(name)
            if socket is None:
                raise ProductFailed("no WebSocket is open")
            for message in params.get("send", ()):
                await socket.send(message)
            received += [await _wait_for(item, socket) for item in params.get("receive", ())]
            if "silent_s" in params:
                await _be_silent(socket, float(params["silent_s"]))
            if params.get("close"):
                await sockets.pop(name).close()
    except TimeoutError as error:
        raise ProductFailed("what must arrive on the WebSocket did not") from error
    except OSError as error:
        raise ProductFailed("the WebSocket broke") from error
    stage.note(Observation(stage.step, "ws", status=101, body="\n".join(received)))


async def _open(params: Mapping[str, Any], stage: Stage) -> Socket:
    if stage.server is None and not stage.extra.get("down"):
        await stage.start_server()
    socket = Socket(await stage.sandbox.connect(stage.launch.port or 0))
    stage.extra.setdefault("close", []).append(socket.close)
    await socket.open(str(params["open"]), params.get("headers") or {})
    return socket


async def _wait_for(expected: Any, socket: Socket) -> str:
    while (message := await socket.receive()) is not None:
        if not match_text(expected, message):
            return message
    raise ProductFailed("the WebSocket closed before the message came")


async def _be_silent(socket: Socket, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            message = await socket.receive()
    except TimeoutError:
        return
    if message is not None:
        raise ProductFailed("a message arrived where none may")
