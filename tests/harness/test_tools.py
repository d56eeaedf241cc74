"""Agents are asked of their registries by package, at a version where one is named."""

from pathlib import Path

import pytest

from unlit.core.errors import OutsideFailed
from unlit.harness.recipes import RECIPES
from unlit.harness.tools import Program, find_beside, install


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put programs in the place of `npm` and `uv` that only write down their words."""
    said = tmp_path / "said"
    for name in ("npm", "uv"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {said}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return said


@pytest.mark.parametrize(
    ("agent", "version", "last"),
    [
        ("codex", "0.169.0", "@openai/codex@0.169.0"),
        ("codex", None, "@openai/codex"),
        ("mini-swe-agent", "2.4.6", "mini-swe-agent==2.4.6 mcp"),
        ("own", "2.68.0", "openrouter]==2.68.0"),
    ],
)
def test_an_agent_is_asked_for_at_its_version(
    tmp_path: Path, asked: Path, agent: str, version: str | None, last: str
) -> None:
    install(RECIPES[agent], tmp_path / "agents", version)
    assert asked.read_text().splitlines()[-1].endswith(last)


def test_a_registry_that_refuses_is_named(tmp_path: Path, asked: Path) -> None:
    (asked.parent / "bin" / "npm").write_text("#!/bin/sh\necho no such version >&2\nexit 1\n")
    with pytest.raises(OutsideFailed, match="no such version"):
        install(RECIPES["codex"], tmp_path / "agents", "0.0.0")


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program, a secret and a virtual environment; home is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "product"
    _program(folder / "tool")
    _program(folder / "scripts" / "tool")
    _program(folder / ".venv" / "bin" / "pytest")
    (folder / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / ".env").write_text("SECRET=fake")
    return folder


@pytest.mark.parametrize(
    ("command", "inside"),
    [
        ("./tool", "/work/tool"),
        ("scripts/tool", "/work/scripts/tool"),
        ("{workspace}/tool", "/work/tool"),
        ("{workspace}/scripts/tool", "/work/scripts/tool"),
        ("tool", "/work/tool"),
    ],
)
def test_a_program_of_the_workspace_runs_there_and_shows_nothing_of_it_again(
    workspace: Path, command: str, inside: str
) -> None:
    found = find_beside(
        workspace, command.format(workspace=workspace), "tool", None, f"{workspace}:/usr/bin"
    )
    assert found == Program(Path(inside), ())


def test_a_link_to_a_program_of_the_workspace_runs_there(workspace: Path, tmp_path: Path) -> None:
    link = tmp_path / "bin" / "tool"
    link.parent.mkdir()
    link.symlink_to(workspace / "tool")
    found = find_beside(workspace, "tool", "tool", None, str(link.parent))
    assert found == Program(Path("/work/tool"), ())


def test_an_environment_in_the_workspace_is_shown_where_its_programs_say_it_is(
    workspace: Path,
) -> None:
    found = find_beside(workspace, ".venv/bin/pytest", "pytest", None, "/usr/bin")
    assert found is not None
    assert found.path == workspace / ".venv/bin/pytest"
    assert [mount.source for mount in found.mounts] == [str(workspace / ".venv")]


def test_a_program_beside_the_workspace_does_not_show_the_workspace(workspace: Path) -> None:
    beside = _program(workspace.parent / "beside")
    found = find_beside(workspace, str(beside), "beside", None, "/usr/bin")
    assert found is not None
    assert found.path == beside
    assert [(one.source, one.target) for one in found.mounts] == [(str(beside), str(beside))]


def test_a_program_in_the_home_folder_shows_itself_alone(workspace: Path, tmp_path: Path) -> None:
    own = _program(tmp_path / "home" / "own")
    found = find_beside(workspace, str(own), "own", None, "/usr/bin")
    assert found is not None
    assert [mount.source for mount in found.mounts] == [str(own)]


def test_a_file_that_is_not_there_is_no_program(workspace: Path) -> None:
    assert find_beside(workspace, "./nothing", "nothing", None, "/usr/bin") is None
