"""The evaluator as a process: killed at any moment, it goes on exactly where it was."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.test_hostile import SCENARIO, SPEC  # the smallest ones

from unlit.core.states import Partition
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.policy import Identity

COMMAND = [sys.executable, "-m", "unlit.evaluation.process"]


@pytest.fixture
def request_(tmp_path: Path, candidate: Path) -> EvaluationRequest:
    (tmp_path / "spec.md").write_text(SPEC, encoding="utf-8")
    (tmp_path / "policy.toml").write_text(default_policy(["slack"]), encoding="utf-8")
    vault = tmp_path / "vault"
    vault.mkdir()
    for number in range(3):
        text = SCENARIO.format(name="greet", timeout=10).replace("id: greet", f"id: s{number}")
        (vault / f"{number}.yaml").write_text(text, encoding="utf-8")
    return EvaluationRequest(
        spec=tmp_path / "spec.md", candidate=candidate, base=None, vault=vault,
        partition=Partition.VALIDATION, product=Product(run="sh product.sh"), ship=ShipRule(),
        seed=3, max_trajectories=60, parallel=2, look=None, artefacts=tmp_path / "e" / "whole",
        policy=tmp_path / "policy.toml", identity=Identity("r", "validate", "a", "product"),
        options={"invariants": False},
    )  # fmt: skip


def grade(request: EvaluationRequest) -> list[dict[str, Any]]:
    done = subprocess.run(
        COMMAND, input=json.dumps(request.to_json()), capture_output=True, text=True, check=False
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def killed_after(request: EvaluationRequest, lines: int) -> None:
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request.to_json()))
    process.stdin.close()
    for _ in range(lines):
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.fence
def test_killed_and_started_again_it_says_the_same(request_: EvaluationRequest) -> None:
    whole = grade(request_)[-1]["result"]
    broken = replace(request_, artefacts=request_.artefacts.with_name("broken"))
    for lines in (4, 11):
        killed_after(broken, lines)
    lines_ = grade(broken)
    again = lines_[-1]["result"]

    def facts(result: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [(t["n"], t["scenario"], t["seed"], t["state"]) for t in result["trajectories"]]

    assert facts(again) == facts(whole)
    assert again["satisfaction"] == whole["satisfaction"]
    assert again["verdict"] == whole["verdict"] == "ship"
    told = [line["n"] for line in lines_ if line.get("event") == "trajectory"]
    assert told == list(range(1, len(told) + 1))  # a new listener hears the whole story


def test_a_request_that_is_none_is_one_error_line() -> None:
    done = subprocess.run(COMMAND, input="{", capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "EVA-133"
    assert "Traceback" not in done.stderr


def test_bad_input_is_an_error_line_with_its_code(request_: EvaluationRequest) -> None:
    (request_.vault / "0.yaml").write_text("id: [", encoding="utf-8")
    (error,) = grade(request_)
    assert error["error"]["code"] == "EVA-101"
    assert error["error"]["exit_code"] == 3
    assert "0.yaml:" in error["error"]["what"]


@pytest.mark.fence
def test_a_look_is_free_again_only_where_nothing_is_run_again(
    request_: EvaluationRequest,
) -> None:
    for path in request_.vault.iterdir():
        text = path.read_text(encoding="utf-8").replace("partition: validation", "")
        path.write_text(f"{text}\npartition: sealed\n", encoding="utf-8")
    looked = replace(request_, partition=Partition.SEALED, max_trajectories=3)
    elsewhere = replace(looked, artefacts=looked.artefacts.with_name("elsewhere"))
    results = [grade(request)[-1]["result"] for request in (looked, looked, elsewhere)]
    assert [result["looks"]["index"] for result in results] == [1, 1, 2]
    assert [result["looks"]["alpha_effective"] for result in results] == [0.05, 0.05, 0.025]
