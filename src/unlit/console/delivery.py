"""How changes are delivered and what became of them: the five DORA measures, from the record; pure.

A measure that nothing reported on is not known: no deploy and no watch is not the same as no
failure. Source: Forsgren, Humble and Kim, "Accelerate" (2018); DORA (2024) for rework.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

WINDOW: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A run that shipped."""

    run: str
    spec: str
    begun: datetime
    done: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was seen of a shipped run.

    Attributes:
        kind: ``rollout`` or ``incident``.
        ok: Whether a rollout held; an incident never is.
        restored: Whether a failed rollout was rolled back by itself, within its own time.
        spec: Spec that an incident opened.
    """

    run: str
    kind: str
    at: datetime
    ok: bool = False
    restored: bool = False
    spec: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The measures; `None` is not known.

    Attributes:
        reported: Changes whose fate anything reported: a rollout, or a watch that opened something.
        rework: Shipped changes that an incident asked for.
    """

    shipped: int
    per_week: float
    lead_s: float | None
    failed: int | None
    reported: int
    restore_s: float | None
    rolled_back: int
    rework: int | None


def delivery(shipped: Sequence[Shipped], happened: Sequence[Happening], now: datetime) -> Delivery:
    """Return the five measures of the last four weeks."""
    recent = [one for one in shipped if now - one.done <= WINDOW]
    reported = {row.run for row in happened}
    bad = {row.run for row in happened if not row.ok}
    incidents = {row.spec for row in happened if row.kind == "incident" and row.spec}
    times = _restore_times(shipped, happened)
    return Delivery(
        shipped=len(recent),
        per_week=len(recent) * 7 / WINDOW.days,
        lead_s=median((one.done - one.begun).total_seconds() for one in recent) if recent else None,
        failed=len(bad) if reported else None,
        reported=len(reported),
        restore_s=median(times) if times else None,
        rolled_back=sum(row.kind == "rollout" and row.restored for row in happened),
        rework=sum(one.spec in incidents for one in recent) if reported else None,
    )


def _restore_times(shipped: Sequence[Shipped], happened: Sequence[Happening]) -> list[float]:
    """Return the seconds from each failure to what ended it, where something did."""
    times = []
    for row in happened:
        if row.ok or row.restored:
            continue
        if row.kind == "incident":
            ends = [one.done for one in shipped if one.spec == row.spec and one.done > row.at]
        else:
            ends = [one.at for one in happened if one.ok and one.at > row.at]
        if ends:
            times.append((min(ends) - row.at).total_seconds())
    return times
