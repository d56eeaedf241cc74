"""The grader's Chromium in a fence of its own: nothing but its program and the product's port.

The page is the product's, and a flaw of Chromium makes what runs it the product's too. So it gets
what any program of a stranger gets: a user of its own where root started the evaluator, a view
without the evaluator's files, limits, no network but one port. Playwright speaks to it over pipes.
"""

import array
import asyncio
import contextlib
import json
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from typing_extensions import override

from unlit.evaluation.ports import BrowserHouse
from unlit.fence import Fence, FenceSpec, Limits, Mount, Running
from unlit.fence.ways import Reach, pump
from unlit.policy import Identity, parse_policy

NO_RIGHTS: Final = parse_policy('version = 1\n\n[files.product]\nwrite = ["."]\n')
LIMITS: Final = Limits(memory_mb=2048, disk_mb=512, processes=600, open_files=4096)
_PROFILE: Final = "/tmp/profile"  # noqa: S108 # inside
_SETTINGS: Final = ("/etc/fonts", "/etc/chromium", "/etc/chromium.d", "/opt")
_LOWEST_PORT: Final = 1024
_ABOVE: Final = 20_000
_MOST_WORDS: Final = 1 << 16
_PIPES: Final = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'

Open = Callable[[FenceSpec], Awaitable[Fence]]


def browser_spec(identity: Identity, workspace: Path) -> FenceSpec:
    """Return the fence that Chromium runs in: it sees its program, fonts, and an empty folder."""
    shown = tuple(Mount(Path(path), path) for path in _SETTINGS if Path(path).is_dir())
    return FenceSpec(
        role="product",
        policy=NO_RIGHTS,
        identity=Identity(identity.run, identity.stage, "evaluator's browser", "product"),
        workspace=workspace,
        mounts=shown,
        limits=LIMITS,
    )


class FencedBrowser(BrowserHouse):
    """One Chromium at a time, in one fence that is reset for each.

    Args:
        fence: Where it runs.
        reach: Opens a connection to the product.
        port: The product's port.
        folder: A folder of ours, closed to everybody else.
    """

    def __init__(self, fence: Fence, reach: Reach, port: int, folder: Path) -> None:
        self._fence = fence
        self._reach = reach
        self._socket = folder / "line"
        self._stand_in = folder / "chromium"
        self._program = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self.port = port if port >= _LOWEST_PORT else _ABOVE + port
        self.host = "127.0.0.1"

    @property
    @override
    def program(self) -> str:
        return str(self._stand_in)

    async def prepare(self, program: str) -> None:
        """Make the way to the product, and what Playwright starts in the browser's place."""
        self._program = program
        await self._fence.reset()
        brought = await self._fence.bring(self.port, self._reach)
        self._closers.append(brought.aclose)
        relay = Path(__file__).with_name("relay.py")
        words = [sys.executable, "-I", "-S", str(relay), str(self._socket)]
        self._stand_in.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        self._stand_in.chmod(0o700)
        self._socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.setblocking(False)
        listener.bind(str(self._socket))
        listener.listen()
        self._tasks.append(asyncio.create_task(self._serve(listener)))

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            line, _ = await loop.sock_accept(listener)
        with line:
            words, pipes = await _handed_over(line)
            argv = [self._program, *(_inside(word) for word in words)]
            running = await self._fence.spawn(["sh", "-c", _PIPES, "sh", *argv])
            await _carry(running, *pipes)

    @override
    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # noqa: TID251 # they are cancelled
        self._tasks.clear()
        while self._closers:
            await self._closers.pop()()
        await self._fence.reset()  # its memory and profile are given back now, not at the next page


async def _handed_over(line: socket.socket) -> tuple[list[str], tuple[int, int]]:
    """Receive the words of the stand-in, and its pipes from and to Playwright."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(line, readable.set_result, None)
    try:
        await readable
    finally:
        loop.remove_reader(line)
    size = socket.CMSG_LEN(2 * array.array("i").itemsize)
    data, ancillary, _, _ = line.recvmsg(_MOST_WORDS, size, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for _, _, content in ancillary:
        fds.frombytes(content)
    while not data.endswith(b"\n"):
        data += await loop.sock_recv(line, _MOST_WORDS)
    words: list[str] = json.loads(data)
    return words, (fds[0], fds[1])


def _inside(word: str) -> str:
    """Return a word with the profile's place inside."""
    return f"--user-data-dir={_PROFILE}" if word.startswith("--user-data-dir=") else word


async def _carry(running: Running, wants: int, answers: int) -> None:
    """Carry what Playwright says in and what Chromium says out, until one of them ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    make = partial(asyncio.StreamReaderProtocol, reader)
    coming, _ = await loop.connect_read_pipe(make, os.fdopen(wants, "rb", buffering=0))
    mixin = asyncio.streams.FlowControlMixin(loop=loop)
    pipe = os.fdopen(answers, "wb", buffering=0)
    going, protocol = await loop.connect_write_pipe(lambda: mixin, pipe)
    writer = asyncio.StreamWriter(going, protocol, None, loop)
    told = asyncio.create_task(_tell(reader, running))
    try:
        with contextlib.suppress(ConnectionError):
            await pump(running.stdout, writer)
    finally:
        told.cancel()
        coming.close()
        going.close()


async def _tell(reader: asyncio.StreamReader, running: Running) -> None:
    while piece := await reader.read(1 << 16):
        await running.write(piece)
    running.close_stdin()


class BrowserHost:
    """The browsers of one slot: a fence that is opened when first asked for, and kept.

    Args:
        open_fence: Opens a fence.
        identity: Whose grading it is.
    """

    def __init__(self, open_fence: Open, identity: Identity) -> None:
        self._open = open_fence
        self._identity = identity
        self._fence: Fence | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def open(self, program: str, port: int, reach: Reach) -> FencedBrowser:
        """Make ready for one browser; the one before has ended."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="unlit-browser-")
        folder = Path(self._folder.name)
        if self._fence is None:
            (folder / "empty").mkdir(exist_ok=True)
            self._fence = await self._open(browser_spec(self._identity, folder / "empty"))
        made = FencedBrowser(self._fence, reach, port, folder)
        await made.prepare(program)
        return made

    async def close(self) -> None:
        """End the fence and what belongs to it."""
        fence, self._fence = self._fence, None
        if fence is not None:
            await fence.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
