"""Names inside a fence: every name gets a fake address, and no question ever leaves.

Source: RFC 1035 (messages), RFC 2308 (negative answers). Only A and AAAA are answered; every other
type is an empty answer, so that nothing can be carried out by questions or in by answers.
"""

import re
import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_FIRST: Final = int(IPv4Address("198.18.0.0"))
_SIZE: Final = 1 << 17
_FIRST_V6: Final = int(IPv6Address("fd75:6e6c:6974::"))
_GATEWAY_NUMBER: Final = 1
_FIRST_NUMBER: Final = 256
MOST_NAMES: Final = 4096
_TTL_S: Final = 30
_A: Final = 1
_AAAA: Final = 28
_IN: Final = 1
_LABEL: Final = re.compile(rb"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_HEADER: Final = struct.Struct("!6H")
_REFUSED: Final = 5
_FORMAT_ERROR: Final = 1


@dataclass(slots=True)
class Names:
    """The names one session asked for, and the numbers they got."""

    gateway_name: str
    numbers: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: the order of the numbers tells nothing of what was asked before."""
        self.numbers.clear()
        self.names.clear()
        self.numbers[self.gateway_name] = _GATEWAY_NUMBER
        self.names[_GATEWAY_NUMBER] = self.gateway_name

    def number(self, name: str) -> int | None:
        """Return the number of a name, given now if it is new; `None` if there are too many."""
        found = self.numbers.get(name)
        if found is None and len(self.numbers) < MOST_NAMES:
            found = _FIRST_NUMBER + len(self.numbers)
            self.numbers[name] = found
            self.names[found] = name
        return found

    def name_at(self, address: str) -> str | None:
        """Return the name that a fake address stands for."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return None
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        first = _FIRST if isinstance(parsed, IPv4Address) else _FIRST_V6
        return self.names.get(int(parsed) - first)

    def answer(self, question: bytes) -> bytes | None:
        """Answer one DNS message; `None` for what is no question."""
        if len(question) < _HEADER.size or len(question) > 512:
            return None
        number, flags, count, _, _, _ = _HEADER.unpack_from(question)
        if flags & 0x8000:
            return None
        parsed = _question(question) if count == 1 and not flags & 0x7800 else None
        if parsed is None:
            return _HEADER.pack(number, 0x8080 | flags & 0x0100 | _FORMAT_ERROR, 0, 0, 0, 0)
        name, kind, end = parsed
        records = b""
        code = 0
        if kind in (_A, _AAAA):
            fake = self.number(name)
            if fake is None:
                code = _REFUSED
            else:
                records = _record(kind, fake)
        flags = 0x8480 | flags & 0x0100 | code
        head = _HEADER.pack(number, flags, 1, 1 if records else 0, 0, 0)
        return head + question[_HEADER.size : end] + records


def _record(kind: int, number: int) -> bytes:
    if kind == _A:
        address = IPv4Address(_FIRST + number % _SIZE).packed
    else:
        address = IPv6Address(_FIRST_V6 + number).packed
    return struct.pack("!HHHIH", 0xC00C, kind, _IN, _TTL_S, len(address)) + address


def _question(message: bytes) -> tuple[str, int, int] | None:
    labels = []
    here = _HEADER.size
    while here < len(message) and (size := message[here]) != 0:
        label = message[here + 1 : here + 1 + size]
        if size > 63 or len(label) != size or not _LABEL.fullmatch(label):
            return None
        labels.append(label)
        here += 1 + size
    if not labels or here + 5 > len(message):
        return None
    kind, kin = struct.unpack_from("!HH", message, here + 1)
    name = b".".join(labels).decode("ascii").lower()
    if kin != _IN or len(name) > 253:
        return None
    return name, kind, here + 5
