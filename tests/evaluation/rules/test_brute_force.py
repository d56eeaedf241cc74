"""Closed forms against other ways to the same number, at many parameter values.

Exact rationals, numerical integration, enumeration of all sequences, and a forward recursion over
counts that shares no code with the rules.
"""

import itertools
import math
import random
from fractions import Fraction

import pytest

from unlit.core.states import Verdict
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.claims import (
    ScenarioCount,
    betting_log_wealth,
    clustered,
    pass_at,
    pass_hat,
)
from unlit.evaluation.rules.intervals import anytime, clopper_pearson, lower_bound, wilson
from unlit.evaluation.rules.judging import Label, fixed_sample, prediction_powered
from unlit.evaluation.rules.looks import claimable, failures_allowed, needed, open_ended_alpha
from unlit.evaluation.rules.ship import (
    log_mixture_above,
    log_mixture_below,
    operating,
    start,
)
from unlit.evaluation.rules.special import student_quantile

RULES = [
    ShipRule(p0, p1, alpha, beta)
    for p0, p1 in ((0.5, 0.7), (0.8, 0.9), (0.9, 0.97), (0.95, 0.99), (0.99, 0.999))
    for alpha, beta in ((0.05, 0.10), (0.01, 0.05))
]


def tail(k: int, n: int, p: Fraction) -> Fraction:
    return sum((math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1)), Fraction(0))


@pytest.mark.parametrize("rule", RULES)
def test_the_boundary_is_where_exact_likelihoods_put_it(rule: ShipRule) -> None:
    p0, p1 = Fraction(str(rule.p0)), Fraction(str(rule.p1))
    ship, stop = 1 / Fraction(str(rule.alpha)), 1 / Fraction(str(rule.beta))
    for n in (1, 5, 12, 40, 73, 150):
        for failed in range(min(n, 12) + 1):
            ratio = (p1 / p0) ** (n - failed) * ((1 - p1) / (1 - p0)) ** failed
            test = start(rule)
            test = type(test)(rule, rule.alpha, n, n - failed)
            assert test.log_e == pytest.approx(math.log(ratio), rel=1e-9, abs=1e-9)
            wanted = Verdict.UNDECIDED
            if ratio >= ship:
                wanted = Verdict.SHIP
            elif 1 / ratio >= stop:
                wanted = Verdict.NOT_YET
            assert test._crossing() is wanted


@pytest.mark.parametrize("rule", RULES[:6])
@pytest.mark.parametrize("p", [0.6, 0.85, 0.9, 0.97, 1.0])
def test_operating_characteristics_by_another_recursion(rule: ShipRule, p: float) -> None:
    up = math.log(rule.p1 / rule.p0)
    down = math.log((1 - rule.p1) / (1 - rule.p0))
    high, low = -math.log(rule.alpha) - 1e-12, math.log(rule.beta) + 1e-12
    row = [1.0]  # mass by number satisfied
    shipped = stopped = mean = 0.0
    for n in range(1, 601):
        mean += math.fsum(row)
        made = [0.0] * (n + 1)
        for good, mass in enumerate(row):
            made[good + 1] += mass * p
            made[good] += mass * (1 - p)
        for good in range(n + 1):
            value = good * up + (n - good) * down
            if value >= high:
                shipped, made[good] = shipped + made[good], 0.0
            elif value <= low:
                stopped, made[good] = stopped + made[good], 0.0
        row = made
    found = operating(rule, p, cap=600)
    assert found.ship_rate == pytest.approx(shipped, abs=1e-9)
    assert found.stop_rate == pytest.approx(stopped, abs=1e-9)
    assert found.mean_trajectories == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_false_ships_stay_below_alpha_and_misses_below_beta(rule: ShipRule) -> None:
    assert operating(rule, rule.p0, cap=1500).ship_rate <= rule.alpha + 1e-12
    assert operating(rule, rule.p1, cap=1500).stop_rate <= rule.beta + 1e-12


def test_ten_trajectories_by_enumeration() -> None:
    rule = ShipRule(0.5, 0.8, 0.2, 0.2)
    p, shipped, length = 0.5, 0.0, 0.0
    for bits in itertools.product((True, False), repeat=10):
        test = start(rule)
        for n, bit in enumerate(bits, 1):
            test = test.after(bit)
            if test.is_decided or n == 10:
                weight = 2.0**-10
                shipped += weight * (test.decision is Verdict.SHIP)
                length += weight * n
                break
    found = operating(rule, p, cap=10)
    assert found.ship_rate == pytest.approx(shipped)
    assert found.mean_trajectories == pytest.approx(length)


def integral(k: int, n: int, low: float, high: float, a: float, b: float) -> float:
    """Integrate p^(k+a-1) (1-p)^(n-k+b-1) by Simpson's rule."""
    steps = 20_000
    width = (high - low) / steps
    total = 0.0
    for at in range(steps + 1):
        p = low + at * width
        weight = 1 if at in (0, steps) else 4 if at % 2 else 2
        total += weight * p ** (k + a - 1) * (1 - p) ** (n - k + b - 1)
    return total * width / 3


