"""What `unlit serve` needs beside the patrol: how runs stand, what ships, what else is watched."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from unlit.core.canonical import digest_json
from unlit.core.errors import UnlitError
from unlit.core.ids import RunId
from unlit.core.money import format_usd
from unlit.line.patrol import Standing
from unlit.line.service import Line
from unlit.line.timers import Timers
from unlit.record.model import Run, RunState
from unlit.review import build_report, render_markdown
from unlit.wiring.build import FactoryHandle, person
from unlit.wiring.desk import Office
from unlit.wiring.shipping import outcome_of
from unlit.wiring.watching import incidents_of

TRY_AGAIN_S: Final = 300.0
LOOK_AGAIN_S: Final = 600.0
WATCHED_DAYS: Final = 14
HOW: Final = (
    "\n\nTo decide here, write a comment that begins with `/approve` or `/reject` and says why."
)


@dataclass(frozen=True, slots=True)
class Duty:
    """What is done beside the tickets.

    Attributes:
        agents: Who writes; `None` is as unlit.toml says.
        errors: Source of errors that is watched after deploys; empty is none.
        by_ticket: Whether decisions are taken from comments, so that people are told how.
    """

    agents: tuple[str, ...] | None = None
    errors: str = ""
    by_ticket: bool = False


class Attendant:
    """The line for the patrol, and the hands for what people decide outside.

    Args:
        factory: The open factory.
        line: Its line.
        office: The same record, for shipping and reports.
        duty: What is done.
        say: Told one sentence for each thing done.
    """

    def __init__(
        self,
        factory: FactoryHandle,
        line: Line,
        office: Office,
        duty: Duty,
        say: Callable[[str], None],
    ) -> None:
        self._factory = factory
        self._line = line
        self._office = office
        self._duty = duty
        self._say = say
        self._store = factory.services.store
        self._clock = factory.services.clock
        self._begun: set[RunId] = set()
        self._shipping: dict[RunId, asyncio.Task[str]] = {}
        self._tried_s: dict[RunId, float] = {}
        self._looked_s: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timers = Timers(line)

    def refusal(self) -> str | None:
        """Say why no run may begin now; money is also held by the gateway, call by call."""
        limits, ledger = self._factory.limits, self._factory.services.ledger
        if ledger is None:
            return None
        day = self._clock.now().date().isoformat()
        who = person(self._factory.settings)
        for limit, scope, whose in (
            (limits.day_usd, f"day/{day}", "for today"),
            (limits.person_usd, f"person/{who}/{day}", f"of {who} for today"),
        ):
            used = sum(ledger.used(scope), Decimal(0))
            if limit is not None and used >= limit:
                told = f"{format_usd(used, exact=True)} of {format_usd(limit, exact=True)}"
                return f"{told} {whose} are used up"
        return None

    def find(self, spec: Path) -> RunId | None:
        """Return the run that was begun from this file as it is now."""
        digest = self._factory.services.specs.read(spec).digest
        for run in self._store.runs(limit=1000):
            if run.spec_path == str(spec) and run.spec_digest == digest:
                return run.id
        return None

    async def begin(self, spec: Path) -> RunId:
        """Begin a run of a spec."""
        request = self._factory.request(spec, agents=self._duty.agents)
        run = await self._line.start(request)
        self._begun.add(run)
        return run

    async def finish(self, run: RunId) -> None:
        """Take a run to its gate or its end; one that is shipping is waited for."""
        shipping = self._shipping.get(run)
        if shipping is not None:
            await asyncio.shield(shipping)
            return
        found = self._store.find_run(run)
        if found.state not in (RunState.QUEUED, RunState.RUNNING):
            return
        if run not in self._begun:
            await self._line.resume(run)
        await self._line.wait(run)
        self._begun.discard(run)

    def standing(self, run: RunId) -> Standing:
        """Say how a run stands."""
        found = self._store.find_run(run)
        mark = f"unlit {run} {found.candidate or 'none'}"
        if found.state in (RunState.QUEUED, RunState.RUNNING) or run in self._shipping:
            return Standing(mark, works=True)
        if found.state is RunState.SHIPPED:
            return Standing(f"{mark} shipped", self._shipped_words(found))
        if found.state is RunState.REJECTED:
            return Standing(f"{mark} rejected", f"{run} was rejected: {found.note}")
        text = render_markdown(build_report(self._store, run))
        if found.state is not RunState.WAITING:
            return Standing(f"{mark} {found.state.value}", text)
        gate = self._office.desk.standing(found).gate
        if gate in ("intent", "ship"):
            how = HOW if self._duty.by_ticket else ""
            told = text if gate == "intent" else f"{run}: {found.note}"
            return Standing(f"{mark} {gate}", told + how, asks=True)
        if self._is_approved(found):
            note = found.note or "it is approved and waits to be shipped"
            return Standing(f"{mark} {digest_json(note)[7:15]}", f"{run}: {note}")
        return Standing(mark, text + (HOW if self._duty.by_ticket else ""), asks=True)

    def _shipped_words(self, run: Run) -> str:
        rows = self._store.events(run.id, kinds=("state", "rollout"))
        said = [row.text for row in rows if row.text and row.data.get("state") in ("shipped", None)]
        stages = [row for row in self._store.stages(run.id) if row.name == "ship"]
        merged = stages[-1].detail if stages else ""
        return " ".join(dict.fromkeys([f"{run.id} is shipped.", merged, *said])).strip()

    def _is_approved(self, run: Run) -> bool:
        decision = self._store.gate_decision(run.id, "outcome")
        return decision is not None and decision.decision == "approved"

    def build_soon(self, run: RunId) -> str:
        """Go on with a run whose spec is approved; from any thread."""
        self._loop.call_soon_threadsafe(self._begin_building, run)
        return "It is being built."

    def _begin_building(self, run: RunId) -> None:
        if run in self._shipping:
            return
        self._tried_s[run] = self._clock.monotonic_s()
        task = asyncio.create_task(self._build(run))
        self._shipping[run] = task
        task.add_done_callback(lambda done: self._shipped(run, done))

    async def _build(self, run: RunId) -> str:
        try:
            await self._line.resume(run)
            found = await self._line.wait(run)
        except UnlitError as error:
            return f"{run} is not built yet: {error.what} {error.remedy.capitalize()}"
        return f"{run} is {found.state.value}"

    def ship_later(self, run: RunId) -> str:
        """Ship an approved run, from the loop's own thread; its ticket is told what came of it."""
        self._begin_shipping(run)
        return "It is being shipped."

    def ship_now(self, run: RunId) -> str:
        """Ship an approved run and wait for it, from another thread than the loop's."""

        async def wait() -> str:
            return await asyncio.shield(self._begin_shipping(run))

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()

    def _begin_shipping(self, run: RunId) -> "asyncio.Task[str]":
        task = self._shipping.get(run)
        if task is None:
            self._tried_s[run] = self._clock.monotonic_s()
            task = asyncio.create_task(self._ship(run))
            self._shipping[run] = task
            task.add_done_callback(lambda done: self._shipped(run, done))
        return task

    def _shipped(self, run: RunId, task: "asyncio.Task[str]") -> None:
        self._shipping.pop(run, None)
        if task.cancelled():
            return
        error = task.exception()
        self._say(f"{run}: {error}" if error is not None else task.result())

    async def _ship(self, run: RunId) -> str:
        try:
            await self._line.ship(run)
            found = await self._line.wait(run)
        except UnlitError as error:
            return f"{run} is not shipped yet: {error.what} {error.remedy.capitalize()}"
        if found.state is not RunState.SHIPPED:
            return f"{run} is not shipped yet: {found.note or found.state.value}"
        rolled = outcome_of(self._store, found).deployed
        words = rolled.detail if rolled is not None and rolled.facts.get("words") else ""
        return f"{run} is shipped. {found.note or words}".strip()

    async def beside(self) -> None:
        """Ship what is approved, go on where nobody answered, look for errors after deploys."""
        for fired in await self._timers.fire():
            self._say(f"{fired} goes on: nobody answered its gate in time")
        now_s = self._clock.monotonic_s()
        for run in self._store.runs(states=(RunState.WAITING,), limit=1000):
            late = self._is_due(run.id, now_s)
            waits = self._office.desk.standing(run).gate
            if late and run.settings.get("gate") == "intent" and not waits:
                self._begin_building(run.id)
            elif late and not waits and self._is_approved(run):
                self._begin_shipping(run.id)
        for run in self._store.runs(states=(RunState.SHIPPED,), limit=20):
            late = self._is_due(run.id, now_s)
            if late and "spec" in run.settings and await self._line.unfinished(run.id):
                self._begin_shipping(run.id)  # its deploy was killed in the middle
        due = self._looked_s is None or now_s - self._looked_s >= LOOK_AGAIN_S
        if self._duty.errors and due:
            self._looked_s = now_s
            await asyncio.to_thread(self._look_for_errors)

    def _is_due(self, run: RunId, now_s: float) -> bool:
        tried = self._tried_s.get(run)
        return tried is None or now_s - tried >= TRY_AGAIN_S

    def _look_for_errors(self) -> None:
        since = self._clock.now() - timedelta(days=WATCHED_DAYS)
        for run in self._store.runs(states=(RunState.SHIPPED,), limit=20):
            if run.updated_at < since:
                continue
            try:
                opened = incidents_of(self._office, run.id, self._duty.errors)
            except UnlitError as error:
                self._say(f"{run.id}: {error}")
                return
            for path in opened:
                self._say(f"a new error since {run.id}: opened {path}")

    async def settle(self) -> None:
        """Wait for what is being shipped or gone on with."""
        await self._timers.settle()
        while self._shipping:
            await asyncio.wait(self._shipping.values())
