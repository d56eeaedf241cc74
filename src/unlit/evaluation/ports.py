"""What the engine needs from outside: a fence to run the product in, and worlds of twins."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


class Finished(Protocol):
    """How one command ended."""

    @property
    def exit_code(self) -> int: ...  # noqa: D102 # the fence's own words
    @property
    def stdout(self) -> bytes: ...  # noqa: D102
    @property
    def stderr(self) -> bytes: ...  # noqa: D102
    @property
    def timed_out(self) -> bool: ...  # noqa: D102
    @property
    def duration_s(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Ended:
    """A `Finished` of our own, for fakes and for what the fence cut short."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False
    duration_s: float = 0.0


class Process(Protocol):
    """A running product."""

    @property
    def ended(self) -> bool:
        """Say whether it has ended by itself."""
        ...

    async def wait(self) -> Finished:
        """Wait for its end."""
        ...

    async def kill(self) -> None:
        """Kill it and everything it started."""
        ...


class Talk(Protocol):
    """A product that is talked to while it runs."""

    async def send(self, data: bytes) -> None:
        """Write to it; what it no longer reads is dropped."""
        ...

    async def receive(self, timeout_s: float) -> bytes | None:
        """Return the next piece it says; None when nothing came in time, b"" at its end."""
        ...

    async def finish(self, timeout_s: float) -> Finished:
        """Close its input, give it time to end, then kill it; what it still said is in here."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a user does: says some lines, or nothing; and how the conversation ends, if it does."""

    lines: tuple[str, ...] = ()
    end: str | None = None


class User(Protocol):
    """Somebody who talks to the product."""

    async def opens(self) -> Said:
        """Say something first, or nothing."""
        ...

    async def answers(self, heard: str) -> Said:
        """Answer what the product said."""
        ...


class Forwarded(Protocol):
    """A loopback listener outside that leads to a port inside."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102

    async def aclose(self) -> None:
        """Stop listening."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """Both directions of one connection into a sandbox."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class BrowserHouse(Protocol):
    """Where a browser runs that shows the product's pages."""

    @property
    def program(self) -> str:
        """What to start as the browser."""
        ...

    host: str
    port: int
    """Where the product is, seen from the browser."""

    async def aclose(self) -> None:
        """End the browser and give back what it used."""
        ...


class Sandbox(Protocol):
    """One fence, as far as the engine uses it."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 600,
    ) -> Finished:
        """Run one command to its end."""
        ...

    async def spawn(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Process:
        """Start a command and leave it running."""
        ...

    async def talk(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, terminal: bool = False
    ) -> Talk:
        """Start a command that is talked to, over its streams or on a terminal."""
        ...

    async def connect(self, port: int) -> Connection:
        """Open a connection to `port` inside.

        Raises:
            ConnectionError: Nothing listens there.
        """
        ...

    async def forward(self, port: int) -> Forwarded:
        """Open a way in to `port`."""
        ...

    async def browse(self, program: str, port: int) -> BrowserHouse | None:
        """Make a confinement for a browser that shows what `port` inside serves.

        Returns:
            None where there is none: the browser then runs as the evaluator's user.
        """
        return None

    async def write(
        self,
        files: Mapping[str, bytes],
        delete: Sequence[str] = (),
        *,
        programs: Collection[str] = (),
    ) -> None:
        """Put files into the workspace, as the product's user; `programs` may be executed."""
        ...

    def read_changed(self, limit_bytes: int = 4_000_000) -> dict[str, bytes]:
        """Return the regular files that were made or changed, by relative path."""
        ...

    async def reset(self) -> None:
        """Back to the candidate as it was; nothing keeps running."""
        ...


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What a world is made from."""

    seeds: Mapping[str, Any]
    seed: int
    now: datetime | None


@dataclass(frozen=True, slots=True)
class RouteUse:
    """One route of a twin that a trajectory used, and how faithful it is.

    Attributes:
        tier: ``values``, ``shape`` or ``status`` (measured against recordings that far), ``hand``
            or ``contract`` (how it was made; not measured), ``none`` (the twin has no such route).
        measured: ``n`` and shares, ``date`` and ``source``; None when no recording has the route.
    """

    service: str
    route: str
    tier: str
    count: int = 1
    measured: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What reached the twins of one world.

    Attributes:
        made: The calls in time order: ``at`` (seconds), service, method, path, status, fault.
    """

    calls: int = 0
    routes: tuple[RouteUse, ...] = ()
    texts: tuple[str, ...] = field(default=(), repr=False)
    made: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


class Worlds(Protocol):
    """The twins, as far as the engine uses them."""

    def create(self, slot: str, plan: WorldPlan) -> str:
        """Make a world and make it the one that `slot`'s fence meets."""
        ...

    def tokens(self, world: str) -> Mapping[str, str]:
        """Return a working token for each service."""
        ...

    def state(self, world: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return all collections of a world."""
        ...

    def emit(self, world: str, service: str, event: str, fields: Mapping[str, Any]) -> None:
        """Let something happen at a service."""
        ...

    def advance(self, world: str, seconds: float) -> None:
        """Move the world's clock."""
        ...

    def wants_way_in(self, world: str) -> bool:
        """Say whether a service of this world delivers to the product (``http://product/…``)."""
        ...

    def open_way_in(self, slot: str, address: str) -> None:
        """Say where the product of `slot` is reached now (``127.0.0.1:PORT``)."""
        ...

    async def settle(self, world: str) -> None:
        """Deliver what waits for the product, and wait until it has been answered."""
        ...

    def traffic(self, world: str) -> Traffic:
        """Return what the product asked of this world."""
        ...

    def drop(self, world: str) -> None:
        """Forget a world."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge said about one question.

    Attributes:
        answer: None when it did not say, or could not quote what it saw.
        quote: The part of the evidence that its answer rests on.
        ask: The question, and `evidence` what it was shown; for people who label it.
    """

    answer: bool | None
    quote: str = ""
    ask: str = ""
    evidence: str = field(default="", repr=False)


class Judge(Protocol):
    """Answers a yes-or-no question about evidence, blind to which candidate it is."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def family(self) -> str | None: ...  # noqa: D102

    async def judge(self, question: str, evidence: str) -> Judged:
        """Answer one question; never raises for what the evidence says."""
        ...


class Pool(Protocol):
    """Where sandboxes for one candidate come from."""

    async def open(self, slot: str, candidate: Path) -> Sandbox:
        """Open a sandbox over `candidate` whose network is the worlds of `slot`."""
        ...

    async def open_as(self, role: str, folder: Path) -> Sandbox:
        """Open a sandbox with the policy of another role, over `folder`.

        ``coder``: as the agent has it, for the probe. ``evaluator``: for calls to a model.
        """
        ...

    async def release(self, sandbox: Sandbox) -> None:
        """Close a sandbox for good."""
        ...
