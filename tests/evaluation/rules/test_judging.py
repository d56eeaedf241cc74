"""A judge counts only through labels: card, correction, threshold, drift."""

import math
import random

import pytest

from unlit.core.errors import InvalidInput
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.freshness import Pair, freshness
from unlit.evaluation.rules.judging import (
    Label,
    card,
    drift,
    fixed_sample,
    prediction_powered,
    robust_threshold,
    rogan_gladen,
)

JUDGES = {"strict": (0.85, 0.2), "usual": (0.97, 0.1), "soft": (0.97, 0.9), "likes all": (1, 1)}
"""P(liked | satisfied) and P(liked | not satisfied)."""


def simulate(
    seed: int, p: float, runs: int, labelled: int, kind: str = "usual"
) -> tuple[list[bool], list[Label]]:
    rng = random.Random(seed)
    judged, labels = [], []
    for index in range(runs):
        person = rng.random() < p
        judge = rng.random() < JUDGES[kind][0 if person else 1]
        if index < labelled:
            labels.append(Label(judge, person))
        else:
            judged.append(judge)
    return judged, labels


@pytest.mark.parametrize("kind", JUDGES)
def test_through_labels_a_bad_product_ships_rarely_whoever_judges(kind: str) -> None:
    """400 replicates at p = p0 = .90 with 50 labels, at the .025 of their first look."""
    ships = covered = 0
    for seed in range(400):
        judged, labels = simulate(seed, 0.90, 200, 50, kind)
        found = prediction_powered(judged, labels, p0=0.90, alpha=0.025)
        ships += bool(found.above)
        covered += found.lower <= 0.90 <= found.upper
    error = 3 * math.sqrt(0.025 * 0.975 / 400)
    assert ships / 400 <= 0.025 + error
    assert covered / 400 >= 0.975 - error


def test_a_good_product_ships_through_a_usual_judge() -> None:
    ships = 0
    for seed in range(60):
        judged, labels = simulate(seed, 0.99, 1100, 100)
        ships += bool(prediction_powered(judged, labels, p0=0.90, alpha=0.0125).above)
    assert ships >= 50


def test_the_same_judge_taken_raw_would_be_wrong() -> None:
    judged, labels = simulate(3, 0.60, 20_000, 200)
    raw = sum(judged) / len(judged)
    found = prediction_powered(judged, labels, p0=0.9)
    assert abs(raw - 0.60) > 0.01
    assert found.lower <= 0.60 <= found.upper
    corrected = rogan_gladen(sum(judged), len(judged), labels)
    assert corrected == pytest.approx(0.60, abs=0.07)


def test_too_few_labels_decide_nothing() -> None:
    judged, labels = simulate(1, 0.99, 500, 49)
    assert prediction_powered(judged, labels, p0=0.5).above is None


def test_labels_without_spread_are_no_certainty() -> None:
    found = prediction_powered([True] * 1000, [Label(True, True)] * 50, p0=0.97)
    assert found.one_sided_lower == pytest.approx(0.9418, abs=1e-3)
    assert found.above is False


@pytest.mark.parametrize(("labels", "judged"), [(0, 9), (9, 0)])
def test_nothing_is_corrected_from_nothing(labels: int, judged: int) -> None:
    with pytest.raises(InvalidInput, match="EVA-320"):
        prediction_powered([True] * judged, [Label(True, True)] * labels, p0=0.9)


def test_a_card_states_both_error_rates_and_when_verdicts_may_count() -> None:
    labels = [Label(True, True)] * 45 + [Label(False, True)] * 5 + [Label(True, False)] * 2
    labels += [Label(False, False)] * 8
    found = card("rubric", "openai", labels)
    assert found.sensitivity is not None
    assert found.sensitivity.lower < 0.9 < found.sensitivity.upper
    assert found.false_pass is not None
    assert found.agreement == pytest.approx(53 / 60)
    assert found.kappa == pytest.approx(0.627, abs=5e-3)
    assert found.may_gate
    assert found.to_json()["false_pass"]["upper"] > 0.2
    assert "of 10 others it liked 2" in found.sentence


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], "nobody has labelled"),
        ([Label(True, True)] * 10, "40 more labels"),
        ([Label(True, True)] * 60, "labels of both kinds"),
    ],
)
def test_a_judge_without_enough_labels_may_not_gate(labels: list[Label], words: str) -> None:
    found = card("rubric", None, labels)
    assert not found.may_gate
    assert words in found.sentence


@pytest.mark.parametrize(
    ("se", "fp", "known", "bounded"),
    [(1, 0, 103, 103), (1, 0.1, 115, 115), (1, 0.4, 173, 173), (0.99, 0.05, 136, 162),
     (0.97, 0.05, 166, 435), (0.97, 0.1, 184, 510)],
)  # fmt: skip
def test_a_judges_errors_cost_the_tabled_number_of_runs(
    se: float, fp: float, known: int, bounded: int
) -> None:
    rule = ShipRule()
    assert robust_threshold(rule, se, fp, known=True).runs_needed == known
    q0 = rule.p0 + (1 - rule.p0) * fp
    q1 = rule.p1 * se + (1 - rule.p1) * fp
    assert fixed_sample(q0, q1, 0.05, 0.10) == bounded


def test_a_judge_that_is_too_bad_cannot_be_used_at_all() -> None:
    assert fixed_sample(0.91, 0.876, 0.05, 0.10) is None
    assert rogan_gladen(5, 10, [Label(False, True), Label(True, False)]) is None
    assert rogan_gladen(5, 0, []) is None


def test_a_judge_that_starts_to_disagree_raises_the_alarm() -> None:
    good = [Label(True, True)] * 40
    assert not drift(good, allowed=0.05)
    assert drift([*good, *[Label(True, False)] * 4], allowed=0.05)


def test_five_scenarios_that_only_know_their_old_values_are_suspicious() -> None:
    same = [Pair(f"s{n}", True, True) for n in range(20)]
    four = freshness([*same, *[Pair("x", True, False)] * 4])
    five = freshness([*same, *[Pair("x", True, False)] * 5])
    assert (four.p, five.p) == pytest.approx((1 / 16, 1 / 32))
    assert not four.is_suspicious
    assert five.is_suspicious
    assert freshness(same).p is None
    assert not freshness([Pair("x", False, True)] * 9).is_suspicious


def test_what_is_corrected_has_a_form_of_its_own() -> None:
    judged, labels = simulate(1, 0.9, 300, 60)
    form = prediction_powered(judged, labels, p0=0.9).to_json()
    assert form["labelled"] == 60
    assert form["lower"] <= form["estimate"] <= form["upper"]


def test_more_runs_than_anybody_makes_are_not_promised() -> None:
    assert fixed_sample(0.9, 0.9001, 0.05, 0.1, cap=50) is None
