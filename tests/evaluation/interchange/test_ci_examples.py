"""The examples for other people's CI: they are YAML, and what they run grades."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.evaluation.test_hostile import SPEC

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "evaluate-in-ci.md"
SCENARIO = """\
id: greets
story: A name is greeted.
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person}
owner: o
because: b
vary: {who: {from: names}}
when: [{cli: {run: ["{who}"]}}]
then: [{exit: 0}, {stdout: "hello {who}"}]
"""


def examples() -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


def commands(example: dict[str, Any]) -> list[str]:
    if "jobs" in example:
        steps = [step for job in example["jobs"].values() for step in job["steps"]]
        assert all("uses" in step or "run" in step for step in steps)
        return [line for step in steps if "run" in step for line in step["run"].splitlines()]
    jobs = [job for job in example.values() if isinstance(job, dict)]
    return [line for job in jobs for line in (*job.get("before_script", ()), *job["script"])]


def test_there_is_one_for_each_of_two() -> None:
    github, gitlab = examples()
    assert github["jobs"]["grade"]["runs-on"]
    assert gitlab["grade"]["artifacts"]["reports"]["junit"] == "report.xml"


@pytest.mark.parametrize("number", [0, 1])
def test_every_line_is_a_line_of_shell(number: int) -> None:
    for line in commands(examples()[number]):
        subprocess.run(["sh", "-n", "-c", line], check=True)


@pytest.mark.fence
@pytest.mark.parametrize(("number", "good", "code"), [(0, True, 0), (1, True, 0), (1, False, 1)])
def test_what_they_run_grades(tmp_path: Path, number: int, good: bool, code: int) -> None:
    (line,) = [c for c in commands(examples()[number]) if "unlit evaluate" in c]
    words = shlex.split(line)
    here = tmp_path if number == 0 else tmp_path / "candidate"  # as each of them checks out
    candidate, vault = tmp_path / "candidate", tmp_path / "vault"
    candidate.mkdir()
    vault.mkdir()
    (candidate / "spec.md").write_text(SPEC, encoding="utf-8")
    (candidate / "run.sh").write_text(f'echo "{"hello" if good else "bye"} $1"\n', encoding="utf-8")
    (vault / "a.yaml").write_text(SCENARIO, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "unlit", *words[1:]], cwd=here, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    assert (here / "report.xml").read_text(encoding="utf-8").startswith("<?xml")
