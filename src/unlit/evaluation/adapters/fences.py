"""Sandboxes from the real fence: one product fence per slot, its network the twins of that slot."""

import asyncio
import contextlib
import io
import os
import tarfile
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from unlit.evaluation.adapters.browser_fence import BrowserHost
from unlit.evaluation.ports import (
    BrowserHouse,
    Connection,
    Ended,
    Finished,
    Forwarded,
    Pool,
    Process,
    Sandbox,
    Talk,
)
from unlit.evaluation.stage import HarnessFault
from unlit.fence import Fence, FenceSpec, Mount, Running, TwinRoute
from unlit.fence.ports import Host
from unlit.models.model import ModelUsage
from unlit.policy import Identity, Policy

_PIECES: Final = 256
_MOST_READ: Final = 256_000_000
"""All files of a trajectory together: the evaluator holds them in memory."""
_PATH: Final = "/deps/venv/bin:/usr/local/bin:/usr/bin:/bin"


class FenceProcess(Process):
    """A product that keeps running inside a fence."""

    def __init__(self, running: Running) -> None:
        self._running = running

    @property
    @override
    def ended(self) -> bool:
        return self._running.ended

    @override
    async def wait(self) -> Finished:
        return await self._running.wait()

    @override
    async def kill(self) -> None:
        await self._running.kill()


class FenceTalk(Talk):
    """A product inside a fence that is talked to over its standard streams."""

    def __init__(self, running: Running) -> None:
        self._running = running

    @override
    async def send(self, data: bytes) -> None:
        await self._running.write(data)

    @override
    async def receive(self, timeout_s: float) -> bytes | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._running.read()
        except TimeoutError:
            return None

    @override
    async def finish(self, timeout_s: float) -> Finished:
        self._running.close_stdin()
        return await _ended(self._running, timeout_s)


class TerminalTalk(Talk):
    """A product on a terminal of its fence; `terminal` is our end of it."""

    def __init__(self, running: Running, terminal: int) -> None:
        self._running = running
        self._terminal = terminal
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(terminal, False)
        self._loop.add_reader(terminal, self._read)
        self._over = False

    def _read(self) -> None:
        if self._pieces.full():  # it prints faster than anybody reads: what is over is dropped
            self._pieces.get_nowait()
        try:
            piece = os.read(self._terminal, 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # the last program on it has ended
            piece = b""
        if not piece:
            self._loop.remove_reader(self._terminal)
        self._pieces.put_nowait(piece)

    @override
    async def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._terminal, data)

    @override
    async def receive(self, timeout_s: float) -> bytes | None:
        if self._over:
            return b""
        try:
            async with asyncio.timeout(timeout_s):
                piece = await self._pieces.get()
        except TimeoutError:
            return None
        self._over = not piece
        return piece

    @override
    async def finish(self, timeout_s: float) -> Finished:
        await self.send(b"\x04")
        ended = await _ended(self._running, timeout_s)
        rest = b"".join(self._pieces.get_nowait() for _ in range(self._pieces.qsize()))
        self._loop.remove_reader(self._terminal)
        os.close(self._terminal)
        return Ended(ended.exit_code, rest, b"", ended.timed_out, ended.duration_s)


async def _ended(running: Running, timeout_s: float) -> Finished:
    """Wait for the end of a product that nobody talks to any more; kill it when it stays."""
    try:
        async with asyncio.timeout(timeout_s):
            await running.ended_event()
    except TimeoutError:
        await running.kill()
        ended = await running.wait()
        return Ended(ended.exit_code, ended.stdout, ended.stderr, True, ended.duration_s)
    return await running.wait()


