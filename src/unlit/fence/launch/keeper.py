"""The keeper of one fence: makes its namespaces, starts what runs in it, ends all of it.

It lives outside the mount view but inside the fence's user and network namespace, answers one
socket, and dies with it: when the factory is gone, so is the fence.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from time import monotonic
from typing import Any, Final

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import network, population, scene, trees, workspace
from unlit.fence.launch.cgroups import Hierarchy, was_met
from unlit.fence.launch.order import Message, Order, trampoline
from unlit.fence.launch.seccomp import seccomp_filter
from unlit.fence.launch.wire import receive, send

_GRACE_S: Final = 5.0
_PAUSE_S: Final = 0.0005
_WATCH_MS: Final = 200
_CALM_MS: Final = 2
_ABOVE: Final = 16
_OWN_FILES: Final = 64
_UNLOCK_TERMINAL: Final = 0x40045431
_TERMINAL_NUMBER: Final = 0x80045430
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Birth:
    """What a keeper is born with: its user (root only), its control group, where groups are."""

    uid: int | None
    group: str
    hierarchy: Hierarchy | None


def keep(link: socket.socket, birth: Birth) -> None:
    """Make ready all that does not depend on the order, wait for it, and serve that fence."""
    problem: OSError | None = None
    warm = _Warm()
    try:
        warm = _Warm.make(birth)
    except OSError as error:
        problem = error
    received = receive(link)
    link.close()
    if received is None:
        return
    message, fds = received
    order: Order = message  # type: ignore[assignment] # made by our own host
    channel = socket.socket(fileno=fds[0])
    try:
        if problem is not None:
            raise problem
        keeper = _Keeper(order, channel, birth, warm)
        keeper.furnish(fds[1:])
    except OSError as error:
        what = {"what": str(error), "errno": error.errno, "view": isinstance(error, scene.NoPlace)}
        send(channel, {"event": "failed", **what})
        return
    sockets = [one.detach() for one in warm.sockets]
    facts = {"cgroup": warm.cgroup, "captured": warm.captured, "uid": birth.uid}
    send(channel, {"event": "ready", "pid": os.getpid(), **facts}, sockets)
    for fd in sockets:
        os.close(fd)
    keeper.serve()


@dataclass
class _Warm:
    sockets: list[socket.socket] = field(default_factory=list)
    cgroup: int = 0
    captured: str = ""

    @classmethod
    def make(cls, birth: Birth) -> "_Warm":
        """Enter the control group, become the fence's user, make its namespaces and network."""
        sys_.prctl(sys_.PR_SET_CHILD_SUBREAPER, 1)  # orphans come to us, so that none is missed
        version = 0
        if birth.hierarchy is not None:
            birth.hierarchy.enter(birth.group)
            version = birth.hierarchy.version
        if birth.uid is not None:
            os.setgroups([])
            os.setresgid(birth.uid, birth.uid, birth.uid)
            os.setresuid(birth.uid, birth.uid, birth.uid)
            sys_.prctl(sys_.PR_SET_DUMPABLE, 1)  # else the maps below are not ours to write
        enter_user_namespace()
        sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_PRIVATE)
        network.open_network()
        made = network.listeners()
        return cls(made.all, version, made.how)