@pytest.mark.parametrize("p0", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize(("k", "n"), [(0, 3), (5, 5), (18, 20), (29, 30), (45, 60)])
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (33.0, 1.0), (9.0, 2.0)])
def test_the_mixture_is_the_integral(p0: float, k: int, n: int, a: float, b: float) -> None:
    above = integral(k, n, p0, 1.0, a, b) / integral(0, 0, p0, 1.0, a, b)
    above /= p0**k * (1 - p0) ** (n - k)
    assert log_mixture_above(k, n, p0, prior=(a, b)) == pytest.approx(math.log(above), abs=1e-6)
    below = integral(k, n, 0.0, p0, a, b) / integral(0, 0, 0.0, p0, a, b)
    below /= p0**k * (1 - p0) ** (n - k)
    assert log_mixture_below(k, n, p0, prior=(a, b)) == pytest.approx(math.log(below), abs=1e-6)


@pytest.mark.parametrize(("k", "n"), [(1, 4), (7, 9), (20, 20), (48, 50), (190, 200), (3, 200)])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.01])
def test_exact_intervals_by_exact_tails(k: int, n: int, alpha: float) -> None:
    low = lower_bound(k, n, alpha=alpha)
    assert float(tail(k, n, Fraction(low))) == pytest.approx(alpha, rel=1e-6)
    both = clopper_pearson(k, n, confidence=1 - alpha)
    assert float(tail(k, n, Fraction(both.lower))) == pytest.approx(alpha / 2, rel=1e-6)
    if k < n:
        upper = 1 - float(tail(k + 1, n, Fraction(both.upper)))
        assert upper == pytest.approx(alpha / 2, rel=1e-6)


@pytest.mark.parametrize(("k", "n"), [(1, 4), (20, 20), (0, 9), (48, 50), (97, 100)])
def test_the_anytime_interval_is_the_set_of_rates_that_no_mixture_excludes(k: int, n: int) -> None:
    found = anytime(k, n)

    def evidence(p: float) -> float:
        # Beta(1/2, 1/2) has poles at its ends; B(k + 1/2, n - k + 1/2) by the product of halves
        mixed = math.pi**0 * math.prod((j - 0.5) for j in range(1, k + 1))
        mixed *= math.prod((j - 0.5) for j in range(1, n - k + 1)) / math.factorial(n)
        return mixed / (p**k * (1 - p) ** (n - k))

    for edge in (found.lower, found.upper):
        if 0 < edge < 1:
            assert evidence(edge) == pytest.approx(20, rel=1e-5)
    assert evidence(min(max((found.lower + found.upper) / 2, 1e-9), 1 - 1e-9)) < 20


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 7), (20, 20), (97, 100)])
def test_wilson_solves_its_own_equation(k: int, n: int) -> None:
    found = wilson(k, n)
    for edge in (found.lower, found.upper):
        if 0 < edge < 1:
            z = (k / n - edge) / math.sqrt(edge * (1 - edge) / n)
            assert abs(z) == pytest.approx(1.959963985, rel=1e-6)


def test_students_quantile_by_integration() -> None:
    for df in (1, 3, 9, 19, 60):
        t = student_quantile(0.95, df)
        steps, width = 200_000, t / 200_000
        c = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
        area = sum(
            (1 if at in (0, steps) else 4 if at % 2 else 2)
            * c * (1 + (at * width) ** 2 / df) ** (-(df + 1) / 2)
            for at in range(0, steps + 1)
        ) * width / 3  # fmt: skip
        assert area == pytest.approx(0.45, abs=1e-7)


def test_korn_graubard_by_its_definition() -> None:
    rng = random.Random(4)
    for _ in range(60):
        scenarios, runs = rng.randint(2, 30), rng.randint(1, 8)
        passes = [rng.randint(0, runs) for _ in range(scenarios)]
        mean = sum(passes) / (scenarios * runs)
        if mean in (0, 1) or len(set(passes)) == 1:
            continue
        means = [c / runs for c in passes]
        v = sum((m - mean) ** 2 for m in means) / (scenarios - 1) / scenarios
        n_eff = mean * (1 - mean) / v
        n_star = min(
            scenarios, n_eff * (1.6448536269514722 / student_quantile(0.95, scenarios - 1)) ** 2
        )
        found = clustered([ScenarioCount(str(i), runs, c, c > 0) for i, c in enumerate(passes)])
        assert found.n_star == pytest.approx(n_star, rel=1e-9)
        # the bound solves I_lower(n* p, n* (1 - p) + 1) = alpha
        a, b = n_star * mean, n_star * (1 - mean) + 1
        if found.lower > 1e-20:  # two scenarios, one run each: as good as nothing is known
            assert beta_area(found.lower, a, b) == pytest.approx(0.05, abs=2e-4)


