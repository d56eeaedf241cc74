"""Messages between the factory and its launcher: one JSON object and some descriptors each."""

import array
import json
import socket
from typing import Any, Final

MAX_MESSAGE: Final = 1 << 20
_MAX_FDS: Final = 64


def pair() -> tuple[socket.socket, socket.socket]:
    """Make two connected sockets that keep message boundaries."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for one in (ours, theirs):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_MESSAGE)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MAX_MESSAGE)
    return ours, theirs


def send(channel: socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    """Send one message.

    Raises:
        ValueError: It is larger than a message may be.
        OSError: The other side is gone.
    """
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) > MAX_MESSAGE // 2:
        raise ValueError(f"a message of {len(data)} bytes is too large")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    channel.sendmsg([data], rights)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Receive one message; `None` when the other side is gone."""
    data, ancillary, _, _ = channel.recvmsg(
        MAX_MESSAGE, socket.CMSG_LEN(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC
    )
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    if not data:
        return None
    message: dict[str, Any] = json.loads(data)
    return message, list(fds)
