"""What the record holds: frozen rows of ids, digests, states and numbers.

No scenario content and no secret ever enters a row: scenarios are named by id, results carry
states and buckets. Unknown is `None`, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from unlit.core.ids import CandidateId, CriterionId, Digest, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict


class RunState(StrEnum):
    """Where a run is.

    `WAITING` means a person must decide at a gate; `ENDED` means the line is through and there is
    nothing to ship; `FAILED` means the factory itself could not go on.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    SHIPPED = "shipped"
    REJECTED = "rejected"
    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to the run any more."""
        return self in _OVER


_OVER = frozenset(
    {RunState.SHIPPED, RunState.REJECTED, RunState.ENDED, RunState.FAILED, RunState.CANCELLED}
)


class StageState(StrEnum):
    """How a stage stands."""

    RUNNING = "running"
    DONE = "done"
    NOT_GOOD_ENOUGH = "not_good_enough"
    FAILED = "failed"
    SKIPPED = "skipped"


class FailureClass(StrEnum):
    """Whose failure it was; a harness fault is never counted as the agent's."""

    AGENT = "agent"
    MODEL = "model"
    HARNESS = "harness"
    ENVIRONMENT = "environment"
    POLICY = "policy"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the line.

    Attributes:
        repository: Real path of the user's repository.
        base: Commit the run started from.
        base_tree: Tree of `base`.
        workspace: Path of the run's own git repository.
        settings: What was asked for (seed, limits, ship rule), canonical JSON values only.
        snapshot: Digest of the context snapshot, once taken.
    """

    id: RunId
    spec_id: str
    spec_digest: Digest
    title: str
    repository: str
    spec_path: str
    base: str
    base_tree: str
    workspace: str
    agent: str
    person: str
    state: RunState
    created_at: datetime
    updated_at: datetime
    line: str = "default"
    verdict: Verdict | None = None
    candidate: CandidateId | None = None
    policy_digest: Digest | None = None
    snapshot: Digest | None = None
    seed: int = 0
    note: str = ""
    engine_version: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run, for one candidate where it has one.

    Attributes:
        key: Unique in the run, such as ``build/c1``.
        ordinal: Order of first start, from 1.
        detail: One sentence a person can read.
    """

    run: RunId
    key: str
    name: str
    state: StageState
    ordinal: int
    started_at: datetime
    ended_at: datetime | None = None
    candidate: CandidateId | None = None
    attempt: int = 1
    detail: str = ""
    failure: FailureClass | None = None
    code: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one turn of the agent left: a commit.

    Attributes:
        outcome: The agent's end as we saw it, such as ``done`` or ``committed_nothing``.
        files: Number of files that differ from the base.
        text: The agent's last words, cut; never believed.
    """

    run: RunId
    id: CandidateId
    number: int
    commit: str
    tree: str
    parent: str
    agent: str
    outcome: str
    made_at: datetime
    files: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One sampled execution of a scenario, in the order drawn."""

    run: RunId
    candidate: CandidateId
    partition: Partition
    number: int
    scenario: ScenarioId
    state: TrajectoryState
    criteria: tuple[CriterionId, ...] = ()
    seed: int | None = None
    bucket: str | None = None
    duration_s: float | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluator's word on one candidate and one partition.

    Attributes:
        document: `unlit.evaluation/1` without scenario content (reasons are buckets).
        feedback: What the harness may know: ``{"criterion": …, "bucket": …}`` each.
    """

    run: RunId
    candidate: CandidateId
    partition: Partition
    verdict: Verdict
    base: str
    tree: str
    made_at: datetime
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    trajectories: int = 0
    satisfied: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)
    feedback: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """One charged look at the sealed scenarios; charged before it is taken.

    Attributes:
        key: Makes charging idempotent.
        index: Number of the look for this spec, from 1.
        verdict: `NOT_EXERCISED` until the look was taken.
    """

    key: str
    run: RunId
    candidate: CandidateId
    spec_digest: Digest
    index: int
    verdict: Verdict
    at: datetime
    bits: float | None = None
    claimable: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """One priced model call, or a sum of calls under one key.

    Attributes:
        usd: Dollars; `None` when the price is not known.
        day: ``YYYY-MM-DD`` in UTC.
    """

    key: str
    run: RunId
    stage: str
    agent: str
    person: str
    provider: str
    model: str
    at: datetime
    day: str
    candidate: CandidateId | None = None
    criterion: CriterionId | None = None
    calls: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One question that only a person can answer.

    Attributes:
        stakes: How bad a wrong guess would be; with `doubt` (0 to 1) what questions are ordered by.
        minutes: What answering is expected to take.
    """

    run: RunId
    number: int
    kind: str
    text: str
    criterion: CriterionId | None = None
    why: str = ""
    stakes: float = 1.0
    doubt: float = 1.0
    minutes: float = 2.0
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


