"""A record like the one that the demo leaves, made with the evaluator's own rules."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from unlit.core.ids import CandidateId, CriterionId, Digest, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.evaluation.model import (
    CriterionResult,
    EvaluationResult,
    Independence,
    Leaks,
    Looks,
    Satisfaction,
    ShipRule,
    Strength,
    TrajectoryRecord,
)
from unlit.evaluation.rules.claims import ScenarioCount, claim_a, claim_b
from unlit.evaluation.rules.criteria import criterion_state
from unlit.evaluation.rules.intervals import anytime, clopper_pearson
from unlit.evaluation.rules.looks import claimable
from unlit.evaluation.rules.ship import METHOD, start
from unlit.record.model import (
    AccessQuestion,
    Candidate,
    Cost,
    Evaluation,
    Forecast,
    Look,
    Question,
    Run,
    RunState,
    Stage,
    StageState,
    Trajectory,
)
from unlit.record.store import Store

RUN = RunId("r-accessrev1")
SPEC = Digest("sha256:" + "4be1c0d2" * 8)
START = datetime(2026, 11, 23, 5, 49, tzinfo=UTC)
RULE = ShipRule(0.80, 0.90, 0.05, 0.10)
CRITERIA = (
    ("AC-1", "Every inactive member gets a ticket", "oracle", "okta"),
    ("AC-2", "A second run opens nothing twice", "invariant", ""),
    ("AC-3", "The table has one row for each member", "oracle", "sheets"),
    ("AC-4", "The reviewers can read the report", "oracle", "drive"),
    ("AC-5", "One summary reaches Slack, also when Slack is busy", "oracle", "slack"),
    ("AC-6", "A service that is down is named, and a later run finishes", "diversity", ""),
    ("AC-7", "The summary tells a security manager what to do next", None, ""),
    ("AC-8", "An unknown group changes nothing", "oracle", "okta"),
)
SCENARIOS = (
    "large-group",
    "second-run",
    "table-rows",
    "share-report",
    "slack-busy",
    "jira-down",
    "small-group",
    "unknown-group",
)


def wish(
    store: Store, request: str = "GET https://wiki.example/page", *, run: RunId = RUN
) -> AccessQuestion:
    """Write down that a program of the run asked for more access; open for a day."""
    return store.ask_access(
        AccessQuestion(run, 0, "build/c1", "codex", "coder", request, "the format\x1b[31m is there",
                       START, START + timedelta(hours=24))
    )  # fmt: skip


def fill(
    store: Store,
    *,
    run: RunId = RUN,
    state: RunState = RunState.WAITING,
    title: str = "Quarterly access review",
    shares: Sequence[float] = (0.5, 0.75, 1.0),
    seed: int = 142,
    sealed: bool = True,
    at: datetime = START,
) -> RunId:
    """Write one whole run into a record; `shares` are the candidates' true satisfaction rates."""
    dice = random.Random(seed)
    begin(store, run, title, seed, at)
    verdict = Verdict.NOT_YET
    now = at + timedelta(minutes=2)
    candidate = CandidateId("c0")
    for number, share in enumerate(shares, start=1):
        candidate = CandidateId(f"c{number}")
        write(store, run, number, now)
        now += timedelta(minutes=6)
        document = grade(dice, share)
        verdict = document.verdict
        keep(store, run, candidate, Partition.VALIDATION, document, now)
        stage(store, run, f"validate/{candidate}", "validate", now, 4, candidate)
        now += timedelta(minutes=4)
        if verdict is Verdict.SHIP:
            break
    if verdict is Verdict.SHIP and sealed:
        verdict = look(store, run, candidate, now)
        now += timedelta(minutes=3)
    store.keep_questions(
        [
            Question(
                run, 1, "criterion",
                "Does the summary tell a security manager what to do next?",
                CriterionId("AC-7"), "Nothing independent can settle it.",
            )
        ]
    )  # fmt: skip
    money(store, run, at)
    final = state if verdict is Verdict.SHIP or state is not RunState.WAITING else RunState.ENDED
    store.change_run(run, now, state=final, verdict=verdict, candidate=candidate)
    return run


