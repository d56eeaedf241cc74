"""The line as a service: begin a run, take it to its gate, ship it, resume, pause and cancel it."""

import asyncio
import fcntl
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough
from unlit.core.ids import Digest, RunId
from unlit.harness.workspace import Workspace, resolve
from unlit.line import carry, flow, preflight, settled
from unlit.line.engine import DbosEngine, EngineOptions
from unlit.line.graph_flow import FILE, find_line
from unlit.line.graphs.children import FILE as CHILDREN
from unlit.line.graphs.children import children_of
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.lint import errors
from unlit.line.journal import Journal
from unlit.line.model import BudgetPlan, RunRequest
from unlit.line.ports import Durable, Services
from unlit.line.requests import budget_now, request_from_json, tighter, with_spec
from unlit.line.rules.queues import LINES, QueuePlan
from unlit.line.stages.asking import waits_at_ship
from unlit.line.stages.work import Work
from unlit.line.steps import Interrupted
from unlit.record.engine import open_engine
from unlit.record.model import Run, RunState, StageState
from unlit.ship.service import STOPPED

PRODUCE: Final = "line"
SHIP: Final = "ship"
AGAIN: Final = "again-"
_WATCH_S: Final = 0.5


class Line:
    """The production line of one process.

    Use `Line.open`; close it when done. A run is worked on by one process at a time, held by a lock
    that ends with the process.
    """

    def __init__(self, services: Services, engine: DbosEngine) -> None:
        self.services = services
        self.engine = engine
        self._locks: dict[RunId, int] = {}
        self._kinds: dict[RunId, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        services: Services,
        url: str,
        *,
        queues: tuple[str, ...] = (),
        per_worker: int = 2,
        plans: Sequence[QueuePlan] = (),
    ) -> AsyncIterator["Line"]:
        """Open the line.

        Args:
            services: What it works with.
            url: Database of the durable engine, ``sqlite:///PATH`` or ``postgresql://…``.
            queues: Queues to take runs from; empty does only what this process is asked for.
            per_worker: Runs of a queue done at a time.
            plans: Limits of named queues.
        """
        database = open_engine(url, own_transactions=False)
        engine_url = database.url.render_as_string(hide_password=False)
        options = EngineOptions(
            database,
            engine_url,
            executor_id(),
            flow.FLOW_VERSION,
            queues,
            per_worker,
            {plan.name: plan for plan in plans},
        )

        async def body(run: str, kind: str, durable: Durable) -> Mapping[str, Any]:
            return await _body(services, RunId(run), kind, durable)

        engine = await DbosEngine.start(options, body)
        line = cls(services, engine)
        try:
            yield line
        finally:
            await engine.close()
            database.dispose()
            for run in tuple(line._locks):
                line.release(run)

    async def start(self, request: RunRequest) -> RunId:
        """Begin a run and its work. Nothing is recorded when the request is not sound.

        Raises:
            InvalidInput: Unknown agent, unreadable spec or policy, no such commit, or a vault
                that cannot grade.
            OutsideFailed: None of its agents is on this machine.
        """
        asked = await self.check(request)
        run = await asyncio.to_thread(_begin, self.services, asked)
        self.hold(run, PRODUCE)
        await self.engine.begin(run, PRODUCE)
        return run

    async def check(self, request: RunRequest) -> RunRequest:
        """Return what a run would be asked to do, with its spec's own words; nothing is begun.

        Raises:
            InvalidInput: As `start`.
            OutsideFailed: As `start`.
        """
        preflight.check_words(request)
        asked = await asyncio.to_thread(_as_specified, self.services, request)
        await asyncio.to_thread(preflight.check_vault, self.services, asked)
        preflight.check_agents(self.services, asked.agents)
        await asyncio.to_thread(_line_of, self.services, asked)
        return asked

    async def submit(self, request: RunRequest, queue: str = LINES) -> RunId:
        """Begin a run and leave its work to any worker that takes from `queue`.

        Raises:
            InvalidInput: As `start`.
        """
        preflight.check_words(request)
        asked = await asyncio.to_thread(_as_specified, self.services, request)
        if not self.services.shared:  # else the workers have the vault, not we
            await asyncio.to_thread(preflight.check_vault, self.services, asked)
        run = await asyncio.to_thread(_begin, self.services, asked)
        await self.engine.enqueue(queue, run, PRODUCE)
        return run

    async def reclaim(self, dead: str, queue: str = LINES) -> tuple[str, ...]:
        """Put the work of a dead worker back into a queue; return the names of the work."""
        return await self.engine.reclaim(dead, queue)

    async def resume(
        self,
        run: RunId,
        *,
        run_usd: Decimal | None = None,
        vault: Path | None = None,
        limits: BudgetPlan | None = None,
    ) -> None:
        """Go on with a run that stopped: its process died, it failed, or it was paused.

        Args:
            run: The run.
            run_usd: A new hard limit for the run, whatever `limits` say.
            limits: The hard limits as `unlit.toml` has them now; those it was begun with when
                `None`.
            vault: Where the vault lies now; the one it was begun with when `None`.

        Raises:
            InvalidInput: It is over, waits for a person, is being worked on, has lost its vault, or
                was begun by a version of the flow that this one cannot continue.
        """
        found = self.known(run)
        over = found.state in (RunState.REJECTED, RunState.ENDED, RunState.CANCELLED)
        shipped = found.state is RunState.SHIPPED
        if over or (shipped and not await self.unfinished(run)):
            raise InvalidInput(
                "LIN-012",
                f"Run {run} is over: {found.state.value}.",
                "there is nothing left to do in it.",
                f"start a new run with `unlit run SPEC`, or `unlit fork {run} --from STAGE`.",
            )
        kind = await self.newest_work(found)
        self.hold(run, kind)
        _same_version(found, await self.engine.version(run, kind))
        settings = dict(found.settings)
        if vault is not None:
            settings["vault"] = str(vault)
        if not kind.startswith(SHIP) and found.state is not RunState.WAITING:
            await asyncio.to_thread(preflight.check_vault_again, self.services, run, settings)
        settings["budget"] = self._budget_of(run, settings, run_usd, limits).to_json()
        now = self.services.clock.now()
        changes = {"state": RunState.RUNNING, "note": "", "settings": settings}
        self.services.store.change_run(run, now, **changes)
        if self.services.ledger is not None:
            self.services.ledger.settle_crashed(run)
            self.services.ledger.forget(run)
        await self.engine.resume(run, kind)

    def _budget_of(
        self,
        run: RunId,
        settings: Mapping[str, Any],
        run_usd: Decimal | None,
        limits: BudgetPlan | None,
    ) -> BudgetPlan:
        pinned = self.services.workspaces / run / "spec.md"
        if limits is not None and pinned.is_file():
            limits = tighter(limits, self.services.specs.read(pinned).budget)
        return budget_now(request_from_json(settings).budget, limits, run_usd)

    async def newest_work(self, found: Run) -> str:
        """Return the name of the newest piece of work begun for a run."""
        named = str(found.settings.get("work", PRODUCE))
        if named == PRODUCE and await self.engine.status(found.id, SHIP) is not None:
            return SHIP  # begun by a version that did not write it down
        return named

    async def begin_work(self, run: RunId, kind: str, queue: str | None = None) -> None:
        """Begin another piece of work for a run, and write down that it is the newest."""
        found = self.known(run)
        settings = {**found.settings, "work": kind}
        self.services.store.change_run(run, self.services.clock.now(), settings=settings)
        if queue is not None:
            await self.engine.enqueue(queue, run, kind)
            return
        self.hold(run, kind)
        await self.engine.begin(run, kind)

    async def ship(self, run: RunId, queue: str | None = None, *, anew: bool = False) -> None:
        """Begin shipping an approved run, or go on with it; `wait` tells when it is done.

        Where its ship gate asks, the run waits there and nothing is begun.

        Args:
            run: The run.
            queue: Leave it to a worker of this queue.
            anew: Go through it once more although it is done, such as for another deploy.

        Raises:
            OutcomeNotGoodEnough: The run is over without being shipped, whoever approved it before.
            InvalidInput: Another process works on it, or this version of the flow cannot go on.
        """
        found = self.known(run)
        _may_ship(found)
        if await asyncio.to_thread(waits_at_ship, self.services, run):
            return
        first = kind = SHIP if found.candidate is None else f"{SHIP}-{found.candidate}"
        status, number = await self.engine.status(run, kind), 2
        named = str(found.settings.get("work", PRODUCE))
        while status == "SUCCESS" and (anew or (kind != named and named.startswith(f"{first}-"))):
            kind, number = f"{first}-{number}", number + 1
            status = await self.engine.status(run, kind)
        if status is None:
            await self.begin_work(run, kind, queue)
            return
        again = status == "SUCCESS" and found.state is not RunState.SHIPPED
        # what is merged stays merged: of what comes after it, only what failed is done again
        goes_on = status != "SUCCESS" or (not again and _stopped_after_merge(self.services, run))
        if goes_on:
            _same_version(found, await self.engine.version(run, kind))
        self.hold(run, kind)
        if goes_on:
            await self.engine.resume(run, kind)
        elif again:
            await self.engine.rewind(run, kind)

    async def unfinished(self, run: RunId) -> bool:
        """Whether the newest work of a run has begun and not ended, such as after a kill."""
        found = self.known(run)
        status = await self.engine.status(run, await self.newest_work(found))
        return status not in (None, "SUCCESS", "ERROR", "CANCELLED")

    async def wait(self, run: RunId) -> Run:
        """Wait until this process has done what it was asked for a run, and return the run.

        A cancel or pause written into the record by another process is obeyed within a second.
        """
        kind = self._kinds.get(run)
        if kind is None:
            return self.known(run)
        waiting = asyncio.create_task(self.engine.wait(run, kind))
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=_WATCH_S)
                if self.known(run).state in (RunState.CANCELLED, RunState.PAUSED):
                    await self.engine.interrupt(run, kind)
                    break
            if waiting.done():
                with suppress(Interrupted):
                    waiting.result()
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await waiting
            self.release(run)
        return self.known(run)

    def known(self, run: RunId) -> Run:
        """Return a run.

        Raises:
            InvalidInput: There is none.
        """
        found = self.services.store.run(run)
        if found is None:
            raise InvalidInput(
                "LIN-014",
                f"There is no run {run}.",
                "the record does not have it.",
                "`unlit runs` lists the runs of this repository.",
            )
        return found

    def hold(self, run: RunId, kind: str) -> None:
        """Take a run for this process; `kind` of work is what `wait` waits for.

        Raises:
            InvalidInput: Another process works on it.
        """
        if run in self._locks:
            self._kinds[run] = kind
            return
        path = self.services.workspaces / run / "lock"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InvalidInput(
                "LIN-011",
                f"Run {run} is being worked on by another process.",
                "one run is worked on by one process, so that nothing is done twice.",
                "wait for it, or stop that process first.",
            ) from error
        self._locks[run] = descriptor
        self._kinds[run] = kind

    def release(self, run: RunId) -> None:
        """Let a run go, so that another process may take it."""
        self._kinds.pop(run, None)
        descriptor = self._locks.pop(run, None)
        if descriptor is not None:
            os.close(descriptor)


