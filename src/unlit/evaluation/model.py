"""What is asked of a grading and what it answers, as frozen data.

Unknown is `None`, never zero; the states of `unlit.core.states` are never merged. The JSON form of
a result is `unlit.evaluation/1`; `unlit.evaluation.wire` reads both forms back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from unlit.fence import Mount
    from unlit.policy import Identity

RESULT_SCHEMA: Final = "unlit.evaluation/1"

ProductKind = Literal["cli", "http", "web", "library"]


def _form(value: Any) -> Any:
    """Return the JSON form of a field's value."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _form(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_form(item) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {entry.name: _form(getattr(value, entry.name)) for entry in fields(value)}


@dataclass(frozen=True, slots=True)
class Product:
    """How the product is built, tested and started.

    `env` values of the form ``twin:slack`` become that twin's credential in each world.
    """

    kind: str = "cli"
    build: str | None = None
    test: str | None = None
    run: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": self.kind,
            "build": self.build,
            "test": self.test,
            "run": self.run,
            "port": self.port,
            "env": dict(self.env),
            "mounts": [
                {"source": str(m.source), "target": m.target, "writable": m.writable}
                for m in self.mounts
            ],
        }


@dataclass(frozen=True, slots=True)
class ShipRule:
    """The two satisfaction rates that the ship decision tells apart, and its error rates.

    `method` is ``lr``, the two-sided likelihood ratio, or ``mixture``, a uniform mixture over the
    rates beyond p0 and below p1. A product no better than `p0` ships with probability at most
    `alpha`; one at least as good as `p1` is stopped with probability at most `beta`.
    """

    p0: float = 0.90
    p1: float = 0.97
    alpha: float = 0.05
    beta: float = 0.10
    method: str = "lr"

    def __post_init__(self) -> None:
        """Refuse rates that no rule can tell apart.

        Raises:
            InvalidInput: Not 0 < p0 < p1 < 1, an error rate outside (0, 0.5], or no such method.
        """
        if self.method not in ("lr", "mixture"):
            raise InvalidInput(
                "EVA-304",
                f"The ship rule has method = {self.method!r}.",
                "It is `lr`, the likelihood ratio, or `mixture`, which is best when the true rate "
                "is far from p1.",
                "Leave it out, or use one of the two.",
            )
        if not 0 < self.p0 < self.p1 < 1:
            raise InvalidInput(
                "EVA-301",
                f"The ship rule has p0 = {self.p0} and p1 = {self.p1}.",
                "It tells two satisfaction rates apart, so 0 < p0 < p1 < 1 must hold.",
                "Set p0 to the rate that is not good enough and p1 to the rate you expect.",
            )
        for name, rate in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0 < rate <= 0.5:
                raise InvalidInput(
                    "EVA-302",
                    f"The ship rule has {name} = {rate}.",
                    "An error rate lies above 0 and at most at 0.5.",
                    f"Set {name} to a value such as 0.05.",
                )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Everything one grading needs, by value; the evaluator's process gets exactly this.

    Attributes:
        look: The how-manieth look at sealed scenarios this is, from 1; None for other partitions.
        bits: Bits of sealed information that earlier looks have given away, beyond their count.
        artefacts: Folder of the evaluator's own store for content; never a fence sees it.
    """

    spec: Path
    candidate: Path
    base: Path | None
    vault: Path
    partition: Partition
    product: Product
    ship: ShipRule
    seed: int
    max_trajectories: int
    parallel: int
    look: int | None
    artefacts: Path
    policy: Path
    identity: Identity
    base_commit: str | None = None
    tree: str | None = None
    only: tuple[ScenarioId, ...] = ()
    bits: float = 0.0
    coder_families: tuple[str, ...] = ()
    keep_going: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; `unlit.evaluation.wire.request_from_json` reads it back."""
        return {
            "spec": str(self.spec),
            "candidate": str(self.candidate),
            "base": None if self.base is None else str(self.base),
            "vault": str(self.vault),
            "partition": str(self.partition),
            "product": self.product.to_json(),
            "ship": self.ship.to_json(),
            "seed": self.seed,
            "max_trajectories": self.max_trajectories,
            "parallel": self.parallel,
            "look": self.look,
            "artefacts": str(self.artefacts),
            "policy": str(self.policy),
            "identity": {
                "run": self.identity.run,
                "stage": self.identity.stage,
                "agent": self.identity.agent,
                "role": self.identity.role,
            },
            "base_commit": self.base_commit,
            "tree": self.tree,
            "only": list(self.only),
            "bits": self.bits,
            "coder_families": list(self.coder_families),
            "keep_going": self.keep_going,
            "options": dict(self.options),
        }


@dataclass(frozen=True, slots=True)
class TrajectoryRecord:
    """One counted trajectory, without scenario content.

    Attributes:
        n: The how-manieth draw, from 1; the order that counts.
        reasons: Labels of the checks that failed, such as ``then[2] exit``; never their content.
        twin_routes: ``{service, route, tier, count}`` of each route that was used.
        attempts: How often the draw was executed; more than one only after a harness fault.
        failed: Criteria that speak against the candidate; empty when satisfied.
    """

    n: int
    scenario: ScenarioId
    seed: int
    state: TrajectoryState
    criteria: tuple[CriterionId, ...] = ()
    reasons: tuple[str, ...] = ()
    twin_routes: tuple[Mapping[str, Any], ...] = ()
    cost_usd: float | None = None
    attempts: int = 1
    failed: tuple[CriterionId, ...] = ()
    duration_s: float | None = None
    replay: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        form = _fields(self)
        form["cost"] = form.pop("cost_usd")
        return form


