"""`unlit intent`: what each command prints and with which code it ends."""

import io
import json
from pathlib import Path

import pytest

from unlit.cli.intent import app
from unlit.core.errors import InvalidInput, UsageError

DEMO = Path("src/unlit/wiring/demo_product/base/specs/access-review.md")
Capture = pytest.CaptureFixture[str]


def call(*args: str) -> object:
    return app(list(args), result_action="return_value", exit_on_error=False)


def variant(tmp_path: Path, old: str, new: str) -> Path:
    path = tmp_path / "spec.md"
    path.write_text(DEMO.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


def test_hints_are_shown_with_a_caret_below_the_place_and_do_not_gate(
    tmp_path: Path, capsys: Capture
) -> None:
    path = variant(tmp_path, "the tool shall open one", "the tool shall quickly open one")
    assert call("lint", str(path)) == 0
    lines = capsys.readouterr().out.split("\n")
    at = next(n for n, line in enumerate(lines) if "INT-310" in line)
    caret = lines[at + 2]
    assert lines[at + 1][caret.index("^") : caret.rindex("^") + 1] == "quickly"
    assert call("lint", str(path), "--strict") == 1


def test_known_rewrites_are_put_in_when_asked_for(tmp_path: Path, capsys: Capture) -> None:
    path = variant(tmp_path, "the tool shall open one", "the tool should open one")
    assert call("lint", str(path), "--fix") == 0
    assert path.read_text(encoding="utf-8") == DEMO.read_text(encoding="utf-8")
    captured = capsys.readouterr()
    assert "1 rewritten" in captured.err
    assert "INT-301" not in captured.out


def test_a_missing_boundary_gates_and_a_broken_form_is_invalid_input(
    tmp_path: Path, capsys: Capture
) -> None:
    path = variant(tmp_path, "| zero | no inactive member: no issue, one summary |\n", "")
    assert call("lint", str(path)) == 1
    assert call("ready", str(path)) == 1
    assert "`zero` is not answered" in capsys.readouterr().out
    broken = variant(tmp_path, "owner: security@example.com\n", "")
    assert call("lint", str(broken)) == 3
    with pytest.raises(InvalidInput, match="INT-104"):
        call("ready", str(broken))


def test_json_and_sarif_name_the_file_and_the_place(tmp_path: Path, capsys: Capture) -> None:
    assert call("lint", str(DEMO), "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert form["schema"] == "unlit.lint/1"
    assert form["findings"][0]["file"] == str(DEMO)
    assert call("lint", str(DEMO), "--format", "sarif") == 0
    log = json.loads(capsys.readouterr().out)
    result = log["runs"][0]["results"][0]
    assert log["version"] == "2.1.0"
    assert result["level"] == "note"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] > 1


def test_a_ready_spec_is_said_to_be_ready(capsys: Capture) -> None:
    assert call("ready", str(DEMO), "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert (form["ready"], form["missing"]) == (True, [])
    assert call("ready", str(DEMO)) == 0
    assert "is ready: 8 criteria" in capsys.readouterr().out


def test_a_folder_is_searched_and_what_cannot_be_read_is_refused(
    tmp_path: Path, capsys: Capture
) -> None:
    assert call("lint", str(DEMO.parent)) == 0
    assert "access-review.md" in capsys.readouterr().out
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="INT-114"):
        call("lint", str(tmp_path / "binary.md"))
    with pytest.raises(InvalidInput, match="INT-113"):
        call("lint", str(tmp_path / "absent.md"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="No spec in"):
        call("lint", str(tmp_path / "empty"))


def test_the_parsed_form_and_its_schema_are_printed(capsys: Capture) -> None:
    assert call("show", str(DEMO)) == 0
    assert json.loads(capsys.readouterr().out)["criteria"][0]["id"] == "AC-1"
    assert call("show", str(DEMO), "--schema") == 0
    assert json.loads(capsys.readouterr().out)["title"].startswith("unlit.spec/1")


def test_a_difference_says_what_it_makes_worthless(tmp_path: Path, capsys: Capture) -> None:
    path = variant(tmp_path, "for 90 days or more", "for 60 days or more")
    assert call("diff", str(DEMO), str(path)) == 1
    assert "AC-1 reworded: its scenarios and verdicts no longer hold" in capsys.readouterr().out
    assert call("diff", str(DEMO), str(DEMO)) == 0
    assert call("diff", str(DEMO), str(path), "--json") == 1
    assert "Nothing changed" in capsys.readouterr().out


def test_a_document_is_imported_into_a_new_file_only(tmp_path: Path, capsys: Capture) -> None:
    source = tmp_path / "prd.md"
    source.write_text(
        "# Sorting\n\n## Requirements\n\n- The tool MUST sort\n\n## Rollout\n\nMay.\n"
    )
    out = tmp_path / "specs" / "sorting.md"
    assert call("import", str(source), "--out", str(out), "--owner", "a@example.com") == 0
    assert "The tool shall sort." in out.read_text()
    assert "not mapped: line 7" in capsys.readouterr().err
    with pytest.raises(UsageError, match="INT-133"):
        call("import", str(source), "--out", str(out))
    assert call("import", str(source)) == 0
    assert "id: sorting" in capsys.readouterr().out
    with pytest.raises(UsageError, match="INT-131"):
        call("import", str(source), "--from", "word")


def test_a_folder_and_an_issue_are_imported_too(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "login"
    folder.mkdir()
    (folder / "requirements.md").write_text(
        "### Requirement 1: In\n\n#### Acceptance Criteria\n\n1. WHEN asked THEN it SHALL answer\n"
    )
    assert call("import", str(folder), "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert form["spec"]["criteria"][0]["text"] == "When asked, the it shall answer."
    issue = tmp_path / "issue.json"
    issue.write_text(
        json.dumps({"key": "A-1", "title": "T", "body": "## Requirements\n- x shall y"})
    )
    assert call("import", str(issue)) == 0
    assert "From A-1" in capsys.readouterr().out
    issue.write_text("{")
    with pytest.raises(InvalidInput, match="INT-132"):
        call("import", str(issue))


def test_an_interview_is_saved_after_each_answer_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "specs" / "x.md"
    monkeypatch.setattr("sys.stdin", io.StringIO("a@example.com\nFor me.\nenough\n"))
    assert call("interview", "A tool that sorts", "--out", str(out)) == 1
    assert "owner: a@example.com" in out.read_text()
    answers = ["", "When it runs, the tool shall print `ok`.", "", "`run` => prints `ok`"]
    answers += ["no: it cannot"] * 9 + ["", ""]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
    assert call("interview", "--out", str(out)) == 0
    assert "is ready" in capsys.readouterr().out
    assert call("ready", str(out)) == 0
    with pytest.raises(UsageError, match="INT-134"):
        call("interview", "--out", str(tmp_path / "new.md"))


def test_an_editor_is_served_over_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    def framed(message: dict[str, object]) -> bytes:
        body = json.dumps(message).encode()
        return b"Content-Length: %d\r\n\r\n" % len(body) + body

    asked = b"".join(
        framed(message)
        for message in ({"id": 1, "method": "initialize"}, {"id": 2, "method": "shutdown"})
    )
    out = io.BytesIO()
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(asked + framed({"method": "exit"})))
    )
    sink = io.TextIOWrapper(out)
    monkeypatch.setattr("sys.stdout", sink)
    assert call("language-server") == 0
    assert out.getvalue().count(b"Content-Length") == 2
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert call("language-server") == 1
