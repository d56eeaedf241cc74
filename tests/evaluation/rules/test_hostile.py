"""Neither parallelism nor a hostile product bends the error rates; nor does the order of a sweep.

Simulations with fixed seeds; each states its tolerance as three Monte-Carlo standard errors.
"""

import math
import random
from collections.abc import Callable

import pytest

from unlit.core.states import Verdict
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.ship import operating, start
from unlit.evaluation.rules.tally import InDrawnOrder, may_try_again

RULE = ShipRule(0.80, 0.90)
RUNS = 1000
ERROR = 3 * math.sqrt(0.05 * 0.95 / RUNS)

Finish = Callable[[int, bool, random.Random], float]


def by_draw(rng: random.Random, p: float, parallel: int, delay: Finish) -> bool:
    """Run `parallel` slots; count in the order drawn; say whether it ships."""
    test, finished = start(RULE), InDrawnOrder[bool]()
    running: list[tuple[float, int, bool]] = []
    drawn, now = 0, 0.0
    while not test.is_decided and test.n < 600:
        while len(running) < parallel:
            drawn += 1
            satisfied = rng.random() < p
            running.append((now + delay(drawn, satisfied, rng), drawn, satisfied))
        running.sort()
        now, index, satisfied = running.pop(0)
        finished.offer(index, satisfied)
        for counted in finished.ready():
            test = test.after(counted)
    return test.decision is Verdict.SHIP


def by_finish(rng: random.Random, p: float, parallel: int, delay: Finish) -> bool:
    """The same, counted as trajectories finish: what must not be done."""
    test = start(RULE)
    running: list[tuple[float, bool]] = []
    now, drawn = 0.0, 0
    while not test.is_decided and test.n < 600:
        while len(running) < parallel:
            drawn += 1
            satisfied = rng.random() < p
            running.append((now + delay(drawn, satisfied, rng), satisfied))
        running.sort()
        now, satisfied = running.pop(0)
        test = test.after(satisfied)
    return test.decision is Verdict.SHIP


def slow_to_fail(drawn: int, satisfied: bool, rng: random.Random) -> float:
    return rng.random() if satisfied else 40 + rng.random()


def even(drawn: int, satisfied: bool, rng: random.Random) -> float:
    return rng.random()


@pytest.mark.parametrize("delay", [even, slow_to_fail])
def test_a_product_that_hangs_before_it_fails_ships_no_more_often(delay: Finish) -> None:
    rng = random.Random(31)
    rate = sum(by_draw(rng, 0.80, 8, delay) for _ in range(RUNS)) / RUNS
    assert rate <= 0.05 + ERROR
    assert rate == pytest.approx(operating(RULE, 0.80).ship_rate, abs=ERROR)


def test_counted_as_they_finish_the_same_product_would_ship_far_too_often() -> None:
    rng = random.Random(31)
    rate = sum(by_finish(rng, 0.80, 8, slow_to_fail) for _ in range(400)) / 400
    assert rate > 0.15


def test_a_product_that_breaks_the_harness_instead_of_failing_gains_nothing() -> None:
    """It throws its dice at each attempt, and what would fail says what breaks who reads it."""
    assert breaking(seen_outside=False) <= 0.05 + ERROR


def test_were_each_such_fault_tried_again_it_would_ship_nearly_always() -> None:
    assert breaking(seen_outside=True) > 0.9


def breaking(*, seen_outside: bool) -> float:
    rng = random.Random(32)
    shipped = 0
    for _ in range(RUNS):
        test = start(RULE)
        while not test.is_decided and test.n < 600:
            attempt, satisfied = 1, rng.random() < 0.80
            while not satisfied and may_try_again(attempt, seen_outside=seen_outside):
                attempt, satisfied = attempt + 1, rng.random() < 0.80
            test = test.after(satisfied)
        shipped += test.decision is Verdict.SHIP
    return shipped / RUNS


HETEROGENEOUS = [1.0] * 12 + [0.9] * 4 + [0.6] * 4  # mean .90 over 20 scenarios


def ships_in_sweeps(rng: random.Random, rule: ShipRule, *, shuffle: bool, ends: bool) -> bool:
    test = start(rule)
    for _ in range(40):
        order = list(HETEROGENEOUS)
        if shuffle:
            rng.shuffle(order)
        for place, p in enumerate(order, 1):
            test = test.after(rng.random() < p, test=not ends or place == len(order))
            if test.is_decided:
                return test.decision is Verdict.SHIP
    return False


def test_in_sweeps_tested_at_their_ends_a_bad_set_ships_no_more_often() -> None:
    assert sum(HETEROGENEOUS) / len(HETEROGENEOUS) == pytest.approx(0.90)
    rng = random.Random(77)
    for shuffle in (False, True):
        rate = sum(
            ships_in_sweeps(rng, ShipRule(), shuffle=shuffle, ends=True) for _ in range(RUNS)
        )
        assert rate / RUNS <= 0.05 + ERROR


def test_drawn_independently_a_mixed_set_is_like_one_rate() -> None:
    rng = random.Random(78)
    shipped = 0
    for _ in range(RUNS):
        test = start(ShipRule())
        while not test.is_decided and test.n < 800:
            test = test.after(rng.random() < rng.choice(HETEROGENEOUS))
        shipped += test.decision is Verdict.SHIP
    assert shipped / RUNS == pytest.approx(operating(ShipRule(), 0.90).ship_rate, abs=ERROR)
