"""Which addresses the gateway may dial: never this machine, its networks or a cloud's metadata."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_NAT64: Final = IPv6Address("64:ff9b::").packed[:12]
_METADATA: Final = frozenset(
    {
        IPv4Address("169.254.169.254"), IPv4Address("169.254.170.2"),
        IPv4Address("100.100.100.200"), IPv4Address("192.0.0.192"), IPv4Address("168.63.129.16"),
        IPv6Address("fd00:ec2::254"), IPv6Address("fd20:ce::254"),
    }
)  # fmt: skip


def is_refused(address: str, *, allow_private: bool) -> bool:
    """Say whether an address must not be dialled.

    Args:
        address: As the resolver gave it.
        allow_private: The rule is for a mirror or an intranet host; loopback, link-local and
            metadata addresses stay refused.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    inner = _inner(found)
    if inner in _METADATA or inner.is_loopback or inner.is_multicast or inner.is_unspecified:
        return True
    if inner.is_link_local:
        return True
    if isinstance(inner, IPv4Address) and inner in (IPv4Address("255.255.255.255"),):
        return True
    return not allow_private and not inner.is_global


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address carries, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.packed[:12] in (_NAT64, b"\x00" * 12) and address.packed[12:] != b"\x00\x00\x00\x01":
        return IPv4Address(address.packed[12:])
    return address