def beta_area(x: float, a: float, b: float) -> float:
    """Integrate the beta density by substitution p = s^m, smooth at 0 also for a below 1."""
    m = max(1.0, 3 / a)
    steps = 4000
    top = x ** (1 / m)
    width = top / steps
    total = 0.0
    for at in range(1, steps + 1):
        s = at * width
        value = m * s ** (m * a - 1) * (1 - s**m) ** (b - 1)
        total += value * (1 if at == steps else 4 if at % 2 else 2)
    scale = math.exp(math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b))
    return float(total * width / 3 / scale)


def test_a_bettor_cannot_win_on_average_at_the_limit() -> None:
    for p0 in (0.5, 0.8, 0.9):
        for runs in (1, 2):
            total = 0.0
            values = [k / runs for k in range(runs + 1)]
            odds = [math.comb(runs, k) * p0**k * (1 - p0) ** (runs - k) for k in range(runs + 1)]
            for drawn in itertools.product(range(runs + 1), repeat=7):
                chance = math.prod(odds[k] for k in drawn)
                total += chance * math.exp(betting_log_wealth([values[k] for k in drawn], p0))
            assert total == pytest.approx(1.0, abs=1e-9)  # a fair game, exactly


@pytest.mark.parametrize(("n", "c"), [(5, 0), (5, 5), (8, 6), (10, 7), (6, 1)])
def test_pass_k_by_counting_subsets(n: int, c: int) -> None:
    runs = [True] * c + [False] * (n - c)
    for k in range(1, n + 1):
        drawn = list(itertools.combinations(runs, k))
        assert pass_at(n, c, k) == pytest.approx(sum(map(any, drawn)) / len(drawn))
        assert pass_hat(n, c, k) == pytest.approx(sum(map(all, drawn)) / len(drawn))


def test_looks_by_exact_tails() -> None:
    for n in (10, 29, 50, 75, 200):
        for m in (1, 2, 3, 5, 10):
            bound = claimable(n, m)
            assert bound is not None
            assert bound**n == pytest.approx(0.05 / m)
            allowed = failures_allowed(n, 0.9, m)
            exact = Fraction(9, 10)
            level = Fraction(1, 20) / m
            assert allowed < 0 or tail(n - allowed, n, exact) < level
            assert tail(n - allowed - 1, n, exact) >= level  # it grows with each failure
    for bits in (0, 1, 3.5, 10):
        n = needed(0.9, bits)
        assert 0.9**n <= 0.05 * 2.0**-bits < 0.9 ** (n - 1)
    assert sum(open_ended_alpha(m) for m in range(1, 10_000)) <= 0.05


def test_prediction_powered_inference_by_its_definition() -> None:
    rng = random.Random(9)
    judged = [rng.random() < 0.9 for _ in range(400)]
    labels = [Label(rng.random() < 0.9, rng.random() < 0.88) for _ in range(80)]
    found = prediction_powered(judged, labels, p0=0.8, p1=0.95, beta=0.1)
    liked, missed, overrated = (
        (sum(judged), 400),
        (sum(label.person and not label.judge for label in labels), 80),
        (sum(label.judge and not label.person for label in labels), 80),
    )
    estimate = liked[0] / 400 + (missed[0] - overrated[0]) / 80
    assert estimate == pytest.approx(
        sum(judged) / 400 + sum(label.person - label.judge for label in labels) / 80
    )

    def least(k: int, n: int, level: float) -> float:
        """The rate at which k or more of n have the probability `level`."""
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            more = sum(
                math.comb(n, i) * middle**i * (1 - middle) ** (n - i) for i in range(k, n + 1)
            )
            low, high = (low, middle) if more > level else (middle, high)
        return low

    def down(count: tuple[int, int], level: float) -> float:
        return count[0] / count[1] - least(*count, level)

    def up(count: tuple[int, int], level: float) -> float:
        return 1 - least(count[1] - count[0], count[1], level) - count[0] / count[1]

    below = math.hypot(down(liked, 0.05), down(missed, 0.05), up(overrated, 0.05))
    above = math.hypot(up(liked, 0.1), up(missed, 0.1), down(overrated, 0.1))
    assert found.estimate == pytest.approx(estimate)
    assert found.one_sided_lower == pytest.approx(estimate - below)
    assert found.one_sided_upper == pytest.approx(min(1, estimate + above))
    assert found.above is (found.one_sided_lower > 0.8)
    assert found.below is (found.one_sided_upper < 0.95)


def test_fixed_samples_by_exact_tails() -> None:
    for q0, q1, alpha, beta in ((0.9, 0.97, 0.05, 0.1), (0.8, 0.9, 0.05, 0.1)):
        n = fixed_sample(q0, q1, alpha, beta)
        assert n is not None

        def works(n: int, q0: float, q1: float, alpha: float, beta: float) -> bool:
            return any(
                tail(k, n, Fraction(str(q0))) <= alpha and tail(k, n, Fraction(str(q1))) >= 1 - beta
                for k in range(n - 30, n + 1)
            )

        assert works(n, q0, q1, alpha, beta)
        assert not works(n - 1, q0, q1, alpha, beta)
