"""Frozen data of the twins: who calls, what was called, what goes wrong on purpose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a credential stands for in one world.

    Attributes:
        id: The vendor's id of the user, app or client.
        kind: ``user``, ``bot``, ``app`` or ``client``.
        scopes: Granted scopes; `None` means all.
        extra: What the twin wants to remember (team, app id …).
    """

    id: str
    kind: str = "user"
    scopes: frozenset[str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One answered request, as the log keeps it."""

    service: str
    route: str
    method: str
    path: str
    status: int
    fault: str | None = None
    tier: str = "hand"
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The texts of a recent call, for the page that people look at."""

    call: Call
    query: str
    request: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Something that goes wrong on purpose.

    Attributes:
        on: An operation (``chat.postMessage``), ``METHOD /path`` (template or pattern) or ``*``.
        kind: status, timeout, drop, truncate, stale, duplicate or reorder.
        status: HTTP status of a ``status`` fault.
        retry_after: Seconds announced in the vendor's header.
        times: How often it strikes; `None` means always.
        after: Matching calls let through before the first strike.
        probability: Share of matching calls struck, drawn from the world's seed.
        latency_s: Wait before the answer (also without another fault).
        error: Vendor's error code to answer with.
        body: Answer body instead of the vendor's.
    """

    on: str
    kind: str = "status"
    status: int | None = None
    retry_after: float | None = None
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    latency_s: float = 0.0
    error: str | None = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A read of the original: state that existed before, to be believed."""

    service: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    request: Any
    response: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook or event on its way out of a world.

    Attributes:
        kind: The vendor's name of the event.
        verify: What the receiver must answer, for challenges.
    """

    service: str
    kind: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    attempt: int = 0
    verify: str | None = None
