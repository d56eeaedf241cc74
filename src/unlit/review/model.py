"""What an outcome report says, as frozen data; the JSON form is `unlit.report/1`.

Unknown is `None`, never zero. No scenario content and no secret: scenarios are ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from unlit.core.ids import CandidateId, CriterionId, RunId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict

REPORT_SCHEMA: Final = "unlit.report/1"
OUTCOME_GATE: Final = "outcome"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run this is.

    Attributes:
        state: `unlit.record.model.RunState` as text.
        gate: The gate it waits at: ``intent``, ``outcome`` or ``ship``; empty when at none.
    """

    id: RunId
    title: str
    spec_id: str
    spec_digest: str
    spec_path: str
    repository: str
    base: str
    state: str
    person: str
    agent: str
    seed: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    candidate: CandidateId | None = None
    commit: str | None = None
    tree: str | None = None
    note: str = ""
    workspace: str = ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer in one sentence, and the worst thing known."""

    state: str
    mark: str
    main: str
    worst: str = ""

    @property
    def text(self) -> str:
        """Both halves."""
        return f"{self.main} {self.worst}".strip()


@dataclass(frozen=True, slots=True)
class Rule:
    """The ship rule: rates it tells apart and its error rates."""

    p0: float
    p1: float
    alpha: float
    beta: float
    method: str = "lr"


@dataclass(frozen=True, slots=True)
class Point:
    """One counted trajectory in the order drawn, and where satisfaction stood after it."""

    n: int
    scenario: ScenarioId
    state: TrajectoryState
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    criteria: tuple[CriterionId, ...] = ()
    failed: tuple[CriterionId, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim about satisfaction and what it rests on."""

    holds: bool | None
    estimate: float | None
    lower: float | None
    n: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Graded:
    """One grading: a candidate on one partition.

    Attributes:
        vetoes: What was found unsafe: it stops the candidate whatever the scenarios say.
        stopped_by: In a few words, what overrules the count, when anything does.
    """

    candidate: CandidateId
    partition: Partition
    verdict: Verdict
    trajectories: int
    satisfied: int
    faults: int
    estimate: float | None
    lower: float | None
    upper: float | None
    method: str
    e_value: float | None = None
    e_value_against: float | None = None
    claim_a: ClaimLine | None = None
    claim_b: ClaimLine | None = None
    pass_hat: Mapping[str, float] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    warnings: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    stopped_by: str = ""


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One candidate and how it was graded on validation scenarios; `None` when it was not."""

    id: CandidateId
    number: int
    commit: str
    files: int
    outcome: str
    graded: Graded | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """One criterion: state, evidence, what it stands on, and the most that green can mean.

    Attributes:
        asks: Whether only a person can settle it.
        failures: Numbers of the trajectories that speak against it.
        tier: Lowest fidelity tier among the twin routes that its trajectories used.
        estimate: Share satisfied, with `lower` and `upper`: on validation scenarios, or on the
            sealed ones when only those exercised it.
        sealed_satisfied: What held on sealed scenarios; `None` when they were not looked at.
    """

    id: CriterionId
    text: str
    state: CriterionState
    trajectories: int
    satisfied: int
    estimate: float | None
    lower: float | None
    upper: float | None
    source: str | None
    ceiling: str
    asks: bool
    authors: Mapping[str, str] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    scenarios: tuple[ScenarioId, ...] = ()
    failures: tuple[int, ...] = ()
    tier: str | None = None
    sealed_satisfied: int | None = None
    sealed_trajectories: int | None = None

    @property
    def standing(self) -> str:
        """Its state in one word for people: what never failed and is not proven has ``held``."""
        if self.state is not CriterionState.UNDECIDED:
            return self.state.value
        missed = self.trajectories - self.satisfied
        missed += (self.sealed_trajectories or 0) - (self.sealed_satisfied or 0)
        return "undecided" if missed else "held"


@dataclass(frozen=True, slots=True)
class StrengthLine:
    """How strong the scenario set is; `None` was not measured."""

    mutants: int | None
    killed: int | None
    lower: float | None
    upper: float | None
    void: int | None
    idle: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LeakLine:
    """The leak proof, part by part; `None` was not exercised."""

    parts: Mapping[str, str | None]
    details: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`sealed`, `leaked`, `partly` or `not_exercised`; without the control nothing counts."""
        values = [value for value in self.parts.values() if value is not None]
        if not values:
            return "not_exercised"
        if any(value in ("leaked", "suspicious", "failed") for value in values):
            return "leaked"
        needed = ("probe", "canaries", "control")
        return "sealed" if all(self.parts.get(name) == "held" for name in needed) else "partly"


@dataclass(frozen=True, slots=True)
class LookLine:
    """Looks at the sealed scenarios and what is still claimable."""

    used: int
    index: int | None
    bits: float | None
    claimable: float | None
    sentence: str
    bounds: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class FenceLine:
    """What the fences of one stage and role saw; `None` was not reported."""

    stage: str
    candidate: CandidateId | None
    held: bool | None
    denied: int | None
    exchanges: int | None
    weak: tuple[str, ...] | None
    peak_memory_mb: float | None = None
    role: str = "coder"
    fences: int = 1


