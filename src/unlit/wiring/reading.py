"""A repository's record, opened to be read: what commands that only read need, and no more.

`desk` opens the same record for people who decide; it imports the gates, the hooks and the shipper,
which takes longer than most readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.record.engine import sqlite_url
from unlit.record.store import Store
from unlit.wiring.finding import find_repository, repository_of_run
from unlit.wiring.paths import StatePaths, evaluations_beside, state_paths
from unlit.wiring.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Reading:
    """An open record, and whose it is."""

    repository: Path
    settings: Settings
    paths: StatePaths
    store: Store


def open_reading(
    repository: Path | None = None,
    flags: Mapping[str, str | int | Path | None] | None = None,
    *,
    create: bool = False,
    run: str | None = None,
) -> Reading:
    """Open the record of a repository.

    Args:
        repository: Its folder; default the nearest one upwards from here.
        flags: Settings given on the command line.
        create: Make an empty record when there is none, instead of refusing.
        run: When no repository is named, the record that has this run is opened instead.

    Raises:
        InvalidInput: There is no record, or a setting is not understood.
        OutsideFailed: The database does not answer.
    """
    settings = read_settings(flags=flags)
    elsewhere = repository_of_run(settings, run) if run and repository is None else None
    folder = elsewhere or find_repository(repository or Path())
    paths = state_paths(settings, folder)
    url = settings.text("database_url")
    if url is None and not paths.database.exists() and not (create and folder.is_dir()):
        raise InvalidInput(
            "REV-041",
            f"Nothing has run yet in {folder}.",
            "the record is made by the first run." if folder.is_dir() else "it is no folder.",
            "`unlit demo` shows one, `unlit run SPEC` makes one.",
        )
    paths.create()
    return Reading(folder, settings, paths, Store.open(url or sqlite_url(paths.database)))


def store_of_run(store: Store, run: RunId) -> Path | None:
    """Return the evaluator's own store of the vault that a run was graded with."""
    found = store.run(run)
    vault = found.settings.get("vault") if found is not None else None
    return evaluations_beside(Path(str(vault))) if vault else None


def logs_of_run(reading: Reading, run: RunId) -> tuple[Path, ...]:
    """Return the folders of all audit logs that a run wrote to: the line's and each grading's."""
    store = store_of_run(reading.store, run)
    graded = [] if store is None else sorted((store / run).glob("*/*/audit"))
    beside = sorted(reading.paths.audit.glob("beside-*"))
    return (reading.paths.audit, *beside, *graded)
