"""A judge's verdicts as evidence: never raw, only through what people labelled.

Two ways in. With labels on a random part of this very run: prediction-powered inference,

    p = mean over unlabelled of f + mean over labelled of (y - f),  var = var(f)/N + var(y-f)/n

with the weight of f fixed at 1 (or fixed before the run). The power-tuned weight (PPI++) is not
offered: at 50 to 100 labels its one-sided error is 0.10 to 0.15 at a nominal 0.05. Without labels
on the run, a calibration set bounds the judge's error rates and the threshold moves: q0 = p0 Se_U +
(1-p0) FP_U, with half of alpha spent on the bounds and half on the test.

Sources: Angelopoulos et al. (2023), Science 382, 669-674 (PPI); Rogan and Gladen (1978), Am. J.
Epidemiol. 107, 71-76; Lang and Reiczigel (2014), Prev. Vet. Med. 113, 13-22 (its interval).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.evaluation.model import Interval, ShipRule
from unlit.evaluation.rules.intervals import clopper_pearson, lower_bound
from unlit.evaluation.rules.special import binomial_tail, normal_quantile

PPI: Final = "prediction-powered inference, weight 1"
MIN_LABELS: Final = 50


@dataclass(frozen=True, slots=True)
class Label:
    """One judged run that a person labelled too."""

    judge: bool
    person: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about a judge on one criterion.

    Attributes:
        sensitivity: P(judge likes it | satisfied), with interval; None without satisfied labels.
        false_pass: P(judge likes it | not satisfied); None without unsatisfied labels.
        may_gate: Whether enough labels exist for its verdicts to count at all.
    """

    judge: str
    family: str | None
    labels: int
    satisfied: int
    sensitivity: Interval | None
    false_pass: Interval | None
    agreement: float | None
    kappa: float | None
    may_gate: bool
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "judge": self.judge,
            "family": self.family,
            "labels": self.labels,
            "satisfied": self.satisfied,
            "sensitivity": None if self.sensitivity is None else self.sensitivity.to_json(),
            "false_pass": None if self.false_pass is None else self.false_pass.to_json(),
            "agreement": self.agreement,
            "kappa": self.kappa,
            "may_gate": self.may_gate,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Corrected:
    """A satisfaction rate estimated through a judge; `above` says whether it exceeds p0."""

    estimate: float
    lower: float
    upper: float
    one_sided_lower: float
    method: str
    judged: int
    labelled: int
    above: bool | None
    one_sided_upper: float = 1.0
    below: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "estimate": self.estimate,
            "lower": self.lower,
            "upper": self.upper,
            "one_sided_lower": self.one_sided_lower,
            "method": self.method,
            "judged": self.judged,
            "labelled": self.labelled,
            "above": self.above,
            "one_sided_upper": self.one_sided_upper,
            "below": self.below,
        }


def card(judge: str, family: str | None, labels: Sequence[Label]) -> Card:
    """Make a judge's card from runs that people labelled."""
    yes = [label for label in labels if label.person]
    no = [label for label in labels if not label.person]
    good = sum(label.judge for label in yes)
    bad = sum(label.judge for label in no)
    n = len(labels)
    agreement = (good + len(no) - bad) / n if n else None
    may_gate = n >= MIN_LABELS and bool(yes) and bool(no)
    sensitivity = clopper_pearson(good, len(yes)) if yes else None
    false_pass = clopper_pearson(bad, len(no)) if no else None
    return Card(
        judge, family, n, len(yes), sensitivity, false_pass, agreement, _kappa(labels), may_gate,
        _sentence(n, good, len(yes), bad, len(no)),
    )  # fmt: skip


def _sentence(n: int, good: int, yes: int, bad: int, no: int) -> str:
    if n == 0:
        return "nobody has labelled a run for this judge; its verdicts decide nothing"
    said = f"of {yes} satisfied runs it liked {good}, of {no} others it liked {bad}"
    if n < MIN_LABELS:
        return f"{said}; {MIN_LABELS - n} more labels before its verdicts may count"
    if not yes or not no:
        return f"{said}; labels of both kinds are needed before its verdicts may count"
    return said


def _kappa(labels: Sequence[Label]) -> float | None:
    n = len(labels)
    if not n:
        return None
    agree = sum(label.judge == label.person for label in labels) / n
    judge = sum(label.judge for label in labels) / n
    person = sum(label.person for label in labels) / n
    chance = judge * person + (1 - judge) * (1 - person)
    return (agree - chance) / (1 - chance) if chance < 1 else None


