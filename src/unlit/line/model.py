"""Words of the line: what a run is asked to do, what rooms are asked for, what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from unlit.core.ids import CandidateId, RunId
    from unlit.core.states import Partition, Verdict


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """How the product is built, tested and started; `[product]` of `unlit.toml`."""

    kind: Literal["cli", "http", "web", "library"] = "cli"
    build: str | None = None
    test: str | None = None
    run: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShipPlan:
    """The ship rule; `[ship]` of `unlit.toml`."""

    p0: float = 0.90
    p1: float = 0.97
    alpha: float = 0.05
    beta: float = 0.10
    method: str = "lr"


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """Hard limits in dollars; `None` is no limit.

    Attributes:
        person_usd: For all runs of one person in a day.
        run_said: Whether somebody set `run_usd` for this run alone; it then stands.
    """

    run_usd: Decimal | None = None
    day_usd: Decimal | None = None
    person_usd: Decimal | None = None
    run_said: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            name: value if value is None or isinstance(value, bool) else str(value)
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class CiPlan:
    """The repository's own checks; `[ci]` of `unlit.toml`.

    Attributes:
        command: Run in a fence on what is to be merged; red asks for another candidate.
        source: Where the checks of what was shipped or proposed are read: ``github``, ``gitlab``.
        repository: ``OWNER/NAME`` (or GitLab's project path) there.
        tries: How often red checks may ask for another candidate.
        wait_s: Most seconds to wait for checks to end.
    """

    command: str | None = None
    source: str | None = None
    repository: str | None = None
    tries: int = 2
    wait_s: float = 1800


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked to do. It is kept with the run, so that any worker can do it.

    Attributes:
        agents: The first makes candidates; the next ones take over when it gets no further.
        commit: What to start from, in the user's repository.
        vault: Folder of holdout scenarios; a path only, its content stays with the evaluator.
        policy: The policy file.
        memory: ``on``, ``off``, or ``placebo``: text of the same length that says nothing.
        tournament: How many first candidates compete, side by side; 1 is no tournament.
        work: The newest piece of work begun for the run: ``line``, ``again-N`` or ``ship…``.
        ci: How the repository's own checks are asked.
        gate: ``intent`` while a person must approve the spec before anything is built.
        deploy: What was asked of its deploy; empty is as unlit.toml says.
    """

    spec: Path
    repository: Path
    vault: Path
    policy: Path
    agents: tuple[str, ...] = ("scripted",)
    person: str = "unknown"
    commit: str = "HEAD"
    line: str = "default"
    seed: int | None = None
    max_candidates: int = 3
    max_trajectories: int = 200
    parallel: int = 2
    turn_s: float = 3600
    model: str | None = None
    memory: str = "on"
    tournament: int = 1
    work: str = "line"
    gate: str = ""
    compared: str = ""
    deploy: Mapping[str, Any] = field(default_factory=dict)
    product: ProductPlan = field(default_factory=ProductPlan)
    ship: ShipPlan = field(default_factory=ShipPlan)
    budget: BudgetPlan = field(default_factory=BudgetPlan)
    ci: CiPlan = field(default_factory=lambda: CiPlan())

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; `unlit.line.requests.request_from_json` reads them back."""
        plain = asdict(self)
        for name in ("spec", "repository", "vault", "policy"):
            plain[name] = str(plain[name])
        plain["agents"] = list(self.agents)
        plain["product"]["env"] = dict(self.product.env)
        plain["budget"] = self.budget.to_json()
        return plain


@dataclass(frozen=True, slots=True)
class SpecFacts:
    """What the line needs of a spec.

    Attributes:
        brief: The visible part, all that an agent is told of it.
        missing: Why the spec is not ready; empty when it is.
        product: What its front matter says of `[product]` instead of `unlit.toml`.
        budget: Limits in dollars that its front matter sets.
    """

    id: str
    title: str
    digest: str
    owner: str
    brief: str
    criteria: tuple[str, ...]
    missing: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    risk: str = ""
    product: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Who is inside a fence, for the audit log and the ledger."""

    run: RunId
    stage: str
    agent: str = "unlit"
    role: str = "coder"
    candidate: CandidateId | None = None
    person: str = "unknown"


@dataclass(frozen=True, slots=True)
class FolderMount:
    """A folder shown inside a fence."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class FenceOrder:
    """A fence to open; `twins` are routes of the fence room, besides those of its role."""

    place: Place
    policy: Path
    workspace: Path
    mounts: tuple[FolderMount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    wall_s: float | None = None
    twins: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRules:
    """What policy lets a role change in the workspace.

    Attributes:
        max_file_bytes: Largest file a candidate may hold; one that the fence cut off is larger.
    """

    writable: tuple[str, ...] = (".",)
    read_only: tuple[str, ...] = ()
    max_file_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class EvaluationOrder:
    """A grading to be done by the evaluator's own process.

    Attributes:
        look: Index of a charged look at the sealed scenarios; `None` for other partitions.
        key: The same key asks for the same grading again, which is charged once.
        bits: Bits that earlier looks at the sealed scenarios have given away.
        leak_sources: Files of the harness in which scenario content must not be found, by kind.
        spec_since: Day of the spec's first commit, if git knows it.
    """

    place: Place
    key: str
    spec: Path
    candidate: Path
    base: Path
    base_commit: str
    tree: str
    vault: Path
    policy: Path
    partition: Partition
    product: ProductPlan
    ship: ShipPlan
    mounts: tuple[FolderMount, ...]
    artefacts: Path
    seed: int
    max_trajectories: int
    parallel: int
    look: int | None = None
    bits: float = 0.0
    leak_sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spec_since: str | None = None


@dataclass(frozen=True, slots=True)
class Graded:
    """The evaluator's answer: its document and what the harness may know of it.

    Attributes:
        booked: Whether what its model calls cost is in the ledger already.
    """

    verdict: Verdict
    document: Mapping[str, Any]
    feedback: tuple[Mapping[str, Any], ...] = ()
    booked: bool = False


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that was written: files by kind (``html``, ``json``), and one line."""

    files: Mapping[str, str]
    headline: str = ""
    questions: int = 0


@dataclass(frozen=True, slots=True)
class Shipped:
    """What shipping did; `again` when it had been done before.

    Attributes:
        pull_request: Address of the proposal, where shipping proposes instead of merging.
        head: Commit whose checks the forge runs; the merge itself when empty.
        pending: What the proposal still waits for, in words; empty once it is on the branch.
    """

    commit: str
    tag: str
    branch: str
    again: bool = False
    pull_request: str = ""
    head: str = ""
    pending: str = ""


@dataclass(frozen=True, slots=True)
class LineEvent:
    """One thing that happened, as live views see it.

    Attributes:
        kind: ``stage``, ``trajectory``, ``agent``, ``candidate``, ``verdict``, ``question``,
            ``state`` or ``note``.
        state: For a stage ``running``, ``done``, ``not_good_enough``, ``failed``.
    """

    run: RunId
    kind: str
    stage: str = ""
    candidate: CandidateId | None = None
    state: str = ""
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
