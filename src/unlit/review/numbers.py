"""Recompute each number of a report from the record's rows, and say whether it agrees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from unlit.core.errors import UsageError
from unlit.core.states import TrajectoryState
from unlit.evaluation.rules.intervals import anytime
from unlit.record.store import Store
from unlit.review.model import Graded, Report, to_plain
from unlit.review.rules.merging import evidence_words
from unlit.review.rules.words import duration, interval, money, percent


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One number, recomputed.

    Attributes:
        said: What the report prints.
        again: What the rows give; `None` when it cannot be recomputed from them.
        how: One line a person can follow.
        rows: What it was computed from.
    """

    name: str
    said: str
    again: str | None
    how: str
    rows: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """Whether both are the same; `None` when it was not recomputed."""
        return None if self.again is None else self.said == self.again

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"schema": "unlit.number/1", "agrees": self.agrees, **to_plain(self)}


def recompute(store: Store, report: Report, name: str) -> Recomputed:
    """Recompute the number of that name.

    Raises:
        UsageError: No number has that name.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        raise UsageError(
            "REV-024",
            f"{name!r} names no number of the report.",
            "each section of the report prints its own command.",
            f"use one of: {', '.join(_MAKERS)}.",
        )
    return maker(store, report)


def _satisfaction(store: Store, report: Report) -> Recomputed:
    return _share(store, report, report.graded, "satisfaction")


def _sealed(store: Store, report: Report) -> Recomputed:
    return _share(store, report, report.sealed, "sealed")


def _share(store: Store, report: Report, graded: Graded | None, name: str) -> Recomputed:
    if graded is None:
        return Recomputed(name, "not known", None, "Nothing was graded, so there are no rows.")
    rows = store.trajectories(report.run.id, graded.candidate, graded.partition)
    good = sum(row.state is TrajectoryState.SATISFIED for row in rows)
    bad = sum(row.state is TrajectoryState.NOT_SATISFIED for row in rows)
    alpha = report.rule.alpha if report.rule else 0.05
    again = None
    if good + bad:
        found = anytime(good, good + bad, alpha=alpha)
        again = f"{percent(good / (good + bad))} {interval(found.lower, found.upper)}"
    said = f"{percent(graded.estimate)} {interval(graded.lower, graded.upper)}"
    how = (
        f"{good} of {good + bad} counted trajectories of {graded.candidate} on {graded.partition} "
        f"scenarios are satisfied; the interval is the beta-mixture confidence sequence at "
        f"alpha {alpha:g}."
    )
    plain = tuple(
        {"n": row.number, "scenario": row.scenario, "seed": row.seed, "state": row.state.value}
        for row in rows
    )
    return Recomputed(name, said, again, how, plain)


def _criteria(store: Store, report: Report) -> Recomputed:
    graded = report.graded
    said = "; ".join(f"{c.id} {evidence_words(c)}" for c in report.criteria)
    if graded is None:
        return Recomputed("criteria", said or "not known", None, "Nothing was graded.")
    rows = store.trajectories(report.run.id, graded.candidate, graded.partition)
    facts: dict[str, Any] = {}
    for line in report.criteria:
        mine = [row for row in rows if line.id in row.criteria]
        facts[line.id] = {
            "trajectories": len(mine),
            "not_satisfied": [
                row.number for row in mine if row.state is TrajectoryState.NOT_SATISFIED
            ],
            "sealed": line.sealed_trajectories,
        }
    how = (
        "The trajectories whose scenario names the criterion, as the record lists them. Which of "
        "several criteria a failure speaks against is the evaluator's word, in its document."
    )
    return Recomputed("criteria", said, None, how, facts=facts)


def _claims(store: Store, report: Report) -> Recomputed:
    graded = report.graded
    facts = {} if graded is None else {"a": to_plain(graded.claim_a), "b": to_plain(graded.claim_b)}
    said = graded.claim_a.sentence if graded is not None and graded.claim_a else "not stated"
    how = "The evaluator's document states both; claim A recomputes as `satisfaction`."
    return Recomputed("claims", said, None, how, facts=facts)


def _cost(store: Store, report: Report) -> Recomputed:
    rows = store.costs(run=report.run.id)
    known = [row.usd for row in rows if row.usd is not None]
    again = money(sum(known, Decimal(0)) if known or not rows else None)
    how = (
        f"The sum of {len(known)} priced rows of {len(rows)}; {report.cost.unpriced} calls have no "
        "known price."
    )
    plain = tuple(
        {"key": row.key, "model": row.model, "calls": row.calls, "usd": to_plain(row.usd)}
        for row in rows
    )
    return Recomputed("cost", money(report.cost.usd), again, how, plain)


def _time(store: Store, report: Report) -> Recomputed:
    from unlit.review.rules.costs import elapsed_of

    stages = store.stages(report.run.id)
    how = "The union of the spans of all ended stages, the gate left out."
    plain = tuple(
        {"stage": row.key, "from": to_plain(row.started_at), "to": to_plain(row.ended_at)}
        for row in stages
    )
    said = duration(report.elapsed_s)
    return Recomputed("time", said, duration(elapsed_of(stages)), how, plain)


def _looks(store: Store, report: Report) -> Recomputed:
    rows = [row for row in store.looks() if row.spec_digest == report.run.spec_digest]
    how = f"Looks charged for the spec {report.run.spec_digest[:17]}, over all runs."
    plain = tuple(
        {"index": row.index, "run": row.run, "candidate": row.candidate, "verdict": row.verdict}
        for row in rows
    )
    return Recomputed("looks", str(report.looks.used), str(len(rows)), how, plain)


def _stored(name: str, how: str) -> Callable[[Store, Report], Recomputed]:
    def make(store: Store, report: Report) -> Recomputed:
        value = getattr(report, name)
        facts = {name: to_plain(value)}
        return Recomputed(name, "as stated below", None, how, facts=facts)

    return make


_MAKERS: Final[Mapping[str, Callable[[Store, Report], Recomputed]]] = {
    "satisfaction": _satisfaction,
    "sealed": _sealed,
    "criteria": _criteria,
    "claims": _claims,
    "cost": _cost,
    "time": _time,
    "looks": _looks,
    "strength": _stored("strength", "Measured by `unlit scenarios strength` on planted bugs."),
    "leaks": _stored("leaks", "Stated by the evaluator, each part at its worst over gradings."),
    "fence": _stored("fences", "Each fence's own report when it closed, in the record's stages."),
    "twins": _stored("twins", "The routes that the counted trajectories used, with their tiers."),
    "level": _stored("level", "From who wrote, who graded and who decided; never from a setting."),
}
