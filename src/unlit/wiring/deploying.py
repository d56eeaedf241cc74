"""Attestations and deploys of what was merged: remembered step by step, recorded, rolled back."""

import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.core.ids import CandidateId, RunId
from unlit.line.ports import AfterMerge
from unlit.record.model import Run, RunEvent
from unlit.record.store import Store
from unlit.review import build_report
from unlit.ship import Plan, Rollout, Shipment, attest, roll_out
from unlit.ship.adapters.fence_hands import DeployPlace, deploy_fence, health_of
from unlit.ship.repository import Repository
from unlit.ship.rollout import Memory, Step
from unlit.wiring.after_gate import DeploySettings
from unlit.wiring.health import HealthPlace, VaultScenarios
from unlit.wiring.paths import StatePaths, evaluations_beside, vault_path
from unlit.wiring.settings import Settings
from unlit.wiring.ship_plan import after_gate_of

KIND: Final = "rollout"
STEP: Final = "rollout-step"
WISH: Final = "deploy"
_WAIT_S: Final = 0.5
_KEPT: Final = 4000


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked of a run's deploy; kept with the run, so that a killed one goes on with it.

    Attributes:
        said: Commands and stages; `None` is as unlit.toml says.
        none: Merge only.
        round: The how manieth deploy of the same commit it is.
    """

    said: DeploySettings | None = None
    none: bool = False
    round: int = 1

    def to_json(self) -> Mapping[str, Any]:
        """Return it as JSON values."""
        return {"said": None if self.said is None else asdict(self.said), "none": self.none,
                "round": self.round}  # fmt: skip


def wish_of(run: Run) -> Wish:
    """Return what was asked of a run's deploy."""
    kept = run.settings.get(WISH)
    if not isinstance(kept, Mapping) or not kept:
        return Wish()
    said = kept.get("said")
    return Wish(None if said is None else _settings(said), bool(kept["none"]), int(kept["round"]))


def _settings(said: Mapping[str, Any]) -> DeploySettings:
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return DeploySettings(**{**said, **lists})


@dataclass(frozen=True, slots=True)
class Outside:
    """Where a deploy's names lead, when the operator answers them himself.

    Attributes:
        overrides: Names, and the ``HOST:PORT`` where.
        roots: PEM file of the roots that servers are checked by; default the machine's own.
    """

    overrides: Mapping[str, str] | None = None
    roots: str | None = None


