"""`unlit tasks`: templates that anybody can change, done by an agent in a real fence."""

import json
from pathlib import Path

import pytest

from unlit.cli.tasks import edit, list_tasks, run, show
from unlit.core.errors import InvalidInput, OutsideFailed

Capture = pytest.CaptureFixture[str]
FINDING = {
    "title": "The second page is never read",
    "severity": "high",
    "file": "main.py",
    "line": 2,
    "what": "People on the second page keep their access.",
    "evidence": "python3 main.py 30",
    "fix": "Follow the link to the next page.",
}


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository and a home of its own."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "unlit.toml").write_text('[factory]\nname = "shop"\n')
    (repository / "main.py").write_text("import sys\nprint(sys.argv)\n")
    (repository / "policy.md").write_text("# Access\n\nNinety days.\n")
    return repository


def _agent(tmp_path: Path, name: str, text: str) -> str:
    overlay = tmp_path / "overlays" / "1"
    overlay.mkdir(parents=True, exist_ok=True)
    (overlay / name).write_text(text)
    return f"scripted:{overlay.parent}"


def test_the_shipped_templates_are_listed_shown_and_copied(factory: Path, capsys: Capture) -> None:
    assert list_tasks(repository=factory, as_json=True) == 0
    names = {task["name"] for task in json.loads(capsys.readouterr().out)["tasks"]}
    assert names >= {"plan", "bug-plan", "findbugs", "security", "gardening", "brainstorm"}
    edit("findbugs", repository=factory)
    path = Path(capsys.readouterr().out.strip())
    path.write_text(path.read_text().replace("Look for bugs in this", "Look for typos in this"))
    show("findbugs", repository=factory)
    assert "Look for typos" in capsys.readouterr().out
    list_tasks(repository=factory)
    assert "own" in capsys.readouterr().out
    edit("release-notes", repository=factory)
    show("release-notes", repository=factory)


def test_a_template_that_is_none_is_refused(factory: Path) -> None:
    (factory / "tasks").mkdir()
    (factory / "tasks" / "odd.md").write_text("no front matter")
    with pytest.raises(InvalidInput, match="is no task"):
        list_tasks(repository=factory)


@pytest.mark.fence
def test_bugs_are_found_held_against_the_code_and_become_drafts(
    factory: Path, tmp_path: Path, capsys: Capture
) -> None:
    made_up = {**FINDING, "title": "Elsewhere", "file": "gone.py"}
    agent = _agent(tmp_path, "findings.json", json.dumps([made_up, FINDING, FINDING]))
    out, drafts = tmp_path / "out", tmp_path / "drafts"
    code = run(
        "findbugs", agent=agent, about=("docs-in-repository:policy.md",), out=out, drafts=drafts,
        repository=factory, as_json=True,
    )  # fmt: skip
    told = capsys.readouterr()
    form = json.loads(told.out)
    assert code == 1
    assert [one["title"] for one in form["findings"]] == [FINDING["title"]]
    assert "there is no gone.py:2" in told.err
    assert form["digest"].startswith("sha256:")
    assert "Severity: high" in (out / "findbugs.md").read_text()
    (draft,) = drafts.iterdir()
    assert "second page" in draft.read_text()
    assert not (factory / "findings.json").exists()


@pytest.mark.fence
@pytest.mark.parametrize("name", ["plan", "bug-plan", "brainstorm"])
def test_a_plan_has_all_its_parts(
    factory: Path, tmp_path: Path, capsys: Capture, name: str
) -> None:
    from unlit.line.tasking import load_tasks

    task = load_tasks(factory)[name]
    text = "".join(f"## {section}\n\nIn `main.py:2`.\n\n" for section in task.sections)
    agent = _agent(tmp_path, task.artefact, text)
    assert run(name, agent=agent, repository=factory) == 0
    assert "In `main.py:2`." in capsys.readouterr().out
    agent = _agent(tmp_path, task.artefact, text.replace("## ", "# ", 1))
    with pytest.raises(InvalidInput, match="does not have its form"):
        run(name, agent=agent, repository=factory)


@pytest.mark.fence
@pytest.mark.parametrize("name", ["security", "gardening"])
def test_a_search_that_finds_nothing_is_a_good_answer(
    factory: Path, tmp_path: Path, capsys: Capture, name: str
) -> None:
    agent = _agent(tmp_path, "findings.json", "[]")
    assert run(name, agent=agent, repository=factory) == 0
    assert ": 0 found" in capsys.readouterr().out


@pytest.mark.fence
def test_an_agent_that_leaves_nothing_is_told(factory: Path, tmp_path: Path) -> None:
    with pytest.raises(OutsideFailed, match=r"left no findings\.json"):
        run("findbugs", agent=_agent(tmp_path, "other.txt", "x"), repository=factory)
