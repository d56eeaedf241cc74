"""What a fence is asked for and what it answers; frozen data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from unlit.models.model import ModelUsage
from unlit.policy.model import Identity, Policy

if TYPE_CHECKING:
    from pathlib import Path

    from unlit.fence.gateway.model import AccessRequest

NOT_STARTED: Final = 125
"""Exit code of a command whose view could not be made."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host, shown inside at an absolute path."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What everything inside one fence may use together.

    Attributes:
        wall_s: Seconds of one command; the caller's own timeout may be shorter.
        cpu_s: Seconds of processor time of one process; `None` is no limit.
        memory_mb: Enforced by cgroup where one can be had; the report says where not.
        disk_mb: Bytes of workspace, home and temporary files together.
        inodes: Files of the same.
    """

    wall_s: float = 3600
    cpu_s: float | None = None
    memory_mb: int = 4096
    disk_mb: int = 2048
    inodes: int = 200_000
    processes: int = 400
    open_files: int = 4096
    file_mb: int = 1024


@dataclass(frozen=True, slots=True)
class TwinRoute:
    """Where the gateway sends requests for a twin's hosts.

    Attributes:
        address: ``127.0.0.1:PORT`` or ``unix:/path``, outside the fence.
        world: Sent as the header ``x-twin-world``; what the product sends there is overwritten.
    """

    service: str
    hosts: tuple[str, ...]
    address: str
    world: str


@dataclass(frozen=True, slots=True)
class FenceSpec:
    """A fence to open. `limits` defaults to the policy's for the role."""

    role: str
    policy: Policy
    identity: Identity
    workspace: Path
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    twins: tuple[TwinRoute, ...] = ()
    limits: Limits | None = None
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and what its files need besides the policy.

    Attributes:
        env: Added to the fence's environment.
        home: Files to write into its home first, path to text.
        login: Makes more such files from the fence's placeholders, for a client that must find
            itself logged in; they replace those of `home`.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    home: Mapping[str, str] = field(default_factory=dict)
    login: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda placeholders: {}


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended.

    Attributes:
        exit_code: 128 + signal when a signal ended it; 125 when it could not be started.
        peak_memory_mb: The most that its fence has used so far, files in memory included.
        limits_met: Limits that commands of its fence have met so far: ``memory``, ``processes``,
            ``disk``, ``file size``, ``processor time``, ``wall time``.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    duration_s: float
    peak_memory_mb: float | None = None
    limits_met: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A path that differs from the lower layer, relative to the workspace."""

    path: str
    kind: Literal["file", "symlink", "deleted"]
    mode: int
    size: int


NOT_RUN: Final = "the probe itself did not run"
"""Name of the one probe that stands for all where none could run."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt from inside to reach what must not be reached.

    Attributes:
        when: ``start`` or ``end``.
        control: A planted thing that *is* reachable: the probe must find it, or it proves nothing.
    """

    name: str
    when: str
    blocked: bool
    control: bool = False

    @property
    def holds(self) -> bool:
        """Whether the probe shows what it should."""
        return self.blocked is not self.control


@dataclass(frozen=True, slots=True)
class FenceReport:
    """What a fence saw until it was closed.

    Attributes:
        weak: One sentence for each thing that is not enforced here.
        processes_left: Processes that outlived the fence; zero or the fence did not hold.
        limits_met: Limits that something inside has met.
        asked: What programs inside asked for beyond their policy.
    """

    probes: tuple[Probe, ...]
    denied: int
    exchanges: int
    peak_memory_mb: float | None
    weak: tuple[str, ...]
    processes_left: int
    usage: tuple[ModelUsage, ...] = ()
    limits_met: tuple[str, ...] = ()
    asked: tuple[AccessRequest, ...] = ()

    @property
    def held(self) -> bool:
        """Whether it was probed at both ends, each probe shows what it should, and all is ended."""
        twice = {probe.when for probe in self.probes} >= {"start", "end"}
        return twice and all(probe.holds for probe in self.probes) and self.processes_left == 0
