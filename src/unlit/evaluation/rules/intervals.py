"""Intervals for a rate: exact at a fixed n, and valid at every n at once."""

import math
from collections.abc import Callable

from unlit.evaluation.model import Interval
from unlit.evaluation.rules.special import (
    beta_quantile,
    log_beta,
    normal_quantile,
)

ANYTIME = "anytime confidence sequence, Beta(0.5, 0.5) mixture"
EXACT = "Clopper-Pearson"


def clopper_pearson(k: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Return the exact two-sided interval for `k` of `n`; fractional counts are allowed.

    Source: Clopper and Pearson (1934), Biometrika 26, 404-413.
    """
    tail = (1 - confidence) / 2
    lower = 0.0 if k <= 0 else beta_quantile(tail, k, n - k + 1)
    upper = 1.0 if k >= n else beta_quantile(1 - tail, k + 1, n - k)
    return Interval(lower, upper, EXACT, confidence)


def lower_bound(k: float, n: float, *, alpha: float = 0.05) -> float:
    """Return the exact one-sided lower bound for `k` of `n` at level 1 - `alpha`."""
    return 0.0 if k <= 0 or n <= 0 else beta_quantile(alpha, k, n - k + 1)


def wilson(k: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval for `k` of `n`; not valid under peeking.

    Source: Wilson (1927), JASA 22(158), 209-212; without continuity correction.
    """
    z = normal_quantile(1 - (1 - confidence) / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    # at the ends the closed form is exact and only rounding moves it
    lower = 0.0 if k == 0 else max(0.0, centre - half)
    upper = 1.0 if k == n else min(1.0, centre + half)
    return Interval(lower, upper, "Wilson", confidence)


def anytime(
    k: int, n: int, *, alpha: float = 0.05, prior: tuple[float, float] = (0.5, 0.5)
) -> Interval:
    """Return the interval that covers at all n at once with probability 1 - `alpha`.

    The set of p with B(a+k, b+n-k) / (B(a,b) p^k (1-p)^(n-k)) < 1/alpha. The only interval that a
    live display may show.

    Source: Robbins (1970), Ann. Math. Stat. 41, 1397-1409, with a beta mixture.
    """
    if n == 0:
        return Interval(0.0, 1.0, ANYTIME, 1 - alpha)
    a, b = prior
    level = log_beta(a + k, b + n - k) - log_beta(a, b) + math.log(alpha)

    def excluded(p: float) -> bool:
        likelihood = (k * math.log(p) if k else 0.0) + ((n - k) * math.log1p(-p) if n - k else 0.0)
        return likelihood <= level

    centre = k / n
    lower = 0.0 if k == 0 else _edge(excluded, 0.0, centre)
    upper = 1.0 if k == n else _edge(excluded, 1.0, centre)
    return Interval(lower, upper, ANYTIME, 1 - alpha)


def _edge(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    for _ in range(52):
        middle = (outside + inside) / 2
        if excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside
