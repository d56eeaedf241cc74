"""Claim A, on this scenario set, and claim B, for users like these: never mixed.

Claim A takes trajectories as the unit: scenarios are drawn by weight with replacement, so outcomes
are Bernoulli(p_set) whatever the spread between scenarios. Claim B takes scenarios as the unit:
repetitions of one scenario say little about users whom it does not speak for.

Sources: Korn and Graubard (1998), Survey Methodology 24, 193-201 (bound on the effective sample);
Miller (2024), arXiv 2411.00640 (clustered standard error); Waudby-Smith and Ramdas (2024), JRSS B
86, 1-27 (betting on means).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unlit.core.states import Verdict
from unlit.evaluation.model import Claim, ShipRule
from unlit.evaluation.rules.intervals import EXACT, lower_bound
from unlit.evaluation.rules.ship import METHOD, ShipTest, lower_by_evidence, method_of
from unlit.evaluation.rules.special import normal_quantile, student_quantile

KORN_GRAUBARD: Final = "the Korn-Graubard bound on all runs"
FIRST_RUNS: Final = "first run of each scenario"


@dataclass(frozen=True, slots=True)
class ScenarioCount:
    """What the counted trajectories of one scenario show, in the order scenarios were first drawn.

    Attributes:
        first: Whether its first counted trajectory was satisfied.
    """

    scenario: str
    runs: int
    satisfied: int
    first: bool

    @property
    def mean(self) -> float:
        """Share of its runs that were satisfied."""
        return self.satisfied / self.runs


@dataclass(frozen=True, slots=True)
class Clustered:
    """Statistics of trajectories nested in scenarios; `None` where one scenario cannot say."""

    mean: float
    naive_se: float
    miller_se: float
    cluster_se: float | None
    design_effect: float | None
    icc: float | None
    n_effective: float | None
    n_star: float
    lower: float


def clustered(counts: Sequence[ScenarioCount], *, alpha: float = 0.05) -> Clustered:
    """Return the nested statistics of at least one scenario.

    The lower bound is Clopper-Pearson on n* = min(S, n_eff (z/t)^2) for S scenarios; when all
    scenario means are equal, n* = S. We differ from the source in the cap, which is S there only in
    that case and the number of runs otherwise: a spread estimated from few scenarios cannot show
    that none of the kind that always fails was left out, and one failure among 200 clean runs of
    ten scenarios would raise the bound from .741 to .973.
    """
    runs = sum(count.runs for count in counts)
    scenarios = len(counts)
    mean = sum(count.satisfied for count in counts) / runs
    naive = math.sqrt(mean * (1 - mean) / runs)
    miller = math.sqrt(sum((c.satisfied - c.runs * mean) ** 2 for c in counts)) / runs
    if scenarios == 1:
        return Clustered(mean, naive, miller, None, None, None, None, 1.0,
                         lower_bound(mean, 1.0, alpha=alpha))  # fmt: skip
    average = sum(count.mean for count in counts) / scenarios
    between = sum((count.mean - average) ** 2 for count in counts) / (scenarios - 1)
    variance = between / scenarios
    if variance == 0 or mean in (0, 1):
        n_effective, n_star = None, float(scenarios)
    else:
        n_effective = mean * (1 - mean) / variance
        ratio = normal_quantile(1 - alpha) / student_quantile(1 - alpha, scenarios - 1)
        n_star = min(float(scenarios), n_effective * ratio**2)
    return Clustered(
        mean=mean,
        naive_se=naive,
        miller_se=miller,
        cluster_se=math.sqrt(variance),
        design_effect=(miller / naive) ** 2 if naive else None,
        icc=_icc(counts, mean, runs),
        n_effective=n_effective,
        n_star=n_star,
        lower=lower_bound(n_star * mean, n_star, alpha=alpha),
    )


def _icc(counts: Sequence[ScenarioCount], mean: float, runs: int) -> float | None:
    """Return the ANOVA intra-class correlation; for unequal runs with their mean size."""
    scenarios = len(counts)
    if runs == scenarios:
        return None
    size = (runs - sum(count.runs**2 for count in counts) / runs) / (scenarios - 1)
    between = sum(c.runs * (c.mean - mean) ** 2 for c in counts) / (scenarios - 1)
    within = sum(c.satisfied * (1 - c.mean) for c in counts) / (runs - scenarios)
    total = between + (size - 1) * within
    return (between - within) / total if total else None


def betting_log_wealth(means: Sequence[float], p0: float) -> float:
    """Return ln of the wealth of a bettor against "the mean of scenario means is at most p0".

    For designs whose number of runs of each scenario is fixed beforehand; a grading stops when it
    is decided, so claim B does not use it.

    lam_t = clip((mu-p0)/(var+(mu-p0)^2), 0, 0.9/p0) with mean and variance of the past only.
    """
    wealth = 0.0
    # one imagined scenario at 1/2 keeps the first bets small and the variance above zero
    total, squares, n = 0.5, 0.25, 1
    for value in means:
        mu = total / n
        variance = max(squares / n, 1e-6) if n > 1 else 0.25
        gain = mu - p0
        stake = min(max(gain / (variance + gain * gain), 0.0), 0.9 / p0)
        wealth += math.log1p(stake * (value - p0))
        total += value
        n += 1
        squares += (value - total / n) ** 2
    return wealth


def claim_a(test: ShipTest, *, scenarios: int) -> Claim:
    """State claim A from the running ship test."""
    rule = test.rule
    if test.n == 0:
        return Claim(
            None, None, None, method_of(rule), 0, "On this scenario set nothing was exercised."
        )
    interval = test.interval
    counted = f"{test.satisfied} of {test.n} trajectories over {_scenarios(scenarios)}"
    if test.decision is Verdict.SHIP:
        sentence = (
            f"On this scenario set the satisfaction rate is above {_share(rule.p0)}: {counted}; "
            f"a product no better than that would be shipped with probability at most "
            f"{test.alpha:.3g}."
        )
        holds: bool | None = True
    elif test.decision is Verdict.NOT_YET:
        sentence = (
            f"On this scenario set the satisfaction rate is below {_share(rule.p1)}: {counted}; "
            f"a product that good would be stopped with probability at most {rule.beta:.3g}."
        )
        holds = False
    else:
        more = test.clean_runs_to_ship()
        sentence = (
            f"On this scenario set it is not decided: {counted}, too few to be sure; "
            f"{more} more clean ones would settle it."
        )
        holds = None
    return Claim(holds, test.estimate, interval.lower, method_of(rule), test.n, sentence)


def claim_b(
    counts: Sequence[ScenarioCount], rule: ShipRule, *, alpha: float, whole_set: bool
) -> Claim:
    """State claim B: the rate for users like these, of whom the scenarios are a sample.

    The claim holds when its printed bound reaches p0, so the two cannot contradict each other. The
    bound rests on the first run of each scenario, which is one draw from the population whatever
    the later runs do: exact where every scenario of the set was run, else the ship rule's own
    (`lower_by_evidence`), because then how many were met depends on when the drawing stopped. It
    is never above Korn-Graubard's on all runs, nor above the estimate: a product that is good the
    first time only gains nothing.

    Args:
        counts: One for each scenario.
        rule: The ship rule.
        alpha: Level left by earlier looks.
        whole_set: Whether every scenario was run at least once, whatever any of them showed.
    """
    if not counts:
        return Claim(None, None, None, FIRST_RUNS, 0, "For users like these nothing was exercised.")
    scenarios = len(counts)

    def bound(held: int, of: int) -> float:
        if whole_set:
            return lower_bound(held, of, alpha=alpha)
        return lower_by_evidence(rule, held, of, alpha=alpha)

    estimate = sum(count.mean for count in counts) / scenarios
    first = bound(sum(count.first for count in counts), scenarios)
    lower = min(first, clustered(counts, alpha=alpha).lower, estimate)
    at_least = f"at least {_share(lower, down=True)} by {_scenarios(scenarios)}"
    holds = True if lower >= rule.p0 - 1e-12 else None
    if holds:
        sentence = f"For users like these the rate is above {_share(rule.p0)}: {at_least}."
    elif (best := bound(scenarios, scenarios)) < rule.p0:
        needed = next(n for n in itertools.count(scenarios) if bound(n, n) >= rule.p0 - 1e-12)
        sentence = (
            f"For users like these {_share(rule.p0)} cannot be shown with "
            f"{_scenarios(scenarios)}: if all held, the bound would be "
            f"{_share(best, down=True)}; it takes {needed}. Now: {at_least}."
        )
    else:
        sentence = f"For users like these it is not decided at {_share(rule.p0)}: {at_least}."
    method = f"{EXACT if whole_set else METHOD} on the {FIRST_RUNS}, at most {KORN_GRAUBARD}"
    return Claim(holds, estimate, lower, method, scenarios, sentence)


def pass_at(n: int, c: int, k: int) -> float | None:
    """Return the chance that at least one of `k` runs is satisfied, from `c` of `n`."""
    return None if k > n else 1 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat(n: int, c: int, k: int) -> float | None:
    """Return the chance that all of `k` runs are satisfied, from `c` of `n`."""
    return None if k > n else math.comb(c, k) / math.comb(n, k)


def pass_hats(
    counts: Sequence[ScenarioCount], ks: Sequence[int] = (1, 2, 4, 8)
) -> dict[str, float]:
    """Return pass^k averaged over scenarios, for each k that every scenario has runs for."""
    found = {}
    for k in ks:
        values = [pass_hat(count.runs, count.satisfied, k) for count in counts]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[str(k)] = sum(known) / len(known)
    return found


def _scenarios(count: int) -> str:
    return f"{count} scenario" if count == 1 else f"{count} scenarios"


def _share(rate: float, *, down: bool = False) -> str:
    """Write a rate as a percentage; `down` never rounds a bound up."""
    percent = math.floor(rate * 1000) / 10 if down else round(rate * 100, 1)
    return f"{percent:g} %"