@dataclass(frozen=True, slots=True)
class Independence:
    """Who stands behind the check of one criterion, and the most that green can mean.

    Attributes:
        source: ``oracle``, ``invariant``, ``diversity``, ``person`` or None: no source at all.
        authors: Role to who wrote it (``criterion``, ``scenario``, ``twin``, ``judge``, ``code``).
        families: Model families among the authors, sorted.
        ceiling: One sentence.
        level: 0 (nothing can be claimed) to 4 (checked against something nobody here wrote).
        for_people: Whether a person has to look, because it lies above the ceiling.
    """

    source: str | None
    authors: Mapping[str, str] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    ceiling: str = ""
    level: int = 0
    for_people: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What all counted trajectories show about one criterion; `scenarios` are ids."""

    id: CriterionId
    text: str
    scenarios: tuple[ScenarioId, ...]
    trajectories: int
    satisfied: int
    state: CriterionState
    independence: Independence
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    tier: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim about the satisfaction rate, with what it rests on.

    Attributes:
        holds: Whether the evidence supports it at its level; None when it cannot be decided.
        n: Units of evidence: trajectories for claim A, scenarios for claim B.
        sentence: The claim in words, with its numbers.
    """

    holds: bool | None
    estimate: float | None
    lower: float | None
    method: str
    n: int
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """The satisfaction rate: estimate, an interval that holds under peeking, two claims.

    Attributes:
        claim_a: On this scenario set.
        claim_b: For users like these, scenarios being the sample.
        pass_hat: k to pass^k: the chance that k repetitions of a job all satisfy.
        sweep: Draws after which alone the evidence was tested, again and again; None: each one.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    method: str
    claim_a: Claim
    claim_b: Claim
    e_value: float | None = None
    e_value_against: float | None = None
    trajectories: int = 0
    satisfied: int = 0
    pass_hat: Mapping[str, float] = field(default_factory=dict)
    sweep: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for a rate and the method that made it."""

    lower: float
    upper: float
    method: str
    confidence: float = 0.95

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong the scenario set is: mutants it kills, scenarios that say nothing.

    Attributes:
        void: Scenarios that a null program or a constant stub passes.
        idle: Scenarios that no mutant ever fails.
        uncovered: Criteria that no mutant threatens.
    """

    mutants: int | None = None
    killed: int | None = None
    interval: Interval | None = None
    void: tuple[ScenarioId, ...] | None = None
    idle: tuple[ScenarioId, ...] | None = None
    uncovered: tuple[CriterionId, ...] | None = None
    sentence: str = "not exercised: no strength measured"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leak proof: each part is `held`, `leaked`, `suspicious`, `failed` or None: not exercised.

    Attributes:
        control: Whether the planted leak was caught; without it the proof does not count.
        details: Sentences without scenario content.
    """

    probe: str | None = None
    canaries: str | None = None
    control: str | None = None
    literals: str | None = None
    freshness: str | None = None
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Looks:
    """Where the sealed set stands after this look.

    Attributes:
        index: The how-manieth look, from 1; None when no sealed scenario was looked at.
        bits: Bits of sealed information given away so far, this look included.
        claimable: The highest rate that could still be claimed if everything passed.
    """

    index: int | None = None
    bits: float | None = None
    claimable: float | None = None
    alpha_effective: float | None = None
    sentence: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class Feedback:
    """All that an agent may learn: which criterion, and one of few buckets."""

    criterion: CriterionId
    bucket: str

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"criterion": self.criterion, "bucket": self.bucket}


@dataclass(frozen=True, slots=True)
class Separation:
    """As whom the evaluator ran; `own_user` is None when nothing is known of it."""

    own_user: bool | None = None
    uid: int | None = None
    sentence: str = "as whom the evaluator ran is not known"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _fields(self)


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What a grading says, in the form of `unlit.evaluation/1`.

    Attributes:
        unexercised: Drawn scenarios that could not be exercised; `None` when nothing says so.
        invariants: Rules that were broken; those with `veto` stop the candidate.
        pack: The safety pack's version, how much of it was tried, and why not, if it was not.
        unpaid: Why the grading stopped before a model call, if it would have passed a limit of
            money; what was counted stays, and the same grading goes on there.
    """

    verdict: Verdict
    base: str | None
    tree: str | None
    satisfaction: Satisfaction
    criteria: tuple[CriterionResult, ...]
    strength: Strength
    leaks: Leaks
    looks: Looks
    trajectories: tuple[TrajectoryRecord, ...]
    not_verified: tuple[str, ...]
    feedback: tuple[Feedback, ...] = ()
    partition: Partition | None = None
    ship: ShipRule | None = None
    seed: int | None = None
    spec_digest: str | None = None
    vault_digest: str | None = None
    warnings: tuple[str, ...] = ()
    invariants: tuple[Mapping[str, Any], ...] = ()
    pack: Mapping[str, Any] | None = None
    separation: Separation = field(default_factory=Separation)
    judges: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    usage: tuple[Mapping[str, Any], ...] = ()
    asked: tuple[str, ...] = ()
    unexercised: tuple[str, ...] | None = None
    unpaid: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.evaluation/1`."""
        return {"schema": RESULT_SCHEMA, **_fields(self)}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened while grading; `kind` is ``trajectory``, ``stage`` or ``note``.

    A `trajectory` has ``n, scenario, state, criterion, satisfied, total, estimate, lower, upper,
    e_value, decided``; `scenario` is None for sealed scenarios.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form: ``{"event": kind, …fields}``."""
        return {"event": self.kind, **self.fields}