def _as_specified(services: Services, request: RunRequest) -> RunRequest:
    return with_spec(request, services.specs.read(request.spec))


def _begin(services: Services, request: RunRequest) -> RunId:
    for agent in request.agents:
        services.agents(agent)
    spec = services.specs.read(request.spec)
    policy = services.policies.digest(request.policy)
    resolve(request.repository, request.commit)
    drawn, children = _line_of(services, request)
    run = RunId(services.ids.fresh("r"))
    workspace = Workspace(services.workspaces / run)
    base = workspace.begin(request.repository, request.commit)
    if drawn is not None:
        _pin(drawn, workspace.root / FILE)
    if children:
        text = json.dumps(children, sort_keys=True)
        (workspace.root / CHILDREN).write_text(text, encoding="utf-8")
    pinned = replace(
        request,
        spec=_pin(request.spec, workspace.root / "spec.md"),
        policy=_pin(request.policy, workspace.root / "policy.toml"),
        commit=base.commit,
        repository=request.repository.resolve(),
        vault=request.vault.resolve(),
    )
    now = services.clock.now()
    services.store.begin_run(
        Run(
            id=run,
            spec_id=spec.id,
            spec_digest=Digest(spec.digest),
            title=spec.title,
            repository=str(pinned.repository),
            spec_path=str(request.spec),
            base=base.commit,
            base_tree=base.tree,
            workspace=str(workspace.repository),
            agent=request.agents[0],
            person=request.person,
            state=RunState.QUEUED,
            created_at=now,
            updated_at=now,
            line=request.line,
            policy_digest=Digest(policy),
            seed=request.seed if request.seed is not None else _seed(run),
            engine_version=flow.FLOW_VERSION,
            settings=pinned.to_json(),
        )
    )
    if services.shared:
        carry.give(services.store, workspace, run, base.commit)
    return run


