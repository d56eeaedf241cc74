"""A judge that is a model, behind the gateway, and people's labels: ship, or not yet.

The model is our twin, which answers on the vendors' own wire formats; everything else is real: the
fence of role `evaluator`, the gateway, the quotes, the labels given on the command line.
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.asking import VENDORS
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.grading import Slot
from unlit.evaluation.judges.rubric import RubricJudge
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.evaluation.stage import Launch, NotExercised
from unlit.evaluation.trajectory import Setting
from unlit.fence import FenceHost, TwinRoute
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog, Identity, parse_policy

pytestmark = [pytest.mark.fence]

SPEC = """\
---
id: summary
title: Summary
owner: ada@example.com
uses: []
risk: low
---

# Summary

## Intent

A manager reads it and acts.

## Criteria

### AC-1 Says what to do

When it ends, the tool shall tell the manager what to do next.

Example: three
- Input: `3`
- Outcome: a next step
"""
SCENARIO = """\
id: next-step
story: A manager reads the summary and knows what to do.
criterion: [AC-1]
partition: validation
oracle: human
author: {by: person, name: security}
owner: security
because: ticket SEC-1
vary: {n: {int: [1, 1000]}}
when: [{cli: {run: ["{n}"]}}]
then:
  - exit: 0
  - judge: {ask: "Does it tell a manager what comes after?", evidence: stdout}
