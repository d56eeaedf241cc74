"""Limits of memory and processes by control group, where this user may make one.

Version 2 needs a group of our own with both controllers handed down (root, or a delegated scope);
version 1 needs to be root. Where neither is there, `find` says so and the keeper watches instead.
"""

import contextlib
import os
from typing import Final, Protocol

ROOT: Final = "/sys/fs/cgroup"
_CONTROLLERS: Final = frozenset({"memory", "pids"})
_MIB: Final = 1024 * 1024


class Hierarchy(Protocol):
    """A place where groups for fences can be made."""

    @property
    def version(self) -> int:
        """1 or 2."""
        ...

    def make(self, name: str) -> None:
        """Make a group."""
        ...

    def enter(self, name: str) -> None:
        """Move this process into a group."""
        ...

    def limit(self, name: str, memory_mb: int, processes: int) -> None:
        """Set the limits of a group."""
        ...

    def remove(self, name: str) -> bool:
        """Remove a group; false while something in it is still dying."""
        ...

    def peak_file(self, name: str) -> str:
        """Return the file that tells the most memory a group has used, in bytes."""
        ...

    def event_files(self, name: str) -> dict[str, str]:
        """Return the files that count when a limit was met: limit to path."""
        ...

    def members_file(self, name: str) -> str:
        """Return the file that lists the processes of a group."""
        ...


class Version1:
    """Separate trees for memory and processes."""

    version = 1

    def __init__(self, memory: str, processes: str) -> None:
        self._memory = memory
        self._processes = processes

    def make(self, name: str) -> None:
        """Make a group in both trees."""
        for base in (self._memory, self._processes):
            _make(f"{base}/{name}")

    def enter(self, name: str) -> None:
        """Move this process into the group in both trees."""
        for base in (self._memory, self._processes):
            _write(f"{base}/{name}/cgroup.procs", "0")

    def limit(self, name: str, memory_mb: int, processes: int) -> None:
        """Set both limits; memory with swap where the kernel counts swap."""
        group = f"{self._memory}/{name}"
        _write(f"{group}/memory.limit_in_bytes", str(memory_mb * _MIB))
        if os.path.exists(f"{group}/memory.memsw.limit_in_bytes"):  # noqa: PTH110 # launcher
            _write(f"{group}/memory.memsw.limit_in_bytes", str(memory_mb * _MIB))
        _write(f"{self._processes}/{name}/pids.max", str(processes))

    def remove(self, name: str) -> bool:
        """Remove the group from both trees."""
        memory = _remove(f"{self._memory}/{name}")
        return _remove(f"{self._processes}/{name}") and memory

    def peak_file(self, name: str) -> str:
        """Return the file that tells the most memory used."""
        return f"{self._memory}/{name}/memory.max_usage_in_bytes"

    def event_files(self, name: str) -> dict[str, str]:
        """Return the files that count when a limit was met."""
        return {
            "memory": f"{self._memory}/{name}/memory.oom_control",
            "processes": f"{self._processes}/{name}/pids.events",
        }

    def members_file(self, name: str) -> str:
        """Return the file that lists the group's processes."""
        return f"{self._processes}/{name}/cgroup.procs"


class Version2:
    """One tree."""

    version = 2

    def __init__(self, base: str) -> None:
        self._base = base

    def make(self, name: str) -> None:
        """Make a group."""
        _make(f"{self._base}/{name}")

    def enter(self, name: str) -> None:
        """Move this process into the group."""
        _write(f"{self._base}/{name}/cgroup.procs", "0")

    def limit(self, name: str, memory_mb: int, processes: int) -> None:
        """Set both limits, without swap."""
        group = f"{self._base}/{name}"
        _write(f"{group}/memory.max", str(memory_mb * _MIB))
        if os.path.exists(f"{group}/memory.swap.max"):  # noqa: PTH110 # launcher
            _write(f"{group}/memory.swap.max", "0")
        _write(f"{group}/pids.max", str(processes))

    def remove(self, name: str) -> bool:
        """Remove the group."""
        return _remove(f"{self._base}/{name}")

    def peak_file(self, name: str) -> str:
        """Return the file that tells the most memory used (kernel 5.19 and newer)."""
        return f"{self._base}/{name}/memory.peak"

    def event_files(self, name: str) -> dict[str, str]:
        """Return the files that count when a limit was met."""
        group = f"{self._base}/{name}"
        return {"memory": f"{group}/memory.events", "processes": f"{group}/pids.events"}

    def members_file(self, name: str) -> str:
        """Return the file that lists the group's processes."""
        return f"{self._base}/{name}/cgroup.procs"