class FenceSandbox(Sandbox):
    """One fence, in the engine's words."""

    def __init__(self, fence: Fence, house: BrowserHost | None = None) -> None:
        self.fence = fence
        self._house = house

    @override
    async def browse(self, program: str, port: int) -> BrowserHouse | None:
        if self._house is None:
            return None
        return await self._house.open(program, port, lambda: self.fence.connect(port))

    async def close_browser(self) -> None:
        """End the fence of its browser, if it has one."""
        if self._house is not None:
            await self._house.close()

    @override
    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 600,
    ) -> Finished:
        return await self.fence.run(argv, stdin=stdin, env=env or {}, timeout_s=timeout_s)

    @override
    async def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> FenceProcess:
        return FenceProcess(await self.fence.spawn(argv, env=env or {}))

    @override
    async def talk(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, terminal: bool = False
    ) -> Talk:
        if not terminal:
            return FenceTalk(await self.fence.spawn(argv, env=env or {}))
        return TerminalTalk(*await self.fence.spawn_terminal(argv, 24, 80, env=env or {}))

    @override
    async def connect(self, port: int) -> Connection:
        return Connection(*await self.fence.connect(port))

    @override
    async def forward(self, port: int) -> Forwarded:
        return await self.fence.forward(port)

    @override
    async def write(
        self,
        files: Mapping[str, bytes],
        delete: Sequence[str] = (),
        *,
        programs: Collection[str] = (),
    ) -> None:
        if files:
            ended = await self.fence.run(
                ["tar", "-x", "-f", "-", "-C", "/work"],
                stdin=_archive(files, programs),
                timeout_s=30,
            )
            _must_be_written(ended)
        if delete:
            _must_be_written(await self.fence.run(["rm", "-f", "--", *delete], timeout_s=30))

    @override
    def read_changed(self, limit_bytes: int = 4_000_000) -> dict[str, bytes]:
        layer = self.fence.changes()
        left, wanted = _MOST_READ, []
        for file in layer.files:
            if file.kind == "file" and file.size <= min(limit_bytes, left):
                left -= file.size
                wanted.append(file)
        if not wanted:
            return {}
        with tempfile.TemporaryDirectory(prefix="unlit-layer-") as folder:
            layer.apply_to(Path(folder))
            found = {}
            for file in wanted:
                path = Path(folder) / file.path
                if path.is_file() and not path.is_symlink():
                    found[_as_name(file.path)] = path.read_bytes()
            return found

    @override
    async def reset(self) -> None:
        await self.fence.reset()


def _as_name(path: str) -> str:
    """Return a file's name as text, also one whose bytes are none."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _archive(files: Mapping[str, bytes], programs: Collection[str] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755 if name in programs else 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _must_be_written(ended: Finished) -> None:
    if ended.exit_code != 0:
        detail = ended.stderr.decode("utf-8", "replace")[:200]
        raise HarnessFault(f"a file of the scenario cannot be written: {detail}")


@dataclass(frozen=True, slots=True)
class ProductFence:
    """What all fences of one grading share."""

    policy: Policy
    identity: Identity
    mounts: tuple[Mount, ...] = ()
    port: int | None = None
    services: tuple[str, ...] = ()
    models: tuple[TwinRoute, ...] = ()


def lasting(policy: Policy) -> tuple[str, ...]:
    """Say what a product may write that no reset takes back: its runs can tell each other by it."""
    outside = [path for path in policy.files("product").write if path.startswith(("/", "~"))]
    if not outside:
        return ()
    return (
        f"The policy lets the product write {', '.join(outside)} outside of its workspace; no "
        "reset takes that back, so its trajectories may know of each other.",
    )


class FencePool(Pool):
    """Opens product fences on one host; each slot's twins are its own worlds.

    Args:
        address: Where the twins listen.
        hosts: Service to the vendor's host names that lead to it.
    """

    def __init__(
        self,
        host: Host,
        product: ProductFence,
        address: str,
        hosts: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._host = host
        self._product = product
        self._address = address
        self._hosts = hosts
        self._is_full = host.backend == "full"
        self.weak: tuple[str, ...] = lasting(product.policy)
        self.usage: tuple[ModelUsage, ...] = ()
        self.asked: set[str] = set()

    @override
    async def open_as(self, role: str, folder: Path) -> FenceSandbox:
        product = self._product
        spec = FenceSpec(
            role=role,
            policy=product.policy,
            identity=Identity(product.identity.run, product.identity.stage, "evaluator", role),
            workspace=folder,
            mounts=product.mounts if role == "coder" else (),
            twins=product.models if role == "evaluator" else (),
        )
        return FenceSandbox(await self._host.open(spec))

    @override
    async def open(self, slot: str, candidate: Path) -> FenceSandbox:
        product = self._product
        routes = tuple(
            TwinRoute(service, hosts, self._address, slot)
            for service, hosts in self._hosts.items()
            if hosts
        )
        has_deps = any(mount.target == "/deps" for mount in product.mounts)
        spec = FenceSpec(
            role="product",
            policy=product.policy,
            identity=product.identity,
            workspace=candidate,
            mounts=product.mounts,
            env={"PATH": _PATH} if has_deps else {},
            twins=routes,
            ports=() if product.port is None else (product.port,),
        )
        fence = await self._host.open(spec)
        await fence.reset()  # its probe left traces: the first run must find what later ones do
        browsers = BrowserHost(self._host.open, product.identity) if self._is_full else None
        return FenceSandbox(fence, browsers)

    @override
    async def release(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, FenceSandbox)  # noqa: S101 # only ours are handed out
        await sandbox.close_browser()
        report = await sandbox.fence.close()
        self.weak = tuple(dict.fromkeys((*self.weak, *report.weak)))
        self.usage = (*self.usage, *report.usage)
        self.asked |= {one.request for one in report.asked if one.role == "product"}
