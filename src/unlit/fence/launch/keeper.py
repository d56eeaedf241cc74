"""The keeper of one fence: makes its namespaces, starts what runs in it, ends all of it.

It lives outside the mount view but inside the fence's user and network namespace, answers one
socket, and dies with it: when the factory is gone, so is the fence.
"""

import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import network, workspace
from unlit.fence.launch.order import Message, Order
from unlit.fence.launch.seccomp import seccomp_filter
from unlit.fence.launch.wire import receive, send

_EXEC_FAILED: Final = 125
_CONNECT_S: Final = 5.0
_GRACE_S: Final = 5.0


def keep(order: Order, channel: socket.socket) -> None:
    """Make the fence, say so, serve it until the factory hangs up; does not return normally."""
    keeper = _Keeper(order, channel)
    try:
        fds = keeper.make()
    except OSError as error:
        send(channel, {"event": "failed", "what": str(error), "errno": error.errno})
        return
    send(channel, {"event": "ready", "pid": os.getpid()}, fds)
    for fd in fds:
        os.close(fd)
    keeper.serve()


class _Keeper:
    def __init__(self, order: Order, channel: socket.socket) -> None:
        self._order = order
        self._channel = channel
        self._stage = order["stage"]
        self._runs: dict[int, int] = {}
        self._filter = _memory_file("filter", seccomp_filter())
        self._actions: dict[str, Callable[[Message, list[int]], None]] = {
            "run": self._run,
            "kill": self._kill,
            "connect": self._connect,
            "reset": self._reset,
            "changes": self._changes,
            "count": self._count,
        }

    def make(self) -> list[int]:
        """Make namespaces, mounts, network; return the descriptors the gateway needs."""
        order, uid = self._order, self._order["uid"]
        if uid is not None:
            sys_.unshare(sys_.CLONE_NEWNS)
            sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_PRIVATE)
            self._show()
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            sys_.prctl(sys_.PR_SET_DUMPABLE, 1)  # else the maps below are not ours to write
        enter_user_namespace()
        if uid is None:
            sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_PRIVATE)
            self._show()
        workspace.lay(self._stage, order["disk_mb"], order["inodes"])
        network.open_network()
        streams, datagrams = network.listeners()
        return [one.detach() for one in (*streams, *datagrams)]

    def _show(self) -> None:
        """Bind what the fence may see under neutral names."""
        sys_.mount(self._order["workspace"], f"{self._stage}/lower", "", sys_.MS_BIND | sys_.MS_REC)
        for number, bind in enumerate(self._order["binds"]):
            sys_.mount(bind["source"], f"{self._stage}/m{number}", "", sys_.MS_BIND | sys_.MS_REC)

    def serve(self) -> None:
        """Answer the factory until it hangs up; then end everything."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == wake_read:
                    _drain(wake_read)
                    self._reap()
                elif not self._answer():
                    self._end_all()
                    return

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
        pid = os.fork()
        if pid == 0:
            self._exec(message, fds)
        self._runs[pid] = int(message["id"])
        self._reply(message, {"pid": pid})

    def _exec(self, message: Message, fds: list[int]) -> None:
        """In the child: become bubblewrap. Never returns."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.setsid()
            for target, fd in enumerate(fds[:3]):
                os.dup2(fd, target)
            for name, value in self._order["rlimits"].items():
                kind = getattr(resource, name)
                resource.setrlimit(kind, (value, value))
            arguments = _memory_file("view", "\0".join(message["arguments"]).encode())
            for fd in (arguments, self._filter):
                os.lseek(fd, 0, os.SEEK_SET)
                os.set_inheritable(fd, True)
            keep_open = {0, 1, 2, arguments, self._filter}
            for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 # no pathlib in the launcher
                if int(name) not in keep_open:
                    _close(int(name))
            bwrap = self._order["bwrap"]
            argv = [bwrap, "--args", str(arguments), "--seccomp", str(self._filter)]
            os.execve(bwrap, [*argv, "--", *message["argv"]], {})  # noqa: S606 # no shell is meant
        except BaseException as error:  # a child of a fork must never return into the server
            os.write(2, f"fence: {error}\n".encode())
        os._exit(_EXEC_FAILED)

    def _kill(self, message: Message, fds: list[int]) -> None:
        for pid, number in self._runs.items():
            if number == message["id"]:
                os.kill(pid, signal.SIGKILL)
        self._reply(message, {})

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._runs.pop(pid, None)
            if number is not None:
                code = os.waitstatus_to_exitcode(status)
                event = {"event": "exit", "id": number, "code": code, "peak_kb": usage.ru_maxrss}
                send(self._channel, event)

    def _connect(self, message: Message, fds: list[int]) -> None:
        host = str(message["host"])
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.settimeout(_CONNECT_S)
        try:
            made.connect((host, int(message["port"])))
        except OSError:
            made.close()
            raise
        self._reply(message, {}, [made.fileno()])
        made.close()

    def _reset(self, message: Message, fds: list[int]) -> None:
        self._end_all()
        workspace.lift(self._stage)
        workspace.lay(self._stage, self._order["disk_mb"], self._order["inodes"])
        self._reply(message, {})

    def _changes(self, message: Message, fds: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
                workspace.stream(f"{self._stage}/rw/up", fds[0])
                code = 0
            finally:
                os._exit(code)
        self._reply(message, {})

    def _count(self, message: Message, fds: list[int]) -> None:
        self._reply(message, {"processes": _descendants(os.getpid())})

    def _end_all(self) -> None:
        """Kill every command; the death of its first process takes a whole process tree along."""
        for pid in list(self._runs):
            os.kill(pid, signal.SIGKILL)
        while self._runs:
            pid, status, usage = os.wait4(-1, 0)
            number = self._runs.pop(pid, None)
            if number is not None:
                code = os.waitstatus_to_exitcode(status)
                event = {"event": "exit", "id": number, "code": code, "peak_kb": usage.ru_maxrss}
                try:
                    send(self._channel, event)
                except OSError:
                    continue  # the factory is gone; the fence still ends in order


def enter_user_namespace() -> None:
    """Enter new user, mount, network, IPC and UTS namespaces, as the same user."""
    uid, gid = os.geteuid(), os.getegid()
    flags = sys_.CLONE_NEWUSER | sys_.CLONE_NEWNS | sys_.CLONE_NEWNET
    sys_.unshare(flags | sys_.CLONE_NEWIPC | sys_.CLONE_NEWUTS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)


def _descendants(root: int) -> int:
    """Count the processes below `root`, as the host sees them."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 # no pathlib in the launcher
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    fields = file.read().rsplit(b")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                parents.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = 0, [root]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += len(below)
        waiting += below
    return found


def _memory_file(name: str, content: bytes) -> int:
    fd = os.memfd_create(name, 0)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        return


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return