def was_met(events: str) -> bool:
    """Say whether a file of events counts that something was killed or refused at the limit."""
    rows = (line.split() for line in events.splitlines())
    return any(row[0] in ("oom_kill", "max") and int(row[1]) > 0 for row in rows if len(row) == 2)


def find(
    root: str = ROOT, own: str = "/proc/self/cgroup", *, settle: bool = True
) -> Hierarchy | None:
    """Return where groups can be made, or `None`.

    Args:
        root: Where control groups are mounted.
        own: The file that tells this process's groups.
        settle: Move the processes of a delegated scope (ours alone) into a group below it, because
            version 2 hands controllers down from empty groups only; else only say if it could.
    """
    paths = _own_paths(own)
    for hierarchy in (_version2(root, paths, settle), _version1(root, paths)):
        if hierarchy is not None:
            return hierarchy
    return None


def _own_paths(own: str) -> dict[str, str]:
    paths = {}
    try:
        with open(own, encoding="ascii") as file:  # noqa: PTH123 # launcher
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                for controller in controllers.split(","):
                    paths[controller] = path.rstrip("/")
    except OSError:
        return {}
    return paths


def _version2(root: str, paths: dict[str, str], settle: bool) -> Hierarchy | None:
    if not os.path.exists(f"{root}/cgroup.controllers"):  # noqa: PTH110 # launcher
        return None
    for base in dict.fromkeys((root + paths.get("", ""), root)):
        if not _can_make(base):
            continue
        if (
            base.endswith(".scope")
            and set(_read(f"{base}/cgroup.controllers").split()) >= _CONTROLLERS
        ):
            if not settle:
                return Version2(base)
            _vacate(base)
        if _hands_down(base):
            return Version2(base)
    return None


def _vacate(base: str) -> None:
    group = f"{base}/unlit-factory"
    os.makedirs(group, exist_ok=True)  # noqa: PTH103 # launcher
    for pid in _read(f"{base}/cgroup.procs").split():
        with contextlib.suppress(OSError):
            _write(f"{group}/cgroup.procs", pid)


def _hands_down(base: str) -> bool:
    file = f"{base}/cgroup.subtree_control"
    if set(_read(file).split()) >= _CONTROLLERS:
        return True
    try:
        _write(file, " ".join(f"+{one}" for one in sorted(_CONTROLLERS)))
    except OSError:
        return False
    return set(_read(file).split()) >= _CONTROLLERS


def _version1(root: str, paths: dict[str, str]) -> Hierarchy | None:
    bases = [f"{root}/{one}{paths.get(one, '')}" for one in ("memory", "pids")]
    if all(os.path.exists(f"{base}/cgroup.procs") and _can_make(base) for base in bases):  # noqa: PTH110 # launcher
        return Version1(*bases)
    return None


def _can_make(base: str) -> bool:
    trial = f"{base}/unlit-trial-{os.getpid()}"
    try:
        os.mkdir(trial)  # noqa: PTH102 # launcher
    except OSError:
        return False
    _remove(trial)
    return True


def _make(path: str) -> None:
    try:
        os.mkdir(path, 0o755)  # noqa: PTH102 # launcher
    except FileExistsError:
        # names hold a process id: a launcher that was killed had the same one, and left its group
        os.rmdir(path)  # noqa: PTH106 # launcher; refused while anything lives in it
        os.mkdir(path, 0o755)  # noqa: PTH102 # launcher


def _remove(path: str) -> bool:
    try:
        os.rmdir(path)  # noqa: PTH106 # launcher
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 # launcher
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)
