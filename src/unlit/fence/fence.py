"""A fence: run commands in it, reach its ports, take out what it changed, end it."""

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from unlit.core.errors import OutsideFailed
from unlit.fence.layer import Layer, read_layer
from unlit.fence.model import (
    NOT_RUN,
    NOT_STARTED,
    FenceReport,
    FenceSpec,
    Finished,
    Limits,
    Probe,
)
from unlit.fence.session import Ended, Line
from unlit.fence.view import WORKSPACE, View, command
from unlit.fence.ways import ForwardedPort, Reach, lead_to
from unlit.policy import AuditLog
from unlit.policy.model import JSON

_OUTPUT_LIMIT: Final = 64 * 1024 * 1024
_PIECE: Final = 1 << 16
_TAIL_S: Final = 1.0
_CONNECT_S: Final = 5.0

Prober = Callable[["Fence", str], Awaitable[tuple[Probe, ...]]]
Closer = Callable[["Fence"], Awaitable[Mapping[str, Any]]]
Renewer = Callable[[Sequence[int]], Awaitable[None]]


class Running:
    """A command that runs in a fence and is talked to."""

    def __init__(self, fence: "Fence", number: int, pipes: "_Pipes") -> None:
        self._fence = fence
        self._number = number
        self._pipes = pipes
        self._started_s = time.monotonic()
        self._timed_out = False

    @property
    def pid(self) -> int:
        """Number of the command, unique in its fence."""
        return self._number

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._fence._exits[self._number].done()

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it writes to standard output."""
        return self._pipes.stdout

    @property
    def stderr(self) -> asyncio.StreamReader:
        """What it writes to standard error."""
        return self._pipes.stderr

    async def write(self, data: bytes) -> None:
        """Write to its standard input; what it no longer reads is dropped."""
        with contextlib.suppress(ConnectionError):
            self._pipes.stdin.write(data)
            await self._pipes.stdin.drain()

    def close_stdin(self) -> None:
        """Tell it that nothing more comes."""
        self._pipes.stdin.close()

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield lines of its standard output as they come, newline included."""
        while True:
            try:
                line = await self._pipes.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    yield error.partial
                return
            except asyncio.LimitOverrunError as error:
                yield await self._pipes.stdout.readexactly(error.consumed)
                continue
            yield line

    async def read(self, most: int = 1 << 16) -> bytes:
        """Return the next piece of its standard output, however short; b"" at the end."""
        return await self._pipes.stdout.read(most)

    async def ended_event(self) -> None:
        """Wait for its end and leave its output alone."""
        await asyncio.shield(self._fence._exits[self._number])

    async def wait(self) -> Finished:
        """Wait for its end; output that `lines` did not take is in the result."""
        ended = await asyncio.shield(self._fence._exits[self._number])
        stdout, stderr = b"", b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAIL_S):
                stdout = await self._pipes.stdout.read()
                stderr = await self._pipes.stderr.read()
        self._pipes.close()
        return Finished(
            exit_code=_exit_code(ended),
            stdout=stdout,
            stderr=stderr,
            timed_out=self._timed_out,
            duration_s=time.monotonic() - self._started_s,
            peak_memory_mb=ended.peak_kb / 1024,
            limits_met=ended.met,
        )

    async def kill(self) -> None:
        """End it and everything it started."""
        if not self.ended:
            await self._fence._session.ask("kill", id=self._number)
            await asyncio.shield(self._fence._exits[self._number])


@dataclass
class _Pipes:
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    transports: list[asyncio.BaseTransport] = field(default_factory=list)

    def close(self) -> None:
        self.stdin.close()
        for transport in self.transports:
            transport.close()


