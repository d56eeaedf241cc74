"""A network namespace in which every address leads to us, and nothing leads out.

`lo` is brought up and a local default route makes each IPv4 and IPv6 address local (AnyIP). Rules
(`capture`) then lead every port of every address but the product's own loopback to one listener,
whose socket the gateway gets. Without nftables, listeners on a few ports of every address stand in;
then those ports of the loopback are the gateway's too. There is no other interface: no packet
leaves, whatever a program tries.

Source: rtnetlink(7), netlink(7), ip-route(8) "local"; measured in docs/adr/0101-sandbox.md.
"""

import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import capture

TCP_PORTS: Final = (80, 443, 53, 3128)
DNS_PORT: Final = 53

_NLMSG_ERROR: Final = 2
_NLM_F_REQUEST_ACK: Final = 0x1 | 0x4
_NLM_F_CREATE: Final = 0x400
_RTM_NEWLINK: Final = 16
_RTM_NEWROUTE: Final = 24
_IFF_UP: Final = 1
_RTN_LOCAL: Final = 2
_RT_TABLE_LOCAL: Final = 255
_RTPROT_BOOT: Final = 3
_RT_SCOPE_HOST: Final = 254
_RTA_OIF: Final = 4
_IP_PKTINFO: Final = 8
_IPV6_FREEBIND: Final = 78
_BACKLOG: Final = 512
_FIRST_PORT: Final = 32768
_FEWEST_PORTS: Final = 12_000
_STEPS: Final = 4_000


def open_network() -> None:
    """Bring `lo` up and make every address local; in a fresh network namespace only."""
    with contextlib.suppress(OSError):  # where /proc/sys is read-only, as in some containers
        _scatter_ports()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        index = socket.if_nametoindex("lo")
        link = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
        _ask(netlink, _RTM_NEWLINK, 0, link)
        for family in (socket.AF_INET, socket.AF_INET6):
            route = struct.pack(
                "=BBBBBBBBI",
                family,
                0,
                0,
                0,
                _RT_TABLE_LOCAL,
                _RTPROT_BOOT,
                _RT_SCOPE_HOST,
                _RTN_LOCAL,
                0,
            )
            attribute = struct.pack("=HHi", 8, _RTA_OIF, index)
            try:
                _ask(netlink, _RTM_NEWROUTE, _NLM_F_CREATE, route + attribute)
            except OSError:
                if family == socket.AF_INET:
                    raise  # without IPv6 in the kernel there is nothing to capture


def _scatter_ports() -> None:
    """Take the ports of outgoing connections from a range that is drawn anew.

    The kernel counts connections of one pair of addresses for the whole machine; what the port
    tells of that count must mean nothing from one network to the next.
    """
    drawn = struct.unpack("=2H", os.urandom(4))
    low = _FIRST_PORT + 2 * (drawn[0] % _STEPS)
    high = low + _FEWEST_PORTS + 2 * (drawn[1] % _STEPS)
    fd = os.open("/proc/sys/net/ipv4/ip_local_port_range", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, f"{low} {high}".encode())
    finally:
        os.close(fd)


def _ask(netlink: socket.socket, kind: int, flags: int, payload: bytes) -> None:
    header = struct.pack("=IHHII", 16 + len(payload), kind, _NLM_F_REQUEST_ACK | flags, 1, 0)
    netlink.sendall(header + payload)
    answer = netlink.recv(65536)
    answered = struct.unpack_from("=H", answer, 4)[0]
    if answered == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", answer, 16)[0]
        if number:
            raise OSError(number, f"rtnetlink {kind}: {os.strerror(number)}")


@dataclass(frozen=True)
class Listeners:
    """What the gateway gets.

    Attributes:
        streams: Listening TCP sockets.
        datagrams: UDP sockets that take questions for names.
        how: ``nftables`` or ``ports``: what leads connections here.
    """

    streams: list[socket.socket]
    datagrams: list[socket.socket]
    how: str

    @property
    def all(self) -> list[socket.socket]:
        """Every socket."""
        return [*self.streams, *self.datagrams]


class NextNetwork:
    """The network that a fence gets at its next reset.

    Making one takes the kernel a while, so it is made while a command runs, once it is known that
    the fence is reset at all.
    """

    def __init__(self) -> None:
        self._descriptor = -1
        self._sockets: list[socket.socket] = []
        self._wanted = False

    @property
    def is_due(self) -> bool:
        """Whether it should be made now: once after each reset."""
        return self._wanted

    def prepare(self) -> None:
        """Make it, and stay in the present one; what fails is tried again when it is needed.

        Raises:
            OSError: The way back into the present network is shut.
        """
        self._wanted = False
        present = _own_network()
        try:
            with contextlib.suppress(OSError):
                sys_.unshare(sys_.CLONE_NEWNET)
                open_network()
                self._sockets = listeners().all
                self._descriptor = _own_network()
            sys_.setns(present, sys_.CLONE_NEWNET)
        finally:
            os.close(present)

    def enter(self) -> list[socket.socket]:
        """Enter it, made now if it is not there; return the sockets of its gateway.

        Raises:
            OSError: The kernel refuses.
        """
        self._wanted = True
        if self._descriptor < 0:
            sys_.unshare(sys_.CLONE_NEWNET)
            open_network()
            return listeners().all
        try:
            sys_.setns(self._descriptor, sys_.CLONE_NEWNET)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1
        return self._sockets


def _own_network() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def listeners() -> Listeners:
    """Make the sockets that the gateway accepts on."""
    try:
        capture.capture()
    except OSError:
        return _on_known_ports()
    streams = [_listener(socket.AF_INET, capture.GATEWAY_V4, capture.STREAM_PORT)]
    datagrams = [_questions(socket.AF_INET, capture.GATEWAY_V4, capture.QUESTION_PORT)]
    with contextlib.suppress(OSError):  # without IPv6 in the kernel there is nothing to capture
        streams.append(_listener(socket.AF_INET6, capture.GATEWAY_V6, capture.STREAM_PORT))
    return Listeners(streams, datagrams, "nftables")


def _on_known_ports() -> Listeners:
    streams = []
    for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 # a namespace without a way in
        try:
            streams += [_listener(family, anywhere, port) for port in TCP_PORTS]
        except OSError:
            if family == socket.AF_INET:
                raise
    questions = _questions(socket.AF_INET, "0.0.0.0", DNS_PORT)  # noqa: S104 # the same
    return Listeners(streams, [questions], "ports")


def _listener(family: int, address: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made


def _questions(family: int, address: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    made.bind((address, port))
    made.setblocking(False)
    return made
