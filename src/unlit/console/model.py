"""What the console works with, and who may do what in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo
    from pathlib import Path

    from unlit.console.oidc import Provider
    from unlit.console.trials import Trials
    from unlit.core.clock import Clock
    from unlit.core.ids import RunId
    from unlit.record.store import Store
    from unlit.review import Desk
    from unlit.review.adapters.evaluations import Evaluations
    from unlit.ship import Shipment


class Role(StrEnum):
    """What a person may do here; roles add up."""

    READER = "reader"
    DECIDER = "decider"
    EVALUATOR = "evaluator"
    OWNER = "owner"


ALL_ROLES = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is looking.

    Attributes:
        nonce: Random text of this login; CSRF tokens are bound to it.
        expires_at: Seconds since the epoch.
    """

    person: str
    roles: frozenset[Role]
    nonce: str
    expires_at: int

    def may(self, role: Role) -> bool:
        """Whether the session has a role."""
        return role in self.roles


@dataclass(frozen=True, slots=True)
class Place:
    """Where things lie that pages show."""

    repository: Path
    audit: tuple[Path, ...] = ()
    policy: Path | None = None
    specs: Path | None = None
    vault: Path | None = None
    settings: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Console:
    """Everything the application is made from.

    Attributes:
        token: What the printed URL carries; whoever has it is `person` with all roles.
        key: Secret that signs sessions; the same after a restart.
        hosts: Values of the Host header that are answered; others are refused.
        ship: Ships an approved run.
        build: Goes on with a run whose spec is approved.
        start: Starts a run (spec, agent, person, key); returns it, and whether the key had before.
        evaluations: What the evaluator keeps for itself; shown to people only.
        trials: Candidates that people try now; none where nothing can be tried.
        provider: Identity provider that people log in with, besides the token.
    """

    store: Store
    desk: Desk
    clock: Clock
    place: Place
    person: str
    token: str
    key: bytes
    hosts: frozenset[str]
    ship: Callable[[RunId], Shipment]
    evaluations: Evaluations
    zone: tzinfo | None = None
    secure: bool = False
    provider: Provider | None = None
    trials: Trials | None = None
    build: Callable[[RunId], None] | None = None
    start: Callable[[str, str, str, str], tuple[RunId, bool]] | None = None
    roles: frozenset[Role] = field(default=ALL_ROLES)
