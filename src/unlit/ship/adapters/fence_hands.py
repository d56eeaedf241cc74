"""Runs deploy commands and health scenarios in a fence of the role `deploy`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.core.ids import RunId
from unlit.fence import FenceHost, FenceSpec
from unlit.fence.fence import Fence
from unlit.policy import AuditLog, Identity, load_policy
from unlit.ship.rollout import Hands, Health

ROLE: Final = "deploy"
_TAIL: Final = 500
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


class FenceHands(Hands):
    """Hands inside one open fence."""

    def __init__(self, fence: Fence, timeout_s: float) -> None:
        self._fence = fence
        self._timeout_s = timeout_s

    @override
    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        """Run one command; return its exit code and the end of what it printed."""
        done = await self._fence.run(
            ["sh", "-c", command], env={"PATH": _PATH, **env}, timeout_s=self._timeout_s
        )
        text = (done.stdout + done.stderr).decode(errors="replace").strip()
        return done.exit_code, text[-_TAIL:]

    def health(self, command: str) -> Health:
        """Return a health scenario that is a command: exit code 0 is healthy."""

        async def look() -> str | None:
            code, words = await self.run(command, {})
            if code == 0:
                return None
            last = words.splitlines()[-1] if words else "it printed nothing"
            return f"`{command}` ended with {code}: {last}"

        return look


@asynccontextmanager
async def deploy_fence(
    run: RunId,
    tree: Path,
    policy: Path,
    state: Path,
    clock: Clock,
    *,
    secret_env: Mapping[str, str],
    timeout_s: float = 900,
) -> AsyncIterator[FenceHands]:
    """Open a fence of the role `deploy` over a tree of the product.

    Args:
        run: The run that is deployed, for the audit log.
        tree: Files of the shipped commit; the workspace inside.
        policy: What the role `deploy` may reach, and with which credentials.
        state: Folder of the repository's state; its audit log gets a folder of its own.
        clock: Tells the time of audit entries.
        secret_env: Where credentials of kind `env` are read from; never seen inside.
        timeout_s: For each command.

    Raises:
        InvalidInput: The policy is not one.
        OutsideFailed: The machine cannot make the fence.
    """
    found = load_policy(policy)
    audit = AuditLog.open(
        state / "audit" / "deploy", {"log": "deploy"}, clock, key_dir=state / "audit-key"
    )
    try:
        host = await FenceHost.start(state / "deploy-fences", audit, secret_env=secret_env)
        try:
            identity = Identity(run, "deploy", "unlit", ROLE)
            fence = await host.open(FenceSpec(ROLE, found, identity, tree))
            try:
                yield FenceHands(fence, timeout_s)
            finally:
                await fence.close()
        finally:
            await host.close()
    finally:
        audit.close()


def scenarios(hands: FenceHands, commands: Sequence[str]) -> list[Health]:
    """Return one health scenario for each command."""
    return [hands.health(command) for command in commands]
