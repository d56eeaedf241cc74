import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.review.sample import fill

from unlit.console.serve import Outside, _session_key, _where, console_of, open_console
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.wiring.build import evaluator_store
from unlit.wiring.desk import open_office
from unlit.wiring.paths import evaluations_beside


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "product"
    (folder / ".git").mkdir(parents=True)
    return folder


def test_the_evaluators_store_is_where_the_line_puts_it() -> None:
    assert evaluations_beside(Path("/a/vault")) == evaluator_store(Path("/a/vault"))


def test_a_port_that_is_taken_is_said(repository: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OutsideFailed, match="CON-031"),
        open_console(repository, port=taken.getsockname()[1]),
    ):
        pass


def test_the_session_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "console.key"
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(_session_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "outside",
    [
        Outside(issuer="https://x.okta.com"),
        Outside("https://u.example", "https://x.okta.com", "id", "NOT_SET"),
        Outside("https://u.example", "https://x.okta.com", "id", "HOME", ("dana",)),
        Outside("https://u.example", "https://x.okta.com", "id", "HOME", ("dana=boss",)),
    ],
)
def test_a_half_configured_login_is_refused(repository: Path, outside: Outside) -> None:
    office = open_office(repository, create=True)
    with pytest.raises(InvalidInput, match="CON-043"):
        console_of(office, 8080, outside)


def test_a_public_address_is_answered_and_makes_cookies_secure(repository: Path) -> None:
    office = open_office(repository, create=True)
    found = console_of(office, 8080, Outside("https://unlit.example.com"))
    assert found.secure
    assert "unlit.example.com" in found.hosts


def test_the_command_prints_one_line_and_serves(repository: Path) -> None:
    program = "from unlit.cli.console import app; app(['--json'], result_action='return_value')"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=repository, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        host, _, rest = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        with socket.create_connection((name, int(port)), timeout=20) as client:
            client.sendall(f"GET /{rest} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            answer = client.recv(4096).decode()
        assert answer.startswith("HTTP/1.1 303")
        assert "unlit_session=" in answer
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_number_that_is_no_port_is_told(repository: Path) -> None:
    with pytest.raises(OutsideFailed, match="0 to 65535"), open_console(repository, port=99_999):
        pytest.fail("it opened")


def test_a_factory_shows_no_other_ones_runs_before_its_first(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    office = open_office(other, {}, create=True)
    fill(office.store)
    with office.store.engine.begin() as connection:
        connection.exec_driver_sql("update runs set repository = ?", (str(other),))
    office.store.close()
    monkeypatch.chdir(repository)
    assert _where(None) == other  # from a folder that is no factory, what ran last is shown
    (repository / "unlit.toml").write_text("[factory]\nname = 'new'\n")
    assert _where(None) == repository


def test_a_folder_that_is_not_there_has_no_console(repository: Path) -> None:
    with pytest.raises(InvalidInput, match="REV-041"), open_console(repository.parent / "no"):
        pytest.fail("it opened")
    assert not (repository.parent / "state").exists()
