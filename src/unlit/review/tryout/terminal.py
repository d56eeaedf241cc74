"""The terminal of a try: what a shell in the fence prints is kept for whoever looks."""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Awaitable, Callable
from typing import Final

from unlit.fence.fence import Running

_PIECE: Final = 32_768
_KEPT: Final = 262_144
_PACE_S: Final = 0.01
ROWS: Final = 24
COLUMNS: Final = 80
_LEAST, _MOST = 2, 500
Take = Callable[[bytes], Awaitable[None]]


class Terminal:
    """Our end of a terminal inside the fence; several may look, each from the beginning kept.

    What is printed goes to viewers as bytes and is interpreted by nobody here.
    """

    def __init__(self, running: Running, descriptor: int) -> None:
        self.running = running
        self._descriptor = descriptor
        self._kept = bytearray()
        self._viewers: set[asyncio.Queue[bytes | None]] = set()
        self._loop = asyncio.get_running_loop()
        self._spoke = asyncio.Event()
        self._task = asyncio.create_task(self._read())
        self.is_over = False

    async def _read(self) -> None:
        try:
            while True:
                piece = await self._piece()
                if not piece:
                    break
                self._spoke.set()
                self._kept += piece
                del self._kept[: max(0, len(self._kept) - _KEPT)]
                for viewer in self._viewers:
                    if viewer.full():  # it lags: what it missed is in the part that is kept
                        viewer.get_nowait()
                    viewer.put_nowait(piece)
                await asyncio.sleep(_PACE_S)  # a flood is slowed, not collected
        finally:
            self.is_over = True
            self._spoke.set()
            for viewer in self._viewers:
                if viewer.full():
                    viewer.get_nowait()
                viewer.put_nowait(None)

    async def _piece(self) -> bytes:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._descriptor, _wake, ready)
        try:
            await ready
            return os.read(self._descriptor, _PIECE)
        except OSError:  # the other end is gone
            return b""
        finally:
            with contextlib.suppress(ValueError, OSError):
                self._loop.remove_reader(self._descriptor)

    async def watch(self, take: Take) -> None:
        """Pass on what was printed and what is printed, until it is over."""
        viewer: asyncio.Queue[bytes | None] = asyncio.Queue(64)
        if self._kept:
            await take(bytes(self._kept))
        if self.is_over:
            return
        self._viewers.add(viewer)
        try:
            while (piece := await viewer.get()) is not None:
                await take(piece)
        finally:
            self._viewers.discard(viewer)

    async def spoken(self, within_s: float) -> None:
        """Wait for the first thing it prints, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._spoke.wait()

    def type(self, data: bytes) -> None:
        """Type; what a stopped program does not read is dropped."""
        if self.is_over:
            return
        with contextlib.suppress(OSError):
            os.write(self._descriptor, data[:4096])

    def resize(self, rows: int, columns: int) -> None:
        """Tell it how large it is shown."""
        if self.is_over or not (_LEAST <= rows <= _MOST and _LEAST <= columns <= _MOST):
            return
        packed = struct.pack("=HHHH", rows, columns, 0, 0)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, packed)

    async def close(self) -> None:
        """Stop reading and let the descriptor go."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
