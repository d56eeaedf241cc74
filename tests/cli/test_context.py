"""`unlit context` as a person uses it, on the Jira twin."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.twins.serving import serving

from unlit.cli.audit import app as audit
from unlit.cli.context import app
from unlit.core.errors import RefusedByPolicy, UsageError
from unlit.twins.universe import Universe

FACTORY = """
[factory]
name = "try"
[source.jira]
kind = "jira"
base_url = "https://example.atlassian.net"
project = "SEC"
"""
POLICY = """
version = 1
[[allow]]
role = "context"
host = "example.atlassian.net"
twin = "jira"
"""
LONG = "Paging is wrong on the second page of the access review 日本語の題名 and nobody noticed"
SEED = {
    "jira": {
        "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
        "projects": [{"key": "SEC", "name": "Security"}],
        "issues": [{"project": "SEC", "summary": LONG}],
    }
}


def test_an_issue_from_a_pasted_url_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "unlit.toml").write_text(FACTORY)
    (folder / "policy.toml").write_text(POLICY)
    universe = Universe(["jira"])
    world = universe.create_world(SEED)

    def say(*words: str) -> str:
        code = app(
            [*words, "--repository", str(folder)], exit_on_error=False, result_action="return_value"
        )
        assert code == 0
        return capsys.readouterr().out

    with serving(universe) as address:
        monkeypatch.setenv("UNLIT_TWIN_JIRA_URL", address)
        monkeypatch.setenv("UNLIT_TWIN_JIRA", universe.tokens(world)["jira"])
        monkeypatch.setenv("UNLIT_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("UNLIT_PERSON", "ada")
        listed = say("issues", "list", "jira")
        assert listed.splitlines()[1].endswith("…")
        assert "SEC-1" in listed
        shown = say("get", "https://example.atlassian.net/browse/SEC-1")
        assert "Backlog" in shown
        assert "\nType: Task\n" in shown
        assert "\nChanged: 20" in shown
        assert say("issues", "create", "jira", "New", "--body", "Some **bold**") == "jira:SEC-2\n"
        for words in (
            ("edit", "SEC-2", "--title", "Newer"),
            ("start", "SEC-2"),
            ("assign", "SEC-2", "ada@example.com"),
            ("comment", "SEC-2", "hm"),
            ("set", "SEC-2", "labels", "a,b"),
            ("transition", "SEC-2", "Done"),
        ):
            say("issues", *words)
        shown = say("get", "SEC-2", "--comments")
        assert "# Newer" in shown
        assert "Done" in shown
        assert "hm" in shown
        assert "a, b" in say("issues", "fields", "SEC-2")
        assert "Security" in say("places", "jira")
        assert "ada@example.com" in say("people", "jira")
        assert say("find", "SEC-2") == "jira:SEC-2  issue\n"
        assert "SEC-2" not in say("issues", "list", "jira"), "it is done"
        done = say("issues", "list", "jira", "--query", "project = SEC", "--state", "done")
        assert [line.split()[0] for line in done.splitlines()] == ["key", "SEC-2"]
        with pytest.raises(UsageError, match="Nothing to change"):
            say("issues", "edit", "SEC-2")
        with pytest.raises(UsageError, match="Nothing to search"):
            say("search", "?")
        say("index", "jira")
        assert say("index", "--status").splitlines()[1].split()[:2] == ["jira", "2"]
        for line in say("search", "paging").splitlines():
            assert cell_len(line) <= 80
        with pytest.raises(RefusedByPolicy):
            say("issues", "delete", "SEC-2")
        (waiting,) = json.loads(say("confirmations", "--json"))["waiting"]
        assert waiting["id"] in say("confirmations")
        monkeypatch.setenv("UNLIT_PERSON", "bob")
        assert "asked by ada" in say("confirm", waiting["id"])
        _look_into_the_log(folder, waiting["id"], capsys)
    assert [row["key"] for row in universe.state(world)["jira.issues"]] == ["SEC-1"]


def _look_into_the_log(folder: Path, asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who asked and who agreed is in the log, and whoever changes that is found out."""

    def audited(*words: str) -> tuple[int, str]:
        here = [*words, "--repository", str(folder)]
        code = audit(here, exit_on_error=False, result_action="return_value")
        return int(code), capsys.readouterr().out

    _, text = audited("show", "--json")
    entries = [json.loads(line) for line in text.splitlines()]
    (confirmed,) = (one for one in entries if one["kind"] == "source.confirmed")
    assert confirmed["fields"] == {
        "source": "jira", "do": "delete", "key": "SEC-2", "by": "ada", "id": asked, "agreed": "bob",
    }  # fmt: skip
    after = [one["fields"].get("method") for one in entries[entries.index(confirmed) + 1 :]]
    assert after[-1] == "DELETE", "what was agreed is in the log before it is done"
    assert audited("verify")[0] == 0
    changed = 0
    for path in (folder.parent / "state").rglob("*"):
        if path.is_file() and b"source.confirmed" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b'"bob"', b'"eve"'))
            changed += 1
    assert changed
    assert audited("verify")[0] == 1


def test_each_operation_says_what_it_was_tested_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNLIT_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "here").mkdir()
    words = ["sources", "telegram", "--repository", str(tmp_path / "here")]
    assert app(words, exit_on_error=False, result_action="return_value") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "telegram   transition  documented requests and responses" in lines
    assert app(["sources", *words[2:]], exit_on_error=False, result_action="return_value") == 0
    told = capsys.readouterr().out
    assert all(cell_len(line) <= 80 for line in told.splitlines()), "no operation is cut off"
    assert "start transition\n" in told
