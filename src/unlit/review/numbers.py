"""Recompute each number of a report from the record's rows, and say whether it agrees."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from unlit.core.errors import UsageError
from unlit.core.states import Partition, TrajectoryState
from unlit.evaluation.rules.intervals import anytime
from unlit.record.store import Store
from unlit.review import recounting
from unlit.review.model import Graded, Report, to_plain
from unlit.review.recounting import Part
from unlit.review.rules.costs import elapsed_of
from unlit.review.rules.sayings import rule_words
from unlit.review.rules.words import duration, interval, money, percent
from unlit.review.service import level_for


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The numbers of one section, recomputed.

    Attributes:
        parts: Each printed number with what the rows give.
        how: One line a person can follow.
        rows: What it was computed from.
    """

    name: str
    parts: tuple[Part, ...]
    how: str
    rows: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """Whether all are the same; `None` when the report prints none."""
        return all(part.agrees for part in self.parts) if self.parts else None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        plain = to_plain(self)
        for part, found in zip(plain["parts"], self.parts, strict=True):
            part["agrees"] = found.agrees
        return {"schema": "unlit.number/2", "agrees": self.agrees, **plain}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What numbers are recomputed from.

    Attributes:
        closed: Fields of the run's ``fence.close`` entries with stage and role, from audit logs.
    """

    store: Store
    report: Report
    closed: tuple[Mapping[str, Any], ...] = ()

    def document(self, partition: Partition) -> Mapping[str, Any] | None:
        """Return the evaluator's document of the candidate on one kind of scenarios."""
        graded = self.report.graded
        if graded is None:
            return None
        found = self.store.evaluation(self.report.run.id, graded.candidate, partition)
        if found is None:
            return None
        kept = self.store.trajectories(self.report.run.id, graded.candidate, partition)
        return recounting.completed(found.document, kept)

    @property
    def main(self) -> Mapping[str, Any]:
        """The document the report rests on."""
        graded = self.report.graded
        return {} if graded is None else self.document(graded.partition) or {}

    @property
    def documents(self) -> list[Mapping[str, Any]]:
        """All documents of the candidate."""
        order = (Partition.VALIDATION, Partition.SEALED, Partition.VISIBLE)
        return [found for name in order if (found := self.document(name)) is not None]


