"""A judge's verdicts as evidence: never raw, only through what people labelled.

Two ways in. With labels on a random part of this very run: prediction-powered inference,

    p = P(liked) + P(satisfied, not liked) - P(liked, not satisfied)

the first from the runs that nobody labelled, the others from those that people did, each with its
exact bounds, put together as squares (MOVER). We differ from the source there: its normal
approximation finds the judge's rare errors by 50 labels too rarely, and with a judge that likes
everything its one-sided error at p0 = .90 is .11 at a nominal .025. Nor is a power-tuned weight
(PPI++) offered: at 50 to 100 labels its error is .10 to .15 at a nominal .05. Without labels on the
run, a calibration set bounds the judge's error rates and the threshold moves: q0 = p0 Se_U + (1-p0)
FP_U, with half of alpha spent on the bounds and half on the test.

Sources: Angelopoulos et al. (2023), Science 382, 669-674 (PPI); Zou and Donner (2008), Stat. Med.
27, 1693-1702 (MOVER); Rogan and Gladen (1978), Am. J. Epidemiol. 107, 71-76; Lang and Reiczigel
(2014), Prev. Vet. Med. 113, 13-22 (its interval).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.evaluation.model import Interval, ShipRule
from unlit.evaluation.rules.intervals import clopper_pearson, lower_bound
from unlit.evaluation.rules.special import binomial_tail

PPI: Final = "prediction-powered inference"
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
    p1: float | None = None,
    beta: float = 0.10,
) -> Corrected:
    """Estimate the rate from many judged runs and a random part that people labelled.

    Args:
        judged: The judge's verdicts on runs that nobody labelled.
        labels: Runs with both verdicts, drawn at random from the same runs.
        p0: The rate to exceed.
        alpha: One-sided level of `above`; the interval is two-sided at the same level.
        p1: The rate of a good product; `below` says whether this one is worse. None: not asked.
        beta: One-sided level of `below`.

    Raises:
        InvalidInput: No run of either kind.
    """
    n = len(labels)
    if not labels or not judged:
        raise InvalidInput(
            "EVA-320",
            f"Prediction-powered inference got {n} labels and {len(judged)} judged runs.",
            "It needs both kinds.",
            "Label more runs with `unlit scenarios label`.",
        )
    parts = _Parts(
        (sum(judged), len(judged)),
        (sum(label.person and not label.judge for label in labels), n),
        (sum(label.judge and not label.person for label in labels), n),
    )
    lower, upper = parts.lower(alpha), parts.upper(beta)
    decided = n >= MIN_LABELS
    return Corrected(
        estimate=min(1.0, max(0.0, parts.estimate)),
        lower=parts.lower(alpha / 2),
        upper=parts.upper(alpha / 2),
        one_sided_lower=lower,
        method=PPI,
        judged=len(judged),
        labelled=n,
        above=lower > p0 if decided else None,
        one_sided_upper=upper,
        below=upper < p1 if decided and p1 is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """The three rates, each `k` of `n`, that make the one asked for: liked + missed - overrated."""

    liked: tuple[int, int]
    missed: tuple[int, int]
    overrated: tuple[int, int]

    @property
    def estimate(self) -> float:
        return _rate(self.liked) + _rate(self.missed) - _rate(self.overrated)

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound at level `alpha`."""
        down = math.hypot(
            _below(self.liked, alpha), _below(self.missed, alpha), _over(self.overrated, alpha)
        )
        return max(0.0, self.estimate - down)

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound at level `alpha`."""
        up = math.hypot(
            _over(self.liked, alpha), _over(self.missed, alpha), _below(self.overrated, alpha)
        )
        return min(1.0, self.estimate + up)


def _rate(count: tuple[int, int]) -> float:
    return count[0] / count[1]


def _below(count: tuple[int, int], alpha: float) -> float:
    """Return how far the exact lower bound lies below the rate."""
    k, n = count
    return k / n - lower_bound(k, n, alpha=alpha)


def _over(count: tuple[int, int], alpha: float) -> float:
    """Return how far the exact upper bound lies above the rate."""
    k, n = count
    return _below((n - k, n), alpha)


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
