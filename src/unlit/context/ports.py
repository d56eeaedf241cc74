"""What this room needs from outside: sources to read and a place to keep bodies."""

from collections.abc import Iterable
from typing import Protocol

from unlit.context.model import Item, Ref
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
