"""The way from an older stored format to the newest, one step at a time."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine, inspect, select, text

from unlit.core.errors import InvalidInput
from unlit.record.schema import VERSION, metadata, schema_version


def _tables_only(connection: Connection) -> None:
    """This format adds tables and changes none; `create_all` has made them."""


def _wide_seeds(connection: Connection) -> None:
    """Seeds have up to 63 bits; SQLite's integers have them already."""
    if connection.dialect.name == "postgresql":
        for table in ("runs", "trajectories"):
            connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN seed TYPE BIGINT"))


def _weighed_questions(connection: Connection) -> None:
    """Questions carry what they are ordered by; older ones weigh the same."""
    known = {column["name"] for column in inspect(connection).get_columns("questions")}
    for name, usual in (("stakes", 1), ("doubt", 1), ("minutes", 2)):
        if name not in known:
            kind = "DOUBLE PRECISION" if connection.dialect.name == "postgresql" else "FLOAT"
            words = f"ALTER TABLE questions ADD COLUMN {name} {kind} DEFAULT {usual} NOT NULL"
            connection.execute(text(words))


STEPS: Final[dict[int, Callable[[Connection], None]]] = {
    1: _tables_only,
    2: _tables_only,
    3: _tables_only,
    4: _wide_seeds,
    5: _tables_only,
    6: _tables_only,
    7: _weighed_questions,
}
"""Step `n` turns format `n` into format `n + 1`."""


def migrate(engine: Engine) -> None:
    """Bring the database to the newest format; safe when two processes do it at once.

    Raises:
        InvalidInput: The database was made by a newer version of unlit.
    """
    found = stored_version(engine)
    if found == VERSION:
        return
    if found is not None and found > VERSION:
        raise InvalidInput(
            "REC-001",
            f"The record has format {found}; this version of unlit knows up to {VERSION}.",
            "an older program must not write a newer format.",
            "use the newer unlit, or name another state folder.",
        )
    with engine.begin() as connection:
        _alone(connection)
        metadata.create_all(connection, checkfirst=True)
        row = connection.execute(select(schema_version.c.version)).first()
        current = VERSION if row is None else int(row[0])
        for version in range(current, VERSION):
            STEPS[version](connection)
        if row is None:
            connection.execute(schema_version.insert().values(version=VERSION))
        elif current != VERSION:
            connection.execute(schema_version.update().values(version=VERSION))


def stored_version(engine: Engine) -> int | None:
    """Return the format of the database, or `None` when it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("schema_version"):
            return None
        row = connection.execute(select(schema_version.c.version)).first()
        return None if row is None else int(row[0])


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7115480)"))
