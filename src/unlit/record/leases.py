"""Leases of workers: who is alive, by the database's own clock; a dead one is reaped by one.

A reaper may die too, so `lease_until` of a dead worker says when somebody looks at it next: above
0, when the one who reaps it now is given up; below 0, when it is looked at for the last time, for
what it took while nobody knew that it was late; 0, when all was taken over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, select, text

from unlit.record import schema
from unlit.record.store import Store

_LONG_AGO: Final = 1.0


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker process.

    Attributes:
        id: Host, pid and start time; no other process ever has it.
        state: ``live`` or ``dead`` (reaped).
        lease_s: Seconds left of its lease; negative when it ran out.
    """

    id: str
    host: str
    pid: int
    queues: str
    version: str
    state: str
    started_at: str
    lease_s: float


class Leases:
    """Takes, renews and reaps leases.

    Args:
        store: The record.
        length_s: How long a worker may be silent before it counts as dead; longer than any pause
            of a garbage collector and shorter than anybody's patience.
        claim_s: How long one may take over from a dead worker before another one does.
    """

    def __init__(self, store: Store, length_s: float = 30.0, claim_s: float | None = None) -> None:
        self._store = store
        self._length_s = length_s
        self._claim_s = max(2 * length_s, 30.0) if claim_s is None else claim_s

    def take(self, worker: str, host: str, pid: int, queues: Sequence[str], version: str) -> bool:
        """Register a worker; `False` when a live one has its id."""
        table = schema.workers
        with self._store.writing() as connection:
            now = database_now(connection)
            row = connection.execute(select(table).where(table.c.id == worker)).mappings().first()
            if row is not None:
                return False
            connection.execute(
                table.insert().values(
                    id=worker,
                    host=host,
                    pid=pid,
                    queues=",".join(queues),
                    version=version,
                    state="live",
                    started_at=str(now),
                    lease_until=now + self._length_s,
                )
            )
        return True

    def renew(self, worker: str) -> bool:
        """Prolong a lease; `False` when it was lost: the worker must end at once."""
        table = schema.workers
        with self._store.writing() as connection:
            now = database_now(connection)
            changed = connection.execute(
                table.update()
                .where(
                    table.c.id == worker,
                    table.c.state == "live",  # late, perhaps, and nobody took over
                    table.c.lease_until > _LONG_AGO,
                )
                .values(lease_until=now + self._length_s)
            )
        return changed.rowcount == 1

    def end(self, worker: str) -> None:
        """Give a lease back: it runs out at once, and what the worker left is taken over."""
        table = schema.workers
        with self._store.writing() as connection:
            connection.execute(
                table.update().where(table.c.id == worker).values(lease_until=_LONG_AGO)
            )

    def reap(self) -> tuple[str, ...]:
        """Mark workers whose lease ran out as dead; return those to take over from, each to one.

        Whoever is given one says `taken_over` in the end; else another is given it later.
        """
        table = schema.workers
        reaped = []
        with self._store.writing() as connection:
            now = database_now(connection)
            until = table.c.lease_until
            over = ((until > 0) & (until <= now)) | ((until < 0) & (until >= -now))
            late = connection.execute(select(table.c.id, until).where(over)).all()
            for worker, last in late:
                claim = now + self._claim_s if last > 0 else -now - self._claim_s
                changed = connection.execute(
                    table.update()
                    .where(table.c.id == worker, over)
                    .values(state="dead", lease_until=claim)
                )
                if changed.rowcount == 1:
                    reaped.append(worker)
        return tuple(reaped)

    def taken_over(self, worker: str) -> None:
        """Say that all work of a dead worker was taken over; it is looked at once more."""
        table = schema.workers
        with self._store.writing() as connection:
            once_more = -database_now(connection) - self._claim_s
            until = case((table.c.lease_until > 0, once_more), else_=0.0)
            dead = (table.c.id == worker) & (table.c.state == "dead")
            connection.execute(table.update().where(dead).values(lease_until=until))

    def workers(self) -> tuple[WorkerRow, ...]:
        """Return all workers, newest first."""
        table = schema.workers
        with self._store.reading() as connection:
            now = database_now(connection)
            rows = connection.execute(select(table).order_by(table.c.started_at.desc())).mappings()
            return tuple(
                WorkerRow(
                    id=row["id"],
                    host=row["host"],
                    pid=row["pid"],
                    queues=row["queues"],
                    version=row["version"],
                    state=row["state"],
                    started_at=row["started_at"],
                    lease_s=row["lease_until"] - now,
                )
                for row in rows
            )


def database_now(connection: Connection) -> float:
    """Return the database's time, so that the clocks of machines do not matter."""
    if connection.dialect.name == "postgresql":
        query = "SELECT extract(epoch FROM clock_timestamp())"
    else:
        query = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    return float(connection.execute(text(query)).scalar_one())
