"""Ship an approved run as a durable step of its line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line.flow import AFTER_MERGE
from unlit.line.model import LineEvent
from unlit.line.service import Line
from unlit.line.trains import run_trains
from unlit.record.model import Run, RunState, Stage
from unlit.record.store import Store
from unlit.ship.service import landing_of
from unlit.ship.train import Arrived
from unlit.wiring.build import Flags, open_factory
from unlit.wiring.deploying import Wish, ask_for, next_round, rollouts_of, wish_of
from unlit.wiring.ship_plan import open_means


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of shipping.

    Attributes:
        run: The run as it stands now: shipped, or waiting with a new candidate, or failed.
        stage: The stage that decided it.
        attested: The stage that wrote the attestations, if it came so far.
        deployed: The stage that deployed, if it came so far.
    """

    run: Run
    stage: Stage | None
    attested: Stage | None = None
    deployed: Stage | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the stage found."""
        return {} if self.stage is None else self.stage.facts


async def ship_durably(
    repository: Path,
    run: RunId,
    *,
    flags: Flags | None = None,
    listen: Callable[[LineEvent], None] = lambda event: None,
    wish: Wish | None = None,
    anew: bool = False,
) -> Outcome:
    """Ship an approved run: its own checks, the merge re-graded where main has moved, the merge.

    Attestations and the deploy follow. What is done is remembered: a process that dies in the
    middle of it does nothing twice, and the next call, or `unlit resume`, goes on.

    Args:
        repository: The run's repository.
        run: The run.
        flags: Settings given on the command line.
        listen: Called with each event, for live views.
        wish: How it is deployed; default as was asked before, else as unlit.toml says.
        anew: Deploy it although it was deployed before.

    Raises:
        UnlitError: The factory cannot be opened, or another process works on the run.
    """
    async with (
        open_factory(repository, flags=flags, listen=listen, run=run) as factory,
        Line.open(factory.services, factory.durable_url) as line,
    ):
        store = factory.services.store
        again = _asked(store, factory.services.clock, store.find_run(run), wish, anew)
        await line.ship(run, anew=again)
        done = await line.wait(run)
        return outcome_of(store, done)


def _asked(store: Store, clock: Clock, run: Run, wish: Wish | None, anew: bool) -> bool:
    """Keep the wish; return whether shipping is gone through once more for its sake."""
    commit = _commit(store, run)
    told = run.state is RunState.SHIPPED and commit is not None
    deployed = told and bool(rollouts_of(store, run.id, commit or ""))
    if wish is None and not anew:
        return False
    wish = wish or wish_of(run)
    again = anew and deployed
    if again:
        wish = next_round(store, run, commit or "", wish)
    if told and deployed and not again:
        return False  # nothing is deployed twice because it was asked for twice
    ask_for(store, clock, run, wish)
    return told and not wish.none and (wish.said is not None or again)


def _commit(store: Store, run: Run) -> str | None:
    rows = [s for s in store.stages(run.id) if s.name == "ship" and s.facts.get("commit")]
    return str(rows[-1].facts["commit"]) if rows else None


def outcome_of(store: Store, run: Run) -> Outcome:
    """Return how shipping a run stands: its run, the stage that decided, and what followed."""
    rows = {s.name: s for s in store.stages(run.id) if s.name in ("ship", "ci", *AFTER_MERGE)}
    deciding = [row for name, row in rows.items() if name not in AFTER_MERGE]
    last = max(deciding, key=lambda s: s.ended_at or s.started_at, default=None)
    if run.state is RunState.SHIPPED:
        last = rows.get("ship", last)
    return Outcome(run, last, rows.get("attest"), rows.get("deploy"))


async def ship_train(
    repository: Path,
    *,
    flags: Flags | None = None,
    listen: Callable[[LineEvent], None] = lambda event: None,
) -> Arrived:
    """Land every approved run of a repository together; see `unlit.line.trains`.

    Raises:
        InvalidInput: No run waits, or runs go by pull requests, whose forge has its own queue.
        UnlitError: The factory cannot be opened, or nothing can be merged now.
    """
    async with (
        open_factory(repository, flags=flags, listen=listen) as factory,
        Line.open(factory.services, factory.durable_url) as line,
    ):
        settings, paths, store = factory.settings, factory.paths, factory.services.store
        with open_means(repository, settings, paths, store) as means:
            if means.plan.forge is not None:
                raise InvalidInput(
                    "SHP-067",
                    "This repository ships by pull requests, so no train is made here.",
                    "each pull request carries one verified merge.",
                    "use the forge's own merge queue, or `unlit ship RUN`.",
                )
            arrived = await run_trains(line, landing_of(repository, means), repository)
        for landed in reversed(arrived.landed):  # the last contains the others: one deploy
            await line.ship(landed.car.run)
            await line.wait(landed.car.run)
        return arrived
