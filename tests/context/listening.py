"""Waiting for a real server that was just started."""

import socket
import time


def listening(port: int, seconds: float = 60.0) -> bool:
    """Whether somebody listens on a port of loopback within that time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
