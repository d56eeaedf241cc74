"""The zygote: keeps a keeper ready, gives it the next fence, and cleans up after the last.

One thread, no event loop, no import of the factory: forking it is safe and cheap. It ends when the
factory hangs up, however that comes about, after every fence has ended.
"""

import os
import select
import shutil
import signal
import socket
from dataclasses import dataclass
from typing import Final

from unlit.fence.launch import cgroups, trees
from unlit.fence.launch.keeper import Birth, keep
from unlit.fence.launch.order import Order
from unlit.fence.launch.wire import pair, receive, send

_FIRST_UID: Final = 0x7000_0000
_UIDS_EACH: Final = 1024
_FACTORIES: Final = 1 << 18
_READY: Final = 2
_CALM_MS: Final = 60
_LAST_S: Final = 15.0
_SWEEPS: Final = 100
_PAUSE_S: Final = 0.02


@dataclass
class _Spare:
    pid: int
    uid: int | None
    group: str
    link: socket.socket


class Zygote:
    """Serves one factory.

    Args:
        control: Where orders come from.
        folder: The factory's folder of mount points, removed at the end.
    """

    def __init__(self, control: socket.socket, folder: str) -> None:
        self._control = control
        self._folder = folder
        self._is_root = os.geteuid() == 0
        self._hierarchy = cgroups.find()
        self._count = 0
        self._groups: dict[int, str] = {}
        self._stale: list[str] = []
        self._spares: list[_Spare] = []

    def serve(self) -> None:
        """Give out fences until the factory hangs up."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the factory decides when fences end
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        self._stock()
        while True:
            events = poll.poll(None if len(self._spares) >= _READY else _CALM_MS)
            if not events:
                self._stock()  # not sooner: making a keeper holds up everything that forks
            for fd, _ in events:
                if fd == wake_read:
                    _drain(wake_read)
                    self._reap()
                elif not self._answer():
                    self._end()
                    return

    def _answer(self) -> bool:
        received = receive(self._control)
        if received is None:
            return False
        message, fds = received
        order: Order = message  # type: ignore[assignment] # made by our own host
        spare = self._spares.pop(0) if self._spares else self._fork()
        opened: list[int] = []
        try:
            if self._hierarchy is not None:
                limits = (order["memory_mb"], order["processes"])
                self._hierarchy.limit(spare.group, *limits)
            if self._is_root:
                opened = self._trees(order, spare)
            send(spare.link, message, [fds[0], *opened])
        except OSError as error:
            channel = socket.socket(fileno=os.dup(fds[0]))
            send(channel, {"event": "failed", "what": str(error), "errno": error.errno})
            channel.close()
        finally:
            spare.link.close()
            for fd in (*fds, *opened):
                os.close(fd)
        return True

    def _stock(self) -> None:
        """Have one more keeper ready."""
        self._spares.append(self._fork())

    def _trees(self, order: Order, spare: _Spare) -> list[int]:
        """Open what the fence shows, its owner's files as the fence's own user's."""
        assert spare.uid is not None  # noqa: S101 # root gives each fence a user
        opened = []
        wanted = [(order["workspace"], False)]
        wanted += [(bind["source"], bind["writable"]) for bind in order["binds"]]
        owners: dict[tuple[int, int], int] = {}
        try:
            for index, (path, writable) in enumerate(wanted):
                status = os.stat(path)  # noqa: PTH116 # no pathlib in the launcher
                owner = (status.st_uid, status.st_gid)
                if owner not in owners:
                    owners[owner] = _owners(spare, owner)
                try:
                    tree = trees.tree_of(path, owner_namespace=owners[owner], writable=writable)
                except OSError:
                    if index == 0:
                        path = self._copy(path, spare.uid)  # the copy stands for it
                    tree = trees.tree_of(path, owner_namespace=None, writable=writable)
                opened.append(tree)
        finally:
            for namespace in owners.values():
                os.close(namespace)
        return opened

    def _copy(self, path: str, uid: int) -> str:
        """Copy a workspace whose file system cannot show it under another owner."""
        target = f"{self._folder}/copy-{self._count}"
        shutil.copytree(path, target, symlinks=True, ignore_dangling_symlinks=True)
        os.chown(target, uid, uid)
        for folder, folders, files in os.walk(target, followlinks=False):
            for name in (*folders, *files):
                os.chown(f"{folder}/{name}", uid, uid, follow_symlinks=False)
        return target

    def _fork(self) -> _Spare:
        self._count += 1
        uid = None
        if self._is_root:
            factory = os.getppid() % _FACTORIES
            uid = _FIRST_UID + factory * _UIDS_EACH + self._count % _UIDS_EACH
        group = f"unlit-{os.getpid()}-{self._count}"
        if self._hierarchy is not None:
            self._hierarchy.make(group)
        ours, theirs = pair()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                for held in (ours, self._control, *(spare.link for spare in self._spares)):
                    held.close()  # else others would not notice when the factory hangs up
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                keep(theirs, Birth(uid, group, self._hierarchy))
                code = 0
            finally:
                os._exit(code)
        theirs.close()
        self._groups[pid] = group
        return _Spare(pid, uid, group, ours)

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._forget(pid)

    def _forget(self, pid: int) -> None:
        group = self._groups.pop(pid, None)
        if group is not None:
            self._stale.append(group)
        self._sweep()

    def _sweep(self) -> None:
        """Remove the groups of ended fences; one in which something still dies waits its turn."""
        if self._hierarchy is None:
            self._stale.clear()
        else:
            remove = self._hierarchy.remove
            self._stale = [group for group in self._stale if not remove(group)]

    def _end(self) -> None:
        """Wait for every keeper, which the same hang-up ends; then leave nothing behind."""
        for spare in self._spares:
            spare.link.close()
        signal.signal(signal.SIGALRM, self._end_hard)
        signal.setitimer(signal.ITIMER_REAL, _LAST_S)
        while self._groups:
            try:
                pid, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                break
            self._forget(pid)
        for _ in range(_SWEEPS):
            self._sweep()
            if not self._stale:
                break
            select.select([], [], [], _PAUSE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_hard(self, number: int, frame: object) -> None:
        for pid in self._groups:
            os.kill(pid, signal.SIGKILL)


def _owners(spare: _Spare, owner: tuple[int, int]) -> int:
    """Open a user namespace in which `owner` is the spare's user; the spare's own, if it fits."""
    assert spare.uid is not None  # noqa: S101 # root gives each fence a user
    if owner == (0, 0):
        try:
            with open(f"/proc/{spare.pid}/gid_map", encoding="ascii") as file:  # noqa: PTH123 # launcher
                if file.read().split() == ["0", str(spare.uid), "1"]:
                    return trees.namespace_of(spare.pid)
        except OSError:
            return trees.mapping(*owner, spare.uid)
    return trees.mapping(*owner, spare.uid)


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        return


def main(descriptor: int, folder: str) -> None:
    """Serve the factory at the other end of `descriptor`."""
    os.chdir("/")
    Zygote(socket.socket(fileno=descriptor), folder).serve()
