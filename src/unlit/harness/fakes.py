"""A fence that is a plain folder, for tests of agents and of the line. It contains nothing."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unlit.core.pipes import converse
from unlit.harness.model import AgentEvent, Change


@dataclass(frozen=True, slots=True)
class FakeFinished:
    """A command that ended."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FakeLayer:
    """What differs between two folders."""

    files: tuple[Change, ...]
    source: Path

    def apply_to(self, folder: Path) -> None:
        """Write the changes into `folder`."""
        for change in self.files:
            target = folder / change.path
            if change.kind == "deleted":
                target.unlink(missing_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.source / change.path, target, follow_symlinks=False)


class FakeRunning:
    """A command that runs and is talked to."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def write(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None  # noqa: S101 # made with a pipe
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield lines of its standard output."""
        assert self._process.stdout is not None  # noqa: S101 # made with a pipe
        async for line in self._process.stdout:
            yield line

    async def wait(self) -> FakeFinished:
        """Wait for its end."""
        return FakeFinished(await self._process.wait())

    async def kill(self) -> None:
        """End it and what it started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended, and nobody has said so yet
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


class FakeFence:
    """Runs commands in a copy of the workspace; ``/work`` in an argument means that copy."""

    placeholders: Mapping[str, str] = {}

    def __init__(self, workspace: Path, env: Mapping[str, str] | None = None) -> None:
        self._lower = workspace
        self.folder = Path(tempfile.mkdtemp(prefix="unlit-fake-fence-"))
        shutil.copytree(workspace, self.folder, symlinks=True, dirs_exist_ok=True)
        self._env = {"PATH": os.defpath, "HOME": str(self.folder), **(env or {})}

    def _here(self, argv: Sequence[str], cwd: str) -> tuple[list[str], Path]:
        place = str(self.folder)
        inside = self.folder / cwd.removeprefix("/work").lstrip("/")
        return [place if word == "/work" else word for word in argv], inside

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] = {},
        timeout_s: float = 600,
        cwd: str = "/work",
        on_output: Callable[[bytes], None] | None = None,
    ) -> FakeFinished:
        """Run one command and wait for its end."""
        words, place = self._here(argv, cwd)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=place,
            env={**self._env, **env},
        )
        try:
            async with asyncio.timeout(timeout_s):
                out, err = await converse(process, stdin)
        except TimeoutError:
            process.kill()
            await process.wait()
            return FakeFinished(137, timed_out=True, duration_s=timeout_s)
        if on_output is not None:
            on_output(out)
        return FakeFinished(process.returncode or 0, out, err)

    async def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] = {}, cwd: str = "/work"
    ) -> FakeRunning:
        """Start one command."""
        words, place = self._here(argv, cwd)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=place,
            env={**self._env, **env},
            start_new_session=True,
        )
        return FakeRunning(process)

    def changes(self) -> FakeLayer:
        """Return what differs from the workspace."""
        before, now = _files(self._lower), _files(self.folder)
        changed = [
            Change(name, "symlink" if path.is_symlink() else "file", path.lstat().st_mode, size)
            for name, (path, size) in now.items()
            if name not in before or not _same(before[name][0], path)
        ]
        changed += [Change(name, "deleted") for name in before if name not in now]
        return FakeLayer(tuple(sorted(changed, key=lambda change: change.path)), self.folder)

    async def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


class ListSink:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[AgentEvent] = []

    def event(self, event: AgentEvent) -> None:
        """Keep one event."""
        self.events.append(event)


def _files(root: Path) -> dict[str, tuple[Path, int]]:
    return {
        str(path.relative_to(root)): (path, path.lstat().st_size)
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def _same(before: Path, now: Path) -> bool:
    if before.is_symlink() or now.is_symlink():
        both = before.is_symlink() and now.is_symlink()
        return both and before.readlink() == now.readlink()
    same_mode = before.stat().st_mode == now.stat().st_mode
    return same_mode and before.read_bytes() == now.read_bytes()
