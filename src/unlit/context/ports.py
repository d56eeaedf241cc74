"""What this room needs from outside: sources to read, a way to call them, a place for bodies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from unlit.context.changes import Change
from unlit.context.model import Item, Named, Ref
from unlit.core.ids import Digest


class Source(Protocol):
    """A system that a human engineer would read."""

    name: str

    def search(self, query: str) -> Iterable[Ref]:
        """Return references that fit `query`; an empty query means all that is relevant."""
        ...

    def fetch(self, ref: Ref) -> Item | None:
        """Read one thing; `None` if it is gone."""
        ...


class Connector(Source, Protocol):
    """A source that recognises its own URLs and keys.

    Attributes:
        kind: What a bare key means here, such as ``issue``.
    """

    kind: ClassVar[str]

    def owns(self, text: str) -> Ref | None:
        """Return the reference that a pasted URL or key means here, or `None`."""
        ...


@runtime_checkable
class Commented(Protocol):
    """A connector whose things people talk about."""

    def comments(self, ref: Ref) -> Iterable[Item]:
        """Read what people said about a thing, oldest first."""
        ...


@runtime_checkable
class Placed(Protocol):
    """A connector whose things lie somewhere: projects, teams, lists, channels."""

    def places(self) -> Iterable[Named]:
        """List where things can lie; the key is what `project` in unlit.toml takes."""
        ...


@runtime_checkable
class Peopled(Protocol):
    """A connector that knows who may be given a thing."""

    def people(self) -> Iterable[Named]:
        """List who that is, by the name that `assign` takes."""
        ...


@runtime_checkable
class Fielded(Protocol):
    """A connector whose things have fields of the source's own making."""

    def fields(self, ref: Ref) -> Iterable[Named]:
        """List the fields of a thing that can be set, with what they hold now."""
        ...


@runtime_checkable
class Watched(Protocol):
    """A connector of errors in production."""

    def errors_since(self, since: datetime) -> Iterable[Ref]:
        """Return open errors that were first seen since then."""
        ...

    def fetch(self, ref: Ref) -> Item | None:
        """Read one error; `None` if it is gone."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """A connector that can be written to.

    Attributes:
        writes: The kinds of change it can apply; others are refused before a call is made.
    """

    writes: ClassVar[frozenset[type]]

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states a thing can move to now; empty if things have no state."""
        ...

    def apply(self, change: Change) -> Ref:
        """Write; return what was written to or made.

        Raises:
            OutsideFailed: The source refused, in its own words.
        """
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; never holds a credential."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetch(Protocol):
    """Makes calls: adds the credential that policy grants, records, limits, audits."""

    def call(self, call: Call) -> Reply:
        """Make one call; redirects are not followed to another host.

        Raises:
            RefusedByPolicy: Policy does not allow it.
            OutsideFailed: No answer, or an answer that is too large.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Wait before a repeated call."""
        ...


class Noting(Protocol):
    """Keeps in the tamper-evident audit log what people and agents do here."""

    def __call__(self, kind: str, fields: Mapping[str, str]) -> None:
        """Write one entry; return when it is on the disk.

        Raises:
            OutsideFailed: It could not be written; the act must not happen.
        """
        ...


class Witness(Protocol):
    """Goes with the calls of one agent: what it is told is kept first, or it is not told."""

    def kept(self, call: str) -> str | None:
        """Return what an interrupted turn of the same agent was told on the same call, once."""
        ...

    def told(self, call: str, items: Sequence[Item], answer: str) -> None:
        """Keep an answer, and what it was made of, before the agent is given it.

        Raises:
            RefusedByPolicy: The agent must not learn this, after what it knows already.
            OutsideFailed: It could not be kept.
        """
        ...


class Bodies(Protocol):
    """A content-addressed store of bodies."""

    def keep(self, body: bytes) -> Digest:
        """Store `body` once and return its digest."""
        ...

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of `digest`.

        Raises:
            OutsideFailed: The store has no such body, or it was changed.
        """
        ...
