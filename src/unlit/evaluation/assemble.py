"""From what was counted to the result that is published: ids, labels and numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import TrajectoryState
from unlit.evaluation.labels import JudgedRuns, with_judges
from unlit.evaluation.model import (
    CriterionResult,
    EvaluationRequest,
    EvaluationResult,
    Independence,
    Leaks,
    Looks,
    Satisfaction,
    Separation,
    Strength,
    TrajectoryRecord,
)
from unlit.evaluation.records import JUDGED
from unlit.evaluation.rules.claims import ScenarioCount, claim_a, claim_b, pass_hats
from unlit.evaluation.rules.criteria import CriterionCount, criterion_result
from unlit.evaluation.rules.feedback import coarse
from unlit.evaluation.rules.independence import Facts, ScenarioFacts, Writer, independence
from unlit.evaluation.rules.ship import method_of
from unlit.evaluation.rules.verdict import Decision, Evidence, decide, not_verified
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.service import Counted
from unlit.evaluation.spec import SpecFacts
from unlit.evaluation.vault import Vault
from unlit.twins.fidelity.tiers import WEAKEST_FIRST


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else belongs in the verdict."""

    leaks: Leaks = field(default_factory=Leaks)
    looks: Looks = field(default_factory=Looks)
    strength: Strength = field(default_factory=Strength)
    weak: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    not_verified: tuple[str, ...] = ()
    broken_invariants: tuple[str, ...] = ()
    invariants: tuple[Mapping[str, Any], ...] = ()
    pack: Mapping[str, Any] | None = None
    needs_leak_proof: bool = False
    judge: str | None = None
    judge_family: str | None = None
    separation: Separation = field(default_factory=Separation)


def assemble(
    request: EvaluationRequest,
    spec: SpecFacts,
    vault: Vault,
    counted: Counted,
    around: Circumstances,
) -> EvaluationResult:
    """Return the published result; ids, labels and numbers only."""
    counts = scenario_counts(counted.records)
    criteria = criterion_results(request, spec, counted)
    runs = JudgedRuns(
        around.judge or "no judge", around.judge_family, counted.judged, counted.key
    )  # fmt: skip
    gated = with_judges(criteria, runs, vault.root, request.ship)
    criteria = gated.results
    around = replace(around, not_verified=(*around.not_verified, *gated.sentences))
    decision = _decide(counted, criteria, around, gated.gated)
    return EvaluationResult(
        verdict=decision.verdict,
        reason=decision.reason,
        base=request.base_commit,
        tree=request.tree,
        satisfaction=satisfaction(request, counted, counts),
        criteria=criteria,
        strength=around.strength,
        leaks=_with_freshness(around.leaks, counted),
        looks=around.looks,
        trajectories=counted.records,
        not_verified=not_verified(
            criteria,
            around.strength,
            around.leaks,
            around.looks,
            extra=_more(request, counted, around),
        ),
        feedback=coarse(criteria, request.partition),
        partition=request.partition,
        ship=request.ship,
        seed=request.seed,
        spec_digest=spec.digest,
        vault_digest=vault.digest or None,
        warnings=around.warnings,
        invariants=around.invariants,
        pack=around.pack,
        separation=around.separation,
        judges=gated.cards,
        unexercised=tuple(_unexercised(counted)),
        unpaid=counted.unpaid,
    )


def _decide(
    counted: Counted,
    criteria: tuple[CriterionResult, ...],
    around: Circumstances,
    judged: tuple[CriterionId, ...],
) -> Decision:
    evidence = Evidence(
        test=counted.test,
        criteria=criteria,
        leaks=_with_freshness(around.leaks, counted),
        drawn=len(counted.records),
        broken_invariants=around.broken_invariants,
        harness_broken=counted.broken,
        needs_leak_proof=around.needs_leak_proof,
        unexercised=tuple(_unexercised(counted)),
        judged=judged,
        unpaid=counted.unpaid,
    )
    return decide(evidence)


def _with_freshness(leaks: Leaks, counted: Counted) -> Leaks:
    found = counted.freshness
    if found is None:
        return leaks
    sentence = (
        f"Freshness: of {found.pairs} scenarios {found.known_better} did better and "
        f"{found.fresh_better} worse with values that may be known."
    )
    state = "suspicious" if found.is_suspicious else "held"
    return replace(leaks, freshness=state, details=(*leaks.details, sentence))


def _unexercised(counted: Counted) -> list[str]:
    drawn = {
        str(record.scenario)
        for record in counted.records
        if record.state is TrajectoryState.NOT_EXERCISED
        and not all(label.startswith(f"{JUDGED} ") for label in record.reasons)
    }
    return sorted({*drawn, *counted.base.void, *counted.base.not_exercised})


def scenario_counts(records: Iterable[TrajectoryRecord]) -> tuple[ScenarioCount, ...]:
    """Return runs and satisfied runs per scenario, in the order first drawn."""
    runs: dict[str, list[bool]] = {}
    for record in records:
        if not record.state.is_evidence:
            continue
        runs.setdefault(record.scenario, []).append(record.state is TrajectoryState.SATISFIED)
    return tuple(ScenarioCount(name, len(seen), sum(seen), seen[0]) for name, seen in runs.items())


