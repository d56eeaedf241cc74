"""A fence host over the real gateway, and short ways to open fences on it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from unlit.core.system import SystemClock
from unlit.fence import Fence, FenceHost, FenceSpec, Limits, Mount
from unlit.policy import AuditLog, Identity, parse_policy, read_entries

NOTHING = "version = 1\n"


@dataclass
class Bench:
    """A running host and what it keeps."""

    host: FenceHost
    folder: Path
    audit: AuditLog
    opened: list[Fence] = field(default_factory=list)

    async def open(
        self,
        policy: str = NOTHING,
        *,
        role: str = "product",
        limits: Limits | None = None,
        mounts: tuple[Mount, ...] = (),
        workspace: Path | None = None,
        **more: Any,
    ) -> Fence:
        """Open a fence; closed by the fixture."""
        where = workspace or self.folder / "workspace"
        where.mkdir(exist_ok=True)
        identity = Identity("run-1", "tests", "agent", role)
        spec = FenceSpec(
            role, parse_policy(policy), identity, where, mounts=mounts, limits=limits, **more
        )
        fence = await self.host.open(spec)
        self.opened.append(fence)
        return fence

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Return the fields of audit entries of a kind."""
        found = read_entries(self.folder / "audit")
        return [dict(entry.fields) for entry in found if entry.kind == kind]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Start a host whose audit log and a vault no fence may see."""
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "scenario.yaml").write_text("the answer", encoding="utf-8")
    (tmp_path / "workspace").mkdir()
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await FenceHost.start(tmp_path / "state", audit, watched={"vault": tmp_path / "vault"})
    made = Bench(host, tmp_path, audit)
    yield made
    await host.close()
    audit.close()


@pytest.fixture
def shell() -> Callable[..., Any]:
    """Run a line of shell in a fence and return how it ended."""

    async def run(fence: Fence, line: str, **more: Any) -> Any:
        return await fence.run(["sh", "-c", line], timeout_s=more.pop("timeout_s", 30), **more)

    return run
