"""Claim A and claim B stay apart, and the nested statistics match the worked oracle."""

import math
import random

import pytest

from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.claims import (
    ScenarioCount,
    betting_log_wealth,
    claim_a,
    claim_b,
    clustered,
    pass_at,
    pass_hat,
    pass_hats,
    scenarios_needed,
)
from unlit.evaluation.rules.ship import ShipTest, start


def counts(*passed: int, runs: int = 5) -> list[ScenarioCount]:
    return [ScenarioCount(f"s{i}", runs, k, k > 0) for i, k in enumerate(passed)]


def test_the_worked_example_has_its_published_numbers() -> None:
    found = clustered(counts(5, 5, 4, 1))
    assert found.mean == 0.75
    assert found.naive_se == pytest.approx(0.09682, abs=5e-6)
    assert found.miller_se == pytest.approx(0.16394, abs=5e-6)
    assert found.cluster_se == pytest.approx(0.18930, abs=5e-6)
    assert found.design_effect == pytest.approx(2.8667, abs=5e-5)
    assert found.icc == pytest.approx(0.5522, abs=5e-5)
    assert found.n_effective == pytest.approx(5.2326, abs=5e-5)
    assert found.n_star == pytest.approx(2.5562, abs=5e-5)
    assert found.lower == pytest.approx(0.1464, abs=5e-5)


def test_when_all_hold_the_sample_is_the_scenarios_not_the_runs() -> None:
    found = clustered(counts(*[5] * 10))
    assert found.n_star == 10
    assert found.lower == pytest.approx(0.741, abs=5e-4)


def test_one_scenario_says_almost_nothing_about_users() -> None:
    assert clustered(counts(5)).lower == pytest.approx(0.05, abs=1e-9)


def test_pass_at_and_pass_hat_have_their_exact_values() -> None:
    assert pass_at(10, 7, 3) == pytest.approx(0.99167, abs=5e-6)
    assert pass_hat(10, 7, 3) == pytest.approx(0.29167, abs=5e-6)
    assert pass_hat(8, 6, 4) == pytest.approx(0.21429, abs=5e-6)
    assert pass_hat(2, 2, 3) is None
    assert pass_at(2, 2, 3) is None


def test_pass_hat_is_reported_only_for_repetitions_that_every_scenario_had() -> None:
    assert pass_hats([ScenarioCount("a", 2, 2, True), ScenarioCount("b", 1, 1, True)]) == {"1": 1.0}


def test_with_ten_scenarios_ninety_percent_of_users_cannot_be_shown() -> None:
    claim = claim_b(counts(*[5] * 10), ShipRule(), alpha=0.05)
    assert claim.holds is None
    assert "cannot be shown with 10 scenarios" in claim.sentence
    assert "29" in claim.sentence
    assert scenarios_needed(0.9, 0.05) == 29


def test_many_scenarios_that_all_hold_show_claim_b() -> None:
    claim = claim_b(counts(*[1] * 40, runs=1), ShipRule(), alpha=0.05)
    assert claim.holds is True
    assert claim.n == 40


def test_repeating_few_scenarios_proves_claim_a_and_not_claim_b() -> None:
    test = ShipTest(ShipRule(), 0.05)
    for _ in range(40):
        test = test.after(True)
    assert claim_a(test, scenarios=4).holds is True
    assert claim_b(counts(*[10] * 4, runs=10), ShipRule(), alpha=0.05).holds is None


def test_nothing_exercised_is_no_claim() -> None:
    assert claim_a(start(ShipRule()), scenarios=0).holds is None
    assert claim_b([], ShipRule(), alpha=0.05).estimate is None


def test_an_open_claim_says_how_many_more_would_settle_it() -> None:
    test = start(ShipRule(0.8, 0.9)).after(True)
    assert "25 more clean ones" in claim_a(test, scenarios=1).sentence


def test_too_many_failures_settle_claim_a_against_it() -> None:
    test = start(ShipRule(0.8, 0.9))
    for _ in range(4):
        test = test.after(False)
    assert claim_a(test, scenarios=1).holds is False


@pytest.mark.parametrize("icc", [0.1, 0.6])
def test_the_bettor_ships_a_bad_population_rarely_and_a_good_one_usually(icc: float) -> None:
    """False ships at p0 within Monte-Carlo error of nominal .05; 150 replicates, S <= 200."""
    rng = random.Random(99)
    strength = 1 / icc - 1

    def ships(p: float) -> bool:
        means: list[float] = []
        for _ in range(200):
            rate = rng.betavariate(p * strength, (1 - p) * strength)
            means.append(sum(rng.random() < rate for _ in range(5)) / 5)
        return _ever(means)

    def _ever(means: list[float]) -> bool:
        return any(betting_log_wealth(means[:n], 0.9) >= math.log(20) for n in range(20, 201, 20))

    replicates = 150
    false_ships = sum(ships(0.90) for _ in range(replicates)) / replicates
    assert false_ships <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / replicates)
    assert sum(ships(0.97) for _ in range(60)) / 60 >= 0.8


def test_means_are_bet_on_only_where_the_runs_were_fixed_beforehand() -> None:
    rows = counts(*[5] * 60)
    assert "first run" in claim_b(rows, ShipRule(), alpha=0.05).method
    fixed = claim_b(rows, ShipRule(), alpha=0.05, fixed_runs=True)
    assert "aGRAPA" in fixed.method
    assert fixed.holds is True


def test_stopping_when_all_hold_does_not_make_claim_b_true_more_often() -> None:
    """Sweeps until all scenarios of a sweep held or five sweeps are over; p = p0, ICC .3."""
    rng = random.Random(5)
    shipped = 0
    for _ in range(400):
        rates = [rng.betavariate(0.9 * 7 / 3, 0.1 * 7 / 3) for _ in range(45)]
        outcomes: list[list[bool]] = [[] for _ in rates]
        for _ in range(5):
            for rate, seen in zip(rates, outcomes, strict=True):
                seen.append(rng.random() < rate)
            if all(seen[-1] for seen in outcomes):
                break
        rows = [
            ScenarioCount(str(n), len(seen), sum(seen), seen[0]) for n, seen in enumerate(outcomes)
        ]
        shipped += claim_b(rows, ShipRule(), alpha=0.05).holds is True
    assert shipped / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
