"""Find which repository a run belongs to, so that a command works from any folder."""

import sqlite3
from pathlib import Path

from unlit.wiring.paths import FILE_NAME, state_home
from unlit.wiring.settings import Settings


def find_repository(start: Path) -> Path:
    """Return the nearest folder upwards that is a factory or a git repository, else `start`."""
    real = start.resolve()
    for folder in (real, *real.parents):
        if (folder / FILE_NAME).exists() or (folder / ".git").exists():
            return folder
    return real


def repository_of_run(settings: Settings, run: str) -> Path | None:
    """Return the repository of a run, from the records below the state folder.

    Args:
        settings: Where the state is.
        run: The run's id, or the start of it.

    Returns:
        The repository; `None` if no record has the run, or several different ones do.
    """
    home = state_home(settings.env, settings.path("state_home"))
    found: set[str] = set()
    for database in sorted(home.glob("*/record.db")):
        found |= _repositories(database, run)
    return Path(found.pop()) if len(found) == 1 else None


def _repositories(database: Path, run: str) -> set[str]:
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    except sqlite3.Error:
        return set()
    try:
        pattern = run.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = connection.execute(
            "select repository from runs where id like ? escape '\\'", (pattern,)
        )
        return {str(row[0]) for row in rows}
    except sqlite3.Error:
        return set()  # a record of another version, or a damaged one, is not this run's
    finally:
        connection.close()
