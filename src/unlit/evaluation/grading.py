"""The loop of a grading: draws in their fixed order, several fences at once, counted as drawn.

Trajectories may finish in any order; evidence is counted in the order they were *drawn*, so that
neither parallelism nor a slow product can bend the error rates. A fault of ours is retried under
the same draw; the third counts as not satisfied, and one that only the product's side shows does at
once (`rules.tally`).
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from unlit.core.errors import UnlitError
from unlit.core.states import TrajectoryState
from unlit.evaluation.checks.outcome import Reason
from unlit.evaluation.ports import Pool, Sandbox
from unlit.evaluation.rules.tally import InDrawnOrder, may_try_again
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.stage import HarnessFault
from unlit.evaluation.trajectory import Outcome, Setting, run_trajectory

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Slot:
    """One fence that serves many trajectories, one after the other."""

    name: str
    pool: Pool
    candidate: Path
    sandbox: Sandbox | None = None
    clean: bool = True

    async def ready(self) -> Sandbox:
        """Return the sandbox with the candidate as it was; opened when first asked for."""
        if self.sandbox is None:
            self.sandbox = await self.pool.open(self.name, self.candidate)
        elif not self.clean:
            await self.sandbox.reset()
        self.clean = False
        return self.sandbox

    async def close(self) -> None:
        """Close the sandbox, if one is open."""
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            await self.pool.release(sandbox)

    async def run(self, scenario: Scenario, draw: Draw, setting: Setting) -> Outcome:
        """Run one draw to an outcome; a fault of ours is tried again under the same draw."""
        for attempt in itertools.count(1):
            try:
                sandbox = await self.ready()
                outcome = await run_trajectory(scenario, draw, sandbox, self.name, setting)
                return replace(outcome, attempts=attempt)
            except Exception as error:  # whatever it was, it was not the product's answer
                fault = str(error) or type(error).__name__
                # fences, twins and the machine fail with these; anything else is how something of
                # ours took what the product said
                seen_outside = isinstance(error, HarnessFault | UnlitError | OSError)
                logger.warning(
                    "harness fault",
                    extra={"draw": draw.index, "attempt": attempt},
                    exc_info=None if seen_outside else error,
                )
                await self._abandon()
                if not may_try_again(attempt, seen_outside=seen_outside):
                    return Outcome(
                        draw, TrajectoryState.HARNESS_FAULT, (Reason("harness", fault),),
                        attempts=attempt, fault=fault,
                    )  # fmt: skip
        raise AssertionError(draw)  # the count above has no end

    async def _abandon(self) -> None:
        try:
            await self.close()
        except (HarnessFault, UnlitError, OSError) as error:
            logger.warning("a fence could not be closed", extra={"error": str(error)})


@dataclass(slots=True)
class Loop:
    """Runs draws on some slots until `count` says that it is enough.

    Args:
        scenarios: By id.
        draws: The fixed order, endless or not.
        count: Told each outcome in drawn order; returns True to stop.
        limit: Index of the last draw.
        first: Index of the draw that is counted next.
    """

    scenarios: dict[str, Scenario]
    draws: Iterable[Draw]
    setting: Setting
    count: Callable[[Outcome], bool]
    limit: int
    first: int = 1
    _finished: InDrawnOrder[Outcome] = field(init=False)
    _stopped: bool = False
    _workers: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the draw that is counted next."""
        self._finished = InDrawnOrder(self.first)

    async def run(self, slots: list[Slot]) -> None:
        """Run until decided, until the limit, or until there is nothing more to draw.

        Raises:
            UnlitError: No fence can be opened at all.
        """
        source = iter(self.draws)
        try:
            # If no fence can be opened at all, say so before anything is counted.
            await slots[0].ready()
            async with asyncio.TaskGroup() as group:
                self._workers = [group.create_task(self._work(slot, source)) for slot in slots]
        finally:
            for slot in slots:
                await slot.close()

    async def _work(self, slot: Slot, source: Iterable[Draw]) -> None:
        for draw in source:
            if draw.index > self.limit or self._stopped:
                return
            outcome = await slot.run(self.scenarios[draw.scenario], draw, self.setting)
            self._deliver(outcome)
            if self._stopped:
                for worker in self._workers:
                    if worker is not asyncio.current_task():
                        worker.cancel()
                return

    def _deliver(self, outcome: Outcome) -> None:
        self._finished.offer(outcome.draw.index, outcome)
        for finished in self._finished.ready():
            self._stopped = self.count(finished)
            if self._stopped:
                return
