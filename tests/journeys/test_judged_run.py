"""A judge in the line: it decides nothing until people have labelled runs drawn by chance.

The model is our twin; the run, the fences, the labels on the command line and the report are real.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

TOML = """\
[factory]
name = "summary"
[product]
run = "./run.sh"
[ship]
p0 = 0.3
p1 = 0.9
[evaluation]
judge = "rubric:anthropic:judge-1"
model_twin = "judge.json"
"""
RULE = '[[allow]]\nrole = "evaluator"\nhost = "api.anthropic.com"\ntwin = "anthropic"\n'
ANSWERS: dict[str, Any] = {
    "parts": [{"when": {"contains": ["Next: decide"]},
               "turns": [{"say": '{"answer": "yes", "quote": "Next: decide"}'}]}],
    "otherwise": '{"answer": "no", "quote": "Goodbye"}',
}  # fmt: skip
BOUNDARIES = ("empty", "zero", "limit", "limit+1", "duplicate", "concurrent", "unauthorised",
              "clock", "service down")  # fmt: skip
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

### AC-1 Ends well

When it is run with a number, the tool shall print the number and end with exit code 0.

Example: three
- Input: `3`
- Outcome: exit code 0

### AC-2 Says what to do

When it ends, the tool shall tell the manager what to do next.

Example: three
- Input: `3`
- Outcome: a next step

## Boundaries

| Case | Behaviour |
| --- | --- |
{rows}

## Out of scope

Everything else.

## Metric

Managers act within a day.
"""
PROGRAM = """\
#!/bin/sh
case "$1" in --help) echo usage; exit 0;; *[!0-9]*|"") echo "usage: run N" >&2; exit 2;; esac
echo "Done with $1. __END__"
"""
SCENARIO = """\
id: {kind}-{partition}
story: A manager reads the summary.
criterion: [{criterion}]
partition: {partition}
weight: {weight}
oracle: human
author: {{by: person, name: security}}
owner: security
because: ticket SEC-1
vary: {{n: {{int: [1, 1000]}}}}
when: [{{cli: {{run: ["{{n}}"]}}}}]
then: [{{exit: 0}}, {check}]
"""
JUDGED = '{judge: {ask: "Does it tell a manager what comes after?", evidence: stdout}}'


def _factory(folder: Path, end: str) -> Path:
    base = folder / "base"
    (base / "specs").mkdir(parents=True)
    (base / "unlit.toml").write_text(TOML)
    (base / "policy.toml").write_text("version = 1\n")
    (base / "judge.json").write_text(json.dumps(ANSWERS))
    rows = "\n".join(f"| {case} | nothing special |" for case in BOUNDARIES)
    (base / "specs" / "summary.md").write_text(SPEC.format(rows=rows))
    for name, text in ((base, "nothing yet"), (folder / "candidates" / "1", end)):
        name.mkdir(parents=True, exist_ok=True)
        (name / "run.sh").write_text(PROGRAM.replace("__END__", text))
        (name / "run.sh").chmod(0o755)
    for partition in ("validation", "sealed"):
        (folder / "vault" / partition).mkdir(parents=True)
        for kind, criterion, weight, check in (
            ("plain", "AC-1", 1, '{stdout: {contains: "{n}"}}'), ("judged", "AC-2", 9, JUDGED),
        ):  # fmt: skip
            (folder / "vault" / partition / f"{kind}.yaml").write_text(
                SCENARIO.format(kind=kind, partition=partition, criterion=criterion,
                                weight=weight, check=check)
            )  # fmt: skip
    subprocess.run(["git", "init", "-q", "-b", "main", str(base)], check=True)
    _commit(base)
    return base


def _commit(base: Path) -> None:
    git(base, "add", "-A")
    git(base, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "base")


def _label(home: Home, base: Path, most: int, yes: bytes) -> str:
    """Answer from the evidence alone, as a person who reads it."""
    words = (*UNLIT, "scenarios", "label", "--run", "last", "--most", str(most), "--person", "ada")
    process = subprocess.Popen(
        words, cwd=base, env=home.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    assert process.stdout is not None
    shown = b""
    while piece := process.stderr.read(1):
        shown += piece
        if shown.endswith(b"or q: "):
            assert b'"yes"' not in shown  # blind to the judge
            process.stdin.write(b"y\n" if yes in shown else b"n\n")
            process.stdin.flush()
            shown = b""
    said = process.stdout.read().decode()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    return said


def _ac2(report: dict[str, Any]) -> str:
    return next(str(one["state"]) for one in report["criteria"] if one["id"] == "AC-2")


def test_labels_let_a_judge_count_in_a_run_of_the_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = _factory(tmp_path / "f", "Next: decide by Friday.")
    words = ("run", "specs/summary.md", "--agent", "scripted:../candidates", "--vault", "../vault",
             "--trajectories", "60", "--seed", "7")  # fmt: skip
    refused = home.unlit(*words, cwd=base, check=False)
    assert (refused.returncode, "EVA-149" in refused.stderr) == (4, True)  # before anything ran
    with (base / "policy.toml").open("a") as stream:
        stream.write(RULE)
    _commit(base)
    found = home.json(*words, cwd=base)
    assert (found["state"], found["verdict"]) == ("waiting", "ship")
    before = home.json("review", found["run"], cwd=base)
    assert _ac2(before) == "not_exercised"
    assert any("no model was asked" in gap["text"] for gap in before["not_verified"])
    assert any("scenarios label" in line["why"] for line in before["questions"])
    assert "40 labels" in _label(home, base, 40, b"Next: decide")
    assert _ac2(home.json("review", found["run"], cwd=base)) == "not_exercised"
    _label(home, base, 70, b"Next: decide")
    after = home.json("review", found["run"], cwd=base)
    assert (_ac2(after), after["verdict"]) == ("met", "ship")