def prediction_powered(
    judged: Sequence[bool],
    labels: Sequence[Label],
    *,
    p0: float,
    alpha: float = 0.05,
    weight: float = 1.0,
    p1: float | None = None,
    beta: float = 0.10,
) -> Corrected:
    """Estimate the rate from many judged runs and a random part that people labelled.

    Args:
        judged: The judge's verdicts on runs that nobody labelled.
        labels: Runs with both verdicts, drawn at random from the same runs.
        p0: The rate to exceed.
        alpha: One-sided level of `above`; the interval is two-sided at the same level.
        weight: How far the judge is trusted; fixed before the run, never tuned on it.
        p1: The rate of a good product; `below` says whether this one is worse. None: not asked.
        beta: One-sided level of `below`.

    Raises:
        InvalidInput: Fewer than two runs of either kind, or the weight is outside [0, 1].
    """
    n, many = len(labels), len(judged)
    if n < 2 or many < 2 or not 0 <= weight <= 1:
        raise InvalidInput(
            "EVA-320",
            f"Prediction-powered inference got {n} labels, {many} judged runs, weight {weight}.",
            "It needs two of each at least and a weight fixed in [0, 1] before the run.",
            "Label more runs with `unlit review`.",
        )
    predicted = [weight * value for value in judged]
    rest = [label.person - weight * label.judge for label in labels]
    estimate = sum(predicted) / many + sum(rest) / n
    error = math.sqrt(_variance(predicted) / many + _variance(rest) / n)
    two, one = normal_quantile(1 - alpha / 2), normal_quantile(1 - alpha)
    lower = estimate - one * error
    # no spread at all in the labels is no evidence of a spread of zero: fall back on them alone
    if _variance(rest) == 0:
        lower = min(lower, lower_bound(sum(label.person for label in labels), n, alpha=alpha))
    high = estimate + normal_quantile(1 - beta) * error
    if _variance(rest) == 0:
        high = max(high, 1 - lower_bound(n - sum(label.person for label in labels), n, alpha=beta))
    decided = n >= MIN_LABELS
    return Corrected(
        estimate=min(1.0, max(0.0, estimate)),
        lower=max(0.0, min(estimate - two * error, lower)),
        upper=min(1.0, estimate + two * error),
        one_sided_lower=max(0.0, lower),
        method=PPI if weight == 1 else f"prediction-powered inference, weight {weight:g}",
        judged=many,
        labelled=n,
        above=lower > p0 if decided else None,
        one_sided_upper=min(1.0, high),
        below=high < p1 if decided and p1 is not None else None,
    )


def people_alone(
    labels: Sequence[bool], *, p0: float, alpha: float, p1: float, beta: float
) -> Corrected:
    """Estimate the rate from what people said alone, exactly (Clopper-Pearson).

    Args:
        labels: One for each run, drawn at random.
        p0: The rate to exceed, at level `alpha`.
        alpha: One-sided level of `above`; the interval is two-sided at the same level.
        p1: The rate of a good product, at level `beta`.
        beta: One-sided level of `below`.
    """
    n, good = len(labels), sum(labels)
    between = clopper_pearson(good, n, confidence=1 - alpha)
    lower = lower_bound(good, n, alpha=alpha)
    upper = 1 - lower_bound(n - good, n, alpha=beta)
    return Corrected(
        good / n, between.lower, between.upper, lower, "people's labels alone (Clopper-Pearson)",
        n, n, lower > p0, upper, upper < p1,
    )  # fmt: skip


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def rogan_gladen(liked: int, runs: int, labels: Sequence[Label]) -> float | None:
    """Return (q - FP) / (Se - FP), the rate behind a judge's; None when it cannot tell."""
    yes = [label.judge for label in labels if label.person]
    no = [label.judge for label in labels if not label.person]
    if not runs or not yes or not no:
        return None
    se, fp = (sum(yes) + 1) / (len(yes) + 2), (sum(no) + 1) / (len(no) + 2)
    return None if se <= fp else min(1.0, max(0.0, (liked / runs - fp) / (se - fp)))


@dataclass(frozen=True, slots=True)
class RobustTest:
    """The ship test on a judge's verdicts, whose threshold allows for the judge's errors."""

    threshold: float
    runs_needed: int | None
    above: bool | None


def robust_threshold(
    rule: ShipRule, se_upper: float, fp_upper: float, *, known: bool = False
) -> RobustTest:
    """Return the rate that a judge's verdicts must exceed, and the runs needed at p1.

    Args:
        rule: The ship rule; power 1 - beta is reached at p1.
        se_upper: Upper bound of P(liked | satisfied); 1 when unknown.
        fp_upper: Upper bound of P(liked | not satisfied).
        known: Whether the rates are known exactly, so that no level is spent on bounds.
    """
    threshold = rule.p0 * se_upper + (1 - rule.p0) * fp_upper
    expected = rule.p1 * se_upper + (1 - rule.p1) * fp_upper
    alpha = rule.alpha if known else rule.alpha / 2
    return RobustTest(threshold, fixed_sample(threshold, expected, alpha, rule.beta), None)


def fixed_sample(q0: float, q1: float, alpha: float, beta: float, *, cap: int = 6000) -> int | None:
    """Return the least n for which some count tests q0 at `alpha` with power 1 - `beta` at q1."""
    if q1 <= q0:
        return None
    count = 0
    for n in range(1, cap + 1):
        while count <= n and binomial_tail(count, n, q0) > alpha:
            count += 1
        if count <= n and binomial_tail(count, n, q1) >= 1 - beta:
            return n
    return None


def drift(
    labels: Sequence[Label], *, allowed: float, slack: float = 0.05, alarm: float = 3.0
) -> bool:
    """Say whether a judge disagrees with people more than `allowed`, by a one-sided CUSUM."""
    level = 0.0
    for label in labels:
        level = max(0.0, level + (label.judge != label.person) - allowed - slack)
        if level >= alarm:
            return True
    return False
