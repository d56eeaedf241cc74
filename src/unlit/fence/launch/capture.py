"""Send every connection that leaves for elsewhere to one listener, by a few nftables rules.

127.0.0.0/8 and ::1 are left alone: they belong to the product, which may listen on any port of
them, and on 0.0.0.0. Spoken directly over netlink, because a program started for it would cost
more time than the rest of the fence.

Source: nf_tables.h and nfnetlink.h of the kernel's user interface; nft(8) "NAT statements".
"""

import os
import socket
import struct
from typing import Final

GATEWAY_V4: Final = "198.18.0.1"
GATEWAY_V6: Final = "fd75:6e6c:6974::1"
STREAM_PORT: Final = 65001
QUESTION_PORT: Final = 65002

_NETLINK_NETFILTER: Final = 12
_SUBSYSTEM: Final = 10 << 8
_BEGIN, _END = 0x10, 0x11
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = _SUBSYSTEM | 0, _SUBSYSTEM | 3, _SUBSYSTEM | 6
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_INET, _V4, _V6 = 1, 2, 10
_LOCAL_OUT, _PRIORITY_NAT = 3, -100
_META_FAMILY, _META_PROTOCOL = 15, 16
_NETWORK, _TRANSPORT = 1, 2
_TCP, _UDP = 6, 17
_EQUAL, _DNAT, _ACCEPT = 0, 1, 1
_NESTED: Final = 0x8000
_TABLE: Final = "fence"
_CHAIN: Final = "out"


def capture() -> None:
    """Install the rules in the network namespace of this process.

    Raises:
        OSError: The kernel has no nftables NAT, or this process may not use it.
    """
    table = _text(1, _TABLE)
    hook = _nest(4, _word(1, _LOCAL_OUT) + _word(2, _PRIORITY_NAT & 0xFFFFFFFF))
    chain = table + _text(3, _CHAIN) + hook + _text(7, "nat")
    messages = [(_NEW_TABLE, _CREATE, table), (_NEW_CHAIN, _CREATE, chain)]
    for family, address in ((_V4, GATEWAY_V4), (_V6, GATEWAY_V6)):
        ours = socket.inet_pton(socket.AF_INET if family == _V4 else socket.AF_INET6, address)
        rules = (
            _loopback(family) + _accept(),
            _protocol(_TCP) + _to(family, ours, STREAM_PORT),
            _protocol(_UDP) + _port(53) + _to(family, ours, QUESTION_PORT),
        )
        for rule in rules:
            expressions = _nest(4, _family(family) + rule)
            body = table + _text(2, _CHAIN) + expressions
            messages.append((_NEW_RULE, _CREATE | _APPEND, body))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.settimeout(5)
        netlink.send(_batch(messages))
        _confirm(netlink, len(messages))


def _batch(messages: list[tuple[int, int, bytes]]) -> bytes:
    made = _message(_BEGIN, 0, 0, struct.pack(">BBH", 0, 0, 10))
    for number, (kind, flags, body) in enumerate(messages, 1):
        made += _message(kind, _ACK | flags, number, struct.pack(">BBH", _INET, 0, 0) + body)
    return made + _message(_END, 0, len(messages) + 1, struct.pack(">BBH", 0, 0, 10))


def _message(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, _REQUEST | flags, number, 0) + payload


def _confirm(netlink: socket.socket, expected: int) -> None:
    """Read one answer for each message; the first failure is raised."""
    confirmed = 0
    while confirmed < expected:
        answers = netlink.recv(65536)
        while answers:
            length, kind = struct.unpack_from("=IH", answers)
            if kind == 2:
                number = -struct.unpack_from("=i", answers, 16)[0]
                if number:
                    raise OSError(number, f"nftables: {os.strerror(number)}")
                confirmed += 1
            answers = answers[(length + 3) & ~3 :]


def _attribute(kind: int, value: bytes) -> bytes:
    padding = -len(value) % 4
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(padding)


def _nest(kind: int, value: bytes) -> bytes:
    return _attribute(kind | _NESTED, value)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _word(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _expression(name: str, body: bytes) -> bytes:
    return _nest(1, _text(1, name) + _nest(2, body))


def _compare(value: bytes) -> bytes:
    return _expression("cmp", _word(1, 1) + _word(2, _EQUAL) + _nest(3, _attribute(1, value)))


def _family(family: int) -> bytes:
    return _expression("meta", _word(1, 1) + _word(2, _META_FAMILY)) + _compare(bytes([family]))


def _protocol(number: int) -> bytes:
    return _expression("meta", _word(1, 1) + _word(2, _META_PROTOCOL)) + _compare(bytes([number]))


def _payload(base: int, offset: int, length: int) -> bytes:
    words = ((1, 1), (2, base), (3, offset), (4, length))
    return _expression("payload", b"".join(_word(kind, value) for kind, value in words))


def _port(number: int) -> bytes:
    return _payload(_TRANSPORT, 2, 2) + _compare(struct.pack(">H", number))


def _loopback(family: int) -> bytes:
    if family == _V4:
        return _payload(_NETWORK, 16, 1) + _compare(b"\x7f")
    return _payload(_NETWORK, 24, 16) + _compare(bytes(15) + b"\x01")


def _accept() -> bytes:
    verdict = _nest(2, _nest(2, _word(1, _ACCEPT)))
    return _expression("immediate", _word(1, 0) + verdict)


def _to(family: int, address: bytes, port: int) -> bytes:
    target = _expression("immediate", _word(1, 1) + _nest(2, _attribute(1, address)))
    door = _expression("immediate", _word(1, 2) + _nest(2, _attribute(1, struct.pack(">H", port))))
    words = ((1, _DNAT), (2, family), (3, 1), (4, 1), (5, 2), (6, 2))
    return target + door + _expression("nat", b"".join(_word(k, v) for k, v in words))
