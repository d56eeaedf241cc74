"""What the harness needs from outside: a fence to work in, someone who listens, and agents."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from unlit.harness.model import AgentEvent, End, Facts, Job


class Finished(Protocol):
    """A command that ended inside a fence."""

    @property
    def exit_code(self) -> int:
        """Exit code; 128 + signal when a signal ended it."""
        ...

    @property
    def stdout(self) -> bytes:
        """What it wrote."""
        ...

    @property
    def stderr(self) -> bytes:
        """What it complained about."""
        ...

    @property
    def timed_out(self) -> bool:
        """Whether its time ran out."""
        ...

    @property
    def duration_s(self) -> float:
        """How long it took."""
        ...


class ChangedFile(Protocol):
    """A path that differs from the fence's lower layer."""

    @property
    def path(self) -> str:
        """Path relative to the workspace."""
        ...

    @property
    def kind(self) -> str:
        """``file``, ``symlink`` or ``deleted``."""
        ...

    @property
    def mode(self) -> int:
        """Permission bits."""
        ...

    @property
    def size(self) -> int:
        """Size in bytes."""
        ...


class Layer(Protocol):
    """All that differs from the fence's lower layer."""

    @property
    def files(self) -> Sequence[ChangedFile]:
        """The paths."""
        ...

    def apply_to(self, folder: Path) -> Any:
        """Write the changes over a copy of the lower layer."""
        ...


class Running(Protocol):
    """A command that runs inside a fence and is talked to."""

    async def write(self, data: bytes) -> None:
        """Write to its standard input."""
        ...

    def lines(self) -> AsyncIterator[bytes]:
        """Yield lines of its standard output."""
        ...

    async def wait(self) -> Finished:
        """Wait for its end."""
        ...

    async def kill(self) -> None:
        """End it and all it started."""
        ...


class Fence(Protocol):
    """Where an agent works. What is inside `/work` is all it can leave behind."""

    @property
    def placeholders(self) -> Mapping[str, str]:
        """Placeholder of each credential the agent may use."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] = {},
        timeout_s: float = 600,
        cwd: str = "/work",
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Run one command inside and wait for its end."""
        ...

    async def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] = {}, cwd: str = "/work"
    ) -> Running:
        """Start one command inside and talk to it."""
        ...

    def changes(self) -> Layer:
        """Return what differs from the lower layer."""
        ...

    async def close(self) -> Any:
        """End everything inside and report."""
        ...


class Sink(Protocol):
    """Someone who listens to an agent."""

    def event(self, event: AgentEvent) -> None:
        """Take one event; never waits."""
        ...


class Agent(Protocol):
    """Something that writes a candidate, given a job and a fence.

    Truth is never the report: the change is what the fence extracts, the bill is the gateway's,
    the verdict is the evaluator's.
    """

    @property
    def facts(self) -> Facts:
        """What it is."""
        ...

    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        """Do one job inside `fence`; cancelling the task cancels the agent."""
        ...