def begin(store: Store, run: RunId, title: str, seed: int, at: datetime) -> None:
    store.begin_run(
        Run(
            id=run, spec_id="access-review", spec_digest=SPEC, title=title,
            repository="/home/dana/access-review", spec_path="specs/access-review.md",
            base="8c1d0aa3f2", base_tree="11aa22bb33", workspace="/home/dana/state/ws",
            agent="scripted", person="dana", state=RunState.RUNNING, created_at=at,
            updated_at=at, seed=seed,
            settings={"vault": "/home/dana/vault", "ship": RULE.to_json()},
        )
    )  # fmt: skip
    stage(store, run, "intent", "intent", at, 1)
    stage(store, run, "context", "context", at + timedelta(minutes=1), 1)


def write(store: Store, run: RunId, number: int, at: datetime) -> None:
    name = CandidateId(f"c{number}")
    commit = f"3f9c2e{number}" * 5
    store.keep_candidate(
        Candidate(
            run, name, number, commit, f"77ee{number}" * 8, "8c1d0aa3f2", "scripted", "done",
            at + timedelta(minutes=5), files=7,
        )
    )  # fmt: skip
    fence = {"held": True, "denied": number - 1, "exchanges": 40 * number, "weak": []}
    stage(store, run, f"build/{name}", "build", at, 5, name, facts={"fence": fence})
    stage(store, run, f"checks/{name}", "checks", at + timedelta(minutes=5), 1, name)


def stage(
    store: Store,
    run: RunId,
    key: str,
    name: str,
    at: datetime,
    minutes: float,
    candidate: CandidateId | None = None,
    facts: dict[str, object] | None = None,
) -> None:
    store.start_stage(Stage(run, key, name, StageState.RUNNING, 0, at, None, candidate))
    ended = at + timedelta(minutes=minutes)
    store.end_stage(run, key, ended, state=StageState.DONE, detail="", facts=facts or {})


def grade(dice: random.Random, share: float, most: int = 75) -> EvaluationResult:
    """Draw trajectories until the ship rule decides."""
    test = start(RULE)
    records: list[TrajectoryRecord] = []
    while not test.is_decided and test.n < most:
        place = test.n % len(SCENARIOS)
        satisfied = dice.random() < share
        test = test.after(satisfied)
        state = TrajectoryState.SATISFIED if satisfied else TrajectoryState.NOT_SATISFIED
        name = CriterionId(f"AC-{place + 1}")
        records.append(
            TrajectoryRecord(
                test.n, ScenarioId(SCENARIOS[place]), 8000 + test.n, state, (name,),
                reasons=() if satisfied else ("then[2] twin",),
                twin_routes=(
                    {"service": "slack", "route": "chat.postMessage", "tier": "A", "count": 1},
                    {"service": "okta", "route": "groups.users", "tier": "A", "count": 2},
                    {"service": "drive", "route": "permissions.create", "tier": "C", "count": 1},
                ),
                failed=() if satisfied else (name,),
                duration_s=1.1,
            )
        )  # fmt: skip
    return result_of(test.decision, records, test.e_value)


def result_of(
    verdict: Verdict, records: Sequence[TrajectoryRecord], e_value: float | None
) -> EvaluationResult:
    n = len(records)
    satisfied = sum(row.state is TrajectoryState.SATISFIED for row in records)
    interval = anytime(satisfied, n, alpha=RULE.alpha)
    estimate = satisfied / n if n else None
    test, runs = start(RULE), dict[str, list[bool]]()
    for row in records:
        held = row.state is TrajectoryState.SATISFIED
        test = test.after(held)
        runs.setdefault(row.scenario, []).append(held)
    counts = [ScenarioCount(name, len(r), sum(r), r[0]) for name, r in runs.items()]
    return EvaluationResult(
        verdict=verdict,
        base="8c1d0aa3f2",
        tree="77ee77ee",
        satisfaction=Satisfaction(
            estimate, interval.lower, interval.upper, METHOD,
            claim_a(test, scenarios=len(counts)),
            claim_b(counts, RULE, alpha=RULE.alpha, whole_set=False),
            e_value=e_value, trajectories=n, satisfied=satisfied,
        ),
        criteria=tuple(_criterion(entry, records) for entry in CRITERIA),
        strength=Strength(46, 43, clopper_pearson(43, 46), (), (), (),
                          "43 of 46 planted bugs are caught."),
        leaks=Leaks("held", "held", "held", "held", None, ("12 canaries, none seen.",)),
        looks=Looks(),
        trajectories=tuple(records),
        not_verified=(
            "Whether sharing ends when a review closes: nothing tried it.",
            "Groups above 450 members, and two reviews at the same time.",
        ),
        ship=RULE,
        partition=Partition.VALIDATION,
        seed=142,
    )  # fmt: skip


