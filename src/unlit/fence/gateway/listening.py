"""Accepting on a socket that a fence made in its own network and handed over."""

import asyncio
import socket
import ssl
from typing import Final

from unlit.fence.gateway.connection import Connection
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.upstream import Dialler

_BATCH: Final = 32
MOST_CONNECTIONS: Final = 1024
PAUSE_S: Final = 0.1


class Listener:
    """Accepts for one session; connections over the limit are closed at once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        session: Session,
        dialler: Dialler,
        tls: ssl.SSLContext,
        *,
        is_proxy: bool = False,
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._session = session
        self._dialler = dialler
        self._tls = tls
        self._is_proxy = is_proxy
        self._most = session.policy.limits(session.role).connections or MOST_CONNECTIONS
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._ready)

    def _ready(self) -> None:
        for _ in range(_BATCH):
            try:
                accepted, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._pause()  # out of descriptors: the backlog waits
                return
            if len(self._session.connections) >= self._most:
                accepted.close()
                continue
            accepted.setblocking(False)
            if accepted.family in (socket.AF_INET, socket.AF_INET6):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(
                self._session, self._dialler, self._tls, accepted, is_proxy=self._is_proxy
            )
            self._session.connections.start(connection.run())

    def _pause(self) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock.fileno(), self._ready)

    def close(self) -> None:
        """Accept no more and close the socket."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
