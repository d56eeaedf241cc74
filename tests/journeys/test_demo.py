"""`unlit demo` in an empty home: what it leaves is real, and what is hidden stays hidden."""

import json
from pathlib import Path

import pytest
from tests.journeys.factory import Home, can_fence, git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def result(home: Home) -> dict[str, object]:
    found: dict[str, object] = home.json("demo")
    return found


def test_the_third_candidate_reaches_the_gate_and_one_question_is_left(
    result: dict[str, object],
) -> None:
    assert (result["state"], result["verdict"], result["candidate"]) == ("waiting", "ship", "c3")
    questions = result["questions"]
    assert isinstance(questions, list)
    assert len(questions) == 1
    assert "what to do next" in questions[0]


def test_there_is_one_commit_for_each_candidate(result: dict[str, object]) -> None:
    workspace = Path(str(result["workspace"]))
    for number in (1, 2, 3):
        listed = git(workspace, "rev-list", "--count", f"{result['base']}..candidates/c{number}")
        assert int(listed) == number


def test_the_report_lies_there_in_both_forms(result: dict[str, object]) -> None:
    files = result["report"]
    assert isinstance(files, dict)
    report = json.loads(Path(files["json"]).read_text())
    assert report["schema"] == "unlit.report/1"
    assert "<html" in Path(files["html"]).read_text()


def test_the_audit_log_holds(home: Home, result: dict[str, object]) -> None:
    home.unlit("audit", "verify", cwd=Path(str(result["repository"])))
    home.unlit("audit", "verify", "--repository", str(result["repository"]))


def test_nothing_that_a_hidden_scenario_says_lies_in_the_state(
    home: Home, result: dict[str, object]
) -> None:
    vault = Path(str(result["vault"]))
    sealed = sorted((vault / "sealed").glob("*.yaml"))
    stories = [
        line.removeprefix("story: ").strip().encode()
        for path in sealed
        for line in path.read_text().splitlines()
        if line.startswith("story: ")
    ]
    assert len(stories) == len(sealed)
    hidden = {vault, vault.parent / f".{vault.name}-evaluations", home.state / "deps"}
    leaks = [
        str(path)
        for path in home.state.rglob("*")
        if path.is_file()
        and not any(path.is_relative_to(folder) for folder in hidden)
        and any(story in path.read_bytes() for story in stories)
    ]
    assert leaks == []


def test_approving_ships_once_from_any_folder(home: Home, result: dict[str, object]) -> None:
    run, repository = str(result["run"]), Path(str(result["repository"]))
    first = home.json("approve", run, "--reason", "it says what to decide")
    second = home.json("approve", run, "--reason", "it says what to decide")
    assert (first["commit"], second["commit"]) == (git(repository, "rev-parse", "main"),) * 2
    assert git(repository, "tag").splitlines() == [f"unlit/{run}"]
    assert git(repository, "status", "--short") == ""
