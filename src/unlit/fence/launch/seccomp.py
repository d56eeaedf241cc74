"""The system call filter: classic BPF, assembled here; what a build or a test run never needs.

Source: seccomp(2), linux/filter.h, linux/audit.h; call numbers of asm/unistd_64.h and
asm-generic/unistd.h.
"""

import platform
import struct
from dataclasses import dataclass, field
from typing import Any, Final

_LD, _JEQ, _JGE, _JSET, _RET, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
_EPERM, _ENOSYS, _EPROTONOSUPPORT, _EAFNOSUPPORT = 1, 38, 93, 97
_NEW_NAMESPACES: Final = 0x7E020080
_NR, _ARCH = 0, 4
_FIRST_UNKNOWN: Final = 457  # statmount: it and what follows show or change mounts, mostly
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_DATAGRAM, _RAW, _PACKET = 2, 3, 10
_FAMILIES: Final = (1, 2, 10)  # unix, IPv4, IPv6
_NETLINK: Final = 16
_PROTOCOLS: Final = (0, 1, 6, 17, 58)  # default, ICMP echo, TCP, UDP, ICMPv6 echo

_X86: Final = {
    "arch": 0xC000003E,
    "clone": 56,
    "clone3": 435,
    "socket": 41,
    "socketpair": 53,
    "ioctl": 16,
}
_ARM: Final = {
    "arch": 0xC00000B7,
    "clone": 220,
    "clone3": 435,
    "socket": 198,
    "socketpair": 199,
    "ioctl": 29,
}

# name: (x86_64, aarch64); None where the architecture has no such call
_DENIED: Final[dict[str, tuple[int | None, int | None]]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "memfd_secret": (447, 447),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "lookup_dcookie": (212, 18),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "personality": (135, 92),
}


