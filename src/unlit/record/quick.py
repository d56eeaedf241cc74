"""Quick reads for commands that only look: SQLite without SQLAlchemy, which costs 0.2 s to import.

The rows are the same frozen ones; anything but SQLite is read through the store.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.record.model import Candidate, Cost, Evaluation, Look, Run, RunState, Stage
from unlit.record.naming import no_such_run
from unlit.record.rules import from_columns

Row = TypeVar("Row")


class QuickReads:
    """What `unlit runs`, `show` and `cost` read, from one SQLite file.

    Args:
        path: The record; one that does not exist, or holds no table, is empty.
    """

    def __init__(self, path: Path) -> None:
        self._connection: sqlite3.Connection | None = None
        if path.exists():
            # `as_uri` quotes what a URL would read otherwise: `#`, `%20` in a folder's name
            where = f"{path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(where, uri=True, timeout=30)
            self._connection.row_factory = sqlite3.Row
            with suppress(sqlite3.Error):  # said when something is read
                tables = self._connection.execute("select 1 from sqlite_master limit 1").fetchone()
                if tables is None:
                    self._connection = None  # begun on a full disk: nothing is in it

    def runs(self, *, limit: int = 50, states: Sequence[RunState] = ()) -> tuple[Run, ...]:
        """Return runs, newest first."""
        marks = ",".join("?" * len(states))
        where = f"where state in ({marks})" if states else ""
        query = f"select * from runs {where} order by created_at desc, id limit ?"  # noqa: S608 # marks only
        return self._rows(Run, query, [*(state.value for state in states), limit])

    def find_run(self, name: str) -> Run:
        """Return the run that `name` names: an id, the start of one, or ``last``.

        Raises:
            InvalidInput: No run, or more than one, has that name.
        """
        if name == "last":
            found = self.runs(limit=1)
        else:
            pattern = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            query = "select * from runs where id like ? escape '\\' limit 2"
            found = self._rows(Run, query, [pattern])
        if len(found) != 1:
            raise no_such_run(name, len(found))
        return found[0]

    def stages(self, run: RunId) -> tuple[Stage, ...]:
        """Return the stages of a run in the order they started."""
        return self._rows(Stage, "select * from stages where run = ? order by ordinal", [run])

    def candidates(self, run: RunId) -> tuple[Candidate, ...]:
        """Return the candidates of a run in the order made."""
        query = "select * from candidates where run = ? order by number"
        return self._rows(Candidate, query, [run])

    def evaluations(self, run: RunId) -> tuple[Evaluation, ...]:
        """Return evaluations in the order made."""
        query = "select * from evaluations where run = ? order by made_at"
        return self._rows(Evaluation, query, [run])

    def criteria(self, run: RunId) -> tuple[str, ...]:
        """Return the criteria that trajectories of a run were about."""
        query = "select distinct criteria from trajectories where run = ?"
        rows = [json.loads(row[0]) for row in self._fetched(query, [run])]
        return tuple(sorted({str(name) for names in rows for name in names}))

    def looks(self, *, run: RunId) -> tuple[Look, ...]:
        """Return the looks that a run was charged."""
        return self._rows(Look, "select * from looks where run = ? order by at, key", [run])

    def costs(
        self, *, run: RunId | None = None, day: str | None = None, person: str | None = None
    ) -> tuple[Cost, ...]:
        """Return costs in the order booked."""
        given = {"run": run, "day": day, "person": person}
        parts = [f"{name} = ?" for name, value in given.items() if value is not None]
        where = f"where {' and '.join(parts)}" if parts else ""
        values = [value for value in given.values() if value is not None]
        return self._rows(Cost, f"select * from costs {where} order by at, key", values)  # noqa: S608 # names only

    def spent(self, *, run: RunId) -> Decimal:
        """Return the dollars of a run whose price is known."""
        rows = self.costs(run=run)
        return sum((row.usd for row in rows if row.usd is not None), Decimal(0))

    def _rows(self, kind: type[Row], query: str, values: Sequence[Any]) -> tuple[Row, ...]:
        return tuple(from_columns(kind, dict(row)) for row in self._fetched(query, values))

    def _fetched(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise OutsideFailed(
                "REC-003",
                f"The record could not be read: {error}.",
                "the database answered with an error, or was made by another version.",
                "run `unlit doctor`; nothing was changed.",
            ) from error
