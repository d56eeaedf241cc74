"""One connection from inside a fence: what it is for, TLS or not, and the requests on it."""

import asyncio
import logging
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Final

from unlit.fence.gateway.body import body_of
from unlit.fence.gateway.ca import LeafContext
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.exchange import BODY_SILENCE_S, Exchange
from unlit.fence.gateway.head import LONGEST_HEAD, Malformed, parse_connect
from unlit.fence.gateway.heads import request_head
from unlit.fence.gateway.http2_server import Http2Server
from unlit.fence.gateway.model import PROXY_ADDRESS, PROXY_PORT
from unlit.fence.gateway.reply import Http1Reply
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.upstream import Dialler
from unlit.policy.model import JSON

FIRST_BYTE_S: Final = 30.0
IDLE_S: Final = 120.0
_LOG: Final = logging.getLogger(__name__)
_TLS_HANDSHAKE: Final = 0x16
_DNS: Final = 53
_UNTRUSTED: Final = "the program does not trust the fence's certificate (see SSL_CERT_FILE inside)"
_TLS_REASONS: Final = {
    "CALLBACK_FAILED": "the program shows no plain server name (SNI)",
    "TLSV1_ALERT_UNKNOWN_CA": _UNTRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": _UNTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _UNTRUSTED,
}
_ORIGINAL_DST_V4: Final = 80
_ORIGINAL_DST_V6: Final = 80
_SOL_IPV6: Final = 41
_LONGEST_CONNECT: Final = 8_192


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a program believed it connected to."""

    address: str
    port: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What every request on a connection must agree with."""

    scheme: str
    port: int
    name: str | None
    proxied: bool

    @property
    def text(self) -> str:
        """Render for the audit log."""
        return f"{self.scheme}://{self.name or '?'}:{self.port}"


def destination_of(sock: socket.socket, session: Session) -> Destination:
    """Return the original destination of an accepted connection."""
    address, port = sock.getsockname()[:2]
    try:
        if sock.family == socket.AF_INET:
            raw = sock.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DST_V4, 16)
            port = struct.unpack_from("!H", raw, 2)[0]
            address = socket.inet_ntop(socket.AF_INET, raw[4:8])
        else:
            raw = sock.getsockopt(_SOL_IPV6, _ORIGINAL_DST_V6, 28)
            port = struct.unpack_from("!H", raw, 2)[0]
            address = socket.inet_ntop(socket.AF_INET6, raw[8:24])
    except OSError:
        pass  # no redirect: the local address is the destination
    address = address.removeprefix("::ffff:")
    return Destination(address, port, session.names.name_at(address))