@dataclass(frozen=True, slots=True)
class CostLine:
    """What a run has cost so far.

    Attributes:
        usd: Sum of the known prices; `None` when calls were made and none has a price.
        unpriced: Calls whose price is not known.
        by_model: Model to dollars, `None` where unknown.
    """

    usd: Decimal | None
    calls: int
    unpriced: int
    tokens: int
    by_model: Mapping[str, Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """What was said before the run and what came."""

    measure: str
    source: str
    by: str
    low: float | None
    middle: float | None
    high: float | None
    actual: float | None


_TIER_WORDS: Final[Mapping[str, str]] = {
    "none": "not there",
    "refused": "refused",
    "contract": "by contract",
    "hand": "by hand",
    "status": "compared by status",
    "shape": "compared by shape",
    "values": "compared by values",
}


def tier_words(tier: str) -> str:
    """Say how faithful a twin's route is known to be."""
    return _TIER_WORDS.get(tier, tier.replace("_", " "))


def weakest_words(tiers: str) -> str:
    """Say how faithful the least faithful of several routes is (``hand, shape``)."""
    named = [tier.strip() for tier in tiers.split(",")]
    return tier_words(next((tier for tier in _TIER_WORDS if tier in named), named[0]))


@dataclass(frozen=True, slots=True)
class TwinLine:
    """One twin that the verdict rests on: routes used, by measured fidelity tier.

    Attributes:
        measured: When the routes that were measured were, and on how many recorded calls.
    """

    service: str
    routes: int
    calls: int
    tiers: Mapping[str, int] = field(default_factory=dict)
    measured: str = ""

    @property
    def sentence(self) -> str:
        """``okta: 3 compared by values, 1 by hand; measured 2026-03-01, on 120 recorded calls``."""
        tiers = ", ".join(f"{count} {tier_words(tier)}" for tier, count in self.tiers.items())
        known = f"measured {self.measured}" if self.measured else "not measured"
        return f"{self.service}: {tiers}; {known}"


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """One question that only a person can answer.

    Attributes:
        stakes: Higher is asked first: how bad a wrong guess would be.
        doubt: 0 (settled) to 1 (nothing is known).
        minutes: What answering is expected to take.
        evidence: Sentences that help to answer; never the opinion of a model.
    """

    number: int
    kind: str
    text: str
    criterion: CriterionId | None = None
    why: str = ""
    stakes: float = 0.0
    doubt: float = 1.0
    minutes: float = 2.0
    evidence: tuple[str, ...] = ()
    answer: str | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One question for more access, and how it stands.

    Attributes:
        state: ``open``, ``granted``, ``refused``, ``expired`` (nobody answered) or ``over``.
        until: When a grant ends or ended.
    """

    number: int
    stage: str
    agent: str
    role: str
    request: str
    reason: str
    state: str
    asked_at: datetime
    expires_at: datetime
    person: str | None = None
    said: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """What a person decided at a gate."""

    gate: str
    decision: str
    person: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LevelLine:
    """Which level the line really ran at, and the evidence for it."""

    level: int | None
    sentence: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not verified; `kind` is ``not_exercised``, ``undecided`` or ``asks``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome report of one run.

    Attributes:
        graded: The grading on which the verdict rests (validation).
        sealed: The grading on sealed scenarios, `None` when no look was taken.
        commands: What to run to recompute a number, by its name.
        access: What its programs asked for beyond the policy.
        seen: What it read: how much from where, how fresh.
    """

    run: RunFacts
    headline: Headline
    verdict: Verdict | None
    rule: Rule | None
    graded: Graded | None
    sealed: Graded | None
    candidates: tuple[CandidateLine, ...]
    criteria: tuple[CriterionLine, ...]
    not_verified: tuple[Gap, ...]
    strength: StrengthLine | None
    leaks: LeakLine | None
    looks: LookLine
    fences: tuple[FenceLine, ...]
    cost: CostLine
    elapsed_s: float | None
    forecasts: tuple[ForecastLine, ...]
    twins: tuple[TwinLine, ...]
    questions: tuple[QuestionLine, ...]
    decisions: tuple[DecisionLine, ...]
    level: LevelLine
    invariants: tuple[Mapping[str, Any], ...] = ()
    pack: Mapping[str, Any] | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    access: tuple[AccessLine, ...] = ()
    seen: str = ""

    @property
    def open_access(self) -> tuple[AccessLine, ...]:
        """Questions for access that nobody has answered and that are still open."""
        return tuple(line for line in self.access if line.state == "open")

    @property
    def decision(self) -> DecisionLine | None:
        """What was decided at the outcome gate."""
        return next((line for line in self.decisions if line.gate == OUTCOME_GATE), None)

    @property
    def open_questions(self) -> tuple[QuestionLine, ...]:
        """Questions that nobody has answered."""
        return tuple(line for line in self.questions if line.answer is None)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.report/1`."""
        plain = to_plain(self)
        assert isinstance(plain, dict)  # noqa: S101 # a dataclass becomes a table
        plain["headline"]["text"] = self.headline.text
        if self.leaks is not None:
            plain["leaks"]["state"] = self.leaks.state
        return {"schema": REPORT_SCHEMA, **plain}


def to_plain(value: Any) -> Any:
    """Turn frozen rows into JSON values: dates as ISO text, money as decimal text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value
