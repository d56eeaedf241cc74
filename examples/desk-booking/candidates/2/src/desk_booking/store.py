"""Who has which desk, in SQLite: one booking a desk and day, whatever happens."""

import sqlite3
import threading


class Taken(Exception):
    """The desk is booked on that day."""


class Store:
    """Bookings in a file; the database keeps the rule."""

    def __init__(self, path: str = "bookings.db") -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute(
            "create table if not exists booking (id integer primary key autoincrement,"
            " desk text not null, day text not null, person text not null, unique (desk, day))"
        )

    def book(self, desk: str, day: str, person: str) -> dict[str, str]:
        with self._lock:
            try:
                row = self._db.execute(
                    "insert into booking (desk, day, person) values (?, ?, ?)", (desk, day, person)
                )
            except sqlite3.IntegrityError:
                raise Taken from None
            return {"id": str(row.lastrowid), "desk": desk, "day": day, "person": person}

    def on(self, day: str) -> list[dict[str, str]]:
        with self._lock:
            rows = self._db.execute("select * from booking where day = ? order by desk", (day,))
            return [{**dict(row), "id": str(row["id"])} for row in rows]

    def give_back(self, number: str) -> bool:
        with self._lock:
            done = self._db.execute("delete from booking where id = ?", (number,))
            return done.rowcount == 1
