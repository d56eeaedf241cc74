"""Names inside a fence: fake addresses, no question that leaves, nothing that breaks."""

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fence.gateway.lab import Lab

from unlit.fence.gateway.addresses import is_refused
from unlit.fence.gateway.dns import NameServer
from unlit.fence.gateway.names import MOST_NAMES, Names


def question(name: str, kind: int = 1, number: int = 7) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return (
        struct.pack("!6H", number, 0x0100, 1, 0, 0, 0)
        + labels
        + b"\0"
        + struct.pack("!HH", kind, 1)
    )


def address(answer: bytes | None, family: int = socket.AF_INET) -> str:
    assert answer is not None
    size = 4 if family == socket.AF_INET else 16
    return socket.inet_ntop(family, answer[-size:])


def test_a_name_has_one_address_in_each_family_and_back() -> None:
    names = Names("gateway.unlit.internal")
    v4 = address(names.answer(question("api.example.com")))
    v6 = address(names.answer(question("API.example.com", 28)), socket.AF_INET6)
    assert v4.startswith("198.18.")
    assert names.name_at(v4) == names.name_at(v6) == "api.example.com"
    assert names.name_at(f"::ffff:{v4}") == "api.example.com"
    assert names.name_at("198.18.0.1") == "gateway.unlit.internal"
    assert names.name_at("10.0.0.1") is None
    other = address(names.answer(question("b.example.com")))
    assert other != v4


@pytest.mark.parametrize("kind", [16, 15, 2, 255, 65])
def test_other_types_get_an_empty_answer(kind: int) -> None:
    answer = Names("g.test").answer(question("x.test", kind))
    assert answer is not None
    assert struct.unpack_from("!6H", answer)[3] == 0
    assert answer[3] & 15 == 0


def test_there_is_an_end_to_names() -> None:
    names = Names("g.test")
    for number in range(MOST_NAMES + 10):
        names.number(f"n{number}.test")
    answer = names.answer(question("more.test"))
    assert answer is not None
    assert answer[3] & 15 == 5


@given(st.binary(max_size=600))
def test_any_bytes_are_answered_or_passed_over(data: bytes) -> None:
    names = Names("g.test")
    names.answer(data)
    names.answer(struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + data)


async def test_questions_over_udp_and_tcp_are_answered(lab: Lab) -> None:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    where = sock.getsockname()
    server = NameServer(loop, sock, Names("g.test"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(where)
        await loop.sock_sendall(client, question("x.test"))
        assert address(await loop.sock_recv(client, 512)).startswith("198.18.")
    server.close()
    reader, writer = await lab.connect("anything.test", 53)
    asked = question("y.test")
    writer.write(len(asked).to_bytes(2, "big") + asked)
    size = int.from_bytes(await reader.readexactly(2), "big")
    assert address(await reader.readexactly(size)).startswith("198.18.")
    writer.close()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0",  # noqa: S104 # an address to refuse
        "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "198.18.0.5", "224.0.0.1", "255.255.255.255", "::1", "::",
        "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "::7f00:1",
        "2002:0a00:0001::1", "168.63.129.16", "100.100.100.200", "not an address", "",
    ],
)  # fmt: skip
def test_special_addresses_are_refused(text: str) -> None:
    assert is_refused(text, allow_private=False)


def test_public_addresses_are_dialled_and_private_ones_where_a_rule_says_so() -> None:
    assert not is_refused("93.184.216.34", allow_private=False)
    assert not is_refused("2606:2800:220:1:248:1893:25c8:1946", allow_private=False)
    for text in ("10.0.0.1", "192.168.1.1", "fc00::1", "198.51.100.7"):
        assert not is_refused(text, allow_private=True)
    for text in ("127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "::ffff:127.0.0.1"):
        assert is_refused(text, allow_private=True)
