"""`unlit intent ask` and `from-code` with programs in real fences."""

import io
import json
import shutil
from pathlib import Path

import pytest

from unlit.cli.intent_programs import ask, from_code
from unlit.core.errors import InvalidInput, UsageError

CORPUS = Path(__file__).parents[1] / "fixtures" / "intent"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the ambiguous spec `between`, and overlays of three readings."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "unlit.toml").write_text(
        '[factory]\nname = "between"\n[product]\nkind = "cli"\nrun = "python main.py"\n'
    )
    (repository / "README.md").write_text("# between\n\nSays whether a number is inside.\n")
    shutil.copy(CORPUS / "between" / "spec.md", repository / "spec.md")
    for number in (1, 2, 3):
        overlay = tmp_path / "overlays" / str(number)
        overlay.mkdir(parents=True)
        shutil.copy(CORPUS / "between" / f"{number}.py", overlay / "main.py")
    return repository


@pytest.mark.fence
def test_scripted_agents_read_the_spec_in_fences_and_an_answer_ends_in_the_spec(
    factory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    spec = factory / "spec.md"
    agent = (f"scripted:{tmp_path / 'overlays'}",)
    code = ask(spec, agent=agent, samples=3, repository=factory, inputs=14, as_json=True)
    form = json.loads(capsys.readouterr().out)
    assert code == 1
    assert form["readings"] == 3
    assert form["questions"][0]["args"] in (["10"], ["1"])
    monkeypatch.setattr("sys.stdin", io.StringIO("exit code 4\n\n"))
    ask(spec, agent=agent, samples=2, repository=factory, inputs=14, write=True)
    assert "- Outcome: exit code 4" in spec.read_text()
    assert "1 changed the spec" in capsys.readouterr().out


@pytest.mark.fence
def test_an_existing_program_is_drafted_from_what_it_does(
    factory: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copy(CORPUS / "between" / "1.py", factory / "main.py")
    out = tmp_path / "draft.md"
    assert from_code(factory, out=out, owner="a@example.com", observe=("5", "20")) == 0
    text = out.read_text()
    assert "origin: observed" in text
    assert "- Input: `5`\n- Outcome: prints `yes`\n- Source: observed" in text
    assert "Its README says: Says whether a number is inside." in text


def test_nobody_to_read_it_and_a_folder_that_is_not_there_are_refused(factory: Path) -> None:
    with pytest.raises(UsageError, match="INT-122"):
        ask(factory / "spec.md", repository=factory)
    with pytest.raises(UsageError, match="INT-123"):
        ask(factory / "spec.md", tree=("people=/no/such/folder",), repository=factory)


@pytest.mark.fence
def test_without_a_command_nothing_can_be_compared(factory: Path) -> None:
    (factory / "unlit.toml").write_text('[factory]\nname = "x"\n[product]\nkind = "library"\n')
    with pytest.raises(InvalidInput, match="LIN-061"):
        ask(factory / "spec.md", tree=(f"people={factory}",), repository=factory)
