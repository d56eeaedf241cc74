"""The ship decision: a two-sided likelihood-ratio e-process, valid under any stopping.

L = sum over trajectories of ln(p1/p0) when satisfied and ln((1-p1)/(1-p0)) when not. `ship` once
L >= ln(1/alpha), `not_yet` once -L >= ln(1/beta). For a rate of at most p0 exp(L) is a
supermartingale, so P(ever ship) <= alpha by Ville's inequality, whatever the stopping rule, for any
order chosen from the past and for a rate that drifts below p0. The thresholds are not Wald's
ln((1-beta)/alpha): those give 0.0505 at a nominal 0.05 and guarantee nothing.

Source: Ville (1939); Wald (1945), Ann. Math. Stat. 16, 117-186; the e-process view of Ramdas et
al. (2023), Stat. Sci. 38, 576-601. Exact operating characteristics: `operating`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from unlit.core.states import Verdict
from unlit.evaluation.model import Interval, ShipRule
from unlit.evaluation.rules.intervals import anytime
from unlit.evaluation.rules.special import log_beta, log_beta_cdf, log_beta_tail

METHOD: Final = "two-sided likelihood-ratio e-process"
MIXTURE: Final = "two-sided uniform-mixture e-process"


def method_of(rule: ShipRule) -> str:
    """Return the name of the rule's method as it is printed."""
    return MIXTURE if rule.method == "mixture" else METHOD


def log_for(rule: ShipRule, k: int, n: int) -> float:
    """Return ln E against "at most p0" after `k` of `n`."""
    if rule.method == "mixture":
        return log_mixture_above(k, n, rule.p0)
    return _ratio(rule, k, n)


def log_against(rule: ShipRule, k: int, n: int) -> float:
    """Return ln E against "at least p1" after `k` of `n`."""
    if rule.method == "mixture":
        return log_mixture_below(k, n, rule.p1)
    return -_ratio(rule, k, n)


def _ratio(rule: ShipRule, k: int, n: int) -> float:
    up = math.log(rule.p1 / rule.p0)
    down = math.log((1 - rule.p1) / (1 - rule.p0))
    return k * up + (n - k) * down


def lower_by_evidence(rule: ShipRule, k: int, n: int, *, alpha: float) -> float:
    """Return the rate up to which the likelihood ratio excludes every rate, whenever it is looked.

    Each rate q is tested against the one whose odds are higher by the factor that lies between the
    odds of p1 and p0. So at q = p0 this is the ship rule, and the bound reaches p0 exactly when
    that ships; ln E falls in q, so what is excluded is all below one rate, in closed form.

    Args:
        rule: Whose p0 and p1 set the factor.
        k: Satisfied of `n`.
        n: At least 1.
        alpha: The bound is above the true rate with probability at most this, at all n at once.
    """
    factor = rule.p1 * (1 - rule.p0) / (rule.p0 * (1 - rule.p1))
    edge = math.expm1((k * math.log(factor) - math.log(1 / alpha)) / n) / (factor - 1)
    return min(1.0, max(0.0, edge))


@dataclass(frozen=True, slots=True)
class ShipTest:
    """The running test; feed trajectories in the order drawn.

    Attributes:
        alpha: Level of this test, at most the rule's own: looks at sealed scenarios lower it.
        decision: `ship` or `not_yet` from the first crossing on, `undecided` before.
        decided_at: How many trajectories had been counted at the crossing.
    """

    rule: ShipRule
    alpha: float
    n: int = 0
    satisfied: int = 0
    decision: Verdict = Verdict.UNDECIDED
    decided_at: int | None = None

    @property
    def log_e(self) -> float:
        """Evidence for shipping, ln E; ship at ln(1/alpha)."""
        return log_for(self.rule, self.satisfied, self.n)

    @property
    def log_e_against(self) -> float:
        """Evidence for stopping, ln E; stop at ln(1/beta)."""
        return log_against(self.rule, self.satisfied, self.n)

    @property
    def e_value(self) -> float:
        """Evidence against `p <= p0`; 1/alpha ships."""
        return math.exp(min(700.0, self.log_e))

    @property
    def e_value_against(self) -> float:
        """Evidence against `p >= p1`; 1/beta stops."""
        return math.exp(min(700.0, self.log_e_against))

    @property
    def estimate(self) -> float | None:
        """Share satisfied; None when nothing was counted."""
        return self.satisfied / self.n if self.n else None

    @property
    def interval(self) -> Interval:
        """The anytime interval at the rule's own alpha."""
        return anytime(self.satisfied, self.n, alpha=self.rule.alpha)

    @property
    def is_decided(self) -> bool:
        """Whether the test has stopped."""
        return self.decision is not Verdict.UNDECIDED

    def after(self, satisfied: bool, *, test: bool = True) -> "ShipTest":
        """Count one trajectory.

        Args:
            satisfied: What it showed.
            test: Whether the test may decide here; False inside an unfinished sweep in fixed order.
        """
        counted = replace(self, n=self.n + 1, satisfied=self.satisfied + satisfied)
        return counted.tested() if test else counted

    def tested(self) -> "ShipTest":
        """Decide on what was counted so far, if it is enough; a decision stands."""
        decision = self.decision if self.is_decided else self._crossing()
        if self.is_decided or decision is Verdict.UNDECIDED or not self.n:
            return self
        return replace(self, decision=decision, decided_at=self.n)

    def _crossing(self) -> Verdict:
        # a hair of tolerance, so that equality in real numbers is equality in floats
        if self.log_e >= math.log(1 / self.alpha) - 1e-12:
            return Verdict.SHIP
        if self.log_e_against >= math.log(1 / self.rule.beta) - 1e-12:
            return Verdict.NOT_YET
        return Verdict.UNDECIDED

    def clean_runs_to_ship(self) -> int | None:
        """Return how many satisfied trajectories in a row would ship; None once stopped."""
        if self.decision is Verdict.NOT_YET:
            return None
        wanted = math.log(1 / self.alpha) - 1e-12
        return _least(lambda m: log_for(self.rule, self.satisfied + m, self.n + m) >= wanted)

    def failures_to_stop(self) -> int | None:
        """Return how many failures in a row would stop it; None once shipped."""
        if self.decision is Verdict.SHIP:
            return None
        wanted = math.log(1 / self.rule.beta) - 1e-12
        return _least(lambda m: log_against(self.rule, self.satisfied, self.n + m) >= wanted)


