"""Results in other people's formats, without any content of scenarios."""

import importlib.util
import json
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from unlit.core.errors import OutsideFailed
from unlit.core.system import SystemClock
from unlit.evaluation.interchange.harbor import write_harbor_task
from unlit.evaluation.interchange.inspect_log import write_eval_log
from unlit.evaluation.interchange.junit import junit_xml
from unlit.evaluation.outputs import write_outputs
from unlit.evaluation.vault import load_vault


def trajectory(n: int, state: str, **more: Any) -> dict[str, Any]:
    return {
        "n": n, "scenario": f"s{n % 2}", "seed": n, "state": state, "criteria": ["AC-1"],
        "reasons": [] if state == "satisfied" else ["then[1] exit"], "twin_routes": [],
        "duration_s": 0.5, "replay": None, **more,
    }  # fmt: skip


RESULT: dict[str, Any] = {
    "schema": "unlit.evaluation/1", "verdict": "not_yet", "tree": "sha256:1", "seed": 7,
    "partition": "validation", "vault_digest": "sha256:" + "a" * 64,
    "satisfaction": {"estimate": 0.5, "lower": 0.1, "upper": 0.9, "method": "m",
                     "claim_a": {"sentence": "a < b & c"}, "claim_b": {"sentence": "b"}},
    "trajectories": [
        trajectory(1, "satisfied"), trajectory(2, "not_satisfied", replay="unlit evaluate …"),
        trajectory(3, "harness_fault"), trajectory(4, "not_exercised"),
    ],
}  # fmt: skip


def test_junit_keeps_the_four_states_apart() -> None:
    suite = fromstring(junit_xml(RESULT))[0]  # noqa: S314 # our own text
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["unlit.verdict"] == "not_yet"
    assert properties["unlit.claim_a"] == "a < b & c"
    failure = next(suite.iter("failure"))
    assert failure.get("message") == "then[1] exit"


def test_an_inspect_log_is_a_zip_of_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    write_eval_log(RESULT, path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        header = json.loads(archive.read("header.json"))
    assert {"header.json", "summaries.json", "_journal/start.json"} <= set(names)
    assert sum(name.startswith("samples/") for name in names) == 4
    assert header["eval"]["metadata"]["verdict"] == "not_yet"


def test_inspect_reads_the_log_back(tmp_path: Path) -> None:
    beside = Path("/tmp/unlit-inspect/bin/python")  # where the bench installs it
    python = str(beside) if beside.exists() else sys.executable
    if not beside.exists() and importlib.util.find_spec("inspect_ai") is None:
        pytest.skip("not exercised: inspect-ai is not installed")
    path = tmp_path / "log.eval"
    write_eval_log(RESULT, path)
    script = (
        "import sys; from inspect_ai.log import read_eval_log as r; log = r(sys.argv[1]);"
        "print(log.status, len(log.samples)); by = {(s.id, s.epoch): s for s in log.samples};"
        "print(*[f'{k}:{s.scores[n].value}' for (k, _), s in sorted(by.items()) for n in s.scores])"
    )
    done = subprocess.run(
        [python, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["success", "4", "s0:I", "s1:C", "s1:N"]


def test_a_harbor_task_hides_the_scenarios_in_its_tests(tmp_path: Path) -> None:
    source = Path(__file__).parents[3] / "src/unlit/wiring/demo_product"
    vault = load_vault(source / "vault")
    spec = source / "base" / "specs" / "access-review.md"
    made = write_harbor_task(
        vault, spec, "Build it.", tmp_path / "task", run="python -m x", base=source / "base"
    )
    assert tomllib.loads((made / "task.toml").read_text(encoding="utf-8"))["version"] == "1.0"
    assert (made / "instruction.md").read_text(encoding="utf-8") == "Build it."
    assert (made / "tests" / "test.sh").stat().st_mode & stat.S_IXUSR
    hidden = {path.name for path in (made / "tests" / "vault").rglob("*.yaml")}
    assert "slack-is-busy.yaml" in hidden
    visible = [p.read_text(encoding="utf-8", errors="replace")
               for p in (made / "environment").rglob("*") if p.is_file()]  # fmt: skip
    assert not any("Slack asks to wait while the summary" in text for text in visible)
    subprocess.run(["sh", "-n", str(made / "tests" / "test.sh")], check=True)


def test_a_file_that_fails_at_the_end_says_that_the_verdict_stands() -> None:
    with pytest.raises(OutsideFailed, match="verdict above stands") as caught:
        write_outputs(RESULT, SystemClock(), junit=Path("/dev/full"), eval_log=None)
    assert caught.value.code == "EVA-146"
