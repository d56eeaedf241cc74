"""Read the evaluator's document (`unlit.evaluation/1`) as it lies in the record; never raises.

The record keeps documents of older versions, so each field is read for itself: what is missing is
unknown, not zero.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from unlit.core.ids import CandidateId, CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict
from unlit.evaluation.rules.intervals import anytime
from unlit.evaluation.rules.looks import claimable
from unlit.evaluation.rules.vetoes import stop_words, vetoes
from unlit.record.model import Evaluation, Look, RunEvent, Trajectory
from unlit.review.model import (
    ClaimLine,
    CriterionLine,
    Gap,
    Graded,
    LeakLine,
    LookLine,
    Point,
    Rule,
    StrengthLine,
    TwinLine,
)
from unlit.review.rules.merging import is_stale, merge_criteria

_LOOKS_SHOWN = 8
LEAK_PARTS = ("probe", "canaries", "control", "literals", "freshness")


def table(value: Any) -> Mapping[str, Any]:
    """Return a table, or an empty one when it is none."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> Sequence[Any]:
    """Return a list, or an empty one when it is none."""
    return value if isinstance(value, list | tuple) else ()


def number(value: Any) -> float | None:
    """Return a number, or `None` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """Return a whole number, or `None` when it is none."""
    found = number(value)
    return None if found is None else int(found)


def rule_of(document: Mapping[str, Any], settings: Mapping[str, Any]) -> Rule | None:
    """Return the ship rule that was applied; of the document, else of the run's request."""
    found = table(document.get("ship")) or table(settings.get("ship"))
    values = [number(found.get(name)) for name in ("p0", "p1", "alpha", "beta")]
    known = [value for value in values if value is not None]
    if len(known) != 4:
        return None
    p0, p1, alpha, beta = known
    return Rule(p0, p1, alpha, beta, str(found.get("method") or "lr"))


def points_of(trajectories: Iterable[Trajectory], alpha: float) -> tuple[Point, ...]:
    """Return where satisfaction stood after each counted trajectory, recomputed from the rows.

    `not_exercised` counts for nothing.
    """
    done: list[Point] = []
    counted = satisfied = 0
    for row in trajectories:
        if row.state.is_evidence:
            counted += 1
            satisfied += row.state is TrajectoryState.SATISFIED
        if not counted:
            done.append(Point(row.number, row.scenario, row.state, criteria=row.criteria))
            continue
        found = anytime(satisfied, counted, alpha=alpha)
        share = satisfied / counted
        done.append(
            Point(
                row.number, row.scenario, row.state, share, found.lower, found.upper, row.criteria
            )
        )
    return tuple(done)


def graded_of(
    evaluation: Evaluation, trajectories: Sequence[Trajectory], rule: Rule | None
) -> Graded:
    """Return one grading from its row, its document and its trajectories."""
    document = evaluation.document
    satisfaction = table(document.get("satisfaction"))
    failed = {
        whole(table(row).get("n")): tuple(
            CriterionId(str(item)) for item in rows(table(row).get("failed"))
        )
        for row in rows(document.get("trajectories"))
    }
    points = tuple(
        point if not failed.get(point.n) else _with_failed(point, failed[point.n])
        for point in points_of(trajectories, rule.alpha if rule else 0.05)
    )
    states = [row.state for row in trajectories]
    counted = sum(state.is_evidence for state in states)
    return Graded(
        candidate=evaluation.candidate,
        partition=evaluation.partition,
        verdict=evaluation.verdict,
        trajectories=counted if states else evaluation.trajectories,
        satisfied=evaluation.satisfied,
        faults=states.count(TrajectoryState.HARNESS_FAULT),
        estimate=evaluation.estimate,
        lower=evaluation.lower,
        upper=evaluation.upper,
        method=str(satisfaction.get("method") or "not stated"),
        e_value=number(satisfaction.get("e_value")),
        e_value_against=number(satisfaction.get("e_value_against")),
        claim_a=_claim(satisfaction.get("claim_a")),
        claim_b=_claim(satisfaction.get("claim_b")),
        pass_hat={
            str(k): found
            for k, value in table(satisfaction.get("pass_hat")).items()
            if (found := number(value)) is not None
        },
        points=points,
        warnings=tuple(str(item) for item in rows(document.get("warnings"))),
        vetoes=vetoes(document),
        stopped_by="" if evaluation.verdict is Verdict.SHIP else stop_words(document),
    )


