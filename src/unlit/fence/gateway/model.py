"""What the gateway is told about a session, and what it reports at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from unlit.models.model import ModelUsage
from unlit.policy.model import Identity, Policy, Rule

FAKE_V4: Final = "198.18.0.0/15"
"""Every name asked for inside gets an address from here; `.0.1` is the gateway itself."""

FAKE_V6: Final = "fd75:6e6c:6974::/96"
"""The same numbers as in `FAKE_V4`, for AAAA."""

PROXY_ADDRESS: Final = "198.18.0.1"
PROXY_PORT: Final = 3128
PROXY_NAME: Final = "gateway.unlit.internal"


class Route(Protocol):
    """A twin that a session reaches: which service, at which address, in which world."""

    @property
    def service(self) -> str:
        """Name of the twin in the policy."""
        ...

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host globs the twin answers for."""
        ...

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT`` or ``unix:/path``."""
        ...

    @property
    def world(self) -> str:
        """Sent as ``x-twin-world``."""
        ...


class SessionSpec(Protocol):
    """What the gateway needs to know of a fence (`FenceSpec` fits)."""

    @property
    def role(self) -> str:
        """Role in the policy."""
        ...

    @property
    def policy(self) -> Policy:
        """The policy that decides."""
        ...

    @property
    def identity(self) -> Identity:
        """Who acts, for the audit log."""
        ...

    @property
    def twins(self) -> Sequence[Route]:
        """The twins of the session."""
        ...


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What a program asked for beyond its policy: a request, and its reason in its own words."""

    role: str
    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed, to whom, until when."""

    rule: Rule
    person: str
    until: datetime


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What went through the gateway in one session."""

    exchanges: int
    denied: int
    bytes_in: int
    bytes_out: int
    usage: tuple[ModelUsage, ...] = ()
    refused_placeholders: int = 0
    scrubbed: int = 0
    asked: tuple[AccessRequest, ...] = ()
