"""One try: fence, twins, terminal or browser port; opened in order and ended in the other."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed, UnlitError
from unlit.evaluation.adapters.fences import FenceSandbox
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import environment
from unlit.fence import Fence, FenceHost, FenceReport, FenceSpec, Mount, TwinRoute
from unlit.fence.deps import TARGET, LayerOrder, dependency_layer, toolchain_mounts
from unlit.policy import AuditLog, Identity, Policy, load_policy
from unlit.review.tryout.checkout import check_out
from unlit.review.tryout.model import TryPlan
from unlit.review.tryout.proxy import Proxy
from unlit.review.tryout.terminal import COLUMNS, ROWS, Terminal
from unlit.review.tryout.worlds import WorldSeed
from unlit.twins.kit.difference import Difference, difference
from unlit.twins.registry import SERVICES, hosts
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

START_S: Final = 30.0
_PATH: Final = "/deps/venv/bin:/usr/local/bin:/usr/bin:/bin"
_SHELL: Final = ("sh", "-c", "if command -v bash >/dev/null; then exec bash --norc --noprofile -i;"
                 " else exec sh -i; fi")  # fmt: skip
_LINES: Final = 400


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a try keeps its things, and what it may not see.

    Attributes:
        folder: Scratch folder of all tries; each has one of its own in it, gone at its end.
        audit: Folder of the audit log; each try writes a log of its own beside it.
        deps: Cache of dependency layers.
        watched: Paths that no fence may reach, by name.
        framed_by: Origin that may show a served product in a frame.
    """

    folder: Path
    audit: Path
    key_dir: Path
    deps: Path
    watched: Mapping[str, Path] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)
    framed_by: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the twins hold, and what the product did to them.

    Attributes:
        state: Every collection, as scenarios see it.
        changed: What only the world now has, and what only the world at the start had.
        calls: Newest calls: service, method, path, status.
    """

    state: Mapping[str, list[dict[str, Any]]]
    changed: Difference
    calls: Sequence[tuple[str, str, str, int]]
    total: int


class Trial:
    """A candidate that a person uses; `open` it, `close` it."""

    def __init__(self, name: str, plan: TryPlan, world: WorldSeed, settings: Settings) -> None:
        self.name = name
        self.plan = plan
        self.world = world
        self.state = "starting"
        self.said = "taking the candidate's files"
        self.terminal: Terminal | None = None
        self.proxy: Proxy | None = None
        self.report: FenceReport | None = None
        self.log: deque[str] = deque(maxlen=_LINES)
        self._settings = settings
        self._stack = AsyncExitStack()
        self._fence: Fence | None = None
        self._universe: Universe | None = None
        self._world = ""
        self._before: Mapping[str, list[dict[str, Any]]] = {}
        self._last: Seen | None = None

    async def open(self, clock: Clock, on_step: Callable[[], None] = lambda: None) -> None:
        """Open the fence and start the product; on failure nothing is left.

        Raises:
            UnlitError: What could not be made, in one sentence; it is also in `said`.
        """
        try:
            await self._open(clock, on_step)
        except BaseException as error:
            self.state = "failed"
            self.said = error.what if isinstance(error, UnlitError) else "it was stopped"
            await self.close()
            raise
        self.state, self.said = "ready", ""

    async def _open(self, clock: Clock, on_step: Callable[[], None]) -> None:
        settings, plan = self._settings, self.plan

        def step(words: str) -> None:
            self.said = words
            on_step()

        tree = _scratch(settings.folder)
        self._stack.callback(shutil.rmtree, tree, ignore_errors=True)
        await check_out(plan.workspace, plan.commit, tree)
        policy = load_policy(plan.policy)
        audit = AuditLog.open(
            settings.audit / f"beside-{self.name}", {"program": "unlit try", "run": plan.run},
            clock, key_dir=settings.key_dir,
        )  # fmt: skip
        self._stack.callback(audit.close)
        step("making a world")
        server = await self._make_world(policy)
        step("opening a fence")
        host = await FenceHost.start(settings.folder, audit, watched=settings.watched)
        self._stack.push_async_callback(host.close)
        mounts = await self._mounts(host, policy, tree)
        step("starting the product")
        fence = await host.open(self._spec(policy, tree, mounts, server.address))
        self._fence = fence
        self._stack.push_async_callback(self._end_fence)
        files = {name: text.encode() for name, text in self.world.files.items()}
        await FenceSandbox(fence).write(files)
        await (self._serve(fence, clock) if plan.is_served else self._sit_down(fence))

    async def _make_world(self, policy: Policy) -> TwinServer:
        named = {*policy.twins("product"), *self.world.twins}
        universe = Universe([name for name in sorted(named) if name in {*SERVICES, "google"}])
        self._universe = universe
        self._world = universe.create_world(
            self.world.twins, seed=self.world.seed, now=self.world.now
        )
        self._before = universe.state(self._world)
        server = await TwinServer.start(universe)
        self._stack.push_async_callback(server.close)
        return server

    async def _mounts(self, host: FenceHost, policy: Policy, tree: Path) -> tuple[Mount, ...]:
        order = LayerOrder(
            tree=tree,
            build=self.plan.build,
            cache=self._settings.deps,
            policy=policy,
            identity=self._identity("coder"),
            env=self._settings.indexes,
        )
        layer = await dependency_layer(host, order)
        return (Mount(layer, TARGET), *toolchain_mounts())

    def _identity(self, role: str) -> Identity:
        return Identity(self.plan.run, "try", self.plan.candidate, role)

    def _spec(
        self, policy: Policy, tree: Path, mounts: tuple[Mount, ...], address: str
    ) -> FenceSpec:
        assert self._universe is not None  # noqa: S101 # the world is made first
        routes = tuple(
            TwinRoute(name, hosts(name), address, self._world)
            for name in sorted(self._universe.by_service)
            if hosts(name)
        )
        return FenceSpec(
            role="product",
            policy=policy,
            identity=self._identity("product"),
            workspace=tree,
            mounts=mounts,
            env={"PATH": _PATH, "TERM": "xterm-256color", **self._env()},
            twins=routes,
            ports=() if self.plan.port is None else (self.plan.port,),
        )

    def _env(self) -> dict[str, str]:
        assert self._universe is not None  # noqa: S101 # the world is made first
        launch = Launch(self.plan.kind, self.plan.command, self.plan.port, self.plan.env)
        tokens = self._universe.tokens(self._world)
        return {**environment(launch, tokens), **self.world.env}

    async def _sit_down(self, fence: Fence) -> None:
        env = {"PS1": "$ ", "HISTFILE": "/dev/null", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
        running, ours = await fence.spawn_terminal(_SHELL, ROWS, COLUMNS, env=env)
        self.terminal = Terminal(running, ours)
        self._stack.push_async_callback(self.terminal.close)
        await self.terminal.spoken(2.0)
        words = " ".join(word for word in (self.plan.typed, self.world.typed) if word)
        self.terminal.type(words.encode())  # typed, not sent: the first act is the person's

    async def _serve(self, fence: Fence, clock: Clock) -> None:
        port = self.plan.port or 0
        running = await fence.spawn(self.plan.command)
        for stream in (running.stdout, running.stderr):
            task = asyncio.create_task(self._keep_lines(stream))
            self._stack.callback(task.cancel)
        deadline = clock.monotonic_s() + START_S
        while True:
            try:
                _, writer = await fence.connect(port)
                writer.close()
                break
            except OSError as error:
                if running.ended or clock.monotonic_s() > deadline:
                    raise _never_listened(port, self.log) from error
                await clock.sleep(0.05)
        self.proxy = await Proxy.start(
            lambda: fence.connect(port), framed_by=self._settings.framed_by
        )
        self._stack.push_async_callback(self.proxy.close)

    async def _keep_lines(self, stream: asyncio.StreamReader) -> None:
        with contextlib.suppress(ValueError, OSError):
            while line := await stream.readline():
                self.log.append(line.decode("utf-8", "backslashreplace").rstrip("\n")[:2000])

    def seen(self) -> Seen:
        """Return what the twins hold now; after the end, what they held last."""
        if self._universe is None or not self._world or self.state in ("ended", "failed"):
            return self._last or Seen({}, {}, (), 0)
        state = self._universe.state(self._world)
        calls = self._universe.calls(self._world)
        newest = tuple((call.service, call.method, call.path, call.status) for call in calls[-20:])
        self._last = Seen(state, difference(self._before, state), newest, len(calls))
        return self._last

    @property
    def has_ended_itself(self) -> bool:
        """Whether the person's shell is over."""
        return self.terminal is not None and self.terminal.is_over

    async def close(self) -> None:
        """End everything: processes, fence, ports, twins, files."""
        if self.state == "ended":
            return
        self.seen()
        if self.state != "failed":
            self.state = "ended"
        await self._stack.aclose()

    async def _end_fence(self) -> None:
        assert self._fence is not None  # noqa: S101 # it was opened
        self.report = await self._fence.close()


def _scratch(folder: Path) -> Path:
    """Make a folder for the candidate's files, named after this process."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder))
    made.chmod(0o755)
    return made


def sweep(folder: Path) -> int:
    """Remove what tries of processes that were killed have left; return how many."""
    if not folder.is_dir():
        return 0
    found = 0
    for path in folder.glob("[0-9]*-*"):
        owner = path.name.partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(path, ignore_errors=True)
            found += 1
    return found


def _never_listened(port: int, log: Sequence[str]) -> OutsideFailed:
    said = " / ".join(line.strip() for line in list(log)[-3:])[:300] or "it printed nothing"
    return OutsideFailed(
        "REV-064", f"The product did not listen on port {port} in {START_S:.0f} s: {said}",
        "a served product is used through its port.",
        "see its output; another candidate may start.",
    )  # fmt: skip