def live_of(events: Iterable[RunEvent], graded: Collection[CandidateId]) -> Graded | None:
    """Return the grading that is going on, from its events; `None` when none is.

    Args:
        events: Events of the run, in order.
        graded: Candidates whose grading has ended.
    """
    rows: dict[int, Point] = {}
    candidate: CandidateId | None = None
    counts = (0, 0)
    for event in events:
        if event.kind != "trajectory" or event.stage != "validate" or event.candidate is None:
            continue
        if event.candidate in graded:
            continue
        if event.candidate != candidate:
            candidate, rows = event.candidate, {}
        n, state = whole(event.data.get("n")), str(event.data.get("state"))
        if n is None or state not in set(TrajectoryState):
            continue
        rows[n] = Point(
            n,
            ScenarioId(str(event.data.get("scenario") or "")),
            TrajectoryState(state),
            number(event.data.get("estimate")),
            number(event.data.get("lower")),
            number(event.data.get("upper")),
        )
        counts = (whole(event.data.get("satisfied")) or 0, whole(event.data.get("total")) or 0)
    if candidate is None or not rows:
        return None
    points = tuple(rows[n] for n in sorted(rows))
    last = points[-1]
    return Graded(
        candidate=candidate,
        partition=Partition.VALIDATION,
        verdict=Verdict.UNDECIDED,
        trajectories=counts[1],
        satisfied=counts[0],
        faults=sum(p.state is TrajectoryState.HARNESS_FAULT for p in points),
        estimate=last.estimate,
        lower=last.lower,
        upper=last.upper,
        method="live",
        points=points,
    )


def _with_failed(point: Point, failed: tuple[CriterionId, ...]) -> Point:
    return Point(
        point.n,
        point.scenario,
        point.state,
        point.estimate,
        point.lower,
        point.upper,
        point.criteria,
        failed,
    )


def _claim(value: Any) -> ClaimLine | None:
    found = table(value)
    if not found:
        return None
    holds = found.get("holds")
    return ClaimLine(
        holds=holds if isinstance(holds, bool) else None,
        estimate=number(found.get("estimate")),
        lower=number(found.get("lower")),
        n=whole(found.get("n")),
        sentence=str(found.get("sentence") or ""),
    )


def criteria_of(
    document: Mapping[str, Any],
    points: Sequence[Point],
    sealed: Mapping[str, Any] | None = None,
) -> tuple[CriterionLine, ...]:
    """Return the criteria as both gradings state them, with the numbers of their failures."""
    lines = tuple(_criterion(table(item), points) for item in rows(document.get("criteria")))
    if sealed is None:
        return lines
    looked = [_criterion(table(item), ()) for item in rows(sealed.get("criteria"))]
    return merge_criteria(lines, looked)


def gaps_of(
    documents: Sequence[Mapping[str, Any]],
    criteria: Sequence[CriterionLine],
    *,
    looked: bool,
    asked: frozenset[CriterionId],
    proof: int | None = None,
) -> tuple[Gap, ...]:
    """Return what was not verified; what the criteria table says of itself is said once.

    Args:
        documents: The evaluator's documents of one candidate.
        criteria: Its criteria.
        looked: Whether sealed scenarios were looked at, so that no document denies it.
        asked: Criteria that a person is asked about.
        proof: Tries without a failure that prove one criterion alone, when the rule is known.
    """
    said = dict.fromkeys(
        str(item) for document in documents for item in rows(document.get("not_verified"))
    )
    by_id = {line.id: line for line in criteria}
    gaps: dict[str, Gap] = {}
    unsure: dict[CriterionId, None] = {}
    for sentence in said:
        line = by_id.get(CriterionId(sentence.split(" ", 1)[0]))
        if looked and sentence.startswith("No sealed scenario"):
            continue
        if line is not None and is_stale(sentence, line):
            continue
        if line is None:
            gaps[sentence] = Gap("not_exercised", sentence)
        elif line.state is CriterionState.UNDECIDED and not line.asks:
            unsure[line.id] = None
        else:
            kind = "asks" if line.id in asked else line.state.value
            gaps.setdefault(line.id, Gap(kind, sentence))
    found = sorted(gaps.values(), key=lambda gap: gap.kind == "asks")
    return (*found, *_unsure([by_id[name] for name in unsure], proof))


def _unsure(lines: Sequence[CriterionLine], proof: int | None) -> list[Gap]:
    """Say what too few tries mean, and what to do about it."""
    held = [str(line.id) for line in lines if line.standing == "held"]
    mixed = [str(line.id) for line in lines if line.standing != "held"]
    gaps = []
    if held:
        needed = f"the {proof} without a failure" if proof else "the number"
        gaps.append(
            f"{', '.join(held)}: every try held, but they were fewer than {needed} that would "
            f"prove one criterion alone. The verdict speaks for all criteria together; "
            f"`unlit evaluate … --only SCENARIO` tries one alone."
        )
    if mixed:
        gaps.append(f"{', '.join(mixed)} alone: tried too few times for a yes or a no.")
    return [Gap("undecided", text) for text in gaps]


