"""Folders of the host as detached mounts that show their owner's files as the fence's own.

Only root may make them. The files on disk keep their owner; nothing is copied or changed.

Source: open_tree(2), mount_setattr(2) "ID-mapped mounts", move_mount(2).
"""

import ctypes
import os
import signal
import struct
from typing import Final

import unlit.fence.launch.syscalls as sys_

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD: Final = -100
_AT_EMPTY_PATH: Final = 0x1000
_AT_RECURSIVE: Final = 0x8000
_CLONE_TREE: Final = 1
_FROM_DESCRIPTOR: Final = 4
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _IDMAP = 0x1, 0x2, 0x4, 0x00100000


def tree_of(path: str, *, owner_namespace: int | None, writable: bool) -> int:
    """Clone the mount at `path`; return a descriptor that `place` puts somewhere.

    Args:
        path: A folder or file of the host.
        owner_namespace: User namespace in which the owner of the files is the fence's user.
        writable: Whether the fence may write there.

    Raises:
        OSError: The kernel or the file system cannot do it.
    """
    flags = _CLONE_TREE | os.O_CLOEXEC
    tree = sys_.call(_OPEN_TREE, _AT_FDCWD, path.encode(), flags)
    attributes = _NO_SETUID | _NO_DEVICES | (0 if writable else _READ_ONLY)
    if owner_namespace is not None:
        attributes |= _IDMAP
    wanted = struct.pack("=QQQQ", attributes, 0, sys_.MS_PRIVATE, owner_namespace or 0)
    try:
        sys_.call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.c_char_p(wanted), len(wanted))
    except OSError:
        os.close(tree)
        raise
    return tree


def place(tree: int, target: str) -> None:
    """Mount a detached tree at `target`."""
    sys_.call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _FROM_DESCRIPTOR)


def restrict(path: str, *, writable: bool, recursive: bool) -> None:
    """Take set-uid, devices and, where asked, writing away from the mount at `path`."""
    attributes = _NO_SETUID | _NO_DEVICES | (0 if writable else _READ_ONLY)
    wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    words = (_AT_FDCWD, path.encode(), flags, ctypes.c_char_p(wanted), len(wanted))
    sys_.call(_MOUNT_SETATTR, *words)


def namespace_of(pid: int) -> int:
    """Open the user namespace of a process."""
    return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def mapping(owner: int, group: int, user: int) -> int:
    """Make a user namespace in which `owner` is `user` outside; return its descriptor."""
    ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            sys_.unshare(sys_.CLONE_NEWUSER)
            os.write(ready_write, b"r")
            signal.pause()
        finally:
            os._exit(1)
    os.close(ready_write)
    try:
        if not os.read(ready_read, 1):
            raise OSError(1, "a user namespace cannot be made")
        for name, one in (("uid_map", owner), ("gid_map", group)):
            fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY)
            os.write(fd, f"{one} {user} 1".encode())
            os.close(fd)
        return namespace_of(pid)
    finally:
        os.close(ready_read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
