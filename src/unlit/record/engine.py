"""Database engines: SQLite opened as we want it, PostgreSQL by URL."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from unlit.core.errors import InvalidInput, OutsideFailed

_Done = TypeVar("_Done")
PATIENCE_S: Final = 30.0
"""How long a PostgreSQL that has answered before is waited for: the time of a restart."""


def open_engine(url: str, *, pool_size: int = 8, own_transactions: bool = True) -> Engine:
    """Open a database.

    SQLite gets write-ahead logging (`kill -9` safe, readers never wait), `BEGIN IMMEDIATE` so that
    two writers wait instead of failing, and a 30 s busy timeout.

    Args:
        url: The database.
        pool_size: Connections kept open.
        own_transactions: Begin SQLite transactions ourselves; a library that does it itself
            (the durable engine) wants them as the driver makes them.

    Raises:
        InvalidInput: The URL is not one, or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _not_a_url(url) from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(parsed, pool_size=pool_size, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        if own_transactions:
            event.listen(engine, "connect", _leave_transactions_to_us)
            event.listen(engine, "begin", _begin_immediate)
        else:
            event.listen(engine, "connect", _write_at_once)
        return engine
    if kind == "postgresql":
        driver = parsed.set(drivername="postgresql+psycopg")
        # a database made without a locale (SQL_ASCII) would answer in bytes
        encoding = {"client_encoding": "utf8"}
        engine = create_engine(
            driver, pool_size=pool_size, max_overflow=4, pool_pre_ping=True, connect_args=encoding
        )
        event.listen(engine, "do_connect", Patient(PATIENCE_S))
        return engine
    raise _not_a_url(url)


class Patient:
    """Connects; once it could, it tries for a while when it cannot, as while a server restarts."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._answered = False
        self._pause = threading.Event()

    def __call__(self, dialect: Any, record: object, args: Any, named: Any) -> Any:
        """Connect with what the engine would connect with."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                found = dialect.connect(*args, **named)
            except dialect.dbapi.OperationalError:
                if not self._answered or time.monotonic() >= until:
                    raise
                self._pause.wait(0.25)
            else:
                self._answered = True
                return found


def steadily(act: Callable[[], _Done]) -> _Done:
    """Do what may be done twice, and once more when its connection broke in the middle.

    Raises:
        OutsideFailed: The database does not do what it should.
    """
    try:
        return act()
    except OutsideFailed as error:
        cause = error.__cause__
        if not (isinstance(cause, DBAPIError) and cause.connection_invalidated):
            raise
    return act()


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file; a `%` or `?` in its path stays what it is."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def database_failed(error: DBAPIError) -> OutsideFailed:
    """Say in people's words that the database did not do what it should."""
    first = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
    return OutsideFailed(
        "REC-003",
        f"The record could not be read or written: {first}.",
        "the database answered with an error (full disk, no permission, or it is down).",
        "free space or start the database; `unlit resume RUN` goes on where the run stopped.",
    )


def _not_a_url(url: str) -> InvalidInput:
    shown = url.split("@")[-1]
    return InvalidInput(
        "REC-002",
        f"{shown!r} is not the URL of a database that unlit can use.",
        "the record lives in SQLite or PostgreSQL.",
        "use sqlite:///PATH or postgresql://USER@HOST/NAME.",
    )


def _prepare_sqlite(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _leave_transactions_to_us(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the `begin` event below starts transactions


def _write_at_once(connection: Any, record: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # two writers wait for each other, none fails


def _begin_immediate(connection: Any) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if options.get("unlit_read") else "BEGIN IMMEDIATE")
