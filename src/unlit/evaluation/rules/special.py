"""Beta, binomial and Student functions that the closed forms need; no dependency.

Source: the continued fraction of the incomplete beta function, DLMF 8.17.22 (retrieved 2026),
evaluated by Lentz's method; quantiles by bisection, so each has the accuracy of its function.
"""

import math
from collections.abc import Callable
from functools import lru_cache

_TINY = 1e-300
_STEPS = 400


def log_beta(a: float, b: float) -> float:
    """Return ln B(a, b) for a, b > 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_fraction(a: float, b: float, x: float) -> float:
    """Return ln I_x(a, b) where the continued fraction converges fast."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            c = 1 + numerator / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return a * math.log(x) + b * math.log1p(-x) - math.log(a) - log_beta(a, b) + math.log(value)


def log_beta_cdf(x: float, a: float, b: float) -> float:
    """Return ln I_x(a, b), the log of the Beta(a, b) distribution function at `x`."""
    if x <= 0:
        return -math.inf
    if x >= 1:
        return 0.0
    if x < (a + 1) / (a + b + 2):
        return min(0.0, _log_fraction(a, b, x))
    rest = math.exp(_log_fraction(b, a, 1 - x))
    return math.log1p(-rest) if rest < 1 else -math.inf


def log_beta_tail(x: float, a: float, b: float) -> float:
    """Return ln(1 - I_x(a, b)) without losing a small tail."""
    return log_beta_cdf(1 - x, b, a)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return I_x(a, b)."""
    return math.exp(log_beta_cdf(x, a, b))


def _bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(100):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if is_below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=4096)
def beta_quantile(q: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = q for q in (0, 1)."""
    return _bisect(lambda x: beta_cdf(x, a, b) < q, 0.0, 1.0)


def binomial_tail(k: int, n: int, p: float) -> float:
    """Return P(X >= k) for X binomial with `n` trials and rate `p`."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    return beta_cdf(p, k, n - k + 1)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return P(X <= k) for X binomial with `n` trials and rate `p`."""
    return 1.0 - binomial_tail(k + 1, n, p)


def normal_cdf(z: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


@lru_cache(maxsize=256)
def normal_quantile(q: float) -> float:
    """Return z with normal_cdf(z) = q for q in (0, 1)."""
    return _bisect(lambda z: normal_cdf(z) < q, -40.0, 40.0)


def student_cdf(t: float, df: float) -> float:
    """Return the distribution function of Student's t with `df` degrees of freedom."""
    if t * t < df:  # near the centre the other side keeps the digits
        return 0.5 + math.copysign(0.5, t) * beta_cdf(t * t / (df + t * t), 0.5, df / 2)
    tail = 0.5 * beta_cdf(df / (df + t * t), df / 2, 0.5)
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=256)
def student_quantile(q: float, df: float) -> float:
    """Return t with student_cdf(t, df) = q for q in (0, 1)."""
    high = 2.0
    while student_cdf(high, df) < max(q, 1 - q):
        high *= 2
    return _bisect(lambda t: student_cdf(t, df) < q, -high, high)
