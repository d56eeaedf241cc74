"""Index 10,000 items and search them; ratios against a plain table and LIKE in the same run."""

import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.context.adapters.index import Index
from unlit.context.model import Item, Ref, Trust

COUNT = 10_000
WORDS = [f"word{n}" for n in range(3000)]


def items() -> list[Item]:
    chooser = random.Random(1)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        Item(
            Ref("jira", "issue", f"SEC-{n}"),
            "1",
            " ".join(chooser.choices(WORDS, k=8)),
            "everywhere " + " ".join(chooser.choices(WORDS, k=150)),
            Trust.INTERNAL,
            now,
        )
        for n in range(COUNT)
    ]


def main() -> None:
    made = items()
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder) / "index.db")
        started = time.perf_counter()
        index.put(made)
        indexed = time.perf_counter() - started
        plain = sqlite3.connect(Path(folder) / "plain.db")
        plain.execute("create table item (key text, title text, body text)")
        started = time.perf_counter()
        rows = [(item.ref.key, item.title, item.body) for item in made]
        with plain:
            plain.executemany("insert into item values (?, ?, ?)", rows)
        floor = time.perf_counter() - started
        queries = [" ".join(random.Random(n).sample(WORDS, 2)) for n in range(200)]
        ours, likes = [], []
        for query in queries:
            started = time.perf_counter()
            index.search(query)
            ours.append(time.perf_counter() - started)
        worst = []
        for source in (None, "jira"):
            for query in ("everywhere", "everywhere word7", "word7"):
                started = time.perf_counter()
                assert index.search(query, source=source)
                worst.append((time.perf_counter() - started) * 1000)
        for query in queries[:20]:
            one, two = query.split()
            started = time.perf_counter()
            plain.execute(
                "select key from item where body like ? and body like ? limit 20",
                (f"%{one}%", f"%{two}%"),
            ).fetchall()
            likes.append(time.perf_counter() - started)
        print(
            f"index {COUNT} items    {indexed:6.2f} s   plain table {floor:5.2f} s   "
            f"ratio {indexed / floor:.1f}"
        )
        fast, slow = statistics.median(ours) * 1000, statistics.median(likes) * 1000
        print(f"search median        {fast:6.2f} ms  LIKE {slow:6.2f} ms  ratio {fast / slow:.3f}")
        print(f"search slowest       {max(ours) * 1000:6.2f} ms")
        print(f"a word of every item {max(worst):6.2f} ms  (slowest of 6, also of one source)")
        _snapshots(Path(folder) / "bodies", made[:1000])


def _snapshots(folder: Path, made: list[Item]) -> None:
    """Keep the bodies of ten snapshots of the same items, one of them changed each time."""
    bodies = FolderBodies(folder)
    for number in range(10):
        changed = replace(made[number], body=f"changed {number}")
        seen = [*made[:number], changed, *made[number + 1 :]]
        for item in seen:
            bodies.keep(item.body.encode())
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    print(f"10 snapshots of {len(made)} items: {files} bodies kept, of {10 * len(made)} seen")


if __name__ == "__main__":
    main()
