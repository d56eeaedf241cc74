"""The backends of fences by name. The full one is the default; a weaker one is chosen, never found.

The container backend is podman's own fence with our gateway: see ADR 0104.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import UsageError
from unlit.fence.ports import Host
from unlit.policy import AuditLog

FULL: Final = "full"
LANDLOCK: Final = "landlock"
CONTAINER: Final = "container"
BACKENDS: Final = (FULL, LANDLOCK, CONTAINER)


def known_backend(name: str) -> str:
    """Return the name if there is such a backend.

    Raises:
        UsageError: There is none.
    """
    if name not in BACKENDS:
        raise UsageError(
            "FEN-055",
            f"{name!r} is no backend.",
            f"these are: {', '.join(BACKENDS)} (podman; ADR 0104).",
            "choose full; landlock and container hold less and say so on every verdict.",
        )
    return name


async def start_host(backend: str, state_dir: Path, audit: AuditLog, **options: Any) -> Host:
    """Start a host of a backend.

    Args:
        backend: Its name.
        state_dir: As `FenceHost.start`.
        audit: As `FenceHost.start`.
        options: As `FenceHost.start`; a weaker backend leaves out what it cannot use.

    Raises:
        UsageError: There is no such backend.
        OutsideFailed: The machine lacks what it needs.
    """
    if known_backend(backend) != FULL:
        from unlit.fence.sandboxes.container import ContainerHost
        from unlit.fence.sandboxes.landlock import LandlockHost

        kept: Mapping[str, Any] = {k: v for k, v in options.items() if k != "launcher"}
        if backend == CONTAINER:
            return await ContainerHost.start(state_dir, audit, **kept)
        return await LandlockHost.start(state_dir, audit, **kept)
    from unlit.fence.host import FenceHost

    return await FenceHost.start(state_dir, audit, **options)
