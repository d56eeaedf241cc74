"""Intervals against the tables, and their coverage under peeking by simulation."""

import math
import random

import pytest

from unlit.evaluation.rules.intervals import anytime, clopper_pearson, lower_bound, wilson
from unlit.evaluation.rules.special import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    binomial_tail,
    log_beta_tail,
    normal_quantile,
    student_quantile,
)

ROWS = [
    (20, 20, (0.8389, 1, 0.8316, 1, 0.8609, 0.7760, 1)),
    (29, 29, (0.8830, 1, 0.8806, 1, 0.9019, 0.8342, 1)),
    (50, 50, (0.9287, 1, 0.9289, 1, 0.9418, 0.8954, 1)),
    (97, 100, (0.9155, 0.9897, 0.9148, 0.9938, 0.9243, 0.8771, 0.9981)),
    (194, 200, (0.9361, 0.9862, 0.9358, 0.9889, 0.9417, 0.9094, 0.9951)),
]


@pytest.mark.parametrize(("k", "n", "row"), ROWS)
def test_the_intervals_are_the_tabled_ones(k: int, n: int, row: tuple[float, ...]) -> None:
    score, exact, always = wilson(k, n), clopper_pearson(k, n), anytime(k, n)
    found = (score.lower, score.upper, exact.lower, exact.upper, lower_bound(k, n), always.lower,
             always.upper)  # fmt: skip
    assert found == pytest.approx(row, abs=5e-5)


def test_nothing_seen_excludes_nothing() -> None:
    assert (anytime(0, 0).lower, anytime(0, 0).upper) == (0, 1)
    assert lower_bound(0, 0) == 0
    assert clopper_pearson(0, 5).lower == 0
    assert wilson(0, 5).lower == 0
    assert anytime(0, 5).lower == 0


@pytest.mark.parametrize("p", [0.8, 0.97])
def test_the_anytime_interval_covers_at_every_peek(p: float) -> None:
    """800 runs of 150 trajectories, looked at after each; nominal miss at most .05."""
    rng = random.Random(1)
    edges = [[anytime(k, n) for k in range(n + 1)] for n in range(151)]
    missed = 0
    runs = 800
    for _ in range(runs):
        k = 0
        for n in range(1, 151):
            k += rng.random() < p
            interval = edges[n][k]
            if not interval.lower <= p <= interval.upper:
                missed += 1
                break
    assert missed / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_wilson_under_peeking_does_not_cover_which_is_why_it_is_not_shown_live() -> None:
    rng = random.Random(2)
    missed = 0
    for _ in range(300):
        k = 0
        for n in range(1, 151):
            k += rng.random() < 0.9
            if wilson(k, n).lower > 0.9:
                missed += 1
                break
    assert missed / 300 > 0.08


def test_the_functions_behind_them_have_their_known_values() -> None:
    assert beta_cdf(0.5, 2, 2) == pytest.approx(0.5)
    assert beta_cdf(0.3, 1, 1) == pytest.approx(0.3)
    assert (beta_cdf(0, 1, 2), beta_cdf(1, 1, 2)) == (0, 1)
    assert beta_quantile(0.05, 29, 1) == pytest.approx(0.05 ** (1 / 29), abs=1e-12)
    assert binomial_tail(6, 10, 0.5) == pytest.approx(386 / 1024)
    assert binomial_cdf(5, 10, 0.5) == pytest.approx(638 / 1024)
    assert (binomial_tail(0, 5, 0.1), binomial_tail(6, 5, 0.1)) == (1, 0)
    assert normal_quantile(0.975) == pytest.approx(1.959964, abs=1e-6)
    assert student_quantile(0.95, 3) == pytest.approx(2.353363, abs=1e-6)
    assert student_quantile(0.025, 15) == pytest.approx(-2.131450, abs=1e-6)
    assert student_quantile(0.5, 4) == pytest.approx(0, abs=1e-9)
    assert log_beta_tail(0.9, 1, 50) == pytest.approx(50 * math.log(0.1), rel=1e-9)
