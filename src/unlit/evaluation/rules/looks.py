"""What looking at sealed scenarios costs, and what can still be claimed afterwards.

If the feedback so far could have been any of R transcripts, the next test is made at alpha/R. A
plain "not yet" makes R = m at look m; any answer with A possible values multiplies R by A; a
scenario whose content was shown is spent and leaves the set.

What this bounds: with a declared number of looks M each look is made at alpha/M and the chance that
any of them ships a bad candidate is at most alpha. Without a declaration look m is made at alpha/m:
that look's own claim holds at its level, and the sum over M looks is alpha (1 + 1/2 + … + 1/M).
`open_ended` spends alpha/(m (m+1)), which sums to at most alpha over any number of looks.

Source: Dwork et al. (2015), NIPS 28, "Generalization in adaptive data analysis and holdout reuse",
the description-length bound.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from unlit.core.ids import ScenarioId
from unlit.evaluation.model import Looks, ShipRule
from unlit.evaluation.rules.intervals import lower_bound


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the exposure ledger.

    Attributes:
        build: Tree hash of the candidate.
        alphabet: How many answers were possible beyond ship and not yet; 1 for a plain look.
    """

    id: str
    build: str
    scenarios: tuple[ScenarioId, ...]
    alphabet: int = 1


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where a sealed set stands before its next look.

    Attributes:
        transcripts: R for the next look.
        bits: log2 of R.
        fresh: Sealed scenarios that nobody has seen.
    """

    next_look: int
    transcripts: int
    bits: float
    alpha: float
    fresh: tuple[ScenarioId, ...]
    claimable: float | None
    sentence: str


def transcripts(past: Sequence[Look], *, declared: int | None = None) -> int:
    """Return R for the look after `past`."""
    plain = max(len(past) + 1, declared or 0)
    extra = math.prod(look.alphabet for look in past)
    return plain * extra


def claimable(n: int, r: float, *, alpha: float = 0.05) -> float | None:
    """Return the lower bound if all `n` scenarios hold when R is `r`; None without scenarios."""
    return (alpha / r) ** (1 / n) if n else None


def open_ended_alpha(look: int, *, alpha: float = 0.05) -> float:
    """Return the level of look `look` in a series without a declared end."""
    return alpha / (look * (look + 1))


def failures_allowed(n: int, p0: float, r: float, *, alpha: float = 0.05) -> int:
    """Return how many of `n` may fail for the bound to stay above `p0`; -1: not even none."""
    allowed = -1
    while allowed < n and lower_bound(n - allowed - 1, n, alpha=alpha / r) > p0:
        allowed += 1
    return allowed


def needed(p0: float, bits: float, *, alpha: float = 0.05) -> int:
    """Return how many sealed scenarios, all satisfied, show `p0` after `bits` were given away."""
    return math.ceil(math.log(alpha * 2.0**-bits) / math.log(p0) - 1e-12)


def exposure(
    past: Sequence[Look],
    sealed: Iterable[ScenarioId],
    rule: ShipRule,
    *,
    shown: Collection[ScenarioId] = (),
    declared: int | None = None,
) -> Exposure:
    """Say where the sealed set stands before its next look.

    Args:
        past: Earlier looks.
        sealed: The sealed scenarios.
        rule: The ship rule.
        shown: Scenarios whose content somebody saw; they are spent.
        declared: How many looks there will be, if somebody said so beforehand.
    """
    fresh = tuple(sorted(name for name in sealed if name not in shown))
    r = transcripts(past, declared=declared)
    bound = claimable(len(fresh), r, alpha=rule.alpha)
    index = len(past) + 1
    if bound is None:
        sentence = "No unseen sealed scenario is left: nothing can be claimed from a look."
    else:
        sentence = (
            f"Look {index} at {len(fresh)} sealed scenarios is made at level {rule.alpha / r:.3g}; "
            f"if all are run and hold, a satisfaction rate of at least "
            f"{math.floor(bound * 1000) / 10:g} % can be claimed for users like these."
        )
        if bound <= rule.p0:
            more = needed(rule.p0, math.log2(r), alpha=rule.alpha) - len(fresh)
            sentence += f" {rule.p0:.0%} needs {more} more scenarios."
    return Exposure(index, r, math.log2(r), rule.alpha / r, fresh, bound, sentence)


def charged(before: Exposure) -> Looks:
    """Return the `looks` entry of a result after a plain look made at `before`."""
    return Looks(
        index=before.next_look,
        bits=before.bits,
        claimable=before.claimable,
        alpha_effective=before.alpha,
        sentence=before.sentence,
    )