def _criterion(found: Mapping[str, Any], points: Sequence[Point]) -> CriterionLine:
    name = CriterionId(str(found.get("id", "?")))
    stands = table(found.get("independence"))
    state = str(found.get("state"))
    failures = [
        point.n
        for point in points
        if point.state.is_against and name in (point.failed or point.criteria)
    ]
    source = stands.get("source")
    tier = found.get("tier")
    return CriterionLine(
        id=name,
        text=str(found.get("text") or ""),
        state=(
            CriterionState(state) if state in set(CriterionState) else CriterionState.NOT_EXERCISED
        ),
        trajectories=whole(found.get("trajectories")) or 0,
        satisfied=whole(found.get("satisfied")) or 0,
        estimate=number(found.get("estimate")),
        lower=number(found.get("lower")),
        upper=number(found.get("upper")),
        source=None if source is None else str(source),
        ceiling=str(stands.get("ceiling") or "not stated"),
        asks=bool(stands.get("for_people")),
        authors={str(k): str(v) for k, v in table(stands.get("authors")).items()},
        families=tuple(str(item) for item in rows(stands.get("families"))),
        scenarios=tuple(ScenarioId(str(item)) for item in rows(found.get("scenarios"))),
        failures=tuple(failures),
        tier=None if tier is None else str(tier),
    )


def strength_of(document: Mapping[str, Any]) -> StrengthLine | None:
    """Return the strength of the scenario set; `None` when the document says nothing."""
    found = table(document.get("strength"))
    if not found:
        return None
    between = table(found.get("interval"))
    void, idle = found.get("void"), found.get("idle")
    return StrengthLine(
        mutants=whole(found.get("mutants")),
        killed=whole(found.get("killed")),
        lower=number(between.get("lower")),
        upper=number(between.get("upper")),
        void=len(rows(void)) if isinstance(void, list | tuple) else None,
        idle=len(rows(idle)) if isinstance(idle, list | tuple) else None,
        sentence=str(found.get("sentence") or ""),
    )


def leaks_of(documents: Sequence[Mapping[str, Any]]) -> LeakLine | None:
    """Return the leak proof over all gradings of the candidate: each part at its worst."""
    found = [leaks for document in documents if (leaks := table(document.get("leaks")))]
    if not found:
        return None
    parts: dict[str, str | None] = {}
    for name in LEAK_PARTS:
        values = [str(leaks[name]) for leaks in found if leaks.get(name) is not None]
        worse = [value for value in values if value != "held"]
        parts[name] = worse[0] if worse else (values[0] if values else None)
    details = [str(item) for leaks in found for item in rows(leaks.get("details"))]
    return LeakLine(parts, tuple(dict.fromkeys(details)))


def looks_of(
    document: Mapping[str, Any] | None, charged: Sequence[Look], scenarios: int, alpha: float
) -> LookLine:
    """Return how many looks were charged for this spec and what is still claimable."""
    found = table((document or {}).get("looks"))
    bounds = tuple(claimable(scenarios, look, alpha=alpha) for look in range(1, _LOOKS_SHOWN + 1))
    return LookLine(
        used=len(charged),
        index=whole(found.get("index")),
        bits=number(found.get("bits")),
        claimable=number(found.get("claimable")),
        sentence=str(found.get("sentence") or ""),
        bounds=bounds if scenarios else (),
    )


def twins_of(documents: Sequence[Mapping[str, Any]]) -> tuple[TwinLine, ...]:
    """Return which twin routes the verdict rests on, with their tiers."""
    seen: dict[str, dict[str, str]] = {}
    calls: dict[str, int] = {}
    recorded: dict[str, dict[str, int]] = {}
    dates: dict[str, str] = {}
    for document in documents:
        for row in rows(document.get("trajectories")):
            for item in rows(table(row).get("twin_routes")):
                route = table(item)
                service = str(route.get("service") or "?")
                name = str(route.get("route") or "?")
                seen.setdefault(service, {})[name] = str(route.get("tier") or "not measured")
                calls[service] = calls.get(service, 0) + (whole(route.get("count")) or 1)
                measured = table(route.get("measured"))
                if measured:
                    recorded.setdefault(service, {})[name] = whole(measured.get("n")) or 0
                    dates[service] = max(dates.get(service, ""), str(measured.get("date") or ""))
    lines = []
    for service in sorted(seen):
        tiers: dict[str, int] = {}
        for tier in seen[service].values():
            tiers[tier] = tiers.get(tier, 0) + 1
        said = ""
        if service in dates:
            said = f"{dates[service]}, on {sum(recorded[service].values())} recorded calls"
        lines.append(TwinLine(service, len(seen[service]), calls[service], tiers, said))
    return tuple(lines)


def judged_words(documents: Sequence[Mapping[str, Any]], run: str) -> dict[str, str]:
    """Return, by criterion, why a person is asked where a judge looked and does not count yet."""
    said: dict[str, str] = {}
    for document in documents:
        for item in rows(document.get("judges")):
            card = table(item)
            if not card.get("inference"):
                said[str(card.get("criterion"))] = (
                    "A model judged its runs, which decides nothing until people have labelled "
                    f"some, drawn by chance: `unlit scenarios label --run {run}`."
                )
    return said
