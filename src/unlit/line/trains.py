"""A merge train: approved runs of one repository land together, and the guilty one is found.

Each was graded alone. Together they make a tree that nobody graded, so checks and validation of
every run in the train run on the merge; one that fails is bisected, and only the guilty run waits.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.harness.workspace import Workspace
from unlit.line import carry
from unlit.line.journal import Journal
from unlit.line.model import LineEvent
from unlit.line.ports import Durable
from unlit.line.requests import request_from_json
from unlit.line.service import SHIP, Line
from unlit.line.stages.asking import waits_at_ship
from unlit.line.stages.merging import regrade
from unlit.line.stages.work import Work
from unlit.record.model import Run, RunState
from unlit.ship.landing import Landing
from unlit.ship.service import approved_run, message_of, tag_of
from unlit.ship.train import Arrived, Car, run_train

TRAIN = "train"


class _Once(Durable):
    """Steps that are done now; what they found is remembered by the tree that was graded."""

    @override
    async def step(self, name: str, action: Any) -> Any:
        return await action()


def waiting_runs(line: Line, repository: Path) -> tuple[Run, ...]:
    """Return the runs of a repository that are approved and not shipped, by time of approval."""
    store = line.services.store
    found = []
    for run in store.runs(states=(RunState.WAITING,), limit=1000):
        decision = store.gate_decision(run.id, "outcome")
        mine = run.repository == str(repository.resolve()) and "spec" in run.settings
        approved = decision is not None and decision.decision == "approved"
        if mine and decision and approved and not waits_at_ship(line.services, run.id):
            found.append((decision.at, run))
    return tuple(run for _, run in sorted(found, key=lambda pair: (pair[0], pair[1].id)))


async def run_trains(line: Line, landing: Landing, repository: Path) -> Arrived:
    """Land every approved run of a repository that holds together with the others.

    Raises:
        InvalidInput: No run waits, or another process works on one of them.
        OutcomeNotGoodEnough: The branch moved meanwhile, or uncommitted work is in the way.
        OutsideFailed: The factory, the repository or the remote failed; nothing was merged.
    """
    runs = waiting_runs(line, repository)
    if not runs:
        raise InvalidInput(
            "LIN-129",
            f"No approved run of {repository} waits to be merged.",
            "a train takes what people approved and what is not shipped yet.",
            "approve runs first; `unlit runs` shows which wait.",
        )
    for run in runs:
        line.hold(run.id, SHIP)
    try:
        return await _run(line, landing, runs)
    finally:
        for run in runs:
            line.release(run.id)


async def _run(line: Line, landing: Landing, runs: Sequence[Run]) -> Arrived:
    loop = asyncio.get_running_loop()
    works = {run.id: await asyncio.to_thread(_work_of, line, run) for run in runs}

    def recheck(cars: Sequence[RunId], commit: str, tree: str) -> bool | str:
        for run in cars:
            asked = asyncio.run_coroutine_threadsafe(regrade(works[run], commit, tree), loop)
            said = asked.result()
            if said is not True:
                return f"{run}: {said}"
        return True

    def land() -> Arrived:
        with landing.alone():
            return run_train(landing, [_car(line, landing, run) for run in runs], recheck)

    arrived = await asyncio.to_thread(land)
    _write_down(works, arrived, landing.branch)
    return arrived


def _car(line: Line, landing: Landing, run: Run) -> Car:
    carry.bring(line.services.store, run.id)
    approved = approved_run(line.services.store, run.id)
    made = approved.candidate
    target = landing.repository
    target.fetch(Path(run.workspace), made.commit, f"refs/unlit-candidates/{run.id}")
    words = f"{run.title}\n\nRun {run.id}\nUnlit-Candidate: {made.id} {made.tree}"
    return Car(
        run.id, made.commit, made.tree, message_of(approved), approved.stamp, words,
        tag_of(target, approved),
    )  # fmt: skip


def _work_of(line: Line, run: Run) -> Work:
    services = line.services
    workspace = Workspace(services.workspaces / run.id)
    if services.shared:
        carry.take(services.store, workspace, run.id)
    request = replace(
        request_from_json(run.settings),
        spec=workspace.root / "spec.md",
        policy=workspace.root / "policy.toml",
    )
    if services.vault is not None:
        request = replace(request, vault=services.vault)
    journal = Journal(services.store, services.clock, run.id, services.listen)
    return Work(run.id, request, services, journal, _Once(), workspace)


def _write_down(works: Mapping[RunId, Work], arrived: Arrived, branch: str) -> None:
    for landed in arrived.landed:
        work = works[landed.car.run]
        now = work.services.clock.now()
        text = f"merged as {landed.commit[:10]} on {branch}, tag {landed.car.tag}"
        work.services.store.change_run(work.run, now, state=RunState.SHIPPED, note="")
        data = {"commit": landed.commit, "tag": landed.car.tag, "train": True}
        event = LineEvent(work.run, "state", "ship", state="shipped", text=text, data=data)
        key = f"state/shipped/{approved_run(work.services.store, work.run).candidate.id}"
        work.journal.event(key, event)
    for waiting in arrived.waiting:
        work = works[waiting.car.run]
        note = f"SHP-029 it was left out of the train: {waiting.why}"
        work.services.store.change_run(work.run, work.services.clock.now(), note=note[:500])
        event = LineEvent(work.run, "note", "ship", text=note)
        work.journal.event(f"{TRAIN}/{waiting.car.commit}", event)
