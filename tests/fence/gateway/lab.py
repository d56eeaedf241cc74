"""A gateway with a fake vendor behind it and a program's side in front, all on loopback."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from unlit.core.clock import Clock
from unlit.core.system import SystemClock
from unlit.fence.gateway.allowance import Meter
from unlit.fence.gateway.ca import Authority
from unlit.fence.gateway.gateway import Gateway
from unlit.fence.gateway.model import SessionReport
from unlit.fence.gateway.upstream import Resolver
from unlit.policy import AuditLog, Identity, Policy, mint_placeholder, parse_policy, read_entries
from unlit.policy.model import AuditEntry

SECRET = "fake-secret-0123456789-abcdef"
IDENTITY = Identity("r-test", "build", "scripted", "coder")

VENDOR_HOSTS = ("api.vendor.test", "open.vendor.test", "h2.vendor.test", "login.vendor.test")
POLICY = """
version = 1
[credential.vendor]
source = {env = "VENDOR_KEY"}
inject = {header = "x-api-key"}
hosts = ["api.vendor.test"]
paths = ["/v1/**"]
[[allow]]
name = "vendor api"
role = "coder"
host = "api.vendor.test"
methods = ["GET", "POST", "PUT", "HEAD"]
paths = ["/v1/**"]
credential = "vendor"
[[allow]]
name = "open"
role = "coder"
host = "open.vendor.test"
methods = ["GET", "POST", "PUT", "HEAD"]
paths = ["/**"]
[[allow]]
name = "slack"
role = "coder"
host = "slack.com"
paths = ["/api/**"]
twin = "slack"
"""


@dataclass
class Seen:
    """One request as the upstream saw it."""

    head: bytes
    body: bytes


Switch = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


async def plain_answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


@dataclass
class Vendor:
    """A fake upstream that keeps what it saw and answers as told."""

    answer: Answer = plain_answer
    switch: Switch | None = None
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                seen = Seen(head, await self._body(head, reader))
                self.seen.append(seen)
                if self.switch is not None:
                    await self.switch(seen, reader, writer)
                    break
                await self.answer(seen, writer)
                await writer.drain()
        writer.close()

    @staticmethod
    async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return await reader.readexactly(int(line.split(b":")[1]))
        if b"transfer-encoding: chunked" not in head.lower():
            return b""
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body


@dataclass
class Twin:
    """A route to a fake twin."""

    service: str
    hosts: tuple[str, ...]
    address: str
    world: str


@dataclass
class Spec:
    """What a fence would hand to the gateway."""

    policy: Policy
    role: str = "coder"
    identity: Identity = IDENTITY
    twins: tuple[Twin, ...] = ()


@dataclass
class Lab:
    """The whole set-up."""

    gateway: Gateway
    audit: AuditLog
    vendor: Vendor
    twin: Vendor
    proxy_port: int
    placeholders: dict[str, str]
    client_tls: ssl.SSLContext
    folder: Path

    @property
    def placeholder(self) -> str:
        return self.placeholders["vendor"]

    async def connect(
        self, host: str, port: int = 443, *, sni: str | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a tunnel through the proxy, with TLS on port 443."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy_port)
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in answer, answer
        if port == 443:
            await writer.start_tls(self.client_tls, server_hostname=sni or host)
        return reader, writer

    async def raw(
        self, host: str, data: bytes, port: int = 443, *, sni: str | None = None
    ) -> bytes:
        """Send bytes and return all that comes back until the connection closes."""
        reader, writer = await self.connect(host, port, sni=sni)
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                answer = await reader.read(-1)
        writer.close()
        return answer

    async def get(self, host: str, path: str, *fields: str, method: str = "GET") -> bytes:
        """Send one request without a body."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {host}", "connection: close", *fields]
        return await self.raw(host, ("\r\n".join(lines) + "\r\n\r\n").encode())

    async def post(self, host: str, path: str, body: bytes, *fields: str) -> bytes:
        """Send one request with a body."""
        lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
        head = "\r\n".join([*lines, "connection: close", *fields]) + "\r\n\r\n"
        return await self.raw(host, head.encode() + body)

    def entries(self, kind: str = "exchange") -> list[AuditEntry]:
        """Return the audit entries so far."""
        return [entry for entry in read_entries(self.folder / "audit") if entry.kind == kind]

    async def entry(self, kind: str) -> AuditEntry:
        """Wait for the first entry of a kind."""
        for _ in range(500):
            if found := self.entries(kind):
                return found[0]
            await asyncio.sleep(0.01)
        raise AssertionError(f"no entry of kind {kind}")

    async def detach(self) -> SessionReport:
        return await self.gateway.detach("s1")


def free_listener() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    return sock


@contextlib.asynccontextmanager
async def open_lab(
    folder: Path,
    policy: str = POLICY,
    *,
    env: dict[str, str] | None = None,
    meter: Meter | None = None,
    upstreams: dict[str, int] | None = None,
    roots: bytes = b"",
    clock: Clock | None = None,
    resolver: Resolver | None = None,
    hosts: tuple[str, ...] = VENDOR_HOSTS,
) -> AsyncIterator[Lab]:
    """Start everything and stop it again."""
    ca = Authority(lambda: datetime.now(UTC))
    (folder / "roots.pem").write_bytes(ca.pem + roots)
    vendor, twin = Vendor(), Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0, ssl=ca.entry())
    plain = await asyncio.start_server(twin.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    twin_port = plain.sockets[0].getsockname()[1]
    names = dict.fromkeys(hosts, port)
    overrides = {name: f"127.0.0.1:{at}" for name, at in (names | (upstreams or {})).items()}
    audit = AuditLog.open(folder / "audit", {}, SystemClock())
    gateway = await Gateway.start(
        audit,
        secret_env={"VENDOR_KEY": SECRET} if env is None else env,
        upstream_tls=str(folder / "roots.pem"),
        meter=meter,
        clock=clock,
        resolver=resolver,
        overrides=overrides,
    )
    parsed = parse_policy(policy)
    placeholders = {rule.name: mint_placeholder(rule) for rule in parsed.granted("coder")}
    listener = free_listener()
    proxy_port = listener.getsockname()[1]
    spec = Spec(parsed, twins=(Twin("slack", ("slack.com",), f"127.0.0.1:{twin_port}", "w1"),))
    await gateway.attach("s1", spec, [], None, placeholders, proxies=[listener])
    tls = ssl.create_default_context(cadata=gateway.ca_pem.decode())
    try:
        yield Lab(gateway, audit, vendor, twin, proxy_port, placeholders, tls, folder)
    finally:
        await gateway.close()
        server.close()
        plain.close()
        audit.close()
