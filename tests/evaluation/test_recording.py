"""Golden scenarios: what two runs agree on, and nothing that merely looks like it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from unlit.evaluation.adapters.previous import files_named
from unlit.evaluation.checks.match import match_text
from unlit.evaluation.interchange.imported import Terms
from unlit.evaluation.recording import expectation, golden_cli, golden_http
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

TERMS = Terms("AC-1", "ada", oracle="golden")


@pytest.mark.parametrize(
    ("first", "second", "fits", "differs"),
    [
        ("total 3\n", "total 3\n", "total 3\n", "total 4\n"),
        ("at 2026-03-01T09:00:00Z: ok\n", "at 2026-03-01T09:00:01Z: ok\n",
         "at 2027-01-01T10:00:00Z: ok\n", "at 2027-01-01T10:00:00Z: failed\n"),
        ('{"id": 7, "name": "a", "n": [1, 2]}', '{"id": 8, "name": "a", "n": [1, 2]}',
         '{"id": 9, "name": "a", "n": [1, 2]}', '{"id": 9, "name": "b", "n": [1, 2]}'),
        ("a\nrandom 123\nc\n", "a\nrandom 456\nc\n", "a\nrandom 9\nc\n", "b\nrandom 9\nc\n"),
    ],
)  # fmt: skip
def test_what_is_stable_must_stay_and_what_is_not_may_change(
    first: str, second: str, fits: str, differs: str
) -> None:
    expected = expectation(first, second)
    assert match_text(expected, fits) == []
    assert match_text(expected, differs) != []


def test_a_command_becomes_a_scenario_of_our_format() -> None:
    imported = golden_cli(["report", "--month", "3"], [(0, "5\n", ""), (0, "5\n", "")], TERMS)
    scenario = parse_scenario(imported.text(), "x.yaml")
    assert isinstance(scenario, Scenario)
    assert scenario.oracle == "golden"
    assert scenario.when[0].params["run"] == ["report", "--month", "3"]
    assert [check.kind for check in scenario.then] == ["exit", "stdout"]


def test_an_archive_becomes_one_scenario_for_each_exchange() -> None:
    har: dict[str, Any] = {"log": {"entries": [{
        "request": {"method": "POST", "url": "http://old/x?y=1", "headers": [],
                    "postData": {"text": '{"a": 1}'}},
        "response": {"status": 201, "content": {"text": '{"id": 3, "a": 1}'}},
    }]}}  # fmt: skip
    (imported,) = golden_http(har, TERMS)
    scenario = parse_scenario(imported.text(), "x.yaml")
    assert isinstance(scenario, Scenario)
    assert scenario.when[0].params == {"POST": "/x?y=1", "json": {"a": 1}}
    assert re.fullmatch(r"golden-1-post-x-y-1", scenario.id)


def test_files_and_input_of_the_command_come_with_it() -> None:
    imported = golden_cli(
        ["in.txt"], [(0, "3\n", ""), (0, "3\n", "")], TERMS, stdin="x", files={"in.txt": "a b c\n"}
    )
    assert imported.table["given"] == {"files": {"in.txt": "a b c\n"}}
    assert imported.table["when"] == [{"cli": {"run": ["in.txt"], "stdin": "x"}}]


def test_only_small_text_files_of_this_folder_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("a\n")
    Path("raw.bin").write_bytes(b"\xff\xfe")
    Path("big.txt").write_text("x" * 300_000)
    words = ["in.txt", "./in.txt", "raw.bin", "big.txt", "/etc/passwd", "../x", "--flag"]
    assert files_named(words) == {"in.txt": "a\n"}


def test_one_answer_leaves_out_what_is_named_like_an_id() -> None:
    once = '{"id": 17, "who": "ann", "items": [{"created_at": 5}]}'
    assert expectation(once, once) == {"equals": once}
    found = expectation(once, once, once=True)["at"]
    assert found["id"] == {"any": True}
    assert found["who"] == "ann"
    assert found["items.0.created_at"] == {"any": True}


def test_files_that_it_makes_are_expected_and_those_it_reads_are_as_before(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("one\n", encoding="utf-8")
    script = "cp list.txt copy.txt; date +%s%N > stamp.txt; echo two >> list.txt"
    done = subprocess.run(
        [sys.executable, "-m", "unlit", "scenarios", "record", "--into", str(tmp_path / "v"),
         "--owner", "ada", "--words", "2", "--", "sh", "-c", script, "list.txt"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "v").rglob("*.yaml")
    table = yaml.safe_load(made.read_text(encoding="utf-8"))
    assert table["given"]["files"] == {"list.txt": "one\n"}
    files = {name: rule for check in table["then"] if "file" in check
             for name, rule in check["file"].items()}  # fmt: skip
    assert set(files) >= {"copy.txt", "list.txt"}
    assert "equals" not in files.get("stamp.txt", {})  # it differs between the runs


def test_the_program_itself_is_no_file_of_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "count.sh").write_text('wc -l < "$1"\n')
    (tmp_path / "names.csv").write_text("ada\nbob\n")
    done = subprocess.run(
        [sys.executable, "-m", "unlit", "scenarios", "record", "--into", str(tmp_path / "v"),
         "--owner", "ada", "--", "sh", "count.sh", "names.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "v").rglob("*.yaml")
    table = yaml.safe_load(path.read_text())
    assert table["given"] == {"files": {"names.csv": "ada\nbob\n"}}
    assert table["when"] == [{"cli": {"run": ["names.csv"]}}]