class AccessState(StrEnum):
    """How a question for access stands."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    EXPIRED = "expired"
    """Nobody answered in time."""
    OVER = "over"
    """It was granted, and the grant has ended."""


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """A program asked for more than its policy allows; a person may grant it for a while.

    What a person decided stands in the gate decision ``access/NUMBER``.

    Attributes:
        number: Its number in the run, from 1.
        stage: Where it was asked, such as ``build/c1``.
        request: Method and URL, and nothing wider.
        reason: The program's own words; never believed.
        expires_at: When the question closes unanswered.
    """

    run: RunId
    number: int
    stage: str
    agent: str
    role: str
    request: str
    reason: str
    asked_at: datetime
    expires_at: datetime

    @property
    def gate(self) -> str:
        """The gate at which it is decided."""
        return f"access/{self.number}"

    def state(self, decision: "GateDecision | None", now: datetime) -> AccessState:
        """Say how it stands, by what was decided at its gate.

        Raises:
            ValueError: The decision is one of another gate.
        """
        if decision is None:
            return AccessState.OPEN if now < self.expires_at else AccessState.EXPIRED
        if decision.gate != self.gate:
            raise ValueError(f"{decision.gate} is not {self.gate}")
        if decision.decision != "approved":
            return AccessState.REFUSED
        return AccessState.GRANTED if now < granted_until(decision) else AccessState.OVER


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What a person decided at a gate. The first decision under a key stands."""

    run: RunId
    gate: str
    decision: str
    person: str
    reason: str
    at: datetime
    candidate: CandidateId | None = None
    tree: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def granted_until(decision: GateDecision) -> datetime:
    """Return when what an access gate allowed ends; at once where it does not say."""
    said = decision.facts.get("until")
    return datetime.fromisoformat(said) if isinstance(said, str) else decision.at


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast quantile made before a run, and afterwards what came.

    Attributes:
        source: ``person`` or ``factory``.
        measure: ``hours``, ``usd``, ``looks``, ``candidates`` or ``ship_probability``.
        hindsight: What the forecaster remembered having said, asked before the actual was shown.
    """

    run: RunId
    source: str
    measure: str
    by: str
    at: datetime
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    hindsight: float | None = None
    actual: float | None = None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened in a run, for live views and replay; never scenario content.

    Attributes:
        key: Unique in the run; the same event written twice is kept once.
        seq: Order of arrival in the record.
        kind: ``stage``, ``trajectory``, ``agent``, ``candidate``, ``verdict``, ``note`` …
    """

    run: RunId
    key: str
    kind: str
    at: datetime
    stage: str = ""
    candidate: CandidateId | None = None
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0


class LessonState(StrEnum):
    """Whether a lesson is told to agents: only an approved one is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One claim about a repository that outlives its run; never scenario content.

    Attributes:
        keys: What it is about: ``path:src/a.py``, ``criterion:SPEC/AC-1``, ``error:…``.
        evidence: Runs that showed it.
        author: ``run`` when the line proposed it, else a person.
        wins: Runs that were told it and shipped.
        losses: Runs that were told it and did not.
    """

    id: str
    repository: str
    claim: str
    keys: tuple[str, ...]
    evidence: tuple[str, ...]
    state: LessonState
    author: str
    at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    wins: int = 0
    losses: int = 0
