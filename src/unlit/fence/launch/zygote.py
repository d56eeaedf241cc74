"""The zygote: forks keepers, and nothing else, so that a fence starts in milliseconds.

Run as ``python -I -m unlit.fence.launch.zygote FD``. One thread, no event loop, no import of the
factory: forking it is safe and cheap. It ends when the factory hangs up.
"""

import os
import signal
import socket
import sys
from typing import cast

from unlit.fence.launch.keeper import keep
from unlit.fence.launch.order import Order
from unlit.fence.launch.wire import receive


def serve(control: socket.socket) -> None:
    """Fork a keeper for each order until the factory hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps keepers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the factory decides when fences end
    while True:
        received = receive(control)
        if received is None:
            return
        message, fds = received
        if os.fork() == 0:
            code = 1
            try:
                control.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                keep(cast(Order, message), socket.socket(fileno=fds[0]))
                code = 0
            finally:
                os._exit(code)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