"""
PRODUCT = """\
#!/bin/sh
if [ "$1" -le __BAD__ ]; then echo "Done with $1. Goodbye."
else echo "Done with $1. Next: decide by Friday."; fi
"""
SCRIPT: dict[str, Any] = {
    "parts": [
        {"when": {"contains": ["Next: decide"]},
         "turns": [{"say": '{"answer": "yes", "quote": "Next: decide by Friday"}'}]},
        {"when": {"contains": ["play a person", "booked 7"]},
         "turns": [{"say": '{"say": null, "end": "satisfied"}'}]},
        {"when": {"contains": ["play a person", "how many"]},
         "turns": [{"say": '{"say": "7", "end": null}'}]},
        {"when": {"contains": ["play a person"]},
         "turns": [{"say": '{"say": null, "end": "satisfied"}'}]},
    ],
    "otherwise": '{"answer": "no", "quote": "Goodbye"}',
}  # fmt: skip


def unlit(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "unlit", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


class Person:
    """Labels what `unlit scenarios label` shows, from the evidence alone."""

    def __init__(self, vault: Path) -> None:
        self.vault = vault
        self.asked = 0

    def label(self, count: int) -> str:
        command = [sys.executable, "-m", "unlit", "scenarios", "label", str(self.vault),
                   "--person", "ada", "--most", str(count)]  # fmt: skip
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stdout is not None
        shown = b""
        while piece := process.stderr.read(1):
            shown += piece
            if shown.endswith(b"or q: "):
                assert b'"yes"' not in shown  # blind to the judge
                process.stdin.write(b"y\n" if b"Next: decide" in shown else b"n\n")
                process.stdin.flush()
                self.asked += 1
                shown = b""
        said = process.stdout.read().decode()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        return said


def grade(folder: Path, bad: int) -> dict[str, Any]:
    candidate = folder / "candidate"
    candidate.mkdir(exist_ok=True)
    (candidate / "run.sh").write_text(PRODUCT.replace("__BAD__", str(bad)), encoding="utf-8")
    (candidate / "run.sh").chmod(0o755)
    (candidate / "unlit.toml").write_text(
        '[factory]\nname = "s"\n[product]\nkind = "cli"\nrun = "./run.sh"\n'
        "[ship]\np0 = 0.80\np1 = 0.90\n"
    )
    (folder / "vault").mkdir(exist_ok=True)
    (folder / "vault" / "s.yaml").write_text(SCENARIO, encoding="utf-8")
    (folder / "spec.md").write_text(SPEC, encoding="utf-8")
    (folder / "script.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
    done = unlit(
        "evaluate", "--spec", str(folder / "spec.md"), "--candidate", str(candidate), "--vault",
        str(folder / "vault"), "--judge", "rubric:anthropic:judge-1", "--model-twin",
        str(folder / "script.json"), "--trajectories", "140", "--no-invariants", "--json",
    )  # fmt: skip
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("bad", "verdict", "state"), [(2, "ship", "met"),
                                                       (600, "not_yet", "not_met")])  # fmt: skip
def test_judge_and_labels_decide(tmp_path: Path, bad: int, verdict: str, state: str) -> None:
    before = grade(tmp_path, bad)
    assert before["verdict"] == "not_exercised"  # a judge alone decides nothing
    (card,) = before["judges"]
    assert (card["family"], card["labels"], card["judged"]) == ("anthropic", 0, 140)
    person = Person(tmp_path / "vault")
    assert person.label(40).startswith("40 labels written, 100 judged runs")
    too_few = grade(tmp_path, bad)
    assert too_few["verdict"] == "not_exercised"
    assert any("10 more labels" in sentence for sentence in too_few["not_verified"])
    person.label(12)
    after = grade(tmp_path, bad)
    assert after["verdict"] == verdict
    (criterion,) = after["criteria"]
    assert criterion["state"] == state
    assert criterion["independence"]["authors"]["judge"] is not None
    (card,) = after["judges"]
    assert card["labels"] == 52
    assert card["inference"]["labelled"] == 50
    # 90 runs without a label are too few for the judge's word to add to people's
    assert card["inference"]["method"].startswith("people's labels alone")
    shown = unlit("scenarios", "judges", str(tmp_path / "vault"), "--json")
    (known,) = json.loads(shown.stdout)["judges"]
    assert known["people"] == ["ada"]
    assert known["labels"] == 52


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[FencePool]:
    server = await ModelTwinServer.start(ModelTwin(parse_script(SCRIPT)))
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    host = await FenceHost.start(tmp_path / "state", audit)
    routes = tuple(
        TwinRoute(name, (vendor.host,), server.address, "m") for name, vendor in VENDORS.items()
    )
    policy = parse_policy(default_policy([], models=VENDORS, scripted=True))
    identity = Identity("r", "s", "a", "product")
    yield FencePool(host, ProductFence(policy, identity, models=routes), "", {})
    await host.close()
    await server.close()
    audit.close()


@pytest.mark.parametrize("provider", list(VENDORS))
async def test_each_vendors_wire_format(pool: FencePool, tmp_path: Path, provider: str) -> None:
    (tmp_path / "f").mkdir()
    sandbox = await pool.open_as("evaluator", tmp_path / "f")
    judge = RubricJudge(sandbox, {"provider": provider, "model": "judge-1"})
    yes = await judge.judge("What next?", "12 done. Next: decide by Friday, please.")
    assert (yes.answer, yes.quote) == (True, "Next: decide by Friday")
    no = await judge.judge("What next?", "12 done. Goodbye.")
    assert (no.answer, no.quote) == (False, "Goodbye")
    made_up = await judge.judge("What next?", "nothing of the kind")  # it quotes what is not there
    assert made_up.answer is None
    assert judge.family == provider
    await pool.release(sandbox)


async def test_a_model_out_of_reach_is_no_verdict(pool: FencePool, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    sandbox = await pool.open_as("coder", tmp_path / "f")  # a role that may not call it
    judge = RubricJudge(sandbox, {"provider": "anthropic", "model": "judge-1"})
    with pytest.raises(NotExercised):
        await judge.judge("What next?", "12 done.")
    await pool.release(sandbox)


TALK = """\
id: talk
story: Somebody asks for desks.
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person}
owner: o
because: b
when:
  - user:
      over: {cli: {prompt: "[?] "}}
      model: {goal: book seven desks, knows: {desks: 7}}
then: [{stdout: {contains: booked 7}}]
"""


@pytest.mark.parametrize("present", [True, False])
async def test_a_model_plays_the_user(pool: FencePool, tmp_path: Path, present: bool) -> None:
    from unlit.evaluation.asking import ModelLine

    (tmp_path / "f").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "p.sh").write_text('printf "how many? "; read n; echo "booked $n"\n')
    made = parse_scenario(TALK, "talk.yaml")
    assert isinstance(made, Scenario)
    sandbox = await pool.open_as("evaluator", tmp_path / "f")
    line = ModelLine(sandbox, "openai", "user-1") if present else None
    setting = Setting(FakeWorlds(), Launch("cli", ("sh", "p.sh")), SystemClock(), driver,
                      model_line=line)  # fmt: skip
    slot = Slot("slot-1", pool, tmp_path / "c")
    outcome = await slot.run(made, Draw(1, made.id, 1, {}), setting)
    assert str(outcome.state) == ("satisfied" if present else "not_exercised"), outcome.reasons
    await slot.close()
    await pool.release(sandbox)