class Connection:
    """Serves one accepted socket until either side has enough."""

    def __init__(
        self,
        session: Session,
        dialler: Dialler,
        tls: ssl.SSLContext,
        sock: socket.socket,
        *,
        is_proxy: bool = False,
    ) -> None:
        self._session = session
        self._dialler = dialler
        self._tls = tls
        self._sock = sock
        self._is_proxy = is_proxy
        self._channel: Channel | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Serve the connection; what goes wrong ends it alone."""
        try:
            where = destination_of(self._sock, self._session)
            if self._is_proxy or (where.address, where.port) == (PROXY_ADDRESS, PROXY_PORT):
                await self._proxied()
            else:
                await self._direct(where)
        except (Gone, TimedOut, ConnectionError, TimeoutError):
            pass  # the program went away, or said nothing
        except Exception:
            # a bug of ours ends this connection and no other; nothing was let through by it
            _LOG.exception("a connection of session %s failed", self._session.id)
        finally:
            if self._channel is not None:
                self._channel.close()
            elif self._sock.fileno() >= 0:
                self._sock.close()

    async def _direct(self, where: Destination) -> None:
        if where.port == _DNS:
            await self._names(await self._plain())
            return
        first = await self._peek()
        if first and first[0] == _TLS_HANDSHAKE:
            channel = await self._encrypted(where)
            if channel is not None:
                await self._serve(channel, "https", where)
        elif first:
            await self._serve(await self._plain(), "http", where)

    async def _names(self, channel: Channel) -> None:
        # questions over TCP: two bytes of length before each message (RFC 1035 section 4.2.2)
        while True:
            while len(channel.buffer) < 2 or len(channel.buffer) < 2 + _size(channel):
                if not await channel.fill(FIRST_BYTE_S):
                    return
            size = _size(channel)
            answer = self._session.names.answer(channel.take(2 + size)[2:])
            if answer is None:
                return
            channel.write(len(answer).to_bytes(2, "big") + answer)

    async def _proxied(self) -> None:
        async with asyncio.timeout(FIRST_BYTE_S):
            raw = await self._read_proxy_head()
        if raw is None:
            return
        head, _, rest = raw.partition(b"\r\n\r\n")
        try:
            named = parse_connect(head)
            if named is not None and rest:
                raise Malformed(400, "there is something behind the CONNECT")
        except Malformed as bad:
            await self._reject(await self._plain(), bad, "proxy")
            return
        if named is None:
            await self._serve(await self._plain(raw), "http", Destination("", 0, None), True)
            return
        name, port = named
        await self._loop.sock_sendall(self._sock, b"HTTP/1.1 200 Connection Established\r\n\r\n")
        await self._direct(Destination("", port, name))

    async def _read_proxy_head(self) -> bytes | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = await self._loop.sock_recv(self._sock, _LONGEST_CONNECT)
            data += piece
            if not piece or len(data) > LONGEST_HEAD:
                return None
        return data

    async def _peek(self) -> bytes:
        try:
            first = self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            first = b""
        else:
            return first
        ready = self._loop.create_future()
        self._loop.add_reader(self._sock.fileno(), _set, ready)
        try:
            async with asyncio.timeout(FIRST_BYTE_S):
                await ready
        finally:
            self._loop.remove_reader(self._sock.fileno())
        return self._sock.recv(1, socket.MSG_PEEK)

    async def _plain(self, before: bytes = b"") -> Channel:
        channel = self._channel = Channel(self._loop)
        channel.buffer += before
        await self._loop.connect_accepted_socket(lambda: channel, self._sock)
        return channel

    async def _encrypted(self, where: Destination) -> Channel | None:
        channel = self._channel = Channel(self._loop)
        try:
            await self._loop.connect_accepted_socket(
                lambda: channel,
                self._sock,
                ssl=self._tls,
                ssl_handshake_timeout=FIRST_BYTE_S,
            )
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            self._note(where, _TLS_REASONS.get(reason, f"TLS failed: {reason}"))
            return None
        return channel

    def _note(self, where: Destination, reason: str) -> None:
        to = f"{where.name or where.address}:{where.port}"
        self._session.counters.denied += 1
        self._session.refusals.take(
            "connection", to, {"to": to, "outcome": "deny", "reason": reason}
        )

    async def _serve(
        self, channel: Channel, scheme: str, where: Destination, proxied: bool = False
    ) -> None:
        promised = where.name
        if scheme == "https":
            context = channel.transport.get_extra_info("ssl_object").context
            shown = context.server_name if isinstance(context, LeafContext) else ""
            if promised is not None and promised != shown:
                self._note(where, f"SNI {shown} is not the name that was resolved")
                return
            promised = shown
            if channel.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
                await self._serve_h2(channel, shown, where.port)
                return
        expected = Expected(scheme, where.port, promised, proxied)
        while await self._one(channel, expected):
            pass

    async def _serve_h2(self, channel: Channel, host: str, port: int) -> None:
        expected = Expected("https", port, host, False)
        server = Http2Server(
            channel,
            host,
            port,
            lambda head, body, reply: Exchange(
                self._session, self._dialler, head, body, reply
            ).run(),
            lambda bad: self._refusal(bad, expected.text),
        )
        server.begin()
        await server.run()

    async def _one(self, channel: Channel, expected: "Expected") -> bool:
        try:
            raw = await channel.until(b"\r\n\r\n", LONGEST_HEAD, IDLE_S)
        except OverflowError:
            bad = Malformed(431, "the head is too long")
            return await self._reject(channel, bad, expected.text)
        if raw is None:
            return False
        try:
            head = request_head(raw, expected.scheme, expected.port, proxied=expected.proxied)
            if expected.name is not None and head.host != expected.name:
                raise Malformed(421, "Host is not the name that was resolved or shown by TLS")
        except Malformed as bad:
            return await self._reject(channel, bad, expected.text)
        body = body_of(channel, head.length, BODY_SILENCE_S)
        reply = Http1Reply(
            channel,
            is_head=head.method == "HEAD",
            keep_alive=head.keep_alive,
            knows_chunks=head.knows_chunks,
        )
        go_on = await Exchange(self._session, self._dialler, head, body, reply).run()
        return go_on and reply.keep_alive

    async def _reject(self, channel: Channel, bad: Malformed, where: str) -> bool:
        denial = self._refusal(bad, where)
        body = denial.body()
        reply = Http1Reply(channel, is_head=False, keep_alive=False)
        reply.start(denial.status, b"", denial.headers(), len(body))
        reply.send(body)
        return False

    def _refusal(self, bad: Malformed, where: str) -> Denial:
        code = "FEN-509" if bad.status == 421 else "FEN-502"
        denial = Denial(bad.status, code, "gateway", bad.reason + ".")
        counters = self._session.counters
        counters.exchanges += 1
        counters.denied += 1
        fields: dict[str, JSON] = {
            "url": where,
            "outcome": "deny",
            "rule": "gateway",
            "reason": bad.reason,
        }
        self._session.refusals.take("exchange", "malformed", fields)
        return denial


def _size(channel: Channel) -> int:
    return int.from_bytes(channel.buffer[:2], "big")


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
