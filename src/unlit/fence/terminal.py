"""A person's terminal, joined to a command's terminal inside a fence."""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from typing import Final

from unlit.fence.fence import Fence
from unlit.fence.model import Command

_PIECE: Final = 1 << 16
_DRAIN_S: Final = 1.0


async def run_on_terminal(fence: Fence, command: Command, terminal: int) -> int:
    """Run a command on a terminal of the fence, joined to ours; return its exit code.

    Args:
        fence: Where it runs.
        command: What runs.
        terminal: Descriptor of the person's terminal, for both directions.
    """
    rows, columns = os.get_terminal_size(terminal)[::-1]
    running, inner = await fence.spawn_terminal(command.argv, rows, columns, env=command.env)
    loop = asyncio.get_running_loop()

    def resize() -> None:
        size = os.get_terminal_size(terminal)
        packed = struct.pack("=HHHH", size.lines, size.columns, 0, 0)
        fcntl.ioctl(inner, termios.TIOCSWINSZ, packed)

    loop.add_signal_handler(signal.SIGWINCH, resize)
    done = asyncio.Event()
    try:
        with raw_terminal(terminal):
            _carry(terminal, inner)
            _carry(inner, terminal, lambda: loop.call_soon_threadsafe(done.set))
            await running.ended_event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    await done.wait()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        os.close(inner)
    return (await running.wait()).exit_code


def terminal_size(terminal: int) -> tuple[int, int]:
    """Return rows and columns of a terminal."""
    size = os.get_terminal_size(terminal)
    return size.lines, size.columns


@contextlib.contextmanager
def raw_terminal(terminal: int) -> Iterator[None]:
    """Pass every key on as it is while the block runs."""
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal, termios.TCSADRAIN)  # what was typed ahead is kept
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _carry(source: int, target: int, at_end: Callable[[], object] = lambda: None) -> None:
    def carry() -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(source, _PIECE):
                view = memoryview(piece)
                while view:
                    view = view[os.write(target, view) :]
        at_end()

    threading.Thread(target=carry, name="terminal", daemon=True).start()
