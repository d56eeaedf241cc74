"""The composition root: makes the objects that the rooms ask for, from settings and files."""

import getpass
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from unlit import __version__
from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.context.connectors.design_tokens import DesignTokens
from unlit.context.connectors.markdown import MarkdownFolder
from unlit.context.library import Library
from unlit.context.linked import LinkedItems
from unlit.context.ports import Source
from unlit.context.relevant import RelevantItems
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.core.system import SystemClock, SystemIds
from unlit.fence import TwinRoute, capabilities
from unlit.fence.backends import FULL, known_backend, start_host
from unlit.fence.machine import require_strong
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.line.adapters.access import EXPIRES_H, Questions
from unlit.line.adapters.dependency_room import DependencyRoom
from unlit.line.adapters.evaluator_process import EvaluatorProcess
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.adapters.gate_room import GateRoom
from unlit.line.adapters.intent_room import IntentRoom
from unlit.line.adapters.policy_room import PolicyRoom
from unlit.line.adapters.review_room import ReviewRoom
from unlit.line.adapters.ship_room import ShipRoom
from unlit.line.adapters.telemetry import open_telemetry
from unlit.line.adopt import POLICY, survey
from unlit.line.model import BudgetPlan, CiPlan, LineEvent, ProductPlan, RunRequest, ShipPlan
from unlit.line.ports import Services
from unlit.line.rules.queues import queue_of
from unlit.models.prices import price
from unlit.policy import AuditLog
from unlit.record.blobs import StoreBodies
from unlit.record.engine import sqlite_url
from unlit.record.ledger import Ledger
from unlit.record.model import RunEvent
from unlit.record.slots import Slots
from unlit.record.store import Store
from unlit.wiring.demo_product import CANDIDATES
from unlit.wiring.deploying import DeployRoom
from unlit.wiring.factory import ContextSettings, Factory, ProductSettings, read_factory
from unlit.wiring.forge_checks import forge_checks
from unlit.wiring.gate_settings import gate_rules
from unlit.wiring.grading import evaluator_options
from unlit.wiring.hooks import telling
from unlit.wiring.logs import configure_logs
from unlit.wiring.paths import (
    FILE_NAME,
    StatePaths,
    evaluations_beside,
    state_home,
    state_paths,
    vault_path,
)
from unlit.wiring.run_tools import RunTools
from unlit.wiring.settings import Settings, read_settings
from unlit.wiring.ship_plan import open_means
from unlit.wiring.sources import open_library

Flags = Mapping[str, str | int | Path | None]
_SCRIPTED: Final = "scripted"
_ITS_SPEC: Final = "access-review"


@dataclass(frozen=True, slots=True)
class FactoryHandle:
    """One open factory: the services of its line, and what a run of it is asked to do.

    Attributes:
        durable_url: Database of the durable engine.
        vault: Where the scenarios lie.
        found: What was found out about a repository without `unlit.toml`, one sentence each.
    """

    services: Services
    durable_url: str
    settings: Settings
    factory: Factory
    repository: Path
    paths: StatePaths
    vault: Path
    audit: AuditLog
    found: tuple[str, ...] = ()

    def _policy(self) -> Path:
        """Return the policy file; a repository without one gets the strictest that can build."""
        policy = self.repository / "policy.toml"
        if policy.is_file():
            return policy
        default = self.paths.root / "default-policy.toml"
        default.write_text(POLICY, encoding="utf-8")
        return default

    @property
    def limits(self) -> BudgetPlan:
        """Return the hard limits of money as `unlit.toml` has them now."""
        return BudgetPlan(**asdict(self.factory.budget))

    def queue_of(self, request: RunRequest) -> str:
        """Return the queue that a run of this kind waits in."""
        spec = self.services.specs.read(request.spec)
        return queue_of(self.factory.line.queues, request.agents[0], spec.uses, spec.risk)

    def request(
        self, spec: Path, *, agents: tuple[str, ...] | None = None, **changes: Any
    ) -> RunRequest:
        """Say what a run of this factory is asked to do; `changes` replace fields."""
        policy = self._policy()
        factory = self.factory
        request = RunRequest(
            spec=spec,
            repository=self.repository,
            vault=self.vault,
            policy=policy,
            agents=agents or factory.agents,
            person=person(self.settings),
            max_candidates=self.settings.number("max_candidates"),
            max_trajectories=self.settings.number("max_trajectories"),
            parallel=self.settings.number("parallel"),
            product=ProductPlan(
                kind=factory.product.kind,
                build=factory.product.build,
                test=factory.product.test,
                run=factory.product.run,
                port=factory.product.port,
                env=dict(factory.product.env),
            ),
            ship=ShipPlan(**asdict(factory.ship)),
            budget=self.limits,
            tournament=factory.line.tournament,
            ci=ci_plan(factory),
        )
        return replace(request, **changes)


