"""The name server of a fence: answers on the UDP socket that the fence handed over."""

import asyncio
import socket
import struct
from typing import Any, Final

from unlit.fence.gateway.names import Names

_PKTINFO_V4: Final = getattr(socket, "IP_PKTINFO", 8)
_PKTINFO_V6: Final = getattr(socket, "IPV6_PKTINFO", 50)
_BATCH: Final = 64


class NameServer:
    """Answers questions from the address that was asked, so that resolvers accept the answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, names: Names) -> None:
        self._loop = loop
        self._sock = sock
        self._names = names
        sock.setblocking(False)
        for level, option in ((socket.IPPROTO_IP, _PKTINFO_V4), (socket.IPPROTO_IPV6, 49)):
            try:
                sock.setsockopt(level, option, 1)
            except OSError:
                continue
        loop.add_reader(sock.fileno(), self._ready)

    def _ready(self) -> None:
        for _ in range(_BATCH):
            try:
                question, ancillary, _, peer = self._sock.recvmsg(2048, 256)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.close()
                return
            answer = self._names.answer(question)
            if answer is not None:
                self._send(answer, ancillary, peer)

    def _send(self, answer: bytes, ancillary: list[tuple[int, int, bytes]], peer: Any) -> None:
        reply: list[tuple[int, int, bytes]] = []
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, _PKTINFO_V4) and len(data) >= 12:
                _, _, asked = struct.unpack("=I4s4s", data[:12])
                reply = [(level, kind, struct.pack("=I4s4s", 0, asked, b"\0" * 4))]
            elif (level, kind) == (socket.IPPROTO_IPV6, _PKTINFO_V6) and len(data) >= 20:
                reply = [(level, kind, data[:16] + struct.pack("=I", 0))]
        try:
            self._sock.sendmsg([answer], reply, 0, peer)
        except OSError:
            return

    def close(self) -> None:
        """Stop answering and close the socket."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
