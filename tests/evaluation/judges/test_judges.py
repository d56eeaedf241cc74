"""Judges: no answer without a real quote; no weight without labels."""

import json
from pathlib import Path

import pytest

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.evaluation.judges.rubric import read_answer
from unlit.evaluation.judges.scripted import ScriptedJudge
from unlit.evaluation.labels import (
    JudgedRuns,
    LabelRow,
    add_label,
    looks_of,
    place_of,
    with_judges,
)
from unlit.evaluation.leaks.gather import canary_key
from unlit.evaluation.ledger import open_store
from unlit.evaluation.model import CriterionResult, Independence, ShipRule

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
    verdicts = {n: n * liked // of < (n + 1) * liked // of for n in range(of)}
    return JudgedRuns("rubric m", "anthropic", {NAME: verdicts}, "g")


def order(vault: Path, judged: JudgedRuns, key: str = "g") -> list[int]:
    """Return the runs in the order in which people are asked; the same in every test."""
    (open_store(vault) / "canary.key").write_bytes(b"a fixed key for tests, 32 bytes.")
    secret = canary_key(vault)
    return sorted(judged.verdicts[NAME], key=lambda n: place_of(secret, key, NAME, n))


def label(vault: Path, judged: JudgedRuns, count: int, *, wrong: int = 0, key: str = "g") -> None:
    """Let a person agree with the judge on some runs, but for the last few of them."""
    for place, n in enumerate(order(vault, judged, key)[:count]):
        verdict = judged.verdicts[NAME][n]
        person = verdict if place < count - wrong else not verdict
        add_label(vault, LabelRow("rubric m", NAME, verdict, person, key, n, "ada"))


def test_without_labels_a_judge_decides_nothing(tmp_path: Path) -> None:
    gated = with_judges([result()], runs(40, 40), tmp_path / "v", ShipRule())
    assert gated.results[0].state is CriterionState.NOT_EXERCISED
    assert gated.gated == ()
    assert "liked 40 of 40" in gated.sentences[0]
    assert "decide nothing" in gated.sentences[0]
    assert gated.cards[0]["inference"] is None


def test_with_labels_of_both_kinds_it_counts_through_them(tmp_path: Path) -> None:
    for name, liked, state in (
        ("good", 388, CriterionState.MET),
        ("poor", 250, CriterionState.NOT_MET),
        ("between", 345, CriterionState.UNDECIDED),
    ):
        judged = runs(liked, 400)
        label(tmp_path / name, judged, 100)
        gated = with_judges([result()], judged, tmp_path / name, ShipRule(0.8, 0.9))
        assert gated.results[0].state is state, name
        assert gated.gated == (NAME,)
        assert gated.cards[0]["family"] == "anthropic"


def test_a_judge_that_likes_everything_is_seen_through(tmp_path: Path) -> None:
    judged = runs(400, 400)
    label(tmp_path / "v", judged, 100, wrong=30)
    gated = with_judges([result()], judged, tmp_path / "v", ShipRule(0.8, 0.9))
    assert gated.results[0].state is CriterionState.NOT_MET
    assert gated.results[0].estimate == pytest.approx(0.7)


def test_labels_of_another_grading_make_its_card_and_do_not_count_here(tmp_path: Path) -> None:
    judged = runs(388, 400)
    label(tmp_path / "v", judged, 100, key="earlier")
    gated = with_judges([result()], judged, tmp_path / "v", ShipRule(0.8, 0.9))
    assert gated.results[0].state is CriterionState.NOT_EXERCISED
    assert gated.cards[0]["labels"] == 100
    assert gated.cards[0]["labels_here"] == 0


def test_looking_after_each_label_is_no_peeking() -> None:
    assert [looks_of(n) for n in (0, 49, 50, 99, 100, 250)] == [
        (0, 0), (0, 0), (50, 1), (50, 1), (100, 2), (200, 3),
    ]  # fmt: skip


def test_a_judge_never_overrules_plain_checks(tmp_path: Path) -> None:
    judged = runs(388, 400)
    label(tmp_path / "v", judged, 100)
    failed = result(CriterionState.NOT_MET)
    gated = with_judges([failed], judged, tmp_path / "v", ShipRule())
    assert gated.results[0] is failed
    assert gated.gated == ()


def test_who_leaves_out_a_run_adds_nothing_behind_it(tmp_path: Path) -> None:
    judged, vault = runs(388, 400), tmp_path / "v"
    kept = order(vault, judged)[:100]
    for n in kept[:10] + kept[11:]:  # the eleventh was skipped
        verdict = judged.verdicts[NAME][n]
        add_label(vault, LabelRow("rubric m", NAME, verdict, verdict, "g", n, "ada"))
    gated = with_judges([result()], judged, vault, ShipRule(p0=0.8, p1=0.9))
    assert gated.results[0].state is CriterionState.NOT_EXERCISED
    assert gated.cards[0]["labels_here"] == 10
    assert gated.cards[0]["labels_not_by_chance"] == 89
    assert "89 labels do not count" in gated.sentences[0]


def test_the_first_label_on_a_run_stands_and_the_verdict_is_the_judges_own(tmp_path: Path) -> None:
    judged, vault = runs(400, 400), tmp_path / "v"
    for n in order(vault, judged)[:50]:
        add_label(vault, LabelRow("rubric m", NAME, False, True, "g", n, "ada"))
        add_label(vault, LabelRow("rubric m", NAME, False, False, "g", n, "bob"))
    facts = with_judges([result()], judged, vault, ShipRule()).cards[0]
    assert facts["labels_here"] == 50
    assert facts["inference"]["estimate"] == pytest.approx(1.0)
