"""The cross-source index: SQLite full text with bm25, one transaction per batch."""

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from unlit.context.model import Item, Ref, Trust

_SCHEMA: Final = """
create table if not exists item (
  id integer primary key, source text not null, kind text not null, key text not null,
  revision text not null, title text not null, body text not null, trust text not null,
  status text, people text not null, url text, fetched_at text not null,
  unique (source, kind, key));
create virtual table if not exists words using fts5 (
  title, body, people, content='item', content_rowid='id', tokenize='porter unicode61');
create trigger if not exists item_in after insert on item begin
  insert into words (rowid, title, body, people) values (new.id, new.title, new.body, new.people);
end;
create trigger if not exists item_out after delete on item begin
  insert into words (words, rowid, title, body, people)
  values ('delete', old.id, old.title, old.body, old.people);
end;
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result; `rank` is bm25, smaller is better."""

    ref: Ref
    title: str
    excerpt: str
    trust: Trust
    url: str | None
    status: str | None
    fetched_at: datetime
    rank: float


class Index:
    """Items of all sources, searchable.

    Args:
        path: The database file; made if missing. ``:memory:`` keeps nothing.
    """

    def __init__(self, path: Path) -> None:
        if str(path) != ":memory:":
            path.parent.mkdir(parents=True, exist_ok=True)
        # An MCP server calls from worker threads: the lock keeps a transaction to one of them.
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def put(self, items: Iterable[Item]) -> int:
        """Add or replace items, all or none; unchanged ones cost nothing.

        Returns:
            How many were new or changed.
        """
        changed = 0
        with self._lock:
            self._db.execute("begin immediate")
            try:
                for item in items:
                    changed += self._put_one(item)
                self._db.execute("commit")
            except BaseException:
                self._db.execute("rollback")
                raise
        return changed

    def _put_one(self, item: Item) -> int:
        identity = (item.ref.source, item.ref.kind, item.ref.key)
        row = (item.revision, item.title, item.body, item.trust.value, item.status)
        known = self._db.execute(
            "select revision, title, body, trust, status from item"
            " where source = ? and kind = ? and key = ?",
            identity,
        ).fetchone()
        if known == row:
            return 0
        if known is not None:
            self._db.execute("delete from item where source = ? and kind = ? and key = ?", identity)
        self._db.execute(
            "insert into item (source, kind, key, revision, title, body, trust, status, people,"
            " url, fetched_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*identity, *row, " ".join(item.people), item.url, item.fetched_at.isoformat()),
        )
        return 1

    def drop(self, ref: Ref) -> None:
        """Forget one item: the source says that it is gone."""
        with self._lock:
            self._db.execute(
                "delete from item where source = ? and kind = ? and key = ?",
                (ref.source, ref.kind, ref.key),
            )

    def search(
        self, query: str, *, source: str | Collection[str] | None = None, limit: int = 20
    ) -> list[Hit]:
        """Find items that have every word of `query`, best first; of some sources, or of all.

        Any text is a valid query: its words are quoted, so no operator of the engine is reachable.
        """
        plain = query.translate({ord('"'): " ", 0: " "})
        words = [word for word in plain.split() if any(map(str.isalnum, word))]
        if not words:
            return []
        match = " ".join(f'"{word}"' for word in words)
        names = [source] if isinstance(source, str) else source
        within = ""
        if names is not None:
            within = (
                " and +rowid in (select id from item where source in"
                " (select value from json_each(?)))"
            )
        with self._lock:  # what was found is still there when it is read
            best = self._db.execute(
                "select rowid, rank from words where words match ?"  # noqa: S608 # fixed words
                f" and rank match 'bm25(4.0, 1.0, 2.0)'{within} order by rank limit ?",
                (match, *([] if names is None else [json.dumps(list(names))]), limit),
            ).fetchall()
            rows = [self._hit(match, rowid, rank) for rowid, rank in best]
        return [
            Hit(
                Ref(row[0], row[1], row[2]),
                row[3],
                " ".join(str(row[4]).split()),
                Trust(row[5]),
                row[6],
                row[7],
                datetime.fromisoformat(row[8]),
                float(row[9]),
            )
            for row in rows
        ]

    def _hit(self, match: str, rowid: int, rank: float) -> tuple[Any, ...]:
        """Read one result; excerpts are made of what is shown, not of all that was found."""
        row: tuple[Any, ...] = self._db.execute(
            "select source, kind, key, item.title, snippet(words, 1, '', '', ' … ', 24), trust,"
            " url, status, fetched_at from words join item on item.id = words.rowid"
            " where words match ? and words.rowid = ?",
            (match, rowid),
        ).fetchone()
        return (*row, rank)

    def relevant(self, words: Sequence[str], sources: Sequence[str], *, limit: int) -> list[Item]:
        """Return items that have any of `words` in their whole text, best first, with their text.

        Rank is bm25, where what few items have weighs most; ties go by source, kind and key.
        """
        plain = [word.replace('"', " ") for word in words if any(map(str.isalnum, word))]
        if not plain or not sources:
            return []
        match = " OR ".join(f'"{word}"' for word in plain)
        rows = self._all(
            "select source, kind, key, revision, item.title, item.body, trust, status, url,"
            " fetched_at, item.people from words join item on item.id = words.rowid"
            " where words match ? and source in (select value from json_each(?))"
            " order by round(bm25(words, 4.0, 1.0, 2.0), 6), source, kind, key limit ?",
            (match, json.dumps(list(sources)), limit),
        )
        return [
            Item(
                ref=Ref(row[0], row[1], row[2]),
                revision=row[3],
                title=row[4],
                body=row[5],
                trust=Trust(row[6]),
                status=row[7],
                url=row[8],
                fetched_at=datetime.fromisoformat(row[9]),
                people=(row[10],) if row[10] else (),
            )
            for row in rows
        ]

    def counts(self) -> dict[str, int]:
        """Return the number of items of each source."""
        return dict(self._all("select source, count(*) from item group by source"))

    def newest(self) -> dict[str, str]:
        """Return when each source was last read, ISO 8601: the freshness to be stated."""
        return dict(self._all("select source, max(fetched_at) from item group by source"))

    def _all(self, question: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(question, values).fetchall()


def hit_json(hit: Hit) -> dict[str, object]:
    """Return a hit as plain JSON data."""
    return {
        "source": hit.ref.source,
        "kind": hit.ref.kind,
        "key": hit.ref.key,
        "title": hit.title,
        "excerpt": hit.excerpt,
        "trust": hit.trust.value,
        "url": hit.url,
        "status": hit.status,
        "fetched_at": hit.fetched_at.isoformat(),
        "rank": hit.rank,
    }
