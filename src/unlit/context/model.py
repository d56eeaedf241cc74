"""Context items, references and snapshots; frozen, with provenance and trust on each."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from unlit.core.ids import Digest


class Trust(StrEnum):
    """How far a text may be believed; none of it is ever an instruction.

    `INTENT` was written by the people whose factory this is; `INTERNAL` lies where only they and
    their colleagues write; `PUBLIC` may have been written by anybody.
    """

    INTENT = "intent"
    INTERNAL = "internal"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Ref:
    """Names one thing in one source."""

    source: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Named:
    """Something a source has besides items: a place, a person, a field of an item.

    Attributes:
        kind: The source's own word, such as ``list``, ``member``, ``number``.
        value: What a field holds now.
    """

    kind: str
    key: str
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A relation from an item to a key or URL."""

    relation: str
    target: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something short that a source says of an item: its type, priority, labels."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a human engineer would have read.

    Attributes:
        revision: The source's own version mark (etag, version, digest).
        body: Markdown.
        fetched_at: When it was read, UTC.
        account: Of a comment: who wrote it, by the id that the source itself vouches for. `None`
            where it gives none, or where somebody may have edited it since.
        facts: What a person sees beside the text, in the source's own values.
    """

    ref: Ref
    revision: str
    title: str
    body: str
    trust: Trust
    fetched_at: datetime
    status: str | None = None
    people: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    url: str | None = None
    time: datetime | None = None
    account: str | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a snapshot's manifest: what was seen, where from, and where its body lies.

    Attributes:
        live: The candidate whose agent read it while it worked; empty for what was pinned before.
    """

    ref: Ref
    revision: str
    title: str
    trust: Trust
    url: str | None
    fetched_at: datetime
    body: Digest
    size_bytes: int
    cut: bool = False
    live: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a run saw, pinned. Its digest names exactly these bytes in exactly this order.

    Attributes:
        left_out: Items that did not fit the size budget, by reference.
        taint: ``source:trust`` of everything inside.
    """

    digest: Digest
    entries: tuple[Entry, ...]
    left_out: tuple[Ref, ...] = ()
    taint: frozenset[str] = field(default_factory=frozenset)

    @property
    def size_bytes(self) -> int:
        """Bytes of all bodies."""
        return sum(entry.size_bytes for entry in self.entries)


def item_json(item: Item) -> dict[str, object]:
    """Return an item as plain JSON values."""
    return {
        "source": item.ref.source,
        "kind": item.ref.kind,
        "key": item.ref.key,
        "revision": item.revision,
        "title": item.title,
        "body": item.body,
        "trust": item.trust.value,
        "status": item.status,
        "people": list(item.people),
        "facts": {fact.name: fact.value for fact in item.facts},
        "links": [{"relation": link.relation, "target": link.target} for link in item.links],
        "url": item.url,
        "time": item.time.isoformat() if item.time else None,
        "fetched_at": item.fetched_at.isoformat(),
    }