@dataclass
class _Program:
    """Instructions with named targets; jumps are forward only, as BPF wants."""

    lines: list[tuple[int, str | int, str | int, int]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    def load(self, offset: int) -> None:
        self.lines.append((_LD, 0, 0, offset))

    def jump(self, code: int, value: int, then: str | int = 0, otherwise: str | int = 0) -> None:
        self.lines.append((code, then, otherwise, value))

    def end(self, action: int, label: str = "") -> None:
        if label:
            self.labels[label] = len(self.lines)
        self.lines.append((_RET, 0, 0, action))

    def mark(self, label: str) -> None:
        self.labels[label] = len(self.lines)

    def bytes(self) -> bytes:
        made = bytearray()
        for index, (code, then, otherwise, value) in enumerate(self.lines):
            steps = [
                step if isinstance(step, int) else self.labels[step] - index - 1
                for step in (then, otherwise)
            ]
            made += struct.pack("=HBBI", code, steps[0], steps[1], value & 0xFFFFFFFF)
        return bytes(made)


def seccomp_filter(machine: str | None = None, *, streams_only: bool = False) -> bytes:
    """Assemble the filter.

    Args:
        machine: The architecture; default this machine's.
        streams_only: Refuse datagrams and sockets of this host's programs too: without a network
            namespace nothing else holds them.

    Raises:
        ValueError: The architecture is not known.
    """
    machine = machine or platform.machine()
    known = {"x86_64": (_X86, 0), "aarch64": (_ARM, 1)}
    if machine not in known:
        raise ValueError(f"no system call table for {machine}")
    calls, column = known[machine]
    program = _Program()
    program.load(_ARCH)
    program.jump(_JEQ, calls["arch"], 1, 0)
    program.end(_KILL)
    program.load(_NR)
    if machine == "x86_64":
        program.jump(_JGE, 0x40000000, "nosys", 0)  # the x32 calls have other numbers
    program.jump(_JGE, _FIRST_UNKNOWN, "nosys", 0)  # what kernels learn later is not there
    program.jump(_JEQ, calls["clone3"], "nosys", 0)  # its flags lie where BPF cannot look
    program.jump(_JEQ, calls["clone"], "clone", 0)
    program.jump(_JEQ, calls["socket"], "socket", 0)
    if not streams_only:
        program.jump(_JEQ, calls["socketpair"], "socket", 0)
    program.jump(_JEQ, calls["ioctl"], "ioctl", 0)
    for numbers in _DENIED.values():
        if (number := numbers[column]) is not None:
            program.jump(_JEQ, number, "denied", 0)
    program.end(_ALLOW)
    _arguments(program, streams_only)
    program.end(_ERRNO | _ENOSYS, "nosys")
    program.end(_ERRNO | _EPERM, "denied")
    program.end(_ERRNO | _EAFNOSUPPORT, "family")
    program.end(_ALLOW, "allowed")
    return program.bytes()


def engine_profile() -> dict[str, Any]:
    """Return the same filter as a container engine reads it (OCI runtime specification)."""

    def rule(
        names: list[str], action: str, number: int = 0, *words: tuple[int, int, str, int]
    ) -> dict[str, Any]:
        args = [
            {"index": index, "value": value, "valueTwo": two, "op": f"SCMP_CMP_{how}"}
            for index, value, how, two in words
        ]
        found = {"names": names, "action": f"SCMP_ACT_{action}", "args": args}
        return found | ({"errnoRet": number} if action == "ERRNO" else {})

    families = range(3, 64)
    kinds = [
        rule(["socket"], "ERRNO", _EPERM, (1, 0xF, "MASKED_EQ", kind)) for kind in (_RAW, _PACKET)
    ]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [
            rule(sorted(_DENIED), "ERRNO", _EPERM),
            rule(["clone3", "statmount", "listmount", "open_tree_attr"], "ERRNO", _ENOSYS),
            *(rule(["clone"], "ERRNO", _EPERM, (0, 1 << bit, "MASKED_EQ", 1 << bit))
              for bit in range(32) if _NEW_NAMESPACES >> bit & 1),
            *(rule(["ioctl"], "ERRNO", _EPERM, (1, 0xFFFFFFFF, "MASKED_EQ", code))
              for code in (_TIOCSTI, _TIOCLINUX)),
            *kinds,
            rule(["socket"], "ERRNO", _EAFNOSUPPORT,
                 (0, 0xFFFFFFFF, "MASKED_EQ", _NETLINK), (2, 0, "NE", 0)),
            *(rule(["socket"], "ERRNO", _EAFNOSUPPORT, (0, 0xFFFFFFFF, "MASKED_EQ", family))
              for family in families if family not in (*_FAMILIES, _NETLINK)),
        ],
    }  # fmt: skip


def _arguments(program: _Program, streams_only: bool) -> None:
    """Add the checks of arguments; each block begins with its own load."""
    program.mark("clone")
    program.load(_argument(0))
    program.jump(_JSET, _NEW_NAMESPACES, "denied", "allowed")
    program.mark("ioctl")
    program.load(_argument(1))
    program.jump(_JEQ, _TIOCSTI, "denied", 0)
    program.jump(_JEQ, _TIOCLINUX, "denied", "allowed")
    program.mark("socket")
    program.load(_argument(0))
    for family in _FAMILIES[1:] if streams_only else _FAMILIES:
        program.jump(_JEQ, family, "kind", 0)
    program.jump(_JEQ, _NETLINK, "netlink", "family")
    program.mark("netlink")
    program.load(_argument(2))
    program.jump(_JEQ, 0, "allowed", "family")  # NETLINK_ROUTE
    program.mark("kind")
    program.load(_argument(1))
    program.jump(_AND, 0xF)
    program.jump(_JEQ, _RAW, "denied", 0)
    program.jump(_JEQ, _PACKET, "denied", 0)
    if streams_only:
        program.jump(_JEQ, _DATAGRAM, "denied", 0)
    program.load(_argument(2))  # a transport that the rules of the namespace do not know leaks
    for protocol in _PROTOCOLS:
        program.jump(_JEQ, protocol, "allowed", 0)
    program.end(_ERRNO | _EPROTONOSUPPORT)


def _argument(index: int) -> int:
    return 16 + 8 * index  # the low half, little endian