def recompute(
    store: Store, report: Report, name: str, closed: Iterable[Mapping[str, Any]] = ()
) -> Recomputed:
    """Recompute the numbers of the section of that name.

    Raises:
        UsageError: No section has that name.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        raise UsageError(
            "REV-024",
            f"{name!r} names no number of the report.",
            "each section of the report prints its own command.",
            f"use one of: {', '.join(_MAKERS)}.",
        )
    return maker(Evidence(store, report, tuple(closed)))


def _satisfaction(of: Evidence) -> Recomputed:
    report = of.report
    parts, rows = _share(of, report.graded)
    test = recounting.ship_test_of(of.main)
    graded = report.graded
    if test is not None and test.n and graded is not None and graded.e_value is not None:
        parts.append(Part("evidence", f"{graded.e_value:.4g}", f"{test.e_value:.4g}"))
        parts.append(Part("decision", graded.verdict.value, test.decision.value))
    for line in report.candidates:
        if line.graded is not None:
            for part in _share(of, line.graded)[0]:
                parts.append(Part(f"candidate {line.number}, {part.label}", part.said, part.again))
    alpha = report.rule.alpha if report.rule else 0.05
    how = (
        f"Counted trajectories in the order drawn; the interval is the beta-mixture confidence "
        f"sequence at alpha {alpha:g}, the evidence the ship rule's. {rule_words(report)}"
    )
    return Recomputed("satisfaction", tuple(parts), how, rows)


def _sealed(of: Evidence) -> Recomputed:
    parts, rows = _share(of, of.report.sealed)
    how = "Counted sealed trajectories; a sealed set is looked at once and paid for."
    return Recomputed("sealed", tuple(parts), how, rows)


def _share(of: Evidence, graded: Graded | None) -> tuple[list[Part], tuple[Mapping[str, Any], ...]]:
    if graded is None:
        return [], ()
    rows = of.store.trajectories(of.report.run.id, graded.candidate, graded.partition)
    good = sum(row.state is TrajectoryState.SATISFIED for row in rows)
    counted = sum(row.state.is_evidence for row in rows)
    faults = sum(row.state is TrajectoryState.HARNESS_FAULT for row in rows)
    alpha = of.report.rule.alpha if of.report.rule else 0.05
    found = anytime(good, counted, alpha=alpha) if counted else None
    share = good / counted if counted else None
    parts = [
        Part("satisfied", f"{graded.satisfied} of {graded.trajectories}", f"{good} of {counted}"),
        Part("rate", percent(graded.estimate), percent(share)),
        Part("interval", interval(graded.lower, graded.upper),
             interval(found.lower if found else None, found.upper if found else None)),
        Part("harness faults", str(graded.faults), str(faults)),
    ]  # fmt: skip
    plain = tuple(
        {"n": row.number, "scenario": row.scenario, "seed": row.seed, "state": row.state.value}
        for row in rows
    )
    return parts, plain


def _criteria(of: Evidence) -> Recomputed:
    parts = recounting.criteria(of.report, of.main, of.document(Partition.SEALED))
    how = (
        "For each criterion the trajectories that name it, those that speak against it, the "
        "interval and the state by the same rule, on validation and on sealed scenarios."
    )
    return Recomputed("criteria", tuple(parts), how)


def _claims(of: Evidence) -> Recomputed:
    sealed = of.document(Partition.SEALED) if of.report.sealed is not None else None
    parts = recounting.claims(of.main, of.report, sealed or {})
    how = "Claim A takes trajectories as the unit, claim B scenarios, sealed ones where looked at."
    return Recomputed("claims", tuple(parts), how)


def _cost(of: Evidence) -> Recomputed:
    rows = of.store.costs(run=of.report.run.id)
    known = [row.usd for row in rows if row.usd is not None]
    cost = of.report.cost
    calls = sum(row.calls for row in rows)
    unpriced = sum(row.calls for row in rows if row.usd is None)
    parts = [
        Part("dollars", money(cost.usd), money(sum(known, Decimal(0)) if known or not rows else
                                               None)),
        Part("calls", str(cost.calls), str(calls)),
        Part("calls without a price", str(cost.unpriced), str(unpriced)),
        Part("tokens", str(cost.tokens), str(sum(r.input_tokens + r.output_tokens for r in rows))),
    ]  # fmt: skip
    for model, usd in cost.by_model.items():
        mine = [row.usd for row in rows if model in (f"{row.provider}/{row.model}", row.model)]
        priced = [value for value in mine if value is not None]
        parts.append(Part(model, money(usd), money(sum(priced, Decimal(0)) if priced else None)))
    parts += _forecasts(of)
    plain = tuple(
        {"key": row.key, "model": row.model, "calls": row.calls, "usd": to_plain(row.usd)}
        for row in rows
    )
    how = f"The sum of {len(known)} priced rows of {len(rows)}."
    return Recomputed("cost", tuple(parts), how, plain)


def _forecasts(of: Evidence) -> list[Part]:
    stated = {
        (row.measure, row.source, row.by): row
        for row in of.store.forecasts(of.report.run.id)
    }  # fmt: skip
    parts = []
    for line in of.report.forecasts:
        row = stated.get((line.measure, line.source, line.by))
        said = f"{line.low} {line.middle} {line.high}, came {line.actual}"
        again = "none" if row is None else f"{row.low} {row.middle} {row.high}, came {row.actual}"
        parts.append(Part(f"forecast of {line.measure} by {line.by}", said, again))
    return parts


def _time(of: Evidence) -> Recomputed:
    stages = of.store.stages(of.report.run.id)
    plain = tuple(
        {"stage": row.key, "from": to_plain(row.started_at), "to": to_plain(row.ended_at)}
        for row in stages
    )
    part = Part("at work", duration(of.report.elapsed_s), duration(elapsed_of(stages)))
    how = "The union of the spans of all ended stages, the gate left out."
    return Recomputed("time", (part,), how, plain)


def _looks(of: Evidence) -> Recomputed:
    digest = of.report.run.spec_digest
    rows = [row for row in of.store.looks() if row.spec_digest == digest]
    sealed = of.document(Partition.SEALED) if of.report.sealed is not None else None
    plain = tuple(
        {"index": row.index, "run": row.run, "candidate": row.candidate, "verdict": row.verdict}
        for row in rows
    )
    how = f"Looks charged for the spec {digest[:17]}, over all runs; the bound is (alpha/R)^(1/n)."
    parts = recounting.looks(of.report, len(rows), sealed)
    return Recomputed("looks", tuple(parts), how, plain)


def _strength(of: Evidence) -> Recomputed:
    how = "Planted bugs that were reached, those that a scenario noticed, Clopper-Pearson."
    return Recomputed("strength", tuple(recounting.strength(of.report, of.main)), how)


def _leaks(of: Evidence) -> Recomputed:
    how = "Each part of the proof at its worst over the candidate's gradings."
    return Recomputed("leaks", tuple(recounting.leaks(of.report, of.documents)), how)


def _twins(of: Evidence) -> Recomputed:
    how = "The routes that the drawn trajectories used, with their tiers."
    return Recomputed("twins", tuple(recounting.twins(of.report, of.documents)), how)


def _fence(of: Evidence) -> Recomputed:
    sums: dict[tuple[str, str], list[int]] = {}
    for row in of.closed:
        key = (str(row.get("stage")).partition("/")[0], str(row.get("role")))
        found = sums.setdefault(key, [0, 0, 0])
        found[0] += 1
        found[1] += int(row.get("exchanges") or 0)
        found[2] += int(row.get("denied") or 0)
    parts = []
    for line in of.report.fences:
        said = f"{line.fences} fences, {line.exchanges} let through, {line.denied} denied"
        again = said
        if of.closed:
            fences, exchanges, denied = sums.get((line.stage, line.role), [0, 0, 0])
            again = f"{fences} fences, {exchanges} let through, {denied} denied"
        else:
            again = _stage_fence(of, line.stage, line.candidate)
        parts.append(Part(f"{line.stage} {line.role}", said, again))
    how = "Every fence's own entry when it closed, in the audit logs of the run."
    return Recomputed("fence", tuple(parts), how, of.closed)


def _stage_fence(of: Evidence, stage: str, candidate: str | None) -> str:
    for row in of.store.stages(of.report.run.id):
        fence = row.facts.get("fence")
        if row.name == stage and row.candidate == candidate and isinstance(fence, Mapping):
            return f"1 fences, {fence.get('exchanges')} let through, {fence.get('denied')} denied"
    return "none"


def _level(of: Evidence) -> Recomputed:
    again = level_for(of.store, of.store.find_run(of.report.run.id))
    parts = [
        Part("level", of.report.level.sentence, again.sentence),
        Part("evidence", "; ".join(of.report.level.evidence), "; ".join(again.evidence)),
    ]
    how = "From who wrote, who graded and who decided; never from a setting."
    return Recomputed("level", tuple(parts), how)


_MAKERS: Final[Mapping[str, Callable[[Evidence], Recomputed]]] = {
    "satisfaction": _satisfaction,
    "sealed": _sealed,
    "criteria": _criteria,
    "claims": _claims,
    "cost": _cost,
    "time": _time,
    "looks": _looks,
    "strength": _strength,
    "leaks": _leaks,
    "fence": _fence,
    "twins": _twins,
    "level": _level,
}
