"""Claim A and claim B stay apart, and the nested statistics match the worked oracle."""

import math
import random
from dataclasses import replace

import pytest

from unlit.core.states import Verdict
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.claims import (
    ScenarioCount,
    claim_a,
    claim_b,
    clustered,
    pass_at,
    pass_hat,
    pass_hats,
)
from unlit.evaluation.rules.ship import ShipTest, lower_by_evidence, start


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
    claim = claim_b(counts(*[5] * 10), ShipRule(), alpha=0.05, whole_set=True)
    assert claim.holds is None
    assert "cannot be shown with 10 scenarios" in claim.sentence
    assert "it takes 29" in claim.sentence


def test_where_drawing_may_stop_anywhere_it_takes_as_many_as_ship() -> None:
    claim = claim_b(counts(*[5] * 10), ShipRule(), alpha=0.05, whole_set=False)
    assert "it takes 40" in claim.sentence


def test_many_scenarios_that_all_hold_show_claim_b() -> None:
    claim = claim_b(counts(*[1] * 40, runs=1), ShipRule(), alpha=0.05, whole_set=False)
    assert claim.holds is True
    assert claim.n == 40


def test_repeating_few_scenarios_proves_claim_a_and_not_claim_b() -> None:
    test = ShipTest(ShipRule(), 0.05)
    for _ in range(40):
        test = test.after(True)
    assert claim_a(test, scenarios=4).holds is True
    claim = claim_b(counts(*[10] * 4, runs=10), ShipRule(), alpha=0.05, whole_set=True)
    assert claim.holds is None


def test_nothing_exercised_is_no_claim() -> None:
    assert claim_a(start(ShipRule()), scenarios=0).holds is None
    assert claim_b([], ShipRule(), alpha=0.05, whole_set=True).estimate is None


def test_an_open_claim_says_how_many_more_would_settle_it() -> None:
    test = start(ShipRule(0.8, 0.9)).after(True)
    assert "25 more clean ones" in claim_a(test, scenarios=1).sentence


def test_too_many_failures_settle_claim_a_against_it() -> None:
    test = start(ShipRule(0.8, 0.9))
    for _ in range(4):
        test = test.after(False)
    assert claim_a(test, scenarios=1).holds is False


def test_a_failure_never_raises_the_bound_for_users_like_these() -> None:
    """Ten scenarios of 20 runs: one failure once made .741 of the bound into .973."""
    clean = claim_b(counts(*[20] * 10, runs=20), ShipRule(), alpha=0.05, whole_set=True)
    flaky = claim_b(counts(*[20] * 9, 19, runs=20), ShipRule(), alpha=0.05, whole_set=True)
    assert clean.lower is not None
    assert flaky.lower is not None
    assert flaky.lower <= clean.lower < 0.75


@pytest.mark.parametrize("whole_set", [True, False])
def test_the_claim_holds_exactly_where_its_printed_bound_reaches_p0(whole_set: bool) -> None:
    for scenarios in (4, 28, 29, 39, 40, 70):
        for failed in (0, 1, 3):
            passed = [5] * (scenarios - failed) + [2] * failed
            rows = counts(*passed)
            rows = [replace(row, first=row.satisfied == 5) for row in rows]
            claim = claim_b(rows, ShipRule(), alpha=0.05, whole_set=whole_set)
            assert claim.lower is not None
            assert (claim.holds is True) is (claim.lower >= 0.9)
            assert ("is above 90 %" in claim.sentence) is (claim.lower >= 0.9)


def test_the_bound_by_evidence_reaches_p0_exactly_where_the_ship_rule_ships() -> None:
    for rule in (ShipRule(), ShipRule(0.8, 0.9, 0.01)):
        for n in (1, 26, 39, 40, 80, 200):
            for failed in range(min(n, 6) + 1):
                test = ShipTest(rule, rule.alpha, n, n - failed).tested()
                bound = lower_by_evidence(rule, n - failed, n, alpha=rule.alpha)
                assert (bound >= rule.p0) is (test.decision is Verdict.SHIP)


def test_who_is_good_the_first_time_only_gains_nothing() -> None:
    rows = [ScenarioCount(f"s{n}", 5, 1, True) for n in range(60)]
    claim = claim_b(rows, ShipRule(), alpha=0.05, whole_set=True)
    assert claim.holds is None
    assert claim.lower is not None
    assert claim.lower <= 0.2


def population(kind: str, rng: random.Random) -> float:
    """Draw one scenario's rate from a population whose mean is .90."""
    if kind == "some always fail":
        return 0.995 if rng.random() < 0.9 else 0.045
    return rng.betavariate(0.9 * 7 / 3, 0.1 * 7 / 3)  # intra-class correlation .3


@pytest.mark.parametrize("kind", ["some always fail", "spread"])
@pytest.mark.parametrize("scenarios", [10, 29, 60])
def test_users_like_these_are_promised_too_much_at_most_at_the_level(
    kind: str, scenarios: int
) -> None:
    """The whole stopping rule, at p0 exactly; 300 replicates, up to 29 scenarios in sweeps."""
    rng = random.Random(scenarios)
    too_much = 0
    for _ in range(300):
        rates = [population(kind, rng) for _ in range(scenarios)]
        rows, sweeps = stopped(rates, rng)
        claim = claim_b(rows, ShipRule(), alpha=0.05, whole_set=sweeps)
        too_much += claim.lower is not None and claim.lower > 0.9
    assert too_much / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def stopped(rates: list[float], rng: random.Random) -> tuple[list[ScenarioCount], bool]:
    """Draw until the ship rule has decided, or 200 trajectories are over."""
    sweeps = len(rates) <= 40
    test, seen = start(ShipRule()), dict[int, list[bool]]()
    while test.n < 200 and not test.is_decided:
        order = list(range(len(rates)))
        rng.shuffle(order)
        for which in order if sweeps else order[:1]:
            held = rng.random() < rates[which]
            seen.setdefault(which, []).append(held)
            test = test.after(held, test=False)
        test = test.tested()
    rows = [ScenarioCount(str(n), len(runs), sum(runs), runs[0]) for n, runs in seen.items()]
    return rows, sweeps