def playable(request: RunRequest) -> RunRequest:
    """Return a request unless nobody in it can write for its spec.

    Raises:
        InvalidInput: The scripted agent is named without a folder, for a product of the user's own.
    """
    if _SCRIPTED in request.agents and request.spec.stem != _ITS_SPEC:
        raise InvalidInput(
            "HAR-011",
            f"The scripted agent has nothing to play for {request.spec.name}.",
            "without a folder it plays the candidates of the built-in product alone.",
            "name who writes: --agent claude-code (see unlit agents list), or scripted:DIR.",
        )
    return request


def ci_plan(factory: Factory) -> CiPlan:
    """Return how the repository's own checks are asked; the forge's project unless it is named."""
    ci, forge = factory.line.ci, factory.after_gate.forge
    if ci.source is None or ci.repository is not None or forge is None:
        return ci
    return replace(ci, repository=forge.project)


def person(settings: Settings) -> str:
    """Return who acts: the setting, or the user's name."""
    named = settings.text("person")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def open_record(repository: Path, flags: Flags | None = None) -> tuple[Store, StatePaths]:
    """Open the record of a repository, for commands that only read or decide."""
    settings = read_settings(flags=flags)
    paths = state_paths(settings, repository)
    paths.create()
    return Store.open(record_url(settings, paths)), paths


def record_url(settings: Settings, paths: StatePaths) -> str:
    """Return the URL of the record."""
    return settings.text("database_url") or sqlite_url(paths.database)


def durable_url(settings: Settings, paths: StatePaths) -> str:
    """Return the URL of the durable engine's database."""
    return settings.text("database_url") or sqlite_url(paths.root / "line.db")


def _backend(settings: Settings) -> str:
    """Return the backend that was chosen.

    Raises:
        UsageError: There is no such backend.
        OutsideFailed: The full one cannot be had here, and no weaker one was chosen.
    """
    backend = known_backend(settings.text("backend") or FULL)
    if backend == FULL:
        require_strong(capabilities())
    return backend


def open_audit(paths: StatePaths, clock: Clock, backend: str = FULL) -> AuditLog:
    """Open the audit log of a repository.

    Raises:
        OutsideFailed: It cannot be written, or another process holds it.
    """
    found = capabilities().to_json()
    header = {"program": f"unlit {__version__}", "backend": backend, **found}
    return AuditLog.open_or_beside(paths.audit, header, clock, name=f"beside-{os.getpid()}")


@asynccontextmanager
async def open_factory(
    repository: Path,
    *,
    flags: Flags | None = None,
    listen: Callable[[LineEvent], None] = lambda event: None,
    routes: Mapping[str, Sequence[TwinRoute]] | None = None,
    run: str | None = None,
) -> AsyncIterator[FactoryHandle]:
    """Open everything that a run needs, and close it afterwards.

    Args:
        repository: The user's repository.
        flags: Settings given on the command line.
        listen: Called with each event of the line, for live views.
        routes: Twins that a role's fences reach besides the product's, such as a model server.
        run: A run to go on with: its own vault is used.

    Raises:
        UnlitError: A file is broken, or the machine lacks what a fence needs.
    """
    settings = read_settings(flags=flags)
    factory, found = factory_of(repository)
    paths = state_paths(settings, repository)
    paths.create()
    clock, ids = SystemClock(), SystemIds()
    store = Store.open(record_url(settings, paths))
    vault = _vault_of(store, run) or vault_path(settings, repository)
    backend = _backend(settings)
    configure_logs(settings.text("log_level") or "warning")
    audit = open_audit(paths, clock, backend)
    ledger = Ledger(store, clock, ids, price, partial(_warn, store, clock, listen))
    shared = settings.text("database_url") is not None
    host = await start_host(
        backend,
        paths.root / "fences",
        audit,
        meter=ledger,
        secret_env=settings.env,
        watched={"vault": vault.resolve(), "record": paths.root.resolve()} | _private(settings),
    )
    stack = ExitStack()
    try:
        listening = stack.enter_context(
            open_telemetry(
                settings.env.get("OTEL_EXPORTER_OTLP_ENDPOINT"),
                lambda named: store.costs(run=named),
                listen,
                ledger,
            )
        )
        stack.enter_context(telling(repository, settings, paths, store))
        library: Library | None = None
        if factory.sources:
            library = stack.enter_context(open_library(repository, flags))
        services = Services(
            store=store,
            specs=IntentRoom(),
            policies=PolicyRoom(),
            fences=FenceRoom(
                host,
                store,
                clock,
                ids,
                routes,
                metered=True,
                questions=Questions(store, clock, listening, _expires_h(repository)),
            ),
            dependencies=DependencyRoom(
                host, state_home(settings.env, settings.path("state_home")) / "deps", settings.env
            ),
            evaluator=EvaluatorProcess(
                evaluator_store(vault),
                settings.env,
                options=evaluator_options(factory.evaluation, repository, backend),
                meter=ledger,
            ),
            reporter=ReviewRoom(store, paths.root / "reports", partial(audit_logs, paths, vault)),
            shipper=ShipRoom(store, partial(open_means, repository, settings, paths, store)),
            agents=partial(_agent, settings),
            sources=partial(_sources, clock, library, factory.context),
            bodies=StoreBodies(store) if shared else FolderBodies(paths.artefacts / "bodies"),
            clock=clock,
            ids=ids,
            workspaces=paths.workspaces,
            artefacts=paths.artefacts,
            listen=listening,
            ledger=ledger,
            checks=forge_checks(repository, settings, paths, factory),
            slots=Slots(store) if factory.line.limits else None,
            limits=factory.line.limits,
            shared=shared,
            vault=vault if shared else None,
            gates=GateRoom(store, partial(gate_rules, repository)),
            after=DeployRoom(store, clock, paths, settings),
            tools=RunTools(repository, settings, audit),
        )
        yield FactoryHandle(
            services,
            durable_url(settings, paths),
            settings,
            factory,
            repository,
            paths,
            vault,
            audit,
            found,
        )
    finally:
        stack.close()
        await host.close()
        audit.close()
        store.close()


