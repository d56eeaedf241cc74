"""Use cases of the context room: take a snapshot, read it back."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from unlit.context.model import Entry, Ref, Snapshot, Trust
from unlit.context.ports import Bodies, Source
from unlit.context.rules.quoting import brief
from unlit.context.rules.snapshot import DEFAULT_BUDGET_BYTES, digest_of, kept_body, pin
from unlit.core.canonical import canonical_json
from unlit.core.errors import OutsideFailed
from unlit.core.ids import Digest


def take_snapshot(
    sources: Sequence[Source],
    bodies: Bodies,
    *,
    query: str = "",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> Snapshot:
    """Read what is relevant from every source and pin it.

    Args:
        sources: Where to read.
        bodies: Where bodies are kept, by digest.
        query: Words that make a thing relevant; empty means all.
        budget_bytes: Most bytes of bodies in the snapshot.

    Returns:
        The snapshot; each body and the manifest are in `bodies` when this returns.
    """
    items = {}
    for source in sources:
        for ref in source.search(query):
            item = source.fetch(ref)
            if item is not None:
                items[ref] = item
    snapshot = pin(list(items.values()), budget_bytes=budget_bytes)
    for entry in snapshot.entries:
        bodies.keep(kept_body(items[entry.ref], entry))
    return snapshot


def snapshot_brief(snapshot: Snapshot, bodies: Bodies) -> str:
    """Render a snapshot for a coding agent, from the store alone; never reads a source again."""
    pairs: list[tuple[Entry, str]] = [
        (entry, bodies.read(entry.body).decode("utf-8")) for entry in snapshot.entries
    ]
    return brief(snapshot, pairs)


def manifest(snapshot: Snapshot) -> bytes:
    """Return the manifest as canonical JSON, for the record and the report."""
    return canonical_json(
        {
            "schema": "unlit.snapshot/1",
            "digest": snapshot.digest,
            "taint": sorted(snapshot.taint),
            "left_out": [f"{ref.source}/{ref.kind}/{ref.key}" for ref in snapshot.left_out],
            "entries": [entry_json(entry) for entry in snapshot.entries],
        }
    )


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return one line of a manifest as JSON values."""
    line: dict[str, Any] = {
        "source": entry.ref.source,
        "kind": entry.ref.kind,
        "key": entry.ref.key,
        "revision": entry.revision,
        "title": entry.title,
        "trust": entry.trust.value,
        "url": entry.url,
        "fetched_at": entry.fetched_at.isoformat(),
        "body": entry.body,
        "size_bytes": entry.size_bytes,
        "cut": entry.cut,
    }
    return {**line, "live": entry.live} if entry.live else line


def bodies_named(snapshot: Snapshot) -> frozenset[Digest]:
    """Return the digests a snapshot needs, for retention."""
    return frozenset(entry.body for entry in snapshot.entries)


def read_manifest(text: bytes) -> Snapshot:
    """Read what `manifest` wrote, and hold it against its digest.

    Raises:
        OutsideFailed: It is no manifest, or was changed.
    """
    try:
        raw = json.loads(text)
        entries = tuple(read_entry(one) for one in raw["entries"])
        left = tuple(Ref(*name.split("/", 2)) for name in raw["left_out"])
        found = Snapshot(digest_of(entries), entries, left, frozenset(raw["taint"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _changed() from error
    if found.digest != raw["digest"]:
        raise _changed()
    return found


def _changed() -> OutsideFailed:
    return OutsideFailed(
        "CTX-101",
        "The manifest of the snapshot is not what was pinned.",
        "its digest is not that of its entries.",
        "restore it, or look at the run's audit log.",
    )


def read_entry(raw: Mapping[str, Any]) -> Entry:
    """Read what `entry_json` wrote."""
    return Entry(
        ref=Ref(raw["source"], raw["kind"], raw["key"]),
        revision=raw["revision"],
        title=raw["title"],
        trust=Trust(raw["trust"]),
        url=raw["url"],
        fetched_at=datetime.fromisoformat(raw["fetched_at"]),
        body=Digest(raw["body"]),
        size_bytes=raw["size_bytes"],
        cut=raw["cut"],
        live=raw.get("live", ""),
    )