@dataclass(frozen=True, slots=True)
class DeployRoom(AfterMerge):
    """Attests and deploys what a run merged.

    Attributes:
        store: The record.
        clock: Says when, and waits between looks.
        paths: The repository's state.
        settings: Its environment is where credentials find their own.
        outside: For tests.
    """

    store: Store
    clock: Clock
    paths: StatePaths
    settings: Settings
    outside: Outside = Outside()

    @override
    def attest(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, str]:
        found = self.store.find_run(run)
        report = build_report(self.store, run).to_json()
        folder, key = self.paths.root / "reports" / run, self.paths.root / "audit-key"
        return attest(self.store, run, shipment_of(found, facts), report, folder, key)

    @override
    async def deploy(self, run: RunId, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = self.store.find_run(run)
        wish = wish_of(found)
        said = wish.said or after_gate_of(Path(found.repository)).deploy
        if said is None or wish.none:
            return None
        shipment = shipment_of(found, facts)
        async with self._alone():
            newer = running(self.store, found)
            if newer is not None and wish.round == 1 and self._has(found, newer, shipment.commit):
                return {"ok": True, "percent": 100, "restored": None, "steps": [],
                        "words": f"{newer[:10]}, which contains it, is deployed."}  # fmt: skip
            done = await self.roll_out(shipment, said, wish.round)
        steps = [{**asdict(step), "words": step.words[:300]} for step in done.steps]
        return {"ok": done.ok, "percent": done.percent, "restored": done.restored,
                "steps": steps, "words": words_of(done)}  # fmt: skip

    def _has(self, run: Run, newer: str, commit: str) -> bool:
        """Whether what runs contains a commit and is another: deploying it would go back."""
        home = Repository(Path(run.repository))
        return newer != commit and home.is_ancestor(commit, newer)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Wait until no other process deploys this repository; a killed one holds nobody up."""
        descriptor = os.open(self.paths.root / "deploy.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await self.clock.sleep(_WAIT_S)
            yield
        finally:
            os.close(descriptor)

    async def roll_out(self, shipment: Shipment, said: DeploySettings, number: int = 1) -> Rollout:
        """Deploy a shipment in stages and write down what came of it.

        What was deployed is not deployed again, also not after a restart; one that was killed in
        the middle goes on where it was.

        Args:
            shipment: What was shipped.
            said: Commands and stages.
            number: The how manieth deploy of this commit it is.

        Raises:
            InvalidInput: The policy is not one, or no health scenario can be made.
            RefusedByPolicy: The policy lets nobody make one; nothing was deployed.
            OutsideFailed: The machine cannot make the fence, or a repository cannot be read.
        """
        known = rollouts_of(self.store, shipment.run, shipment.commit)
        if len(known) >= number:
            return known[-1]
        run = self.store.find_run(shipment.run)
        home = Repository(Path(run.repository))
        memory = _Recorded(self.store, self.clock, shipment, number)
        previous = memory.previous(running(self.store, run) or home.parents(shipment.commit)[0])
        scenarios = self._scenarios(run, said, number)
        if scenarios is not None:
            await scenarios.check()
        plan = Plan(said.command, said.rollback, said.stages, said.looks, said.pause_s)
        with tempfile.TemporaryDirectory(prefix="unlit-deploy-") as folder:
            new, old = Path(folder) / "new", Path(folder) / "old"
            for tree, commit in ((new, shipment.commit), (old, previous)):
                tree.mkdir()
                home.export(commit, tree)
            place = DeployPlace(
                run.id, Path(run.repository) / "policy.toml", self.paths.root, self.settings.env,
                previous=old, overrides=self.outside.overrides, roots=self.outside.roots,
            )  # fmt: skip
            async with deploy_fence(place, new, self.clock) as hands:
                checks = health_of(hands, said.health)
                done = await roll_out(
                    plan, shipment.commit, previous, hands, checks, self.clock, memory, scenarios
                )
        self._keep(shipment, previous, done, number)
        return done

    def _scenarios(self, run: Run, said: DeploySettings, number: int) -> VaultScenarios | None:
        """Return the health scenarios of a run's vault; None where no URL says where it runs."""
        if not said.url:
            return None
        named, home = run.settings.get("vault"), Path(run.repository)
        vault = Path(str(named)) if named else vault_path(self.settings, home)
        store = evaluations_beside(vault) / run.id / "health" / str(number)
        return VaultScenarios(
            HealthPlace(
                run.id,
                said.url,
                vault,
                store,
                home,
                self.settings.env,
                self.outside.overrides,
                self.outside.roots,
            )
        )

    def _keep(self, shipment: Shipment, previous: str, done: Rollout, number: int) -> None:
        data: dict[str, Any] = {
            "ok": done.ok, "percent": done.percent, "restored": done.restored,
            "commit": shipment.commit, "previous": previous,
            "steps": [{"name": s.name, "ok": s.ok, "words": s.words[:300]} for s in done.steps],
        }  # fmt: skip
        key = f"rollout/{number}/{shipment.commit}"
        event = RunEvent(
            shipment.run, key, KIND, self.clock.now(), "deploy", text=words_of(done), data=data
        )
        self.store.keep_events([event])


class _Recorded(Memory):
    """Remembers a rollout's steps in the record."""

    def __init__(self, store: Store, clock: Clock, shipment: Shipment, number: int) -> None:
        self._store = store
        self._clock = clock
        self._run = shipment.run
        self._prefix = f"{STEP}/{number}/{shipment.commit}"
        rows = store.events(shipment.run, kinds=(STEP,))
        self._rows = {row.key: row for row in rows if row.key.startswith(self._prefix)}

    def previous(self, now: str) -> str:
        """Return what ran when this rollout began, also when it was killed since then."""
        row = self._put("begun", {"previous": now})
        return str(row.data["previous"])

    @override
    def find(self, name: str) -> Step | None:
        row = self._rows.get(f"{self._prefix}/{name}/end")
        return None if row is None else Step(name, bool(row.data["ok"]), row.text)

    @override
    def begin(self, name: str) -> str:
        self._put(f"{name}/begin", {})
        return f"{self._prefix.removeprefix(STEP + '/')}/{name}".replace(" ", "-").replace("%", "p")

    @override
    def keep(self, step: Step) -> None:
        self._put(f"{step.name}/end", {"ok": step.ok}, step.words[:_KEPT])

    def _put(self, name: str, data: Mapping[str, Any], text: str = "") -> RunEvent:
        key = f"{self._prefix}/{name}"
        if key not in self._rows:
            now = self._clock.now()
            row = RunEvent(self._run, key, STEP, now, "deploy", text=text, data=data)
            self._store.keep_events([row])
            self._rows[key] = row
        return self._rows[key]


def shipment_of(run: Run, facts: Mapping[str, Any]) -> Shipment:
    """Return what shipping did, from what its stage found."""
    commit = str(facts["commit"])
    tree = Repository(Path(run.repository)).tree(commit)
    return Shipment(
        run.id, CandidateId(str(run.candidate or "")), commit, tree, str(facts["branch"]),
        str(facts["tag"]), again=bool(facts.get("again")),
        pull_request=str(facts.get("pull_request") or ""), head=str(facts.get("head") or ""),
        pending=str(facts.get("pending") or ""),
    )  # fmt: skip


def rollouts_of(store: Store, run: RunId, commit: str) -> tuple[Rollout, ...]:
    """Return the rollouts of a commit that have ended, in order."""
    found = []
    for row in store.events(run, kinds=(KIND,)):
        if row.data.get("commit") == commit:
            steps = tuple(Step(**step) for step in row.data.get("steps") or ())
            ok, percent = bool(row.data["ok"]), int(row.data["percent"])
            found.append(Rollout(ok, percent, steps, row.data.get("restored")))
    return tuple(found)


def running(store: Store, run: Run) -> str | None:
    """Return the commit that the last rollout of a run's repository left running, if any."""
    commit = None
    mine: dict[str, bool] = {}
    for row in store.events(None, kinds=(KIND,)):
        if row.run not in mine:
            other = store.run(row.run)
            mine[row.run] = other is not None and other.repository == run.repository
        if mine[row.run] and row.data.get("ok"):
            commit = str(row.data["commit"])
        elif mine[row.run] and row.data.get("restored"):
            commit = str(row.data["previous"])
    return commit


def ask_for(store: Store, clock: Clock, run: Run, wish: Wish) -> None:
    """Keep with a run what is asked of its deploy."""
    settings = {**store.find_run(run.id).settings, WISH: wish.to_json()}
    store.change_run(run.id, clock.now(), settings=settings)


def next_round(store: Store, run: Run, commit: str, wish: Wish) -> Wish:
    """Return the wish as one for another deploy of a commit."""
    return replace(wish, round=len(rollouts_of(store, run.id, commit)) + 1)


def words_of(done: Rollout) -> str:
    """Say in one line what a rollout came to."""
    if done.ok:
        return f"Deployed to {done.percent} %."
    if done.restored:
        return "SHP-032 Rolled back: the previous version is back and healthy."
    return "SHP-032 Rolled back, and the previous version is NOT healthy. Look at it now."
