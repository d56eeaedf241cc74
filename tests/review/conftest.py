from pathlib import Path

import pytest

from unlit.record.engine import sqlite_url
from unlit.record.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(sqlite_url(tmp_path / "record.db"))
