"""The ship rule against its exact operating characteristics."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.states import Verdict
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.ship import ShipTest, log_mixture_above, operating, start


def feed(test: ShipTest, outcomes: list[bool]) -> ShipTest:
    for outcome in outcomes:
        test = test.after(outcome)
    return test


@pytest.mark.parametrize(
    ("p0", "p1", "mean_p0", "mean_p1", "clean", "false_ship", "miss"),
    [
        (0.80, 0.90, 52.5, 72.0, 26, 0.0436, 0.0737),
        (0.90, 0.95, 111.6, 156.0, 56, 0.0450, 0.0752),
        (0.90, 0.97, 47.4, 73.3, 40, 0.0450, 0.0626),
        (0.95, 0.99, 62.9, 108.2, 73, 0.0465, 0.0578),
    ],
)
def test_the_rule_has_its_exact_operating_characteristics(
    p0: float, p1: float, mean_p0: float, mean_p1: float, clean: int, false_ship: float, miss: float
) -> None:
    rule = ShipRule(p0, p1)
    at_p0, at_p1 = operating(rule, p0), operating(rule, p1)
    assert at_p0.ship_rate == pytest.approx(false_ship, abs=5e-5)
    assert 1 - at_p1.ship_rate == pytest.approx(miss, abs=5e-5)
    assert at_p0.mean_trajectories == pytest.approx(mean_p0, abs=0.05)
    assert at_p1.mean_trajectories == pytest.approx(mean_p1, abs=0.05)
    assert start(rule).clean_runs_to_ship() == clean


@pytest.mark.parametrize(
    ("p", "ships", "mean"),
    [(0.85, 0.0025, 23.9), (0.94, 0.4442, 91.4), (0.99, 0.9983, 48.4), (1.0, 1.0, 40.0)],
)
def test_between_the_two_rates_the_default_rule_does_what_the_table_says(
    p: float, ships: float, mean: float
) -> None:
    found = operating(ShipRule(), p)
    assert found.ship_rate == pytest.approx(ships, abs=5e-5)
    assert found.mean_trajectories == pytest.approx(mean, abs=0.05)


def test_forty_satisfied_in_a_row_ship_and_thirty_nine_do_not() -> None:
    almost = feed(start(ShipRule()), [True] * 39)
    assert almost.decision is Verdict.UNDECIDED
    assert almost.e_value == pytest.approx(18.5626, abs=1e-4)
    done = almost.after(True)
    assert done.decision is Verdict.SHIP
    assert done.decided_at == 40
    assert done.e_value == pytest.approx(20.0064, abs=1e-4)


def test_the_demo_rule_ships_at_twenty_six_and_stops_at_four_failures() -> None:
    rule = ShipRule(0.80, 0.90)
    assert feed(start(rule), [True] * 26).decided_at == 26
    assert feed(start(rule), [False] * 3).decision is Verdict.UNDECIDED
    stopped = feed(start(rule), [False] * 4)
    assert stopped.decision is Verdict.NOT_YET
    assert stopped.decided_at == 4


def test_a_decision_is_never_taken_back() -> None:
    shipped = feed(start(ShipRule(0.80, 0.90)), [True] * 26 + [False] * 30)
    assert shipped.decision is Verdict.SHIP
    assert shipped.n == 56


def test_inside_an_unfinished_sweep_nothing_is_decided() -> None:
    test = start(ShipRule(0.80, 0.90))
    for _ in range(30):
        test = test.after(True, test=False)
    assert test.decision is Verdict.UNDECIDED
    assert test.after(True).decision is Verdict.SHIP


def test_a_spent_level_asks_for_more() -> None:
    rule = ShipRule()
    assert start(rule, alpha=0.025).clean_runs_to_ship() == 50
    assert start(rule, alpha=0.5).alpha == rule.alpha


def test_ninety_seven_of_a_hundred_have_the_published_e_value() -> None:
    assert ShipTest(ShipRule(), 0.05, 100, 97).e_value == pytest.approx(38.6099, abs=1e-4)


def test_the_mixture_needs_the_tabled_number_of_clean_runs() -> None:
    def clean(prior: tuple[float, float]) -> int:
        n = 1
        while log_mixture_above(n, n, 0.9, prior=prior) < math.log(20):
            n += 1
        return n

    assert clean((1.0, 1.0)) == 43
    assert clean((0.5, 0.5)) == 36
    assert clean((33.0, 1.0)) == 36


@given(st.lists(st.booleans(), max_size=80))
def test_the_e_value_depends_on_counts_alone(outcomes: list[bool]) -> None:
    one = feed(start(ShipRule()), outcomes)
    other = feed(start(ShipRule()), sorted(outcomes))
    assert one.log_e == pytest.approx(other.log_e)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_what_is_said_to_be_missing_really_settles_it(outcomes: list[bool]) -> None:
    test = feed(start(ShipRule(0.8, 0.9)), outcomes)
    missing = test.clean_runs_to_ship()
    if test.decision is Verdict.UNDECIDED and missing is not None:
        assert feed(test, [True] * missing).decision is Verdict.SHIP
        assert feed(test, [True] * (missing - 1)).decision is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("p", "ships", "mean"),
    [(0.85, 0.0012, 29.4), (0.90, 0.0296, 74.1), (0.97, 0.9515, 89.9), (1.0, 1.0, 43.0)],
)
def test_the_mixture_rule_has_its_exact_operating_characteristics(
    p: float, ships: float, mean: float
) -> None:
    found = operating(ShipRule(method="mixture"), p, cap=1000)
    assert found.ship_rate == pytest.approx(ships, abs=5e-5)
    assert found.mean_trajectories == pytest.approx(mean, abs=0.05)


def test_the_mixture_rule_says_how_many_would_settle_it() -> None:
    assert start(ShipRule(method="mixture")).clean_runs_to_ship() == 43
    stopped = feed(start(ShipRule(method="mixture")), [False] * 2)
    assert stopped.decision is Verdict.NOT_YET


@given(st.lists(st.booleans(), max_size=40))
def test_the_failures_that_are_said_to_stop_it_really_do(outcomes: list[bool]) -> None:
    test = feed(start(ShipRule(0.8, 0.9)), outcomes)
    missing = test.failures_to_stop()
    if test.decision is Verdict.UNDECIDED and missing is not None:
        stopped = feed(test, [False] * missing)
        assert stopped.decision is Verdict.NOT_YET
        assert stopped.e_value_against >= 10 - 1e-9
    if test.decision is Verdict.SHIP:
        assert missing is None
    if test.decision is Verdict.NOT_YET:
        assert test.clean_runs_to_ship() is None


def test_a_draw_that_counts_for_nothing_does_not_hide_a_decision() -> None:
    test = start(ShipRule(0.3, 0.9))
    for _ in range(6):
        test = test.after(True, test=False)  # the last draw of each sweep was not exercised
    assert not test.is_decided
    decided = test.tested()
    assert (decided.decision, decided.decided_at) == (Verdict.SHIP, 6)
    assert decided.tested() is decided
    assert not start(ShipRule()).tested().is_decided