def satisfaction(
    request: EvaluationRequest, counted: Counted, counts: Sequence[ScenarioCount]
) -> Satisfaction:
    """Return the satisfaction rate with both claims."""
    test = counted.test
    interval = test.interval if test.n else None
    return Satisfaction(
        estimate=test.estimate,
        lower=None if interval is None else interval.lower,
        upper=None if interval is None else interval.upper,
        method=f"{method_of(request.ship)}, {counted.sampling}; "
        f"interval: {'none' if interval is None else interval.method}",
        claim_a=claim_a(test, scenarios=len(counts)),
        claim_b=claim_b(
            counts,
            request.ship,
            alpha=test.alpha,
            whole_set=counted.sweep is not None and len(counted.records) >= counted.sweep,
        ),
        sweep=counted.sweep,
        e_value=test.e_value if test.n else None,
        e_value_against=test.e_value_against if test.n else None,
        trajectories=test.n,
        satisfied=test.satisfied,
        pass_hat=pass_hats(counts),
    )


def criterion_results(
    request: EvaluationRequest, spec: SpecFacts, counted: Counted
) -> tuple[CriterionResult, ...]:
    """Return one result for each criterion of the spec, in its order."""
    results = []
    for name, text in spec.criteria.items():
        about = tuple(s for s in counted.scenarios if name in _criteria_of(s))
        records = [
            record
            for record in (*counted.records, *counted.settled)
            if name in record.criteria and record.state.is_evidence
        ]
        satisfied = sum(
            name not in record.failed and record.state is not TrajectoryState.HARNESS_FAULT
            for record in records
        )
        count = CriterionCount(
            name, text, tuple(scenario.id for scenario in about), len(records), satisfied,
            _tier(records),
        )  # fmt: skip
        results.append(
            criterion_result(
                count,
                request.ship,
                independence_of(about, records, request, spec, name, judged=_judged(counted, name)),
                among=len(spec.criteria),  # so that one failure in many criteria is no verdict
            )
        )
    return tuple(results)


def _judged(counted: Counted, criterion: CriterionId) -> frozenset[ScenarioId]:
    runs = counted.judged.get(criterion, {})
    return frozenset(record.scenario for record in counted.records if record.n in runs)


def _criteria_of(scenario: Scenario) -> set[CriterionId]:
    named = {name for check in scenario.then for name in check.criterion}
    return named | set(scenario.criteria)


def _tier(records: Sequence[TrajectoryRecord]) -> str | None:
    tiers = {str(route["tier"]) for record in records for route in record.twin_routes}
    return ", ".join(sorted(tiers)) or None


def independence_of(
    scenarios: Sequence[Scenario],
    records: Sequence[TrajectoryRecord],
    request: EvaluationRequest,
    spec: SpecFacts,
    criterion: CriterionId,
    *,
    judged: frozenset[ScenarioId] = frozenset(),
) -> Independence:
    """Return who stands behind the check of one criterion."""
    exercised = {record.scenario for record in records} | judged
    facts = Facts(
        criterion=criterion,
        criterion_author=Writer("person", spec.owner),
        scenarios=tuple(
            ScenarioFacts(
                id=scenario.id,
                oracle=scenario.oracle,
                author=Writer(scenario.author.by, scenario.author.name, scenario.author.family),
                tier=_lowest_tier(records, scenario.id),
                services=tuple(sorted(scenario.given.twins)),
                judged=any(check.kind == "judge" for check in scenario.then),
                exercised=scenario.id in exercised,
            )
            for scenario in scenarios
        ),
        code=tuple(Writer("model", family=family) for family in request.coder_families),
        judge=_judge_writer(request),
    )
    return independence(facts)


def _judge_writer(request: EvaluationRequest) -> Writer | None:
    options = request.options.get("judge")
    if not options:
        return None
    return Writer("model", str(options.get("model", options["name"])), options.get("provider"))


def _lowest_tier(records: Sequence[TrajectoryRecord], scenario: str) -> str | None:
    tiers = {
        str(route["tier"])
        for record in records
        if record.scenario == scenario
        for route in record.twin_routes
    }
    return next((tier for tier in WEAKEST_FIRST if tier in tiers), None)


def _more(request: EvaluationRequest, counted: Counted, around: Circumstances) -> Iterable[str]:
    if counted.curtailed:
        yield (
            "The grading stopped early: within its limit of trajectories it could no longer have "
            "shipped, whatever the rest had shown."
        )
    if counted.unpaid is not None:
        yield (
            f"Not exercised: budget. The grading stopped before trajectory "
            f"{len(counted.records) + 1}: {counted.unpaid}"
        )
    for name in counted.base.not_exercised:
        yield f"Scenario {name} speaks of the base commit and none was given: not exercised."
    for name, problem in counted.base.void.items():
        yield f"Scenario {name} does not count: {problem}."
    void = {*counted.base.void, *counted.base.not_exercised}
    for other in sorted(set(_unexercised(counted)) - void):
        yield f"Scenario {other} could not be exercised here."
    for weakness in around.weak:
        yield f"The product's fence is weaker than meant: {weakness}"
    if not around.separation.own_user:
        yield around.separation.sentence
    yield from around.not_verified
