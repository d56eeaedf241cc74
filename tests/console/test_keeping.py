"""An answer becomes a label beside the vault, an example of the spec, a scenario of the vault."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.console.conftest import Bench
from tests.console.test_app import csrf_of
from tests.review.sample import RUN, START, fill
from tests.review.tried import make_run

from unlit.console.model import Place
from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.evaluation.vault import load_vault
from unlit.intent import reading_of
from unlit.record.model import Question
from unlit.review.adapters.evaluations import Evaluations
from unlit.review.adapters.labelling_log import LabellingLog
from unlit.review.fakes import FakeGateLog
from unlit.review.keeping import Answered, answered, keep_label, scenario_of, with_example

SPEC = """---
id: access-review
title: Access review
owner: dana@example.com
---

# Access review

## Criteria

### AC-6 Finishes

When it runs, the tool shall print `done`.

### AC-7 Says what to do

When it runs, the tool shall say what to do next.

Example: plain
- Input: `run`
- Outcome: prints `decide`

## Out of scope

Nothing.
"""
ASKED = Question(RUN, 1, "criterion", "Does it say what to do?", CriterionId("AC-7"),
                 answer="no: names nobody who decides", answered_by="dana")  # fmt: skip
TOLD = Answered(RUN, "access-review", "c3", ASKED, "no", "names nobody who decides")


def test_a_label_is_written_once(tmp_path: Path) -> None:
    log = LabellingLog(FakeGateLog(), lambda run: tmp_path / "store")
    fields = {"question": 1, "criterion": "AC-7", "answer": "no", "reason": "names nobody"}
    log.write("gate.decision", RUN, "dana", {})
    log.write("question.answer", RUN, "dana", fields)
    log.write("question.answer", RUN, "dana", fields)
    rows = [json.loads(line) for line in (tmp_path / "store/answers.jsonl").read_text().split("\n")
            if line]  # fmt: skip
    assert [(row["label"], row["person"], row["criterion"]) for row in rows] == [
        (False, "dana", "AC-7")
    ]
    assert not keep_label(tmp_path / "store", {"run": RUN, "question": 1})


def test_an_answer_is_kept_even_where_the_vault_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    log = FakeGateLog()
    keeping = LabellingLog(log, lambda run: tmp_path / "store")
    assert keeping.write("question.answer", RUN, "dana", {"question": 1, "answer": "yes"}) == 0
    assert len(log.entries) == 1


def test_an_answer_becomes_an_example_of_its_criterion() -> None:
    made = with_example(SPEC, TOLD)
    examples = {one.id: one.examples for one in reading_of(made, "s.md").spec.criteria}
    assert len(examples[CriterionId("AC-7")]) == 2
    assert len(examples[CriterionId("AC-6")]) == 0
    assert "names nobody who decides" in made
    assert made.count("## Out of scope") == 1


@pytest.mark.parametrize(
    "told",
    [
        replace(TOLD, reason=""),
        replace(TOLD, question=replace(ASKED, criterion=None)),
        replace(TOLD, question=replace(ASKED, criterion=CriterionId("AC-77"))),
    ],
)
def test_an_answer_without_criterion_or_reason_becomes_no_example(told: Answered) -> None:
    with pytest.raises(InvalidInput, match="cannot become an example"):
        with_example(SPEC, told)


def test_an_answer_becomes_a_scenario_that_the_vault_takes(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    make_run(make_bench().store, tmp_path)
    vault = tmp_path / "vault"
    base = load_vault(vault).scenario("hello-validation")
    text = scenario_of(base, vault, TOLD, "dana", "slack.messages")
    (vault / "validation" / f"asked-{RUN}-1.yaml").write_text(text)
    found = load_vault(vault).scenario(f"asked-{RUN}-1")
    assert found.author.name == "dana"
    assert found.oracle == "human"
    assert [check.kind for check in found.then] == ["exit", "twin", "judge"]
    assert load_vault(vault).findings == ()


def test_only_an_answered_question_becomes_anything(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    fill(bench.store)
    with pytest.raises(InvalidInput, match="has no answer"):
        answered(bench.store, RUN, 1)
    bench.store.answer_question(RUN, 1, "yes: clear", "dana", START)
    assert answered(bench.store, RUN, 1).reason == "clear"


def test_in_the_console_one_click_writes_the_example_and_opens_the_spec(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "review.md").write_text(SPEC)
    bench = make_bench(place=Place(tmp_path, specs=tmp_path / "specs"))
    fill(bench.store)
    bench.store.answer_question(RUN, 1, "no: names nobody who decides", "dana", START)
    client = bench.logged_in()
    page = client.get(f"/runs/{RUN}").text
    assert "What people said" in page
    form = {"csrf": csrf_of(client, f"/runs/{RUN}")}
    answer = client.post(f"/runs/{RUN}/questions/1/example", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/intents/review"
    assert "names nobody who decides" in (tmp_path / "specs" / "review.md").read_text()
    assert bench.log.entries[-1][0] == "intent.edit"


def test_in_the_console_one_click_writes_the_scenario(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench()
    run = make_run(bench.store, tmp_path)
    folder = tmp_path / "evaluations" / run / "c1" / "validation"
    folder.mkdir(parents=True)
    line = {"record": {"n": 1, "scenario": "hello-validation"}, "effects": {
        "slack.messages": {"added": [{"text": "hello everybody out there"}]}}}  # fmt: skip
    (folder / "trajectories.jsonl").write_text(json.dumps(line) + "\n")
    console = replace(bench.console, evaluations=Evaluations(lambda run: tmp_path / "evaluations"))
    bench = replace(bench, console=console)
    bench.store.answer_question(run, 1, "yes: it is polite", "dana", START)
    client = bench.logged_in()
    form = {"csrf": csrf_of(client, f"/runs/{run}")}
    done = client.post(f"/runs/{run}/questions/1/scenario", data=form)
    assert done.status_code == 303, done.text[done.text.index("<h1") :][:300]
    assert load_vault(tmp_path / "vault").scenario(f"asked-{run}-1").author.name == "dana"
    assert bench.log.entries[-1][0] == "scenario.add"
