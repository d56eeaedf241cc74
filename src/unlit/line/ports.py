"""What the line needs from the rooms. `wiring` makes one `Services`; tests use `fakes`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from unlit.context.ports import Bodies, Source, Witness
from unlit.core.clock import Clock
from unlit.core.ids import Ids, RunId
from unlit.harness.ports import Agent, Fence
from unlit.line.model import (
    CiPlan,
    EvaluationOrder,
    FenceOrder,
    FileRules,
    FolderMount,
    Graded,
    LineEvent,
    Place,
    ProductPlan,
    Reported,
    Shipped,
    SpecFacts,
)
from unlit.line.rules.queues import Limit
from unlit.record.ledger import Ledger
from unlit.record.slots import Slots
from unlit.record.store import Store

Result = TypeVar("Result")
Recheck = Callable[[str, str], bool | str]
"""Takes a merge commit and its tree; true when checks and validation hold on it, else why not."""


class Specs(Protocol):
    """The intent room."""

    def read(self, path: Path) -> SpecFacts:
        """Parse, lint and judge readiness.

        Raises:
            InvalidInput: The file is not a spec.
        """
        ...


class Policies(Protocol):
    """The policy room."""

    def digest(self, path: Path) -> str:
        """Load the policy and return its digest.

        Raises:
            InvalidInput: The file is not a policy.
        """
        ...

    def files(self, path: Path, role: str) -> FileRules:
        """Return what a role may change."""
        ...

    def ways_out(self, path: Path, role: str) -> Sequence[str]:
        """Return sentences of rules by which a role can send data to the world.

        Package mirrors and twins are none; a rule bound to a credential is none if it only reads
        or its host is closed (`policy.rules.exposure`).
        """
        ...

    def refuses_exposure(self, path: Path) -> bool:
        """Whether a run is refused in which private data, anybody's text and a way out meet."""
        ...


class Fences(Protocol):
    """The fence room."""

    async def open(self, order: FenceOrder) -> Fence:
        """Open one fence."""
        ...

    async def close(self, fence: Fence, place: Place) -> Mapping[str, Any]:
        """Close it; return its report as JSON and book its model usage.

        Known keys: ``held`` (bool), ``denied``, ``exchanges``, ``peak_memory_mb``,
        ``weak`` (list), ``usage`` (list of model usages).
        """
        ...

    def wish(self, place: Place, request: str) -> None:
        """Ask people about a wish for access that a product had while it was graded."""
        ...


