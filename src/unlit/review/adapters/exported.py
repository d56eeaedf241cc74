"""A run's record as one JSON file that stands alone: whoever has it can recompute every number."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.policy import read_entries
from unlit.record import schema
from unlit.record.engine import sqlite_url
from unlit.record.store import Store

SCHEMA: Final = "unlit.record/1"
_OF_RUN: Final = (
    schema.runs, schema.stages, schema.candidates, schema.trajectories, schema.evaluations,
    schema.costs, schema.questions, schema.gate_decisions, schema.forecasts,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """A record that was read back, and the entries of its fences."""

    store: Store
    run: RunId
    closed: tuple[Mapping[str, Any], ...]


def closed_fences(logs: Sequence[Path], run: RunId) -> tuple[Mapping[str, Any], ...]:
    """Return the ``fence.close`` entries of a run, with stage and role, from whole audit logs."""
    found: list[Mapping[str, Any]] = []
    for log in logs:
        try:
            entries = list(read_entries(log, run=run))
        except InvalidInput:
            continue  # no log there
        found += [
            {"stage": entry.identity.stage, "role": entry.identity.role, **entry.fields}
            for entry in entries
            if entry.kind == "fence.close"
        ]
    return tuple(found)


def export(store: Store, run: RunId, logs: Sequence[Path]) -> dict[str, Any]:
    """Return the record of a run: every row, and what its fences reported; no scenario content."""
    tables: dict[str, list[dict[str, Any]]] = {}
    with store.engine.connect() as raw:
        connection = raw.execution_options(unlit_read=True)
        for table in _OF_RUN:
            key = table.c.id if table is schema.runs else table.c.run
            found = connection.execute(select(table).where(key == run)).mappings()
            tables[table.name] = [dict(row) for row in found]
        digest = tables["runs"][0]["spec_digest"]
        looks = select(schema.looks).where(schema.looks.c.spec_digest == digest)
        tables["looks"] = [dict(row) for row in connection.execute(looks).mappings()]
    closed = [dict(row) for row in closed_fences(logs, run)]
    return {"schema": SCHEMA, "run": run, "tables": tables, "fences": closed}


@contextmanager
def loaded(path: Path) -> Iterator[Loaded]:
    """Read an exported record into a store of its own while the block runs.

    Raises:
        InvalidInput: It is not an exported record.
    """
    document = _read(path)
    with tempfile.TemporaryDirectory(prefix="unlit-record-") as folder:
        store = Store.open(sqlite_url(Path(folder) / "record.db"))
        try:
            with store.engine.begin() as connection:
                for table in (*_OF_RUN, schema.looks):
                    found = document["tables"].get(table.name) or []
                    if found:
                        connection.execute(insert(table), found)
            yield Loaded(store, RunId(document["run"]), tuple(document["fences"]))
        except (KeyError, TypeError, ValueError) as error:
            raise _not_one(path, str(error)) from error
        finally:
            store.close()


def _read(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _not_one(path, str(error)) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _not_one(path, f"it does not say that it is {SCHEMA}")
    return document


def _not_one(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "REV-065", f"{path} is no exported record: {why[:200]}.",
        "numbers are recomputed from the rows of a run.",
        "make one with `unlit review RUN --export FILE`.",
    )  # fmt: skip