def executor_id() -> str:
    """Return a name for this process that no other ever has: host, pid and its start time."""
    started = Path("/proc/self/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[19]
    return f"{socket.gethostname()}-{os.getpid()}-{started}"


async def _body(services: Services, run: RunId, kind: str, durable: Durable) -> Mapping[str, Any]:
    found = services.store.run(run)
    if found is None:
        raise RuntimeError(f"no run {run} in the record")
    workspace = Workspace(services.workspaces / run)
    if services.shared:
        await asyncio.to_thread(carry.take, services.store, workspace, run)
    request = replace(
        request_from_json(found.settings),
        spec=workspace.root / "spec.md",
        policy=workspace.root / "policy.toml",
    )
    work = Work(
        run=run,
        request=request if services.vault is None else replace(request, vault=services.vault),
        services=services,
        journal=Journal(services.store, services.clock, run, services.listen),
        durable=durable,
        workspace=workspace,
    )
    if kind.startswith(SHIP):
        return await flow.finish(work, found.base)
    if kind.startswith(settled.LOOK):
        return await settled.look(work, kind)
    if kind.startswith(AGAIN):
        return await flow.again(work, found.base, kind)
    return await flow.produce(work, found.base)


def _line_of(services: Services, request: RunRequest) -> tuple[Path | None, Mapping[str, str]]:
    """Return the graph file of a run and its child lines, after lint; `None` for the default."""
    if request.line == "default":
        return None, {}
    path = find_line(request.line, request.repository)
    graph = parse_dot(path.read_text(encoding="utf-8"), str(path))
    wrong = errors(graph)
    if wrong:
        raise InvalidInput(
            "LIN-074",
            f"The line {path} has an error: {wrong[0].message} (line {wrong[0].line}).",
            f"rule {wrong[0].rule}; a line with an error is not executed.",
            f"correct it; `unlit lines lint {path}` shows all.",
        )
    children = children_of(graph, path.parent)
    graphs = (graph, *(parse_dot(text, key) for key, text in children.items()))
    preflight.check_hooks(services, request, graphs)
    return path, children


def _pin(source: Path, target: Path) -> Path:
    """Copy a file into the run's folder, so that a resumed run sees the same bytes.

    A signature beside it goes with it: a copy is as good as what it was made from.
    """
    shutil.copyfile(source, target)
    signature = source.with_name(f"{source.name}.signed")
    if signature.is_file():
        shutil.copyfile(signature, target.with_name(f"{target.name}.signed"))
    return target


def _may_ship(found: Run) -> None:
    if found.state in STOPPED:
        raise OutcomeNotGoodEnough(
            "LIN-043",
            f"Run {found.id} is {found.state.value} and ships nothing.",
            "an approval from before does not outlive the end of a run.",
            f"`unlit show {found.id}` says how it ended; start a new run with `unlit run SPEC`.",
        )


def _same_version(found: Run, version: str | None) -> None:
    """Refuse to go on with work that another version of the flow began."""
    version = version or found.engine_version
    if version != flow.FLOW_VERSION:
        raise InvalidInput(
            "LIN-013",
            f"Run {found.id} was begun by version {version} of the line; this is "
            f"{flow.FLOW_VERSION}.",
            "its remaining steps may not fit those it has done.",
            "finish it with the unlit that began it, or start a new run.",
        )


def _stopped_after_merge(services: Services, run: RunId) -> bool:
    rows = [stage for stage in services.store.stages(run) if stage.name in flow.AFTER_MERGE]
    return any(row.state is StageState.FAILED for row in rows)


def _seed(run: RunId) -> int:
    return int(digest_json(run).removeprefix("sha256:")[:12], 16)
