"""Claim A, on this scenario set, and claim B, for users like these: never mixed.

Claim A takes trajectories as the unit: scenarios are drawn by weight with replacement, so outcomes
are Bernoulli(p_set) whatever the spread between scenarios. Claim B takes scenarios as the unit:
repetitions of one scenario say little about users whom it does not speak for.

Sources: Korn and Graubard (1998), Survey Methodology 24, 193-201 (bound on the effective sample);
Miller (2024), arXiv 2411.00640 (clustered standard error, printed only); Waudby-Smith and Ramdas
(2024), JRSS B 86, 1-27 (betting on means).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unlit.core.states import Verdict
from unlit.evaluation.model import Claim, ShipRule
from unlit.evaluation.rules.intervals import lower_bound
from unlit.evaluation.rules.ship import ShipTest, method_of
from unlit.evaluation.rules.special import normal_quantile, student_quantile

KORN_GRAUBARD: Final = "Korn-Graubard bound for a fixed sample of scenarios"
FIRST_RUNS: Final = "likelihood-ratio e-process on the first run of each scenario"
BETTING: Final = "aGRAPA betting on scenario means"


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

    The lower bound is Clopper-Pearson on n* = min(n, n_eff (z/t)^2); when all scenario means are
    equal the sample is the S scenarios, so n* = S.
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
        n_effective, n_star = None, float(min(runs, scenarios))
    else:
        n_effective = mean * (1 - mean) / variance
        ratio = normal_quantile(1 - alpha) / student_quantile(1 - alpha, scenarios - 1)
        n_star = min(float(runs), n_effective * ratio**2)
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


def first_run_log_e(counts: Sequence[ScenarioCount], rule: ShipRule) -> float:
    """Return ln E of the ship rule on the first run of each scenario."""
    up = math.log(rule.p1 / rule.p0)
    down = math.log((1 - rule.p1) / (1 - rule.p0))
    return sum(up if count.first else down for count in counts)


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
    counts: Sequence[ScenarioCount], rule: ShipRule, *, alpha: float, fixed_runs: bool = False
) -> Claim:
    """State claim B; `counts` in the order in which scenarios were first drawn.

    The decision is the ship rule's e-value on each scenario's first run, which holds whenever the
    drawing stops. Betting on scenario means is for designs with a number of runs per scenario that
    was fixed beforehand: how often a scenario ran must not depend on what it showed. The printed
    bound is Korn-Graubard's.

    Args:
        counts: One for each scenario.
        rule: The ship rule.
        alpha: Level left by earlier looks.
        fixed_runs: Whether every scenario's number of runs was fixed before the first one.
    """
    if not counts:
        return Claim(None, None, None, FIRST_RUNS, 0, "For users like these nothing was exercised.")
    nested = clustered(counts, alpha=alpha)
    even = fixed_runs and len({count.runs for count in counts}) == 1 and counts[0].runs > 1
    log_e = (
        betting_log_wealth([count.mean for count in counts], rule.p0)
        if even
        else first_run_log_e(counts, rule)
    )
    method = f"{BETTING if even else FIRST_RUNS}; {KORN_GRAUBARD}"
    scenarios = len(counts)
    at_least = f"at least {_share(nested.lower, down=True)} by {_scenarios(scenarios)}"
    if log_e >= math.log(1 / alpha) - 1e-12:
        holds: bool | None = True
        sentence = f"For users like these the rate is above {_share(rule.p0)}: {at_least}."
    else:
        holds = None
        sentence = f"For users like these it is not decided at {_share(rule.p0)}: {at_least}."
        best = alpha ** (1 / scenarios)
        if best < rule.p0:
            needed = scenarios_needed(rule.p0, alpha)
            sentence = (
                f"For users like these {_share(rule.p0)} cannot be shown with "
                f"{_scenarios(scenarios)}: if all held, the bound would be "
                f"{_share(best, down=True)}; it takes {needed}. Now: {at_least}."
            )
    return Claim(holds, nested.mean, nested.lower, method, scenarios, sentence)


def scenarios_needed(p0: float, alpha: float) -> int:
    """Return how many scenarios, all satisfied, put the exact bound above `p0`."""
    return math.floor(math.log(alpha) / math.log(p0)) + 1


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
