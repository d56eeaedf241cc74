"""What the line and the evaluator need of whatever opens fences: one face for every backend."""

from typing import Protocol

from unlit.fence.fence import Fence
from unlit.fence.gateway.model import AccessRequest
from unlit.fence.model import FenceSpec


class Host(Protocol):
    """Opens fences of one backend."""

    @property
    def backend(self) -> str:
        """Name of the backend: ``full`` or a weaker one."""
        ...

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one fence; it is probed before this returns.

        Raises:
            InvalidInput: The workspace or a mount does not exist.
            OutsideFailed: The machine cannot make the fence.
        """
        ...

    async def asked(self, fence: Fence) -> tuple[AccessRequest, ...]:
        """Return what programs in an open fence asked for so far."""
        ...

    async def grant(self, fence: Fence, asked: AccessRequest, *, person: str, for_s: float) -> None:
        """Allow an open fence exactly one request, until an end; a forbid still wins."""
        ...

    async def refuse(self, fence: Fence, asked: AccessRequest, *, person: str, why: str) -> None:
        """Tell the programs of an open fence, when they look, that a person said no."""
        ...

    async def close(self) -> None:
        """Close every fence; nothing of them is left behind."""
        ...
