"""Connections to the world outside: resolved here, checked, verified, kept for the next request."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from unlit.fence.gateway.addresses import is_refused
from unlit.fence.gateway.channel import Channel
from unlit.fence.gateway.denial import Denial

CONNECT_TIMEOUT_S: Final = 15.0
_KEEP_IDLE: Final = 32
_REMEMBER_S: Final = 30.0


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return addresses, best first; none if the name is not known."""
        ...


class SystemResolver:
    """The machine's own resolver; answers are remembered for half a minute."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._known: dict[str, tuple[float, list[str]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name."""
        known = self._known.get(host)
        if known is not None and known[0] > self._loop.time():
            return known[1]
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if len(self._known) > 1024:
            self._known.clear()
        self._known[host] = (self._loop.time() + _REMEMBER_S, addresses)
        return addresses


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes: a name, or a twin's own address.

    Attributes:
        host: Name, for TLS and for the pool.
        port: Port.
        tls: Whether TLS is spoken.
        allow_private: The rule permits private addresses.
        address: Dial this (``HOST:PORT`` or ``unix:PATH``) and nothing else.
    """

    host: str
    port: int
    tls: bool
    allow_private: bool = False
    address: str = ""


@dataclass(slots=True)
class Pool:
    """Idle connections of one session, by origin."""

    idle: dict[Origin, list[Channel]] = field(default_factory=dict)
    open: set[Channel] = field(default_factory=set)

    def take(self, origin: Origin, now_s: float, most_idle_s: float) -> Channel | None:
        """Return an idle connection that still stands.

        Args:
            origin: Where to.
            now_s: The loop's time.
            most_idle_s: Not one that was idle for longer: its server may be closing it right now.
        """
        channels = self.idle.get(origin)
        while channels:
            channel = channels.pop()
            stands = not channel.eof and not channel.buffer and not channel.transport.is_closing()
            if stands and now_s - channel.idle_since_s <= most_idle_s:
                return channel
            self.drop(channel)
        return None

    def give(self, origin: Origin, channel: Channel, now_s: float) -> None:
        """Keep a connection for the next request."""
        channel.idle_since_s = now_s
        channels = self.idle.setdefault(origin, [])
        if channel.eof or channel.buffer or len(channels) >= _KEEP_IDLE:
            self.drop(channel)
        else:
            channels.append(channel)

    def drop(self, channel: Channel) -> None:
        """Close a connection."""
        self.open.discard(channel)
        channel.close()

    def close(self) -> None:
        """Close them all."""
        for channel in tuple(self.open):
            channel.abort()
        self.open.clear()
        self.idle.clear()


class Dialler:
    """Opens connections; shared by all sessions of a gateway.

    Args:
        loop: The gateway's loop.
        resolver: Finds addresses.
        roots: PEM file of trusted roots; default the machine's.
        overrides: Names (``host`` or ``host:port``) that the operator answers himself, and where.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        resolver: Resolver,
        roots: str | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self._loop = loop
        self._resolver = resolver
        self._overrides = dict(overrides or {})
        self._tls = ssl.create_default_context(cafile=roots)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.set_alpn_protocols(["http/1.1"])
        self._tls_h2 = ssl.create_default_context(cafile=roots)
        self._tls_h2.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls_h2.set_alpn_protocols(["h2", "http/1.1"])

    async def dial(self, origin: Origin, *, h2: bool = False) -> Channel:
        """Connect to an origin; with `h2`, HTTP/2 is offered to it.

        Raises:
            Denial: The name is unknown, leads to a refused address, or nobody answers.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await self._dial(origin, self._tls_h2 if h2 else self._tls)
        except TimeoutError:
            raise _unreachable(origin, "it did not answer in time", 504) from None
        except ssl.SSLCertVerificationError as error:
            raise _unreachable(
                origin, f"its certificate is not valid: {error.verify_message}"
            ) from None
        except (OSError, ssl.SSLError) as error:
            raise _unreachable(origin, type(error).__name__) from None

    async def _dial(self, origin: Origin, tls: ssl.SSLContext) -> Channel:
        channel = Channel(self._loop)
        where = origin.address or self._overrides.get(f"{origin.host}:{origin.port}", "")
        where = where or self._overrides.get(origin.host, "")
        if where.startswith("unix:"):
            await self._loop.create_unix_connection(lambda: channel, where[5:])
            return channel
        if where:
            host, _, port = where.rpartition(":")
            await self._connect(channel, (host.strip("[]"), int(port)), origin, tls)
            return channel
        addresses = await self._resolver.resolve(origin.host, origin.port)
        if not addresses:
            raise _unreachable(origin, "the name is not known")
        good = [a for a in addresses if not is_refused(a, allow_private=origin.allow_private)]
        if len(good) != len(addresses):
            bad = next(a for a in addresses if a not in good)
            why = f"{origin.host} leads to {bad}, a private or special address."
            raise Denial(403, "FEN-503", "address guard", why)
        for number, address in enumerate(good):
            try:
                await self._connect(channel, (address, origin.port), origin, tls)
            except OSError:
                if number == len(good) - 1:
                    raise
                continue
            return channel
        raise _unreachable(origin, "nobody answers")

    async def _connect(
        self, channel: Channel, where: tuple[str, int], origin: Origin, tls: ssl.SSLContext
    ) -> None:
        await self._loop.create_connection(
            lambda: channel,
            *where,
            ssl=tls if origin.tls else None,
            server_hostname=origin.host if origin.tls else None,
        )


def _unreachable(origin: Origin, reason: str, status: int = 502) -> Denial:
    why = f"{origin.host}:{origin.port} cannot be reached: {reason}."
    return Denial(status, "FEN-504", "upstream", why)
