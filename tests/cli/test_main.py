"""The entry point: exit codes, one clear error, nothing heavy at start."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from unlit.cli.main import COMMANDS, Command, run
from unlit.core.errors import InvalidInput

HEAVY = ("dbos", "pydantic_ai", "sqlalchemy", "starlette", "uvicorn", "cyclopts", "httpx2", "acp")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from unlit.cli.main import run; run(['--help']); "
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Usage: unlit COMMAND" in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_of_the_table_exists(command: Command) -> None:
    module, attribute = command.target.split(":")
    assert hasattr(import_module(module), attribute)


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frobnicate"]) == 2
    assert "CLI-001" in capsys.readouterr().err


def test_too_many_arguments_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "one", "two words"]) == 2
    said = capsys.readouterr().err
    assert "more arguments than it takes: one, two words." in said
    assert "Tokens" not in said


def test_a_folder_that_is_no_repository_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in one's home folder, below which the state lies."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".local" / "state"))
    monkeypatch.chdir(tmp_path)
    assert run(["runs"]) == 3
    said = capsys.readouterr().err
    assert "is no repository of a factory" in said
    assert "unlit init" in said


def test_last_of_an_empty_record_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "place" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "place")
    for words in (["show", "last"], ["review"], ["approve"]):
        assert run(words) == 3
        said = capsys.readouterr().err
        assert "run yet" in said, words
        assert "unlit run " in said
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store

    store = Store.open(sqlite_url(tmp_path / "record.db"))
    with pytest.raises(InvalidInput, match="There is no run yet"):
        store.find_run("last")


def test_an_expected_failure_says_what_why_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from unlit.cli.main import print_error

    print_error(InvalidInput("INT-999", "A thing\x1b[2J broke.", "it is a test.", "nothing."))
    shown = capsys.readouterr().err
    assert shown.splitlines() == [
        "INT-999 A thing\\x1b[2J broke.",
        "  Why: it is a test.",
        "  Do:  nothing.",
    ]


def test_every_module_of_commands_is_in_the_table() -> None:
    folder = Path(__file__).parents[2] / "src" / "unlit" / "cli"
    listed = {command.target.split(":")[0].rsplit(".", 1)[1] for command in COMMANDS}
    apps = {path.stem for path in folder.glob("*.py") if "cyclopts.App(name=" in path.read_text()}
    assert apps - listed - {"main"} == set()
