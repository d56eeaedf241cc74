"""`unlit diversity FILE`: numbers with intervals, and a clear refusal of each bad line."""

import io
import json
from pathlib import Path

import pytest

from unlit.cli.diversity import app
from unlit.core.errors import InvalidInput, UsageError

GOOD = "\n".join(
    json.dumps({"task": t, "model": m, "sample": k, "fail": (t * 7 + k * (m == "b")) % 3 == 0})
    for t in range(60)
    for m in "ab"
    for k in range(3)
)


def call(*args: str) -> object:
    return app(list(args), result_action="return_value", exit_on_error=False)


def test_the_result_names_its_four_numbers_with_intervals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(GOOD + "\n\n")
    assert call(str(path), "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert form["schema"] == "unlit.diversity/1"
    for name in ("rho_within", "rho_between", "share", "n_effective"):
        assert form[name]["lower"] <= form[name]["estimate"] <= form[name]["upper"]
    assert call(str(path)) == 0
    assert "rho_within" in capsys.readouterr().out


def test_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    assert call("-") == 0
    assert "n_effective" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ('{"task": 1, "model": "a"}', "has no sample"),
        ('{"task": 1, "model": "a", "sample": 0}', "has no fail or label"),
        ('{"task": 1, "model": "a", "sample": 0, "fail": "no"}', "fail = 'no'"),
        ('{"task": 1, "model": "a", "sample": 0, "fail": 1}\n' * 2, "repeats the sample"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidInput, match="EVA-312") as caught:
        call(str(path))
    assert words in caught.value.what
    assert f"{path}:" in caught.value.what


def test_a_file_that_is_not_there_and_too_few_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        call(str(tmp_path / "absent"))
    path = tmp_path / "one.jsonl"
    path.write_text('{"task": 1, "model": "a", "sample": 0, "fail": 1}')
    with pytest.raises(InvalidInput, match="EVA-311"):
        call(str(path))
    with pytest.raises(InvalidInput, match="EVA-310"):
        call(str(path), "--confidence", "2")


def test_recorded_runs_are_measured_by_first_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(InvalidInput, match="the record has fewer than two tasks"):
        call("--recorded", "--repository", str(repository))
    for args in ((), ("x.jsonl", "--recorded")):
        with pytest.raises(UsageError, match="EVA-313"):
            call(*args)
