"""Count again what the evaluator's document states, from its single trajectories alone; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unlit.core.ids import CriterionId
from unlit.core.states import TrajectoryState
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.claims import ScenarioCount, claim_a, claim_b
from unlit.evaluation.rules.criteria import criterion_state
from unlit.evaluation.rules.intervals import anytime, clopper_pearson
from unlit.evaluation.rules.looks import claimable
from unlit.evaluation.rules.ship import ShipTest, start
from unlit.record.model import Trajectory
from unlit.review.model import CriterionLine, Report
from unlit.review.rules import reading
from unlit.review.rules.merging import evidence_words
from unlit.review.rules.reading import LEAK_PARTS, number, rows, table, whole
from unlit.review.rules.words import at_least, interval, percent


@dataclass(frozen=True, slots=True)
class Part:
    """One printed number: what the report says and what the rows give."""

    label: str
    said: str
    again: str

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return self.said == self.again


def ship_rule_of(document: Mapping[str, Any]) -> ShipRule | None:
    """Return the rule that a document was decided by."""
    found = table(document.get("ship"))
    values = [number(found.get(name)) for name in ("p0", "p1", "alpha", "beta")]
    known = [value for value in values if value is not None]
    if len(known) != 4:
        return None
    p0, p1, alpha, beta = known
    return ShipRule(p0, p1, alpha, beta, str(found.get("method") or "lr"))


def completed(document: Mapping[str, Any], kept: Sequence[Trajectory]) -> dict[str, Any]:
    """Return the document with each trajectory's criteria, which older documents leave out."""
    criteria = {row.number: list(row.criteria) for row in kept}
    made = []
    for row in rows(document.get("trajectories")):
        found = dict(table(row))
        found.setdefault("criteria", criteria.get(whole(found.get("n")) or 0, []))
        if _is_evidence(found) and found["state"] != TrajectoryState.SATISFIED.value:
            found["failed"] = found.get("failed") or found["criteria"]
        made.append(found)
    return {**document, "trajectories": made}


