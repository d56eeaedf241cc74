"""A short line in a process of its own, made to be killed.

``python killed.py STATE REPO PLAYED [DATABASE_URL]``; without a URL the record is SQLite in STATE.

Starts the run, or resumes it when the record has it, approves spec, outcome and shipping, each at a
gate of its own, and prints what an undisturbed run must equal.
"""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.line.world import durable_url, request, services
from typing_extensions import override

from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.line.adapters.gate_room import GateRoom
from unlit.line.model import Shipped
from unlit.line.ports import Recheck
from unlit.line.service import Line
from unlit.record.model import GateDecision, RunState
from unlit.record.store import Store
from unlit.review.rules.gates import GateRule, GateRules

RUN = RunId("r-killedrun1")
RULES = GateRules({"intent": GateRule("intent", ask="always"), "ship": GateRule("ship")})


class OneTime(SystemClock):
    @override
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class OneRun:
    def fresh(self, prefix: str) -> str:
        return RUN


class FolderShipper:
    """Ships by writing a file named for the run; a second line in it would be a second effect."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
        self._folder.mkdir(exist_ok=True)
        mark = self._folder / run
        again = mark.exists()
        if not again:
            mark.write_text("shipped\n")
        return Shipped("c" * 40, f"unlit/{run}", "main", again)


async def go(state: Path, repository: Path, played: Path, url: str | None = None) -> None:
    world = replace(
        services(state, played, [], pause_s=0.02, url=url),
        clock=OneTime(),
        ids=OneRun(),
        shipper=FolderShipper(state / "shipped"),
    )
    world = replace(world, gates=GateRoom(world.store, lambda: RULES))
    async with Line.open(world, url or durable_url(state)) as line:
        found = world.store.run(RUN)
        if found is None:
            await line.start(request(repository))
        elif found.state in (RunState.QUEUED, RunState.RUNNING):
            await line.resume(RUN)
        await line.wait(RUN)
        if line.known(RUN).settings["gate"] == "intent":
            assert not world.store.candidates(RUN)
            approve(world.store, OneTime(), "intent")
            await line.resume(RUN)
            await line.wait(RUN)
        approve(world.store, OneTime(), "outcome")
        if world.store.gate_decision(RUN, "ship") is None:
            await line.ship(RUN)
            assert (await line.wait(RUN)).state is RunState.WAITING
        approve(world.store, OneTime(), "ship")
        await line.ship(RUN)
        await line.wait(RUN)
    print(json.dumps(facts(world.store, state)))


def approve(store: Store, clock: SystemClock, gate: str) -> None:
    """Again changes nothing: the first decision at a gate stands."""
    store.decide_gate(GateDecision(RUN, gate, "approved", "ann", "good", clock.now()))


def facts(store: Store, state: Path) -> dict[str, object]:
    run = store.run(RUN)
    assert run is not None
    return {
        "state": run.state,
        "verdict": run.verdict,
        "trees": [row.tree for row in store.candidates(RUN)],
        "commits": [row.commit for row in store.candidates(RUN)],
        "looks": [[row.key, row.index, row.verdict] for row in store.looks()],
        "trajectories": [[r.partition, r.number, r.state] for r in store.trajectories(RUN)],
        "stages": [row.key for row in store.stages(RUN)],
        "ledger": [row.key for row in store.costs()],
        "events": [row.key for row in store.events(RUN)],
        "effects": [path.read_text() for path in (state / "shipped").iterdir()],
        "runs": len(store.runs()),
    }


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:4]]
    asyncio.run(go(folders[0], folders[1], folders[2], *sys.argv[4:5]))
