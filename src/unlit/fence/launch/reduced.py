"""One command behind Landlock and seccomp alone, for machines without user namespaces.

It sees the host's file names, processes and loopback; it reads and writes only what it is granted,
and connects to the proxy alone. The caller says all that in words: see `sandboxes/landlock.py`.

Source: landlock(7), landlock_create_ruleset(2), seccomp(2).
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
from collections.abc import Sequence
from typing import Any, Final

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import population
from unlit.fence.launch.order import trampoline
from unlit.fence.launch.seccomp import seccomp_filter

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH, _NET_PORT = 1, 2
_READ: Final = 0b1101  # execute, read file, read folder
_BY_VERSION: Final = ((1, 0x1FFF), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_ON_FILES: Final = 0b111 | 1 << 14 | 1 << 15
_CONNECT_TCP: Final = 2
_SCOPES: Final = 3  # abstract sockets, signals
_NO_NEW_PRIVS, _SECCOMP, _FILTER = 38, 22, 2
_FAILED: Final = 125
_ROUNDS: Final = 2000
_PAUSE_S: Final = 0.002


def main(descriptor: int) -> None:
    """Run what the file behind `descriptor` says, and end all of it when the command ends."""
    with open(descriptor, encoding="utf-8") as file:  # a descriptor, no path
        order: dict[str, Any] = json.load(file)
    sys_.prctl(sys_.PR_SET_CHILD_SUBREAPER, 1)
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        _become(order)
    code = _wait(pid)
    _end_all()
    os._exit(code)


def _end_all() -> None:
    """Kill what the command left behind until nothing is left; it is all ours to wait for."""
    for _ in range(_ROUNDS):
        for left in population.below(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        select.select([], [], [], _PAUSE_S)


def _wait(pid: int) -> int:
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _become(order: dict[str, Any]) -> None:
    try:
        sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        for name, value in order["rlimits"].items():
            if name != "RLIMIT_CPU":
                resource.setrlimit(getattr(resource, name), (value, value))
        uid = order["uid"]
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(order["cwd"])
        sys_.prctl(_NO_NEW_PRIVS, 1)
        restrict(order["read"], order["write"], int(order["proxy"]))
        filter_calls()
        argv = trampoline(order["rlimits"])
        nowhere = os.open("/dev/null", os.O_WRONLY)
        os.dup2(nowhere, 3)  # the trampoline tells there that it began
        os.set_inheritable(3, True)
        os.execve(argv[0], [*argv, *order["argv"]], order["env"])  # noqa: S606 # no shell is meant
    except BaseException as error:  # a child of a fork must never return
        os.write(2, f"fence: {error}\n".encode())
    os._exit(_FAILED)


def restrict(read: Sequence[str], write: Sequence[str], port: int) -> None:
    """Leave to this process what it is granted and nothing else, for good."""
    version = sys_.call(_CREATE, 0, 0, 1)
    handled = 0
    for since, rights in _BY_VERSION:
        handled |= rights if version >= since else 0
    net = _CONNECT_TCP if version >= 4 else 0
    scopes = _SCOPES if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("=QQQ", handled, net, scopes)[:size]
    rules = sys_.call(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0)
    for paths, rights in ((read, _READ), (write, handled)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                _grant(rules, path, rights & handled)
    if net:
        rule = struct.pack("=QQ", net, port)
        sys_.call(_ADD, rules, _NET_PORT, ctypes.c_char_p(rule), 0)
    sys_.call(_RESTRICT, rules, 0)
    os.close(rules)


def _grant(rules: int, path: str, rights: int) -> None:
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):  # noqa: PTH112 # no pathlib in the launcher
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, at)
        sys_.call(_ADD, rules, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(at)


def filter_calls() -> None:
    """Refuse dangerous system calls, datagrams and sockets of other programs, for good."""
    program = seccomp_filter(streams_only=True)
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    buffer = ctypes.create_string_buffer(head, len(head))
    libc = ctypes.CDLL(None, use_errno=True)
    at = ctypes.c_void_p(ctypes.addressof(buffer))
    if libc.prctl(ctypes.c_int(_SECCOMP), ctypes.c_ulong(_FILTER), at, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
