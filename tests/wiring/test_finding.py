"""A run is found from any folder."""

import sqlite3
from pathlib import Path

from unlit.wiring.finding import repository_of_run
from unlit.wiring.settings import read_settings


def _record(home: Path, name: str, *runs: tuple[str, str]) -> None:
    folder = home / name
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "record.db") as database:
        database.execute("create table runs (id text, repository text)")
        database.executemany("insert into runs values (?, ?)", runs)


def test_a_run_is_found_by_the_start_of_its_id(tmp_path: Path) -> None:
    _record(tmp_path, "a-1", ("r-aaaa", "/srv/a"))
    _record(tmp_path, "b-2", ("r-bbbb", "/srv/b"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "record.db").write_text("not a database")
    settings = read_settings({"HOME": str(tmp_path), "UNLIT_STATE_HOME": str(tmp_path)})
    assert repository_of_run(settings, "r-bb") == Path("/srv/b")


def test_what_is_unknown_or_ambiguous_is_not_guessed(tmp_path: Path) -> None:
    _record(tmp_path, "a-1", ("r-aaaa", "/srv/a"))
    _record(tmp_path, "b-2", ("r-aabb", "/srv/b"))
    settings = read_settings({"HOME": str(tmp_path), "UNLIT_STATE_HOME": str(tmp_path)})
    assert repository_of_run(settings, "r-aa") is None
    assert repository_of_run(settings, "r-zz") is None
    assert repository_of_run(settings, "%") is None