@dataclass(frozen=True, slots=True)
class ServedTools:
    """Context tools that a fence may reach; none where policy names none.

    Attributes:
        twins: Routes of the fence.
        env: What tells a program where they are.
        url: Where an agent's MCP client finds them.
    """

    twins: tuple[Any, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


class ContextTools(Protocol):
    """The context room's tools, as an MCP server outside the fence."""

    def serve(
        self, policy: Path, place: Place, witness: Callable[[], Witness]
    ) -> AbstractAsyncContextManager[ServedTools]:
        """Serve them to one agent while the block runs, if its policy names them.

        Args:
            policy: The run's policy.
            place: Who asks.
            witness: Makes what keeps each answer before the agent has it; called if it is served.

        Raises:
            InvalidInput: The policy's rule names no single host.
            UnlitError: The server did not start, or the index cannot be opened.
        """
        ...


class Dependencies(Protocol):
    """What the product needs to run, built once and mounted read-only."""

    async def prepare(
        self, product: ProductPlan, tree: Path, policy: Path, place: Place
    ) -> Sequence[FolderMount]:
        """Build the dependency layer of `tree`, or take it from the cache.

        Raises:
            OutcomeNotGoodEnough: The build command failed: the candidate's own fault.
            OutsideFailed: The package mirror or the machine failed.
        """
        ...


class Evaluator(Protocol):
    """The evaluator's own process."""

    def check(
        self, vault: Path, spec: SpecFacts, repository: Path, product: ProductPlan
    ) -> tuple[str, ...]:
        """Look whether a run can be graded by this vault; nothing of it is kept.

        Returns:
            Ids of the scenarios that do not say whose criteria they speak for.

        Raises:
            InvalidInput: It is no folder, holds no scenario, one of them is broken, or reaches the
                product in a way that the product is not said to have.
        """
        ...

    async def grade(
        self, order: EvaluationOrder, on_event: Callable[[Mapping[str, Any]], None]
    ) -> Graded:
        """Grade one candidate on one partition; events arrive while it works.

        Raises:
            OutsideFailed: The evaluator itself failed; nothing is said of the candidate.
            InvalidInput: Spec or scenarios are not usable.
        """
        ...


class Reporter(Protocol):
    """The review room."""

    def report(self, run: RunId) -> Reported:
        """Build the report of a run, write its files, write its questions into the record."""
        ...


class Shipper(Protocol):
    """The ship room."""

    def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
        """Merge and tag an approved run, or propose it; again does nothing more.

        Args:
            run: The run.
            recheck: Asked when the merge has another tree than the graded one.

        Raises:
            OutcomeNotGoodEnough: It was not approved, does not merge, or `recheck` says no.
        """
        ...


class AfterMerge(Protocol):
    """What follows the merge: attestations, and the deploy where one is named."""

    def attest(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, str]:
        """Write provenance, outcome and bill of materials; again writes them again.

        Args:
            run: The shipped run.
            facts: What the stage `ship` found.

        Returns:
            What was written, by name.

        Raises:
            OutsideFailed: They cannot be written.
        """
        ...

    async def deploy(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Deploy in stages, going on where a killed deploy stopped; `None` when none is named.

        Returns:
            ``ok``, ``percent``, ``restored``, ``steps`` and one line of ``words``.

        Raises:
            UnlitError: No fence can be made, or the policy is not one.
        """
        ...


@dataclass(frozen=True, slots=True)
class CheckState:
    """How the repository's own checks of a commit stand.

    Attributes:
        state: ``green``, ``red``, ``running``, or ``none`` when there are none (yet).
        name: The first check that is red.
        log: The end of its log, where the forge gives it.
    """

    state: str
    count: int = 0
    name: str = ""
    log: str = ""
    url: str = ""


class Checks(Protocol):
    """The forge that runs the repository's own checks."""

    async def look(self, ci: CiPlan, commit: str, repository: Path) -> CheckState:
        """Say how the checks of a commit stand now.

        Raises:
            OutsideFailed: The forge does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class AskedIntent:
    """What stands between a spec and its build.

    Attributes:
        why: Why a person must approve it; empty when nobody must.
        decision: What was decided: ``approved``, ``rejected`` or nothing yet.
        people: Who approved it.
    """

    why: str = ""
    decision: str = ""
    people: tuple[str, ...] = ()


class Gates(Protocol):
    """The rules of the gates that need not ask, and what was decided there."""

    def intent(self, run: RunId, missing: Sequence[str]) -> AskedIntent:
        """Say whether a person must approve the run's spec before anything is built.

        Args:
            run: The run.
            missing: What its spec lacks.

        Raises:
            InvalidInput: The rules cannot be read; the gate stays shut.
        """
        ...

    def ship(self, run: RunId) -> str:
        """Say what an approved run still waits for before it ships; nothing when for nothing.

        Raises:
            InvalidInput: The rules cannot be read; the gate stays shut.
        """
        ...


class Durable(Protocol):
    """The engine that remembers which steps of a run are done."""

    async def step(self, name: str, action: Callable[[], Awaitable[Result]]) -> Result:
        """Do `action` unless this run did it before; return its result either way.

        Results are JSON values. An action may be repeated after a crash in the middle of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the line works with.

    Attributes:
        agents: Makes the agent of a name.
        sources: What a run may read as context, for its repository.
        workspaces: Folder of the runs' workspaces.
        artefacts: Folder of artefacts without scenario content.
        listen: Called with each event as it happens, for live views.
        ledger: Holds and settles money, where hard limits are kept.
        checks: Who runs the repository's own checks, where that is a forge.
        slots: Keeps the limits over all workers.
        limits: By name: ``agent:NAME``, ``provider:NAME``, ``service:NAME``.
        shared: Whether workers share no file system: runs carry their files in the record.
        vault: Where this machine has the scenarios; `None` takes the path of the run.
        gates: Whether the gates ``intent`` and ``ship`` ask; without it neither does.
        after: Attestations and deploys; nothing follows a merge without it.
        tools: Serves the context tools to agents at work; none are served without it.
    """

    store: Store
    specs: Specs
    policies: Policies
    fences: Fences
    dependencies: Dependencies
    evaluator: Evaluator
    reporter: Reporter
    shipper: Shipper
    agents: Callable[[str], Agent]
    sources: Callable[[Path], Sequence[Source]]
    bodies: Bodies
    clock: Clock
    ids: Ids
    workspaces: Path
    artefacts: Path
    listen: Callable[[LineEvent], None] = lambda event: None
    ledger: Ledger | None = None
    shared: bool = False
    checks: Checks | None = None
    slots: Slots | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    vault: Path | None = None
    gates: Gates | None = None
    after: AfterMerge | None = None
    tools: ContextTools | None = None
