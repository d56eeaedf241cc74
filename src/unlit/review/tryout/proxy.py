"""A served product in a person's browser: on an origin of its own that nobody can guess.

The host name holds the token: ``TOKEN.localhost`` is this machine in every browser, shares no
cookie with the console, and whoever does not know it is refused. Each answer gets a policy that
keeps the page from reaching anything but the product itself.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_HEAD_BYTES: Final = 64_000
_HEAD_S: Final = 30.0
_PIECE: Final = 1 << 16
_REFUSED: Final = (
    b"HTTP/1.1 %d %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%b"
)
_DROPPED: Final = (b"content-security-policy", b"connection", b"keep-alive", b"alt-svc",
                   b"strict-transport-security", b"x-frame-options")  # fmt: skip


class Proxy:
    """Leads a browser on loopback to a port inside a fence; make it with `start`."""

    def __init__(self, connect: Connect, framed_by: str) -> None:
        self._connect = connect
        self._policy = (
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; "
            f"base-uri 'self'; frame-ancestors {framed_by or chr(39) + 'none' + chr(39)}"
        ).encode()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.token = secrets.token_hex(16)
        self.port = 0
        self.requests = 0

    @classmethod
    async def start(cls, connect: Connect, *, framed_by: str = "") -> "Proxy":
        """Listen.

        Args:
            connect: Opens a connection to the product.
            framed_by: Origin that may show it in a frame; none by default.
        """
        proxy = cls(connect, framed_by)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
        proxy.port = proxy._server.sockets[0].getsockname()[1]
        return proxy

    @property
    def url(self) -> str:
        """Where the browser finds it."""
        return f"http://{self.token}.localhost:{self.port}/"

    async def close(self) -> None:
        """Stop listening and end what stands."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            if not self._is_ours(head):
                await _refuse(writer, 421, b"Misdirected Request", b"No such place.\n")
                return
            self.requests += 1
            await self._pass(head, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _is_ours(self, head: bytes) -> bool:
        hosts = [value for name, value in _fields(head) if name == b"host"]
        wanted = f"{self.token}.localhost:{self.port}".encode()
        return len(hosts) == 1 and secrets.compare_digest(hosts[0].lower(), wanted)

    async def _pass(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        upgrades = any(name == b"upgrade" for name, _ in _fields(head))
        try:
            inner, out = await self._connect()
        except OSError:
            await _refuse(writer, 502, b"Bad Gateway", b"The product does not answer.\n")
            return
        try:
            out.write(head if upgrades else _one_request(head))
            await out.drain()
            carrying = asyncio.create_task(_pump(reader, out))
            try:
                await self._answer(inner, writer)
            finally:
                carrying.cancel()
        finally:
            out.close()

    async def _answer(self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await inner.readuntil(b"\r\n\r\n")
            status = head[9:12]
            if status.startswith(b"1") and status != b"101":
                writer.write(head)
                continue
            writer.write(head if status == b"101" else self._guarded(head))
            break
        await _pump(inner, writer)

    def _guarded(self, head: bytes) -> bytes:
        lines = head.rstrip(b"\r\n").split(b"\r\n")
        kept = [lines[0]]
        for line in lines[1:]:
            name = line.partition(b":")[0].strip().lower()
            if name == b"set-cookie":
                kept.append(_framed(line))
            elif name not in _DROPPED:
                kept.append(line)
        kept += [b"content-security-policy: " + self._policy, b"referrer-policy: no-referrer",
                 b"cache-control: no-store", b"connection: close"]  # fmt: skip
        return b"\r\n".join(kept) + b"\r\n\r\n"


def _framed(cookie: bytes) -> bytes:
    """Let a cookie be kept by a page in a frame; it is the product's own origin's alone."""
    parts = [
        part for part in cookie.split(b";")
        if part.strip().partition(b"=")[0].lower()
        not in (b"samesite", b"secure", b"domain", b"partitioned")
    ]  # fmt: skip
    return b";".join([*parts, b" SameSite=None", b" Secure", b" Partitioned"])


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found.append((name.strip().lower(), value.strip()))
    return found


def _one_request(head: bytes) -> bytes:
    """One request a connection, so that each answer's head is found."""
    lines = head.rstrip(b"\r\n").split(b"\r\n")
    kept = [
        line for line in lines
        if line.partition(b":")[0].strip().lower() not in (b"connection", b"keep-alive")
    ]  # fmt: skip
    return b"\r\n".join([*kept, b"connection: close"]) + b"\r\n\r\n"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: int, word: bytes, body: bytes) -> None:
    writer.write(_REFUSED % (status, word, len(body), body))
    with contextlib.suppress(OSError):
        await writer.drain()
