"""The filter of system calls, run by an interpreter of its own instructions."""

import struct

import pytest

from unlit.fence.launch.seccomp import seccomp_filter

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
X86, ARM = 0xC000003E, 0xC00000B7


def judge(program: bytes, number: int, arch: int, *arguments: int) -> int:
    """Run classic BPF over one system call."""
    data = struct.pack("=iIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    lines = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    held, at = 0, 0
    while True:
        code, then, otherwise, value = lines[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return int(value)
        else:
            met = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += then if met else otherwise


X86_FILTER = seccomp_filter("x86_64")


@pytest.mark.parametrize(
    ("number", "arguments", "verdict"),
    [
        (0, (), ALLOW),  # read
        (59, (), ALLOW),  # execve
        (101, (), ERRNO | 1),  # ptrace
        (165, (), ERRNO | 1),  # mount
        (272, (0x10000000,), ERRNO | 1),  # unshare
        (435, (), ERRNO | 38),  # clone3
        (56, (17,), ALLOW),  # clone as fork
        (56, (0x10000000 | 17,), ERRNO | 1),  # clone of a user namespace
        (0x40000000, (), ERRNO | 38),  # x32
        (458, (), ERRNO | 38),  # listmount
        (467, (), ERRNO | 38),  # open_tree_attr
        (999, (), ERRNO | 38),  # what nobody knows yet
        (41, (0x100000028, 1, 0), ERRNO | 97),  # vsock by a larger number
        (16, (0, 0x100005412), ERRNO | 1),  # TIOCSTI by a larger number
        (41, (2, 1, 0), ALLOW),  # TCP
        (41, (10, 1 | 0x80000, 6), ALLOW),  # TCP over IPv6, close on exec
        (41, (2, 2, 17), ALLOW),  # UDP
        (41, (2, 3, 1), ERRNO | 1),  # raw
        (41, (2, 1, 262), ERRNO | 93),  # MPTCP
        (41, (2, 1, 132), ERRNO | 93),  # SCTP
        (41, (40, 1, 0), ERRNO | 97),  # vsock
        (41, (16, 3, 0), ALLOW),  # routing netlink
        (41, (16, 3, 12), ERRNO | 97),  # netfilter netlink
        (16, (0, 0x5412), ERRNO | 1),  # TIOCSTI
        (16, (0, 0x5401), ALLOW),  # TCGETS
    ],
)
def test_calls_of_the_usual_machine(number: int, arguments: tuple[int, ...], verdict: int) -> None:
    assert judge(X86_FILTER, number, X86, *arguments) == verdict


def test_another_architecture_ends_the_process() -> None:
    assert judge(X86_FILTER, 0, 0x40000003) == KILL


def test_the_other_architecture_has_its_own_numbers() -> None:
    program = seccomp_filter("aarch64")
    assert judge(program, 117, ARM) == ERRNO | 1  # ptrace
    assert judge(program, 63, ARM) == ALLOW  # read
    assert judge(program, 0, X86) == KILL


def test_without_a_network_namespace_only_streams_are_left() -> None:
    program = seccomp_filter("x86_64", streams_only=True)
    assert judge(program, 41, X86, 2, 1, 0) == ALLOW
    assert judge(program, 41, X86, 2, 2, 0) == ERRNO | 1
    assert judge(program, 41, X86, 1, 1, 0) == ERRNO | 97
    assert judge(program, 53, X86, 1, 1, 0) == ALLOW  # socketpair


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="s390x"):
        seccomp_filter("s390x")