def drawn(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a document's trajectories in the order drawn."""
    found = [table(row) for row in rows(document.get("trajectories"))]
    return sorted(found, key=lambda row: whole(row.get("n")) or 0)


def ship_test_of(document: Mapping[str, Any]) -> ShipTest | None:
    """Run the ship rule again over a document's trajectories, tested where the grading tested."""
    rule = ship_rule_of(document)
    if rule is None:
        return None
    test = start(rule, alpha=number(table(document.get("looks")).get("alpha_effective")))
    sweep = _sweep(document) or 1
    for drawn_so_far, row in enumerate(drawn(document), start=1):
        if _is_evidence(row):
            test = test.after(row["state"] == TrajectoryState.SATISFIED.value, test=False)
        if drawn_so_far % sweep == 0:
            test = test.tested()
    return test


def _sweep(document: Mapping[str, Any]) -> int | None:
    return whole(table(document.get("satisfaction")).get("sweep"))


def _is_evidence(row: Mapping[str, Any]) -> bool:
    """Say whether a trajectory counts; one of a state that nobody knows does not."""
    state = row.get("state")
    return state in set(TrajectoryState) and TrajectoryState(state).is_evidence


def scenario_counts(document: Mapping[str, Any]) -> list[ScenarioCount]:
    """Return runs and satisfied runs per scenario, in the order first drawn."""
    seen: dict[str, list[bool]] = {}
    for row in drawn(document):
        if _is_evidence(row):
            held = row.get("state") == TrajectoryState.SATISFIED.value
            seen.setdefault(str(row.get("scenario")), []).append(held)
    return [ScenarioCount(name, len(r), sum(r), r[0]) for name, r in seen.items()]


def claims(document: Mapping[str, Any], report: Report, sealed: Mapping[str, Any]) -> list[Part]:
    """Make both claims again."""
    graded = report.graded
    test = ship_test_of(document)
    if graded is None or test is None:
        return []
    counts = scenario_counts(document)
    parts = []
    if graded.claim_a is not None:
        again = claim_a(test, scenarios=len(counts))
        parts += [
            Part("claim A", graded.claim_a.sentence, again.sentence),
            Part("claim A, rate", percent(graded.claim_a.estimate), percent(again.estimate)),
        ]
    about = (report.sealed or graded).claim_b
    base = sealed or document
    looked = ship_test_of(base)
    if about is not None and looked is not None:
        rule = looked.rule
        sweep = _sweep(base)
        again = claim_b(
            scenario_counts(base), rule, alpha=looked.alpha,
            whole_set=sweep is not None and len(drawn(base)) >= sweep,
        )  # fmt: skip
        parts += [
            Part("claim B", about.sentence, again.sentence),
            Part("claim B, rate", percent(about.estimate), percent(again.estimate)),
        ]
    return parts


def criteria(
    report: Report, document: Mapping[str, Any], sealed: Mapping[str, Any] | None
) -> list[Part]:
    """Count each criterion again, on both kinds of scenarios, and judge it again."""
    points = report.graded.points if report.graded is not None else ()
    again = reading.criteria_of(
        recounted(document), points, None if sealed is None else recounted(sealed)
    )
    found = {line.id: line for line in again}
    return [
        Part(line.id, _criterion(line), _criterion(found[line.id]) if line.id in found else "none")
        for line in report.criteria
    ]


def _criterion(line: CriterionLine) -> str:
    words = evidence_words(line, interval(line.lower, line.upper))
    if line.trajectories and line.sealed_trajectories:
        words += f", sealed {line.sealed_satisfied} of {line.sealed_trajectories}"
    against = ", ".join(str(n) for n in line.failures) or "none"
    return f"{line.state.value}: {words}; against it: {against}"


def recounted(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with each criterion's numbers made again from the trajectories."""
    rule = ship_rule_of(document) or ShipRule()
    made = []
    among = max(1, len(rows(document.get("criteria"))))  # as the evaluator judged them
    for item in rows(document.get("criteria")):
        stated = dict(table(item))
        name = CriterionId(str(stated.get("id")))
        mine = [
            row for row in drawn(document)
            if name in rows(row.get("criteria")) and _is_evidence(row)
        ]  # fmt: skip
        held = sum(
            name not in rows(row.get("failed"))
            and row.get("state") != TrajectoryState.HARNESS_FAULT.value
            for row in mine
        )
        between = anytime(held, len(mine), alpha=rule.alpha) if mine else None
        made.append(
            stated | {
                "trajectories": len(mine),
                "satisfied": held,
                "state": criterion_state(rule, len(mine), held, among=among).value,
                "estimate": held / len(mine) if mine else None,
                "lower": between.lower if between else None,
                "upper": between.upper if between else None,
            }
        )  # fmt: skip
    return {**document, "criteria": made}


def strength(report: Report, document: Mapping[str, Any]) -> list[Part]:
    """Make the interval of the planted bugs again from their number."""
    line = report.strength
    if line is None or not line.mutants or line.killed is None:
        return []
    found = table(document.get("strength"))
    killed, mutants = whole(found.get("killed")) or 0, whole(found.get("mutants")) or 0
    between = clopper_pearson(killed, mutants)
    said = f"{line.killed} of {line.mutants} {interval(line.lower, line.upper)}"
    parts = [
        Part("planted bugs caught", said,
             f"{killed} of {mutants} {interval(between.lower, between.upper)}")
    ]  # fmt: skip
    if line.void is not None:
        parts.append(Part("void", str(line.void), str(len(rows(found.get("void"))))))
    return parts


def leaks(report: Report, documents: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Take each part of the leak proof at its worst again."""
    if report.leaks is None:
        return []
    parts = []
    for name in LEAK_PARTS:
        stated = [table(document.get("leaks")).get(name) for document in documents]
        known = [str(value) for value in stated if value is not None]
        worst = next((value for value in known if value != "held"), known[0] if known else None)
        said = report.leaks.parts.get(name)
        parts.append(Part(name, said or "not exercised", worst or "not exercised"))
    return parts


def looks(report: Report, charged: int, sealed: Mapping[str, Any] | None) -> list[Part]:
    """Count the looks again, and what is still claimable."""
    line = report.looks
    parts = [Part("looks used", str(line.used), str(charged))]
    if sealed is None:
        return parts
    scenarios = len({row.get("scenario") for row in drawn(sealed)})
    rule = ship_rule_of(sealed) or ShipRule()
    if line.claimable is not None:
        level = 2.0 ** (line.bits or 0.0)
        again = claimable(scenarios, level, alpha=rule.alpha)
        parts.append(Part("claimable now", at_least(line.claimable), at_least(again)))
    alpha = report.rule.alpha if report.rule else 0.05
    for place, bound in enumerate(line.bounds, start=1):
        again = claimable(scenarios, place, alpha=alpha)
        parts.append(Part(f"bound at look {place}", at_least(bound), at_least(again)))
    return parts


def twins(report: Report, documents: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Count calls and routes of each twin again."""
    routes: dict[str, dict[str, str]] = {}
    calls: dict[str, int] = {}
    for document in documents:
        for row in drawn(document):
            for item in rows(row.get("twin_routes")):
                used = table(item)
                service = str(used.get("service"))
                routes.setdefault(service, {})[str(used.get("route"))] = str(used.get("tier"))
                calls[service] = calls.get(service, 0) + (whole(used.get("count")) or 1)
    parts = []
    for line in report.twins:
        tiers = sorted(routes.get(line.service, {}).values())
        said = sorted(name for name, n in line.tiers.items() for _ in range(n))
        parts.append(
            Part(
                line.service,
                f"{line.calls} calls, {line.routes} routes: {', '.join(said)}",
                f"{calls.get(line.service, 0)} calls, {len(tiers)} routes: {', '.join(tiers)}",
            )
        )
    return parts
