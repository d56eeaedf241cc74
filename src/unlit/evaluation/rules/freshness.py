"""Memorised answers: a scenario and a re-seeded twin of it should fare alike.

Each scenario is run with values that may have leaked and with fresh ones. A product that looks
answers up, even by hash, does better on the first. Exact one-sided sign test on discordant pairs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from unlit.evaluation.rules.special import binomial_tail

ALARM_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """One scenario: satisfied with its known values, satisfied with fresh ones."""

    scenario: str
    known: bool
    fresh: bool


@dataclass(frozen=True, slots=True)
class Freshness:
    """How often known values did better or worse; `p` of that by chance."""

    pairs: int
    known_better: int
    fresh_better: int
    p: float | None

    @property
    def is_suspicious(self) -> bool:
        """Whether known values did better more often than chance allows."""
        return self.p is not None and self.p <= ALARM_LEVEL


def freshness(pairs: Iterable[Pair]) -> Freshness:
    """Compare known and fresh values; five discordant pairs of one kind give p = 1/32."""
    rows = list(pairs)
    better = sum(pair.known and not pair.fresh for pair in rows)
    worse = sum(pair.fresh and not pair.known for pair in rows)
    discordant = better + worse
    p = binomial_tail(better, discordant, 0.5) if discordant else None
    return Freshness(len(rows), better, worse, p)
