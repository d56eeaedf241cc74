"""Runs deploy commands and health commands in a fence of the role `deploy`."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.core.ids import RunId
from unlit.fence import FenceHost, FenceSpec, Mount
from unlit.fence.fence import Fence
from unlit.policy import AuditLog, Identity, load_policy
from unlit.ship.rollout import PREVIOUS_TREE, Hands, Health

ROLE: Final = "deploy"
_TAIL: Final = 500
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


class FenceHands(Hands):
    """Hands inside one open fence."""

    def __init__(self, fence: Fence, timeout_s: float) -> None:
        self._fence = fence
        self._timeout_s = timeout_s

    @override
    async def run(self, command: str, env: dict[str, str], stdin: bytes = b"") -> tuple[int, str]:
        """Run one command; return its exit code and the end of what it printed."""
        done = await self._fence.run(
            ["sh", "-c", command],
            stdin=stdin,
            env={"PATH": _PATH, **env},
            timeout_s=self._timeout_s,
        )
        text = (done.stdout + done.stderr).decode(errors="replace").strip()
        return done.exit_code, text[-_TAIL:]

    def health(self, command: str) -> Health:
        """Return a look at health that is a command: exit code 0 is healthy."""

        async def look() -> str | None:
            code, words = await self.run(command, {})
            if code == 0:
                return None
            last = words.splitlines()[-1] if words else "it printed nothing"
            return f"`{command}` ended with {code}: {last}"

        return look


@dataclass(frozen=True, slots=True)
class DeployPlace:
    """Where commands of the role `deploy` run.

    Attributes:
        run: The run, for the audit log.
        policy: What the role may reach, and with which credentials.
        state: Folder of the repository's state; the audit log gets a folder of its own there.
        secret_env: Where credentials of kind `env` are read from; never seen inside.
        timeout_s: For each command.
        stage: Names it, and its audit log.
        previous: Files of what ran before, shown read-only at ``/previous``.
        overrides: Names that the operator answers himself, and the ``HOST:PORT`` where.
        roots: PEM file of the roots that servers are checked by; default the machine's own.
    """

    run: RunId
    policy: Path
    state: Path
    secret_env: Mapping[str, str]
    timeout_s: float = 900
    stage: str = "deploy"
    previous: Path | None = None
    overrides: Mapping[str, str] | None = None
    roots: str | None = None


@asynccontextmanager
async def deploy_fence(place: DeployPlace, tree: Path, clock: Clock) -> AsyncIterator[FenceHands]:
    """Open a fence of the role `deploy` over a tree of the product.

    Args:
        place: Where and for which run.
        tree: Files of the shipped commit; the workspace inside.
        clock: Tells the time of audit entries.

    Raises:
        InvalidInput: The policy is not one.
        OutsideFailed: The machine cannot make the fence.
    """
    state = place.state
    before = place.previous
    mounts = () if before is None else (Mount(before, PREVIOUS_TREE),)
    found = load_policy(place.policy)
    audit = AuditLog.open_or_beside(
        state / "audit" / place.stage, {"log": place.stage}, clock,
        name=f"{place.stage}-{os.getpid()}", key_dir=state / "audit-key",
    )  # fmt: skip
    try:
        host = await FenceHost.start(
            state / f"{place.stage}-fences", audit,
            secret_env=place.secret_env, overrides=place.overrides,
            upstream_tls=place.roots,
        )  # fmt: skip
        try:
            identity = Identity(place.run, place.stage, "unlit", ROLE)
            fence = await host.open(FenceSpec(ROLE, found, identity, tree, mounts))
            try:
                yield FenceHands(fence, place.timeout_s)
            finally:
                await fence.close()
        finally:
            await host.close()
    finally:
        audit.close()


def health_of(hands: FenceHands, commands: Sequence[str]) -> list[Health]:
    """Return one look at health for each command."""
    return [hands.health(command) for command in commands]
