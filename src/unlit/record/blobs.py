"""Bytes by key in the record's database, for workers that share no file system."""

from unlit.core.canonical import digest_bytes
from unlit.core.errors import OutsideFailed
from unlit.core.ids import Digest
from unlit.record import schema
from unlit.record.store import Store, insert_for


class Blobs:
    """Keeps bytes under a key; the first bytes under a key stay."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`, once."""
        statement = insert_for(self._store.engine.dialect.name, schema.blobs)
        statement = statement.on_conflict_do_nothing(index_elements=["key"])
        with self._store.writing() as connection:
            connection.execute(statement, [{"key": key, "body": body}])

    def find(self, key: str) -> bytes | None:
        """Return what is kept under `key`."""
        table = schema.blobs
        with self._store.reading() as connection:
            row = connection.execute(table.select().where(table.c.key == key)).first()
        return None if row is None else bytes(row[1])

    def under(self, prefix: str) -> dict[str, bytes]:
        """Return what is kept under keys that begin so, by key."""
        table = schema.blobs
        query = table.select().where(table.c.key.startswith(prefix, autoescape=True))
        with self._store.reading() as connection:
            return {str(row[0]): bytes(row[1]) for row in connection.execute(query)}

    def drop(self, prefix: str) -> None:
        """Forget what is kept under keys that begin so."""
        table = schema.blobs
        statement = table.delete().where(table.c.key.startswith(prefix, autoescape=True))
        with self._store.writing() as connection:
            connection.execute(statement)


class StoreBodies:
    """Content-addressed bodies in the record; the context room's `Bodies`."""

    def __init__(self, store: Store) -> None:
        self._blobs = Blobs(store)

    def keep(self, body: bytes) -> Digest:
        """Store `body` once and return its digest."""
        digest = digest_bytes(body)
        self._blobs.put(f"body/{digest}", body)
        return digest

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of `digest`.

        Raises:
            OutsideFailed: The record has no such body, or it was changed.
        """
        body = self._blobs.find(f"body/{digest}")
        if body is None or digest_bytes(body) != digest:
            raise OutsideFailed(
                "REC-031",
                f"The body {digest} is not in the record, or not what its name says.",
                "a run is shown exactly what its snapshot pinned, or nothing.",
                "restore the database from a backup, or start a new run.",
            )
        return body
