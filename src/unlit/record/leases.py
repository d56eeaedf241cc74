"""Leases of workers: who is alive, by the database's own clock; a dead one is reaped once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from unlit.record import schema
from unlit.record.store import Store


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
    """

    def __init__(self, store: Store, length_s: float = 30.0) -> None:
        self._engine = store.engine
        self._length_s = length_s

    def take(self, worker: str, host: str, pid: int, queues: Sequence[str], version: str) -> bool:
        """Register a worker; `False` when a live one has its id."""
        table = schema.workers
        with self._engine.begin() as connection:
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
        with self._engine.begin() as connection:
            now = database_now(connection)
            changed = connection.execute(
                table.update()
                .where(table.c.id == worker, table.c.state == "live", table.c.lease_until > now)
                .values(lease_until=now + self._length_s)
            )
        return changed.rowcount == 1

    def end(self, worker: str) -> None:
        """Give a lease back: it runs out at once, and what the worker left is taken over."""
        table = schema.workers
        with self._engine.begin() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == worker, table.c.state == "live")
                .values(lease_until=0.0)
            )

    def reap(self) -> tuple[str, ...]:
        """Mark workers whose lease ran out as dead; each id is returned to one caller only."""
        table = schema.workers
        reaped = []
        with self._engine.begin() as connection:
            now = database_now(connection)
            late = connection.execute(
                select(table.c.id).where(table.c.state == "live", table.c.lease_until <= now)
            ).scalars()
            for worker in list(late.all()):
                changed = connection.execute(
                    table.update()
                    .where(table.c.id == worker, table.c.state == "live")
                    .values(state="dead")
                )
                if changed.rowcount == 1:
                    reaped.append(worker)
        return tuple(reaped)

    def workers(self) -> tuple[WorkerRow, ...]:
        """Return all workers, newest first."""
        table = schema.workers
        with self._engine.connect() as connection:
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
