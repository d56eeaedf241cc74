"""Whatever a person hands to `unlit intent`: one clear error each, and bytes that stay theirs."""

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.cli.test_intent import DEMO, call

from unlit.core.errors import InvalidInput, UnlitError, UsageError

Capture = pytest.CaptureFixture[str]
SOUND = DEMO.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (b"\x00\xff\xfe\x80" * 50, "INT-114"),
        (SOUND.encode("utf-16"), "INT-114"),
        (b"", "INT-101"),
        (b"\n \r\n", "INT-101"),
        (b"---\nid: [a, b: c\n---\n", "INT-102"),
        (b"---\nid: 5\ntitle: x\nowner: y\n---\n", "INT-105"),
        (b"a" * 2_000_001, "INT-112"),
        (b"a" * 8_000_001, "INT-112"),
        (SOUND.replace("### AC-2", "### AC-1").encode(), "INT-109"),
    ],
)
def test_each_bad_file_is_one_clear_error(tmp_path: Path, held: bytes, code: str) -> None:
    path = tmp_path / "spec.md"
    path.write_bytes(held)
    for command in (("ready", str(path)), ("show", str(path)), ("diff", str(path), str(DEMO))):
        with pytest.raises(UnlitError, match=code):
            call(*command)


def test_an_empty_file_has_one_problem_in_lint_too(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "spec.md"
    path.touch()
    assert call("lint", str(path), "--json") == 3
    assert [f["code"] for f in json.loads(capsys.readouterr().out)["findings"]] == ["INT-101"]


@pytest.mark.parametrize("command", ["ready", "show"])
def test_a_folder_and_a_missing_file_are_said(tmp_path: Path, command: str) -> None:
    for path in (tmp_path, tmp_path / "none.md"):
        with pytest.raises(InvalidInput, match="INT-113"):
            call(command, str(path))


def test_an_interview_that_cannot_be_saved_says_so_before_it_asks(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="INT-133"):
        call("interview", "A tool that sorts", "--out", str(tmp_path / "file" / "x.md"))


def test_a_fix_keeps_line_endings_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "spec.md"
    old = SOUND.replace("the tool shall open one", "the tool must open one")
    raw = b"\xef\xbb\xbf" + old.replace("\n", "\r\n").encode()
    path.write_bytes(raw)
    call("lint", str(path), "--fix")
    assert path.read_bytes() == raw.replace(b"tool must open one", b"tool shall open one")


def test_sarif_escapes_what_a_reference_cannot_hold(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "my spec é.md"
    path.write_text(SOUND, encoding="utf-8")
    call("lint", str(path), "--format", "sarif")
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert " " not in uri
    assert uri.isascii()
    assert unquote(uri) == str(path)
    assert run["columnKind"] == "unicodeCodePoints"


def test_folders_of_other_tools_are_imported_one_or_all(tmp_path: Path, capsys: Capture) -> None:
    auth = tmp_path / "openspec" / "specs" / "auth"
    pay = tmp_path / ".kiro" / "specs" / "pay"
    for folder in (auth, pay):
        folder.mkdir(parents=True)
    (auth / "spec.md").write_text("### Requirement: In\nThe system SHALL answer 200.\n")
    (pay / "requirements.md").write_text(
        "### Requirement 1\n\n#### Acceptance Criteria\n\n1. THE System SHALL take money\n"
    )
    with pytest.raises(UsageError, match=r"INT-135.*holds 2 specs"):
        call("import", str(tmp_path))
    assert call("import", str(pay.parent.parent)) == 0
    assert "The System shall take money." in capsys.readouterr().out
    assert call("import", str(tmp_path), "--out", str(tmp_path / "specs"), "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert [Path(row["written"]).name for row in form["specs"]] == ["pay.md", "auth.md"]
    with pytest.raises(InvalidInput, match="INT-136"):
        call("import", str(tmp_path / "openspec" / "specs" / "auth" / ".." / ".." / ".." / "specs"))