def _criterion(
    entry: tuple[str, str, str | None, str], records: Sequence[TrajectoryRecord]
) -> CriterionResult:
    name, text, source, service = entry
    mine = [row for row in records if name in row.criteria]
    ok = sum(row.state is TrajectoryState.SATISFIED for row in mine)
    n = len(mine)
    found = anytime(ok, n, alpha=RULE.alpha) if n else None
    ceiling = {
        "oracle": f"right for {service} as its contract and recordings describe it, tier A",
        "invariant": "never breaks the rule written down before the spec; silent on purpose",
        "diversity": "two readings of the sentence agree; 1.4 independent opinions, no more",
        None: "nothing: no scenario exercised it, so only a person can say",
    }[source]
    return CriterionResult(
        CriterionId(name), text, tuple({row.scenario for row in mine}), n, ok,
        criterion_state(RULE, n, ok),
        Independence(source, {"criterion": "dana", "scenario": "security", "code": "a model"},
                     ("scripted",), ceiling, 3 if source else 0, source is None),
        ok / n if n else None, found.lower if found else None, found.upper if found else None,
        "A" if service else None,
    )  # fmt: skip


def keep(
    store: Store,
    run: RunId,
    candidate: CandidateId,
    partition: Partition,
    result: EvaluationResult,
    at: datetime,
) -> None:
    document = result.to_json() | {"partition": partition.value}
    rows = [
        Trajectory(
            run, candidate, partition, row.n, row.scenario, row.state, row.criteria, row.seed,
            duration_s=row.duration_s,
        )
        for row in result.trajectories
    ]  # fmt: skip
    store.keep_trajectories(rows)
    satisfaction = result.satisfaction
    store.keep_evaluation(
        Evaluation(
            run, candidate, partition, result.verdict, "8c1d0aa3f2", "77ee77ee",
            at + timedelta(minutes=4), satisfaction.estimate, satisfaction.lower,
            satisfaction.upper, len(rows), satisfaction.satisfied, document,
        )
    )  # fmt: skip


def look(store: Store, run: RunId, candidate: CandidateId, at: datetime) -> Verdict:
    charged = store.reserve_look(
        Look(f"{run}/{candidate}", run, candidate, SPEC, 0, Verdict.NOT_EXERCISED, at)
    )
    rows = [
        TrajectoryRecord(n, ScenarioId(f"sealed-{n}"), 9000 + n, TrajectoryState.SATISFIED)
        for n in range(1, 31)
    ]
    done = result_of(Verdict.SHIP, rows, 21.0)
    done = replace(
        done,
        looks=Looks(
            charged.index, 0.0, claimable(30, 1.0), 0.05, "30 of 30 sealed scenarios held."
        ),
    )
    keep(store, run, candidate, Partition.SEALED, done, at)
    store.settle_look(f"{run}/{candidate}", verdict=Verdict.SHIP, bits=0.0, claimable="0.905")
    stage(store, run, f"sealed/{candidate}", "sealed", at, 3, candidate)
    return Verdict.SHIP


def money(store: Store, run: RunId, at: datetime) -> None:
    store.keep_costs(
        [
            Cost(f"{run}/1", run, "build", "scripted", "dana", "anthropic", "claude-sonnet", at,
                 f"{at:%Y-%m-%d}", calls=41, input_tokens=180_000, output_tokens=22_000,
                 usd=Decimal("6.84")),
            Cost(f"{run}/2", run, "build", "scripted", "dana", "local", "unknown-model", at,
                 f"{at:%Y-%m-%d}", calls=2, input_tokens=900, output_tokens=80, usd=None),
        ]
    )  # fmt: skip
    store.keep_forecasts(
        [
            Forecast(run, "factory", "usd", "unlit", at, 2.1, 4.6, 9.8, actual=6.84),
            Forecast(run, "person", "hours", "dana", at, 0.3, 0.68, 1.6, actual=0.87),
        ]
    )
