"""In-memory stand-ins for tests: a sandbox without walls, and worlds that are plain tables.

`LocalSandbox` runs the product as an ordinary process over a copy of its folder. It keeps nothing
out: it is for tests of the engine and for nothing else.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed
from unlit.core.pipes import converse
from unlit.core.system import SystemClock
from unlit.evaluation.ports import (
    Connection,
    Ended,
    Forwarded,
    Pool,
    Process,
    Sandbox,
    Talk,
    Traffic,
    WorldPlan,
    Worlds,
)

_PATH = "/usr/local/bin:/usr/bin:/bin"


class LocalProcess(Process):
    """A process group on this machine."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path, clock: Clock) -> None:
        self._process = process
        self._output = output
        self._clock = clock
        self._started = clock.monotonic_s()

    @property
    @override
    def ended(self) -> bool:
        return self._process.returncode is not None

    @override
    async def wait(self) -> Ended:
        code = await self._process.wait()
        text = self._output.read_bytes()
        return Ended(code, text, b"", False, self._clock.monotonic_s() - self._started)

    @override
    async def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class LocalTalk(Talk):
    """A process on this machine that is talked to; a terminal is not offered."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @override
    async def send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 # made with pipes
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    @override
    async def receive(self, timeout_s: float) -> bytes | None:
        assert self._process.stdout is not None  # noqa: S101 # made with pipes
        try:
            async with asyncio.timeout(timeout_s):
                return await self._process.stdout.read(65536)
        except TimeoutError:
            return None

    @override
    async def finish(self, timeout_s: float) -> Ended:
        late = False
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await self._process.communicate()
        except TimeoutError:
            late = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            stdout, stderr = await self._process.communicate()
        code = self._process.returncode
        return Ended(-9 if code is None else code, stdout, stderr, late)


class LocalSandbox(Sandbox):
    """A copy of the candidate in a temporary folder; no walls."""

    def __init__(self, candidate: Path, clock: Clock | None = None) -> None:
        self._candidate = candidate
        self._clock = clock or SystemClock()
        self._root = Path(tempfile.mkdtemp(prefix="unlit-fake-"))
        self._work = self._root / "work"
        self._spawned: list[LocalProcess] = []
        shutil.copytree(candidate, self._work)

    @override
    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 600,
    ) -> Ended:
        started = self._clock.monotonic_s()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=self._work, env={"PATH": _PATH, **(env or {})}, start_new_session=True,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except FileNotFoundError:
            return Ended(127, b"", f"no such command: {argv[0]}".encode())
        except PermissionError:
            return Ended(126, b"", f"not executable: {argv[0]}".encode())
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await converse(process, stdin)
        except TimeoutError:
            timed_out = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = await process.communicate()
        code = process.returncode if process.returncode is not None else -9
        return Ended(code, stdout, stderr, timed_out, self._clock.monotonic_s() - started)

    @override
    async def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> LocalProcess:
        output = self._root / f"output-{len(self._spawned)}"
        with output.open("wb") as stream:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=self._work, env={"PATH": _PATH, **(env or {})}, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=stream, stderr=stream,
            )  # fmt: skip
        running = LocalProcess(process, output, self._clock)
        self._spawned.append(running)
        return running

    @override
    async def talk(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, terminal: bool = False
    ) -> Talk:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=self._work, env={"PATH": _PATH, **(env or {})}, start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return LocalTalk(process)

    @override
    async def connect(self, port: int) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", port))

    @override
    async def forward(self, port: int) -> Forwarded:
        return _Direct(port)

    @override
    async def write(
        self,
        files: Mapping[str, bytes],
        delete: Sequence[str] = (),
        *,
        programs: Collection[str] = (),
    ) -> None:
        for name, content in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if name in programs else 0o644)  # as a real fence unpacks them
        for name in delete:
            (self._work / name).unlink(missing_ok=True)

    @override
    def read_changed(self, limit_bytes: int = 4_000_000) -> dict[str, bytes]:
        changed: dict[str, bytes] = {}
        for path in sorted(self._work.rglob("*")):
            name = path.relative_to(self._work).as_posix()
            if not path.is_file() or path.is_symlink() or path.stat().st_size > limit_bytes:
                continue
            old = self._candidate / name
            content = path.read_bytes()
            if not old.is_file() or old.read_bytes() != content:
                changed[name] = content
        return changed

    @override
    async def reset(self) -> None:
        for running in self._spawned:
            await running.kill()
            await running.wait()
        self._spawned.clear()
        shutil.rmtree(self._work)
        shutil.copytree(self._candidate, self._work)

    async def close(self) -> None:
        """Kill what runs and remove the copy."""
        for running in self._spawned:
            await running.kill()
            await running.wait()
        shutil.rmtree(self._root)


class _Direct(Forwarded):
    def __init__(self, port: int) -> None:
        self._port = port

    @property
    @override
    def host(self) -> str:
        return "127.0.0.1"

    @property
    @override
    def port(self) -> int:
        return self._port

    @override
    async def aclose(self) -> None:
        return None


class LocalPool(Pool):
    """Hands out `LocalSandbox`; can be told to fail, as a machine would."""

    def __init__(self, failures: int = 0) -> None:
        self.opened = 0
        self.failures = failures

    @override
    async def open(self, slot: str, candidate: Path) -> LocalSandbox:
        if self.failures > 0:
            self.failures -= 1
            raise OutsideFailed("EVA-140", "No fence.", "told to fail.", "nothing.")
        self.opened += 1
        return LocalSandbox(candidate)

    @override
    async def open_as(self, role: str, folder: Path) -> LocalSandbox:
        return await self.open(role, folder)

    @override
    async def release(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, LocalSandbox)  # noqa: S101 # only ours are handed out
        await sandbox.close()


class FakeWorlds(Worlds):
    """Worlds that are plain tables; `act` says what the product did to one.

    Args:
        act: Called with the seeds when the state is read the second time; returns the state then.
    """

    def __init__(self, act: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None) -> None:
        self._act = act
        self._worlds: dict[str, Mapping[str, Any]] = {}
        self._reads: dict[str, int] = {}
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []
        self.advanced_s = 0.0
        self._next = 0

    @override
    def create(self, slot: str, plan: WorldPlan) -> str:
        self._next += 1
        world = f"w-{self._next}"
        self._worlds[world] = plan.seeds
        self._reads[world] = 0
        return world

    @override
    def tokens(self, world: str) -> Mapping[str, str]:
        return {name: f"fake-{name}-{world}" for name in self._worlds[world]}

    @override
    def state(self, world: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        self._reads[world] += 1
        if self._reads[world] > 1 and self._act is not None:
            return self._act(self._worlds[world])
        return {}

    @override
    def emit(self, world: str, service: str, event: str, fields: Mapping[str, Any]) -> None:
        self.events.append((service, event, fields))

    @override
    def advance(self, world: str, seconds: float) -> None:
        self.advanced_s += seconds

    @override
    def wants_way_in(self, world: str) -> bool:
        return False

    @override
    def open_way_in(self, slot: str, address: str) -> None:
        return None

    @override
    async def settle(self, world: str) -> None:
        return None

    @override
    def traffic(self, world: str) -> Traffic:
        return Traffic()

    @override
    def drop(self, world: str) -> None:
        del self._worlds[world]
