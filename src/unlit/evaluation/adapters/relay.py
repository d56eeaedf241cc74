"""Stands in for Chromium where Playwright starts it; the real one runs in a fence of its own.

Its words and the two pipes that Playwright speaks through go to the evaluator's socket. Standard
library only, started with `-I -S`: ``relay.py SOCKET CHROMIUM'S WORDS…``.
"""

import array
import json
import os
import socket
import sys

_FROM_PLAYWRIGHT, _TO_PLAYWRIGHT = 3, 4


def main() -> None:
    """Hand over, and stay until the other end is done: Playwright waits for this process."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(sys.argv[1])
        pipes = array.array("i", [_FROM_PLAYWRIGHT, _TO_PLAYWRIGHT])
        words = json.dumps(sys.argv[2:]).encode() + b"\n"
        line.sendmsg([words], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, pipes)])
        os.close(_FROM_PLAYWRIGHT)
        os.close(_TO_PLAYWRIGHT)
        line.recv(1)


if __name__ == "__main__":
    main()
