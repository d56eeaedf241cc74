"""Judges: no answer without a real quote; no weight without labels."""

import json
from pathlib import Path

import pytest

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.evaluation.judges.rubric import read_answer
from unlit.evaluation.judges.scripted import ScriptedJudge
from unlit.evaluation.labels import JudgedRuns, add_label, with_judges
from unlit.evaluation.model import CriterionResult, Independence, ShipRule
from unlit.evaluation.rules.judging import Label

NAME = CriterionId("AC-7")


async def test_the_scripted_judge_answers_by_words() -> None:
    judge = ScriptedJudge({"words": ["Next:"]})
    assert (await judge.judge("?", "Next: decide")).answer is True
    assert (await judge.judge("?", "bye")).answer is False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "yes", "quote": "Next: decide"}', True),
        ('Sure. {"answer": "no", "quote": "decide"}', False),
        ('{"answer": "yes", "quote": "was never there"}', None),
        ('{"answer": "yes", "quote": ""}', None),
        ('{"answer": "maybe", "quote": "decide"}', None),
        ("I like it", None),
    ],
)
def test_an_answer_needs_a_quote_that_is_there(text: str, answer: bool | None) -> None:
    anthropic = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
    openai = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
    assert read_answer("anthropic", anthropic, "Next: decide each").answer is answer
    assert read_answer("openai", openai, "Next: decide each").answer is answer
    assert read_answer("openai", b"<html>", "x").answer is None


def result(state: CriterionState = CriterionState.NOT_EXERCISED) -> CriterionResult:
    return CriterionResult(NAME, "t", (), 0, 0, state, Independence(None))


def runs(liked: int, of: int) -> JudgedRuns:
    return JudgedRuns("rubric m", "anthropic", {NAME: [n < liked for n in range(of)]})


def test_without_labels_a_judge_decides_nothing(tmp_path: Path) -> None:
    (changed,), (sentence,) = with_judges([result()], runs(40, 40), tmp_path / "v", ShipRule())
    assert changed.state is CriterionState.NOT_EXERCISED
    assert "liked 40 of 40" in sentence
    assert "decide nothing" in sentence


def test_with_labels_of_both_kinds_it_counts_through_them(tmp_path: Path) -> None:
    vault = tmp_path / "v"
    for n in range(100):
        add_label(vault, "rubric m", NAME, Label(judge=n < 97, person=n < 97))
    (changed,), _ = with_judges([result()], runs(400, 400), vault, ShipRule(0.8, 0.9))
    assert changed.state is CriterionState.MET
    assert changed.lower is not None
    (poor,), _ = with_judges([result()], runs(250, 400), vault, ShipRule(0.8, 0.9))
    assert poor.state is CriterionState.UNDECIDED


def test_a_judge_never_overrules_plain_checks(tmp_path: Path) -> None:
    vault = tmp_path / "v"
    for n in range(100):
        add_label(vault, "rubric m", NAME, Label(judge=n < 97, person=n < 97))
    failed = result(CriterionState.NOT_MET)
    (changed,), _ = with_judges([failed], runs(400, 400), vault, ShipRule())
    assert changed.state is CriterionState.NOT_MET