def _warn(
    store: Store,
    clock: Clock,
    listen: Callable[[LineEvent], None],
    run: str,
    scope: str,
    share: float,
) -> None:
    """Tell once that half, four fifths or all of a limit is used."""
    named = RunId(run)
    whose = {"run": "this run's limit", "day": "today's limit", "person": "your limit of today"}
    text = f"{share:.0%} of {whose[scope.partition('/')[0]]} is used, or held for calls under way"
    listen(LineEvent(named, "note", "budget", text=text, data={"scope": scope, "share": share}))
    key = f"budget/{scope}/{share:.0%}"
    data = {"scope": scope, "share": share}
    store.keep_events([RunEvent(named, key, "note", clock.now(), "budget", text=text, data=data)])


def _expires_h(repository: Path) -> float:
    """Return how long a question for access stays open: the access gate's own rule, else a day."""
    return gate_rules(repository).of("access").expires_h or EXPIRES_H


def factory_of(repository: Path) -> tuple[Factory, tuple[str, ...]]:
    """Read `unlit.toml`; without one, find the commands in the repository's own manifests.

    Returns:
        The factory, and what was found out, one sentence each (empty when the file says it all).
    """
    if (repository / FILE_NAME).is_file():
        return read_factory(repository), ()
    commands = survey(repository)
    product = ProductSettings(
        kind="cli" if commands.run else "library",
        build=commands.build,
        test=commands.test,
        run=commands.run,
        env=dict(commands.env or {}),
    )
    name = repository.resolve().name or "repository"
    return Factory(name=name, product=product), commands.reasons


def audit_logs(paths: StatePaths, vault: Path, run: str) -> tuple[Path, ...]:
    """Return the folders of all audit logs that a run has written to."""
    graded = sorted((evaluator_store(vault) / run).glob("*/*/audit"))
    return (paths.audit, *graded)


def evaluator_store(vault: Path) -> Path:
    """Return the evaluator's own store: beside the vault, never in the state folder."""
    return evaluations_beside(vault)


def _vault_of(store: Store, run: str | None) -> Path | None:
    """Return the vault that a run was begun with."""
    if run is None:
        return None
    said = store.find_run(run).settings.get("vault")
    return Path(str(said)) if said else None


def _private(settings: Settings) -> dict[str, Path]:
    """Name what a person keeps in their home and no fence may see, where it exists."""
    home = Path(settings.env.get("HOME") or "/nonexistent")
    kept = {name: home / name for name in (".ssh", ".aws", ".config", ".netrc", ".git-credentials")}
    return {f"home {name}": path for name, path in kept.items() if path.exists()}


def _agent(settings: Settings, name: str) -> Any:
    tools = state_home(settings.env, settings.path("state_home")) / "agents"
    options = AgentOptions(overlays=CANDIDATES, tools=tools, path=settings.env.get("PATH", ""))
    return make_agent(name, options)


def _sources(
    clock: Clock, library: Library | None, wanted: ContextSettings, tree: Path
) -> list[Source]:
    """Return what a run may read: the repository's documents, what its specs link to and are about.

    Links are read now; what is relevant comes from the index, as it was read last.
    """
    specs = [path.read_text("utf-8", "replace") for path in sorted((tree / "specs").glob("*.md"))]
    sources: list[Source] = [MarkdownFolder(tree, clock), DesignTokens(tree, clock)]
    if library is None or not library.configured:
        return sources
    sources.append(LinkedItems(specs, library.configured))
    if wanted.items:
        sources.append(
            RelevantItems(
                library.index,
                library.configured,
                public=wanted.public,
                budget_bytes=wanted.budget_kb * 1024,
                limit=wanted.items,
            )
        )
    return sources
