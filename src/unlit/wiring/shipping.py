"""Ship an approved run as a durable step of its line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line.model import LineEvent
from unlit.line.service import Line
from unlit.line.trains import run_trains
from unlit.record.model import Run, Stage
from unlit.ship.service import landing_of
from unlit.ship.train import Arrived
from unlit.wiring.build import Flags, open_factory
from unlit.wiring.ship_plan import open_means


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of shipping.

    Attributes:
        run: The run as it stands now: shipped, or waiting with a new candidate, or failed.
        stage: The stage that decided it.
    """

    run: Run
    stage: Stage | None

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
) -> Outcome:
    """Ship an approved run: its own checks, the merge re-graded where main has moved, the merge.

    What is done is remembered: a process that dies in the middle of it does nothing twice, and the
    next call, or `unlit resume`, goes on.

    Args:
        repository: The run's repository.
        run: The run.
        flags: Settings given on the command line.
        listen: Called with each event, for live views.

    Raises:
        UnlitError: The factory cannot be opened, or another process works on the run.
    """
    async with (
        open_factory(repository, flags=flags, listen=listen, run=run) as factory,
        Line.open(factory.services, factory.durable_url) as line,
    ):
        await line.ship(run)
        done = await line.wait(run)
        stages = [s for s in factory.services.store.stages(run) if s.name in ("ship", "ci")]
        last = max(stages, key=lambda s: s.ended_at or s.started_at, default=None)
        return Outcome(done, last)


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
            return await run_trains(line, landing_of(repository, means), repository)
