"""The commands on files: lint, list, seal, looks, import, record, export, schema."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from tests.evaluation.test_hostile import SCENARIO, SPEC  # the smallest ones

from unlit.cli.main import run
from unlit.intent import parse_spec

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "spec.md").write_text(SPEC, encoding="utf-8")
    (tmp_path / "vault").mkdir()
    for name, partition in (("honest", "validation"), ("spy", "sealed"), ("env", "visible")):
        text = SCENARIO.format(name=name, timeout=5).replace("validation", partition)
        (tmp_path / "vault" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def unlit(*words: object) -> int:
    return run([str(word) for word in words])


def document(capsys: Capture) -> dict[str, object]:
    value: dict[str, object] = json.loads(capsys.readouterr().out)
    return value


def test_lint_says_one_line_for_each_mistake(place: Path, capsys: Capture) -> None:
    vault = place / "vault"
    assert unlit("scenarios", "lint", vault, "--spec", place / "spec.md") == 0
    (vault / "bad.yaml").write_text(
        SCENARIO.format(name="env", timeout=5).replace("AC-1", "AC-9"), encoding="utf-8"
    )
    capsys.readouterr()
    assert unlit("scenarios", "lint", vault, "--spec", place / "spec.md") == 1
    out = capsys.readouterr().out
    assert "EVA-107" in out
    assert "EVA-106" in out
    assert unlit("scenarios", "lint", vault, "--json") == 1
    assert document(capsys)["schema"] == "unlit.scenarios.lint/1"


def test_lint_names_all_mistakes_of_a_file_at_once(place: Path, capsys: Capture) -> None:
    vault = place / "vault"
    text = SCENARIO.format(name="env", timeout=5).replace("AC-1", "AC-9")
    text = text.replace("owner: o\n", "").replace("oracle: contract", "oracle: guess")
    (vault / "sealed").mkdir()
    (vault / "sealed" / "bad.yaml").write_text(
        text.replace("secret-in-output", "no-such-rule") + "weigth: 3\n", encoding="utf-8"
    )
    assert unlit("scenarios", "lint", vault, "--spec", place / "spec.md", "--json") == 1
    rows = document(capsys)["findings"]
    assert isinstance(rows, list)
    found = {row["code"] for row in rows if row["file"] in ("sealed/bad.yaml", "env.yaml")}
    assert found == {"EVA-102", "EVA-104", "EVA-106", "EVA-107", "EVA-110", "EVA-111", "EVA-115"}


def test_lint_invents_nothing_about_what_it_cannot_read(place: Path, capsys: Capture) -> None:
    text = "id: [1]\nwhen: 3\nthen: [{stdout: '{x}'}]\n"
    for name in ("one", "two"):
        (place / "vault" / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert unlit("scenarios", "lint", place / "vault", "--json") == 1
    rows = document(capsys)["findings"]
    assert isinstance(rows, list)
    assert {row["code"] for row in rows} == {"EVA-103", "EVA-104", "EVA-111"}


@pytest.mark.parametrize(
    ("folder", "wrong"),
    [("sealed", True), ("visible/deep", True), ("validation", False), ("sealed/validation", False),
     ("other", False)],
)  # fmt: skip
def test_a_file_in_the_folder_of_another_partition_is_an_error(
    place: Path, capsys: Capture, folder: str, wrong: bool
) -> None:
    path = place / "vault" / folder / "placed.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SCENARIO.format(name="placed", timeout=5), encoding="utf-8")
    assert unlit("scenarios", "lint", place / "vault") == int(wrong)
    assert ("EVA-115" in capsys.readouterr().out) is wrong


def test_list_shows_partitions_and_what_nobody_speaks_for(place: Path, capsys: Capture) -> None:
    (place / "spec.md").write_text(
        SPEC + "\n### AC-2 Sings\n\nWhen asked, the tool shall sing.\n\nExample: la\n"
        "- Input: `sing`\n- Outcome: `la`\n", encoding="utf-8",
    )  # fmt: skip
    assert unlit("scenarios", "list", place / "vault", "--spec", place / "spec.md") == 0
    assert "no scenario speaks for AC-2" in capsys.readouterr().out
    unlit("scenarios", "list", place / "vault", "--partition", "sealed", "--json")
    found = document(capsys)
    assert [s["id"] for s in found["scenarios"]] == ["spy"]  # type: ignore[attr-defined] # JSON


def test_seal_writes_each_canary_once_and_keeps_the_file_valid(
    place: Path, capsys: Capture
) -> None:
    assert unlit("scenarios", "seal", place / "vault") == 0
    assert "2 canaries written" in capsys.readouterr().out
    assert unlit("scenarios", "seal", place / "vault") == 0
    assert "0 canaries written" in capsys.readouterr().out
    assert "canary-" in (place / "vault" / "spy.yaml").read_text(encoding="utf-8")
    assert "canary-" not in (place / "vault" / "env.yaml").read_text(encoding="utf-8")
    assert unlit("scenarios", "lint", place / "vault") == 0


def test_looks_says_what_can_be_claimed_and_takes_disclosures(place: Path, capsys: Capture) -> None:
    assert unlit("scenarios", "looks", place / "vault", "--json") == 0
    assert document(capsys)["fresh"] == 1
    assert unlit("scenarios", "looks", place / "vault", "--disclose", "spy", "--person", "ada") == 0
    assert "spent: spy" in capsys.readouterr().out
    assert unlit("scenarios", "looks", place / "vault", "--disclose", "nobody") == 3


def test_import_names_what_is_not_supported(place: Path, capsys: Capture) -> None:
    (place / "x.feature").write_text(
        "Feature: F\n  Scenario: S\n    When I run `true`\n    Then the moon is full\n",
        encoding="utf-8",
    )
    code = unlit("scenarios", "import", place / "x.feature", "--into", place / "vault",
                 "--owner", "ada")  # fmt: skip
    assert code == 1
    assert "not supported: x.feature:4 the moon is full" in capsys.readouterr().out


def test_record_makes_a_golden_scenario_of_a_command(place: Path, capsys: Capture) -> None:
    code = unlit("scenarios", "record", "--into", place / "golden", "--owner", "ada", "--words", 2,
                 "--", sys.executable, "-c", "print(6 * 7)")  # fmt: skip
    assert code == 0
    said = capsys.readouterr()
    path = Path(said.out.strip())
    assert "seen: exit code 0, standard output ends `42`, nothing on standard error" in said.err
    assert "did not end with 0" not in said.err
    assert "Without --spec they speak for every spec" in said.err
    text = path.read_text(encoding="utf-8")
    assert "equals: '42'" in text
    assert "oracle: golden" in text
    assert unlit("scenarios", "lint", place / "golden") == 0
    assert unlit("scenarios", "record", "--into", place, "--owner", "a", "--", "no-such-cmd") == 3


def test_a_recorded_program_that_could_not_start_is_said_to_have_failed(
    place: Path, capsys: Capture
) -> None:
    code = unlit("scenarios", "record", "--into", place / "golden", "--owner", "ada",
                 "--", sys.executable, "-m", "no_such_module_4711")  # fmt: skip
    said = capsys.readouterr().err
    assert code == 0
    assert "No module named no_such_module_4711" in said
    assert "It did not end with 0" in said


def test_what_is_recorded_or_imported_names_its_spec(place: Path, capsys: Capture) -> None:
    spec = place / "spec.md"
    (place / "x.hurl").write_text("GET http://localhost/a\nHTTP 200\n", encoding="utf-8")
    made = ("--into", place / "new", "--owner", "ada", "--spec", spec)
    assert unlit("scenarios", "record", *made, "--", "echo", "a b") == 0
    assert unlit("scenarios", "import", place / "x.hurl", *made) == 0
    assert "every spec" not in capsys.readouterr().err
    known = str(parse_spec(spec.read_text(encoding="utf-8"), spec).id)
    files = list((place / "new" / "validation").glob("*.yaml"))
    assert [yaml.safe_load(file.read_text())["spec"] for file in files] == [known, known]
    assert unlit("scenarios", "lint", place / "new", "--spec", spec) == 0
    assert unlit("scenarios", "record", *made, "--criterion", "AC-77", "--", "true") == 3
    assert "has no criterion AC-77" in capsys.readouterr().err


def test_scenarios_of_a_written_spec_name_that_spec(place: Path) -> None:
    made = place / "first-try.md"
    assert unlit("scenarios", "record", "--into", place / "new", "--owner", "ada",
                 "--write-spec", made, "--", "echo", "hi") == 0  # fmt: skip
    (file,) = (place / "new" / "validation").glob("*.yaml")
    written = parse_spec(made.read_text(encoding="utf-8"), made)
    assert yaml.safe_load(file.read_text())["spec"] == written.id


def test_lint_says_what_a_run_would_refuse(place: Path, capsys: Capture) -> None:
    assert unlit("scenarios", "record", "--into", place / "new", "--owner", "ada",
                 "--", "echo", "hi") == 0  # fmt: skip
    assert unlit("scenarios", "lint", place / "new") == 0
    said = capsys.readouterr().out
    assert "1 scenario, 0 errors, 0 warnings" in said
    assert "No sealed scenario: `unlit run` needs at least one" in said
    assert "No validation scenario" not in said


def test_export_makes_a_harbor_task(place: Path, capsys: Capture) -> None:
    code = unlit("scenarios", "export", "--spec", place / "spec.md", "--vault", place / "vault",
                 "--into", place / "task", "--run", "sh product.sh")  # fmt: skip
    assert code == 0
    assert (place / "task" / "instruction.md").exists()
    again = unlit("scenarios", "export", "--spec", place / "spec.md", "--vault", place / "vault",
                  "--into", place / "task", "--run", "x")  # fmt: skip
    assert again == 3


def test_the_schema_is_printed(capsys: Capture) -> None:
    assert unlit("scenarios", "schema") == 0
    assert document(capsys)["title"] == "Unlit scenario, version 1"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--candidate", "nowhere"), 3),
        (("--partition", "hidden"), 3),
        (("--trajectories", "0"), 3),
        (("--replay", "x"), 3),
    ],
)
def test_evaluate_refuses_bad_input_with_its_code(
    place: Path, candidate: Path, capsys: Capture, words: tuple[str, ...], code: int
) -> None:
    given = {"--spec": place / "spec.md", "--candidate": candidate, "--vault": place / "vault"}
    given[words[0]] = Path(words[1])
    assert unlit("evaluate", *(word for pair in given.items() for word in pair)) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Do:" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("flag", ["--junit", "--eval-log"])
@pytest.mark.parametrize("where", ["nowhere/x.xml", "vault", "honest.yaml/x"])
def test_a_file_that_cannot_be_written_is_named_before_anything_is_graded(
    place: Path, candidate: Path, capsys: Capture, flag: str, where: str
) -> None:
    code = unlit("evaluate", "--spec", place / "spec.md", "--candidate", candidate, "--vault",
                 place / "vault", "--run", "sh product.sh", flag, place / where)  # fmt: skip
    shown = capsys.readouterr()
    assert code == 3
    assert "EVA-145" in shown.err
    assert "nothing was graded" in shown.err
    assert not (place / "vault.evaluator").exists()


@pytest.mark.fence
def test_evaluate_prints_the_result_and_only_that(
    place: Path, candidate: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "state"))
    text = (place / "vault" / "honest.yaml").read_text(encoding="utf-8")
    (place / "vault" / "honest.yaml").write_text(
        text.replace("run: [honest", "run: [greet"), encoding="utf-8"
    )
    code = unlit(
        "evaluate", "--spec", place / "spec.md", "--candidate", candidate, "--vault",
        place / "vault", "--run", "sh product.sh", "--trajectories", 40, "--json",
        "--junit", place / "j.xml", "--eval-log", place / "l.eval",
    )  # fmt: skip
    found = document(capsys)
    assert (code, found["verdict"]) == (0, "ship")
    assert (place / "j.xml").exists()
    assert (place / "l.eval").exists()