class _Keeper:
    def __init__(self, order: Order, channel: socket.socket, birth: Birth, warm: _Warm) -> None:
        self._order = order
        self._channel = channel
        self._birth = birth
        self._stage = order["stage"]
        self._runs: dict[int, _Run] = {}
        self._watches = warm.cgroup == 0
        self._met: set[str] = set()
        self._peak_kb = 0
        self._filter = seccomp_filter()
        self._network = network.NextNetwork()
        self._actions: dict[str, Callable[[Message, list[int]], None]] = {
            "run": self._run,
            "kill": self._kill,
            "socket": self._socket,
            "reset": self._reset,
            "changes": self._changes,
            "count": self._count,
        }

    def furnish(self, opened: list[int]) -> None:
        """Put workspace and binds in place; as root they come as descriptors."""
        stage, order = self._stage, self._order
        sys_.mount("tmpfs", stage, "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "size=1m,mode=0755")
        for name in ("lower", "rw"):
            os.mkdir(f"{stage}/{name}", 0o755)  # noqa: PTH102 # no pathlib in the launcher
        sources = [order["workspace"]]
        targets = [f"{stage}/lower"]
        for number, bind in enumerate(order["binds"]):
            target = f"{stage}/m{number}"
            sources.append(bind["source"])
            targets.append(target)
            if bind["folder"]:
                os.mkdir(target, 0o755)  # noqa: PTH102 # no pathlib in the launcher
            else:
                _touch(target)
        for source, target, tree in zip_longest(sources, targets, opened):
            if tree is None:
                sys_.mount(source, target, "", sys_.MS_BIND | sys_.MS_REC)
            else:
                trees.place(tree, target)
                os.close(tree)
        self._lay()
        self._limit()

    def _lay(self) -> None:
        """Put in place what lasts until the next reset."""
        workspace.lay(self._stage, self._order["disk_mb"], self._order["inodes"])
        scene.build(self._stage, self._order["view"])

    def _limit(self) -> None:
        """Limit this process, and so everything it starts, from its first instruction on."""
        for name, value in self._order["rlimits"].items():
            if name == "RLIMIT_NOFILE":
                value = max(value, _OWN_FILES)  # the trampoline takes the rest
            if name != "RLIMIT_CPU":  # that would count what we use ourselves
                resource.setrlimit(getattr(resource, name), (value, value))

    def serve(self) -> None:
        """Answer the factory until it hangs up; then end everything."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            events = poll.poll(self._patience_ms())
            if not events and self._network.is_due and self._runs:
                self._network.prepare()
            for fd, _ in events:
                if fd == wake_read:
                    _drain(wake_read)
                    self._reap()
                elif not self._answer():
                    self._end_all()
                    return
            if self._watches and self._runs:
                self._watch()

    def _patience_ms(self) -> int | None:
        """Return how long to wait for something to happen; None is for ever."""
        if not self._runs:
            return None
        if self._network.is_due:
            return _CALM_MS
        return _WATCH_MS if self._watches else None

    def _watch(self) -> None:
        limit = self._order["memory_mb"] * _MIB
        used = population.kill_largest(list(self._runs), limit)
        self._peak_kb = max(self._peak_kb, used // 1024)
        if used > limit:
            self._met.add("memory")

    def _answer(self) -> bool:
        received = receive(self._channel)
        if received is None:
            return False
        message, fds = received
        try:
            self._actions[message["op"]](message, fds)
        except OSError as error:
            self._reply(message, {"error": str(error), "errno": error.errno})
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _reply(
        self, message: Message, values: dict[str, Any], fds: list[int] | None = None
    ) -> None:
        send(self._channel, {"event": "reply", "seq": message["seq"], **values}, fds)

    def _run(self, message: Message, fds: list[int]) -> None:
        started_read, started_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        arguments = _memory_file("view", "\0".join(message["arguments"]).encode())
        # A file of its own: commands that start at once must not share a reading position.
        program = _memory_file("filter", self._filter)
        kept = (*fds[:3], started_write, arguments, program)
        # Out of the way of the numbers they get; everything else we hold closes by itself.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in kept]
        master, terminal = self._terminal(message) if "terminal" in message else (None, None)
        first = trampoline(self._order["rlimits"], terminal)
        argv = [self._order["bwrap"], "--args", "4", "--seccomp", "5", "--", *first]
        try:
            pid = os.posix_spawn(
                self._order["bwrap"],
                [*argv, *message["argv"]],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(high)],
                setsid=True,
                setsigdef=(signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ),
            )
        finally:
            for fd in (started_write, arguments, program, *high):
                os.close(fd)
        self._runs[pid] = _Run(int(message["id"]), started_read)
        with contextlib.suppress(OSError):
            _write(f"/proc/{pid}/oom_score_adj", "800")  # when memory ends, end before the keeper
        self._reply(message, {"pid": pid}, None if master is None else [master])
        if master is not None:
            os.close(master)

    def _terminal(self, message: Message) -> tuple[int, int]:
        """Open a terminal of this fence; return our end of it and its number below /dev/pts."""
        master = os.open(
            f"{self._stage}/rw/view/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
        )
        fcntl.ioctl(master, _UNLOCK_TERMINAL, struct.pack("=i", 0))
        number = struct.unpack("=I", fcntl.ioctl(master, _TERMINAL_NUMBER, bytes(4)))[0]
        rows, columns = message["terminal"]
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("=HHHH", rows, columns, 0, 0))
        return master, number

    def _kill(self, message: Message, fds: list[int]) -> None:
        for pid, run in self._runs.items():
            if run.number == message["id"]:
                os.kill(pid, signal.SIGKILL)
        self._reply(message, {})

    def _reap(self, *, quietly: bool = False) -> bool:
        """Take note of what has ended; say whether anything is left to wait for."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            run = self._runs.pop(pid, None)
            if run is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            self._note_limits(code)
            event = {
                "event": "exit",
                "id": run.number,
                "code": code,
                "met": sorted(self._met),
                "peak_kb": self._peak(usage.ru_maxrss),
                "started": run.has_started(),
            }
            try:
                send(self._channel, event)
            except OSError:
                if not quietly:
                    raise

    def _peak(self, seen_kb: int) -> int:
        """Return the most memory, in KB, that the fence has used so far."""
        hierarchy = self._birth.hierarchy
        if hierarchy is not None:
            seen_kb = max(seen_kb, int(_read(hierarchy.peak_file(self._birth.group)) or 0) // 1024)
        self._peak_kb = max(self._peak_kb, seen_kb)
        return self._peak_kb

    def _note_limits(self, code: int) -> None:
        """Remember which limits have been met, as far as it can be told from here."""
        room = os.statvfs(f"{self._stage}/rw")
        if room.f_bavail == 0 or room.f_favail == 0:
            self._met.add("disk")
        if code in (128 + signal.SIGXCPU, -signal.SIGXCPU):
            self._met.add("processor time")
        if code in (128 + signal.SIGXFSZ, -signal.SIGXFSZ):
            self._met.add("file size")
        if self._birth.hierarchy is not None:
            for name, path in self._birth.hierarchy.event_files(self._birth.group).items():
                if was_met(_read(path)):
                    self._met.add(name)

    def _socket(self, message: Message, fds: list[int]) -> None:
        """Make a socket in this network; the factory connects it."""
        family = socket.AF_INET6 if message["six"] else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as made:
            self._reply(message, {}, [made.fileno()])

    def _reset(self, message: Message, fds: list[int]) -> None:
        """End all that runs and make anew all that it could have left a trace in."""
        self._end_all()
        workspace.lift(self._stage)
        self._lay()
        if message.get("last"):
            self._reply(message, {})
            return
        made = self._network.enter()
        try:
            self._reply(message, {}, [one.fileno() for one in made])
        finally:
            for one in made:
                one.close()

    def _changes(self, message: Message, fds: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
                workspace.stream(f"{self._stage}/rw/up", fds[0], self._order["disk_mb"] * _MIB)
                code = 0
            finally:
                os._exit(code)
        self._reply(message, {})

    def _count(self, message: Message, fds: list[int]) -> None:
        hierarchy, group = self._birth.hierarchy, self._birth.group
        left = len(population.below(os.getpid()))
        peak = self._peak(0) * 1024
        if hierarchy is not None:
            left = max(left, len(_read(hierarchy.members_file(group)).split()) - 1)
        self._reply(message, {"processes": left, "peak_bytes": peak})

    def _end_all(self) -> None:
        """Kill every command and wait until nothing of them is left.

        The death of bubblewrap kills the first process of its pid namespace, and that ends the
        rest; all of them are ours to wait for, because we adopt orphans.
        """
        deadline = monotonic() + _GRACE_S
        while True:
            for pid in population.children(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not self._reap(quietly=True) or monotonic() > deadline:
                return
            select.select([], [], [], _PAUSE_S)


@dataclass
class _Run:
    number: int
    started: int

    def has_started(self) -> bool:
        """Whether the view stood and the command was about to begin; asked once."""
        try:
            return os.read(self.started, 1) == b"."
        except BlockingIOError:
            return False
        finally:
            os.close(self.started)


def enter_user_namespace() -> None:
    """Enter new user, mount, network, IPC and UTS namespaces, as the same user."""
    uid, gid = os.geteuid(), os.getegid()
    flags = sys_.CLONE_NEWUSER | sys_.CLONE_NEWNS | sys_.CLONE_NEWNET
    sys_.unshare(flags | sys_.CLONE_NEWIPC | sys_.CLONE_NEWUTS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {uid} 1"),
        ("gid_map", f"0 {gid} 1"),
    ):
        _write(f"/proc/self/{name}", text)


def _memory_file(name: str, content: bytes) -> int:
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 # no pathlib in the launcher
            return file.read()
    except OSError:
        return ""


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        return