def _least(holds: Callable[[int], bool]) -> int:
    """Return the least m from 0 for which `holds`, true from there on."""
    high = 1
    while not holds(high) and high < 1 << 30:
        high *= 2
    low = 0
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def start(rule: ShipRule, *, alpha: float | None = None) -> ShipTest:
    """Start a test; `alpha` is what earlier looks have left of the rule's own."""
    return ShipTest(rule, rule.alpha if alpha is None else min(alpha, rule.alpha))


def log_mixture_above(
    k: int, n: int, p0: float, *, prior: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Return ln E against `p <= p0`, the beta mixture restricted to p > p0; needs no p1.

    E = B(a+k,b+n-k)(1-I_p0(a+k,b+n-k)) / [B(a,b)(1-I_p0(a,b)) p0^k (1-p0)^(n-k)].
    """
    a, b = prior
    return (
        log_beta(a + k, b + n - k)
        + log_beta_tail(p0, a + k, b + n - k)
        - log_beta(a, b)
        - log_beta_tail(p0, a, b)
        - k * math.log(p0)
        - (n - k) * math.log1p(-p0)
    )


def log_mixture_below(
    k: int, n: int, p1: float, *, prior: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Return ln E against `p >= p1`, the beta mixture restricted to p < p1."""
    a, b = prior
    return (
        log_beta(a + k, b + n - k)
        + log_beta_cdf(p1, a + k, b + n - k)
        - log_beta(a, b)
        - log_beta_cdf(p1, a, b)
        - k * math.log(p1)
        - (n - k) * math.log1p(-p1)
    )


@dataclass(frozen=True, slots=True)
class Operating:
    """What the rule does to a product of a given true rate, exactly."""

    ship_rate: float
    stop_rate: float
    mean_trajectories: float


def operating(
    rule: ShipRule, p: float, *, cap: int = 2000, alpha: float | None = None
) -> Operating:
    """Return the rule's exact operating characteristics at true rate `p` by dynamic programming.

    Args:
        rule: The ship rule.
        p: True satisfaction rate.
        cap: Trajectories after which the run ends undecided.
        alpha: Level left by earlier looks; the rule's own when None.
    """
    test = start(rule, alpha=alpha)
    high = math.log(1 / test.alpha) - 1e-12
    low = math.log(1 / rule.beta) - 1e-12
    alive = {0: 1.0}
    shipped = stopped = trajectories = 0.0
    for n in range(1, cap + 1):
        trajectories += sum(alive.values())
        moved: dict[int, float] = {}
        for failures, mass in alive.items():
            moved[failures] = moved.get(failures, 0.0) + mass * p
            moved[failures + 1] = moved.get(failures + 1, 0.0) + mass * (1 - p)
        alive = {}
        for failures, mass in moved.items():
            if log_for(rule, n - failures, n) >= high:
                shipped += mass
            elif log_against(rule, n - failures, n) >= low:
                stopped += mass
            elif mass > 1e-14:
                alive[failures] = mass
        if not alive:
            break
    return Operating(shipped, stopped, trajectories)
