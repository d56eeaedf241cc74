"""Who uses what now, and how often it was begun: limits that hold over all workers of a record."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from unlit.record import schema
from unlit.record.leases import database_now
from unlit.record.store import Store, insert_for


@dataclass(frozen=True, slots=True)
class SlotLimit:
    """How much of one thing may be in use.

    Attributes:
        at_once: Most holders at a time; `None` is no limit.
        count: Most beginnings within `period_s`; `None` is no limit.
    """

    at_once: int | None = None
    count: int | None = None
    period_s: float = 0.0


class Slots:
    """Takes and gives back slots, all that a holder needs or none.

    A slot has a lease by the database's clock, so that what a dead process held comes free. A
    holder that takes again has what it had.

    Args:
        store: The record.
        length_s: Length of a lease; holders renew it.
    """

    def __init__(self, store: Store, length_s: float = 60.0) -> None:
        self._store = store
        self.length_s = length_s

    def take(self, limits: Mapping[str, SlotLimit], holder: str) -> str:
        """Take one slot of each name; return the name of the limit that is met, empty if taken."""
        slots, starts = schema.slots, schema.slot_starts
        with self._store.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7115483)"))
            now = database_now(connection)
            connection.execute(slots.delete().where(slots.c.until <= now))
            mine = set(
                connection.execute(select(slots.c.name).where(slots.c.holder == holder)).scalars()
            )
            for name, limit in sorted(limits.items()):
                if name in mine:
                    continue
                if _is_met(connection, name, limit, now):
                    return name
            rows = [
                {"name": name, "holder": holder, "until": now + self.length_s} for name in limits
            ]
            statement = insert_for(connection.dialect.name, slots)
            statement = statement.on_conflict_do_update(
                index_elements=["name", "holder"], set_={"until": statement.excluded["until"]}
            )
            connection.execute(statement, rows)
            fresh = [{"name": name, "at": now} for name in limits if name not in mine]
            if fresh:
                connection.execute(starts.insert(), fresh)
        return ""

    def renew(self, holder: str) -> None:
        """Prolong what a holder has."""
        table = schema.slots
        with self._store.writing() as connection:
            until = database_now(connection) + self.length_s
            connection.execute(table.update().where(table.c.holder == holder).values(until=until))

    def give(self, holder: str) -> None:
        """Give back what a holder has."""
        table = schema.slots
        with self._store.writing() as connection:
            connection.execute(table.delete().where(table.c.holder == holder))

    def held(self) -> dict[str, tuple[str, ...]]:
        """Return who holds what now, by name."""
        table = schema.slots
        with self._store.reading() as connection:
            now = database_now(connection)
            rows = connection.execute(
                select(table.c.name, table.c.holder)
                .where(table.c.until > now)
                .order_by(table.c.name, table.c.holder)
            ).all()
        found: dict[str, tuple[str, ...]] = {}
        for name, holder in rows:
            found[str(name)] = (*found.get(str(name), ()), str(holder))
        return found


def _is_met(connection: Connection, name: str, limit: SlotLimit, now: float) -> bool:
    if limit.at_once is not None:
        table = schema.slots
        held = select(func.count()).select_from(table).where(table.c.name == name)
        if int(connection.execute(held).scalar_one()) >= limit.at_once:
            return True
    if limit.count is None:
        return False
    table = schema.slot_starts
    old = now - limit.period_s
    connection.execute(table.delete().where(table.c.name == name, table.c.at <= old))
    begun = select(func.count()).select_from(table).where(table.c.name == name)
    return int(connection.execute(begun).scalar_one()) >= limit.count
