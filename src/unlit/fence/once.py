"""One command in a fence of its own: what `unlit fence run` does."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from unlit.core.errors import OutsideFailed, RefusedByPolicy
from unlit.fence.fence import Fence, Running
from unlit.fence.layer import Layer
from unlit.fence.model import Command, FenceReport, FenceSpec
from unlit.fence.terminal import run_on_terminal
from unlit.policy import Policy

_PIECE: Final = 1 << 16
Take = Callable[[bytes], None]
Attend = Callable[[Fence], contextlib.AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a command's output goes, and the descriptor that its input comes from.

    With `terminal`, a descriptor of the person's terminal, the command gets one of its own instead.
    """

    stdout: Take
    stderr: Take
    stdin: int | None = None
    terminal: int | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """How the command ended, what the fence saw, and what it changed."""

    exit_code: int
    timed_out: bool
    report: FenceReport
    layer: Layer


def require_role(policy: Policy, role: str) -> None:
    """Refuse a role that the policy does not speak of at all.

    Raises:
        RefusedByPolicy: It has no rule, no files and no limits there.
    """
    named = {one for rule in policy.rules for one in rule.roles}
    if role not in named | set(policy.file_rules) | set(policy.role_limits):
        raise RefusedByPolicy(
            "FEN-052",
            f"The policy {policy.source} says nothing about the role {role}.",
            "what a policy does not speak of is refused, the start of a command too.",
            f"name another role, or add a rule, [files.{role}] or [limits.{role}].",
        )


class Host(Protocol):
    """Opens fences."""

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one fence."""
        ...


async def run_once(
    host: Host, spec: FenceSpec, command: Command, streams: Streams, attend: Attend | None = None
) -> Once:
    """Run a command in a fence of its own, streaming, and take out what it changed.

    Args:
        host: Opens the fence.
        spec: The fence.
        command: What to run.
        streams: Where it reads and writes.
        attend: Entered while the command runs, for what its programs ask for.

    Raises:
        UnlitError: The fence could not be made.
    """
    fence = await host.open(spec)
    try:
        await _furnish(fence, {**command.home, **command.login(fence.placeholders)})
        async with attend(fence) if attend is not None else contextlib.nullcontext():
            exit_code, timed_out = await _do(fence, command, streams)
        layer = await asyncio.to_thread(fence.changes)
    finally:
        report = await fence.close()
    return Once(exit_code, timed_out, report, layer)


async def _do(fence: Fence, command: Command, streams: Streams) -> tuple[int, bool]:
    if streams.terminal is not None:
        return await run_on_terminal(fence, command, streams.terminal), False
    running = await fence.spawn(command.argv, env=command.env)
    return await _accompany(fence, running, streams)


async def _furnish(fence: Fence, home: Mapping[str, str]) -> None:
    for path, text in home.items():
        line = 'mkdir -p "$HOME/$(dirname "$1")" && cat > "$HOME/$1"'
        done = await fence.run(["sh", "-c", line, "sh", path], stdin=text.encode())
        if done.exit_code:
            raise OutsideFailed(
                "FEN-014",
                f"The file {path} could not be written into the fence's home.",
                done.stderr.decode("utf-8", "replace").strip() or "it said nothing",
                "free memory, or raise limits.disk_mb in the policy.",
            )


async def _accompany(fence: Fence, running: Running, streams: Streams) -> tuple[int, bool]:
    """Carry standard streams until the command ends or its time is over."""
    if streams.stdin is None:
        running.close_stdin()
    else:
        _carry_in(streams.stdin, running)
    timed_out = False
    async with asyncio.TaskGroup() as group:
        outs = (
            group.create_task(_carry_out(running.stdout, streams.stdout)),
            group.create_task(_carry_out(running.stderr, streams.stderr)),
        )
        try:
            async with asyncio.timeout(fence.limits.wall_s):
                await running.ended_event()
        except TimeoutError:
            timed_out = True
            await running.kill()
        # A descriptor that something still holds must not hold us: all of it is dead by now.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.wait(outs)
        for out in outs:
            out.cancel()
    return (await running.wait()).exit_code, timed_out


async def _carry_out(reader: asyncio.StreamReader, take: Take) -> None:
    while piece := await reader.read(_PIECE):
        take(piece)


def _carry_in(descriptor: int, running: Running) -> None:
    """Read a descriptor of any kind in a thread: files and terminals cannot be polled alike."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while piece := os.read(descriptor, _PIECE):
                asyncio.run_coroutine_threadsafe(running.write(piece), loop).result()
            loop.call_soon_threadsafe(running.close_stdin)

    threading.Thread(target=read, name="stdin", daemon=True).start()


def write_back(once: Once, workspace: Path) -> None:
    """Write what the command changed into the workspace, if the fence held.

    Raises:
        OutsideFailed: It did not hold, or a change would leave the workspace.
    """
    if not once.report.held:
        broken = [probe.name for probe in once.report.probes if not probe.holds]
        raise OutsideFailed(
            "FEN-015",
            f"The fence did not hold ({', '.join(broken) or 'it was not probed to the end'}); "
            "the workspace was left as it was.",
            "what comes out of a fence that did not hold is not trusted.",
            "run `unlit fence check`, then `unlit doctor`.",
        )
    once.layer.apply_to(workspace)