class Fence:
    """One fence; made by `FenceHost.open`, ended by `close`.

    What is written to `/work` is kept as a layer over `spec.workspace`, which stays as it is.
    """

    def __init__(
        self,
        spec: FenceSpec,
        limits: Limits,
        view: View,
        line: Callable[["Fence"], Line],
        placeholders: Mapping[str, str],
        env: Mapping[str, str],
    ) -> None:
        self.spec = spec
        self.limits = limits
        self.placeholders = placeholders
        self.weak: tuple[str, ...] = ()
        self.report: FenceReport | None = None
        self.keeper: int | None = None
        self.name = ""
        self._audit: AuditLog | None = None
        self._view = view
        self._env = dict(env)
        self._numbers = itertools.count(1)
        self._exits: dict[int, asyncio.Future[Ended]] = {}
        self._peak_kb = 0
        self._met: set[str] = set()
        self._probes: list[Probe] = []
        self._session = line(self)
        self._finish: Closer | None = None
        self._renew: Renewer | None = None
        self._probe: Prober | None = None

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 600,
        cwd: str = "/work",
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Run one command and wait for its end.

        Args:
            argv: The command; looked up on the fence's PATH.
            stdin: What it reads.
            env: Added to the fence's environment.
            timeout_s: It is killed after this many seconds, or after the fence's `wall_s`.
            cwd: Where it starts.
            on_output: Called with each piece of standard output as it comes.

        Returns:
            How it ended; output beyond 64 MB is cut.
        """
        running = await self.spawn(argv, env=env, cwd=cwd)
        feeding = asyncio.create_task(_feed(running, stdin))
        collected: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        reading = asyncio.create_task(_collect(running._pipes, collected, on_output))
        try:
            async with asyncio.timeout(min(timeout_s, self.limits.wall_s)):
                await asyncio.shield(self._exits[running.pid])
        except TimeoutError:
            running._timed_out = True
            self._met.add("wall time")
            await running.kill()
        except asyncio.CancelledError:
            await asyncio.shield(running.kill())
            raise
        finally:
            feeding.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAIL_S):
                await asyncio.shield(reading)
        reading.cancel()
        ended = await running.wait()
        return Finished(
            ended.exit_code,
            bytes(collected[0]),
            bytes(collected[1]),
            running._timed_out,
            ended.duration_s,
            ended.peak_memory_mb,
            tuple(sorted(self._met)),
        )

    async def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = "/work"
    ) -> Running:
        """Start one command and talk to it while it runs."""
        if not argv:
            raise ValueError("a command has at least one word")
        number = next(self._numbers)
        self._note_start(number, argv)
        self._exits[number] = asyncio.get_running_loop().create_future()
        inside, pipes = await _pipes()
        try:
            await self._session.ask(
                "run",
                inside,
                id=number,
                **command(self._view, {**self._env, **(env or {})}, cwd),
                argv=list(argv),
            )
        except BaseException:
            pipes.close()
            raise
        finally:
            for fd in inside:
                os.close(fd)
        return Running(self, number, pipes)

    async def spawn_terminal(
        self, argv: Sequence[str], rows: int, columns: int, *, env: Mapping[str, str] | None = None
    ) -> tuple[Running, int]:
        """Start one command on a terminal of the fence; return our end of the terminal too.

        The caller reads and writes the descriptor, resizes it, and closes it.
        """
        number = next(self._numbers)
        self._note_start(number, argv)
        self._exits[number] = asyncio.get_running_loop().create_future()
        inside, pipes = await _pipes()
        try:
            _, fds = await self._session.ask(
                "run",
                inside,
                id=number,
                argv=list(argv),
                terminal=[rows, columns],
                **command(self._view, {**self._env, **(env or {})}, WORKSPACE),
            )
        except BaseException:
            pipes.close()
            raise
        finally:
            for fd in inside:
                os.close(fd)
        return Running(self, number, pipes), fds[0]

    def _note_start(self, number: int, argv: Sequence[str]) -> None:
        """Write down what starts, before it does; of a product only the program's name.

        What a product is started with comes from scenarios, and those never enter a log.
        """
        if self._audit is None:
            return
        words = " ".join(argv) if self.spec.role == "coder" else argv[0].rsplit("/", 1)[-1]
        fields: dict[str, JSON] = {"fence": self.name, "command": number, "argv": words[:500]}
        self._audit.append("fence.run", self.spec.identity, fields)

    async def connect(
        self, port: int, host: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port that something inside listens on.

        Raises:
            ConnectionError: Nothing listens there.
        """
        _, fds = await self._session.ask("socket", six=":" in host)
        made = socket.socket(fileno=fds[0])
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.get_running_loop().sock_connect(made, (host, port))
        except (OSError, TimeoutError) as error:
            made.close()
            raise ConnectionRefusedError(f"nothing listens on port {port} inside") from error
        return await asyncio.open_connection(sock=made)

    async def forward(self, port: int) -> ForwardedPort:
        """Listen on loopback outside and lead each connection to `port` inside."""
        return await lead_to(lambda: self.connect(port))

    async def bring(self, port: int, reach: Reach) -> ForwardedPort:
        """Listen on a port of the loopback inside and lead each connection to what `reach` opens.

        Raises:
            OSError: Something inside has the port.
        """
        _, fds = await self._session.ask("socket", six=False)
        made = socket.socket(fileno=fds[0])
        made.bind(("127.0.0.1", port))
        return await lead_to(reach, made)

    def changes(self) -> Layer:
        """Take out what differs from the lower layer; blocks until it is read.

        Call it when nothing runs inside: a file that changes meanwhile is taken as it is read.
        """
        ours, theirs = os.pipe()
        with open(ours, "rb", buffering=1 << 20) as stream:  # noqa: PTH123 # a descriptor, no path
            try:
                self._session.tell("changes", [theirs])
            finally:
                os.close(theirs)
            layer = read_layer(stream, self.spec.workspace)
        return layer.guard(self.spec.policy.files(self.spec.role))

    async def reset(self) -> None:
        """End everything inside and begin anew; much quicker than a new fence.

        Files, network and what the gateway knows of it are new: a program cannot tell how many ran
        here before it. The rates and connections of the policy begin again, its budgets go on.
        """
        _, fds = await self._session.ask("reset")
        if self._renew is None:
            _close(fds)
        else:
            await self._renew(fds)

    async def close(self) -> FenceReport:
        """End everything inside and say what the fence saw; closing twice is harmless."""
        if self.report is not None:
            return self.report
        left = 0
        facts: Mapping[str, Any] = {}
        try:
            if self._probe is not None:
                self._probes += await self._probed(self._probe)
            await self._sweep()
            counted, _ = await self._session.ask("count")
            left = int(counted["processes"])
            self._peak_kb = max(self._peak_kb, int(counted["peak_bytes"]) // 1024)
        except (OutsideFailed, OSError):
            self.weak += ("The fence ended before its last probe.",)
        finally:
            self._session.close()
            if self._finish is not None:
                facts = await self._finish(self)
        self.report = FenceReport(
            probes=tuple(self._probes),
            denied=int(facts.get("denied", 0)),
            exchanges=int(facts.get("exchanges", 0)),
            peak_memory_mb=self._peak_kb / 1024 if self._peak_kb else None,
            weak=self.weak,
            processes_left=left,
            usage=tuple(facts.get("usage", ())),
            limits_met=tuple(sorted(self._met)),
            asked=tuple(facts.get("asked", ())),
        )
        return self.report

    async def _probed(self, probe: Prober) -> Sequence[Probe]:
        """Probe at the end; what left no room for it (processes, memory) is ended first."""
        probes: Sequence[Probe] = ()
        with contextlib.suppress(OSError):  # as where no process can be started any more
            probes = await probe(self, "end")
        if not probes or any(one.name == NOT_RUN for one in probes):
            await self._sweep()
            probes = await probe(self, "end")
        return probes

    async def _sweep(self) -> None:
        """Reset for the last time; the network stays, for a probe that still needs one."""
        await self._session.ask("reset", last=True)

    def exited(self, ended: Ended) -> None:
        """Take note of a command's end."""
        self._peak_kb = max(self._peak_kb, ended.peak_kb)
        self._met.update(ended.met)
        future = self._exits.get(ended.number)
        if future is not None and not future.done():
            future.set_result(ended)

    def gone(self) -> None:
        """Take note that whatever kept the fence is gone."""
        for number, future in self._exits.items():
            if not future.done():
                future.set_result(Ended(number, -9, 0, started=True))


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _exit_code(ended: Ended) -> int:
    if not ended.started and ended.code >= 0:
        return NOT_STARTED
    return ended.code if ended.code >= 0 else 128 - ended.code


async def _pipes() -> tuple[list[int], _Pipes]:
    """Make standard streams: descriptors for the inside, asyncio streams for us."""
    loop = asyncio.get_running_loop()
    stdin_read, stdin_write = os.pipe()
    stdout_read, stdout_write = os.pipe()
    stderr_read, stderr_write = os.pipe()
    transports: list[asyncio.BaseTransport] = []
    readers = []
    for fd in (stdout_read, stderr_read):
        reader = asyncio.StreamReader(limit=_OUTPUT_LIMIT)
        make = partial(asyncio.StreamReaderProtocol, reader)
        transport, _ = await loop.connect_read_pipe(make, os.fdopen(fd, "rb", buffering=0))
        transports.append(transport)
        readers.append(reader)
    mixin = asyncio.streams.FlowControlMixin(loop=loop)
    writable = os.fdopen(stdin_write, "wb", buffering=0)
    write_transport, write_protocol = await loop.connect_write_pipe(lambda: mixin, writable)
    writer = asyncio.StreamWriter(write_transport, write_protocol, None, loop)
    return (
        [stdin_read, stdout_write, stderr_write],
        _Pipes(writer, readers[0], readers[1], transports),
    )


async def _feed(running: Running, data: bytes) -> None:
    if data:
        await running.write(data)
    running.close_stdin()


async def _collect(
    pipes: _Pipes,
    collected: tuple[bytearray, bytearray],
    on_output: Callable[[bytes], None] | None,
) -> None:
    async def drain(
        stream: asyncio.StreamReader, into: bytearray, tell: Callable[[bytes], None] | None
    ) -> None:
        while piece := await stream.read(_PIECE):
            if len(into) < _OUTPUT_LIMIT:
                into += piece
            if tell is not None:
                tell(piece)

    async with asyncio.TaskGroup() as group:
        group.create_task(drain(pipes.stdout, collected[0], on_output))
        group.create_task(drain(pipes.stderr, collected[1], None))
