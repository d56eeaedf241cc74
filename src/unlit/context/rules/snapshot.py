"""Which items a snapshot holds and what its digest is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from unlit.context.model import Entry, Item, Ref, Snapshot, Trust
from unlit.core.canonical import digest_bytes, digest_json
from unlit.core.ids import Digest

DEFAULT_BUDGET_BYTES: Final = 512 * 1024
SNAPSHOT_FILE: Final = "snapshot.json"
"""Name of a run's manifest among its artefacts."""

_ORDER: Final = {Trust.INTENT: 0, Trust.INTERNAL: 1, Trust.PUBLIC: 2}


def ordered(items: Iterable[Item]) -> list[Item]:
    """Sort items: the most trusted first, then by source, kind and key."""
    return sorted(items, key=lambda item: (_ORDER[item.trust], *_name(item.ref)))


def pin(items: Sequence[Item], *, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> Snapshot:
    """Make the manifest of `items`; the same items in any order give the same digest.

    Args:
        items: What was read.
        budget_bytes: Most bytes of bodies; the item at the edge is cut, later ones are left out.

    Returns:
        The snapshot; `left_out` says what did not fit.
    """
    entries: list[Entry] = []
    left_out: list[Ref] = []
    room = budget_bytes
    for item in ordered(items):
        body = item.body.encode("utf-8")
        if room <= 0 and body:
            left_out.append(item.ref)
            continue
        kept = _cut(body, room)
        room -= len(kept)
        entries.append(_entry(item, kept, cut=len(kept) < len(body)))
    return Snapshot(
        digest=digest_of(entries),
        entries=tuple(entries),
        left_out=tuple(left_out),
        taint=frozenset(mark(entry) for entry in entries),
    )


def live_entry(item: Item, live: str) -> Entry:
    """Return the entry of an item that an agent read whole while it worked."""
    return replace(_entry(item, item.body.encode("utf-8"), cut=False), live=live)


def with_live(pinned: Snapshot, live: Iterable[Entry]) -> Snapshot:
    """Add what agents read while they worked; in any order, and twice, it is the same snapshot."""
    named = {digest_json(_line(entry)): entry for entry in live}
    added = sorted(named.items(), key=lambda pair: (pair[1].live, *_name(pair[1].ref), pair[0]))
    entries = [entry for entry in pinned.entries if not entry.live]
    entries += [entry for _, entry in added]
    return Snapshot(
        digest=digest_of(entries),
        entries=tuple(entries),
        left_out=pinned.left_out,
        taint=pinned.taint | {mark(entry) for _, entry in added},
    )


def mark(entry: Entry) -> str:
    """Return the taint that an entry brings: ``source:trust``."""
    return f"{entry.ref.source}:{entry.trust}"


def seen_sentence(snapshot: Snapshot, now: datetime) -> str:
    """Say what a run saw: how much from where, how fresh, and what did not fit."""
    entries = snapshot.entries
    count = len(entries)
    said = f"{count} item{'s' if count != 1 else ''}, {snapshot.size_bytes} bytes"
    if entries:
        counts = Counter(entry.ref.source for entry in entries)
        named = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        said += f", of {named}; oldest read {_age(now, min(e.fetched_at for e in entries))}"
    if snapshot.left_out:
        said += f"; {len(snapshot.left_out)} left out for size"
    if cut := sum(entry.cut for entry in entries):
        said += f"; {cut} cut"
    return said


def _age(now: datetime, then: datetime) -> str:
    seconds = max((now - then).total_seconds(), 0)
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {word}{'s' if number != 1 else ''} ago"
    return "just now"


def digest_of(entries: Iterable[Entry]) -> Digest:
    """Return the digest that names exactly these entries in this order."""
    return digest_json([_line(entry) for entry in entries])


def kept_body(item: Item, entry: Entry) -> bytes:
    """Return the bytes of `item` that `entry` names."""
    return _cut(item.body.encode("utf-8"), entry.size_bytes)


def _cut(body: bytes, room: int) -> bytes:
    if len(body) <= room:
        return body
    return body[:room].decode("utf-8", errors="ignore").encode("utf-8")


def _name(ref: Ref) -> tuple[str, str, str]:
    return ref.source, ref.kind, ref.key


def _entry(item: Item, body: bytes, *, cut: bool) -> Entry:
    return Entry(
        ref=item.ref,
        revision=item.revision,
        title=item.title,
        trust=item.trust,
        url=item.url,
        fetched_at=item.fetched_at,
        body=digest_bytes(body),
        size_bytes=len(body),
        cut=cut,
    )


def _line(entry: Entry) -> list[object]:
    # when it was read is provenance, not content: reading the same again gives the same digest
    line: list[object] = [
        *_name(entry.ref),
        entry.revision,
        entry.title,
        entry.trust.value,
        entry.url,
        entry.body,
        entry.cut,
    ]
    return [*line, entry.live] if entry.live else line
