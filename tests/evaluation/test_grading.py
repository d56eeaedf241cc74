"""The loop: counted as drawn, whatever finishes first; faults of ours are tried again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from unlit.core.errors import OutsideFailed
from unlit.core.states import TrajectoryState
from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.grading import Loop, Slot
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.stage import Driver, Launch, Stage
from unlit.evaluation.trajectory import Outcome, Setting

Make = Callable[..., Scenario]
SLOW_ODD = (
    "vary: {n: {int: [1, 9]}}\nwhen: [{cli: {run: ['{n}']}}]\nthen: [{stdout: '{n}'}]\n"
)  # fmt: skip


def loop(scenario: Scenario, stop: Callable[[Outcome], bool], limit: int = 100) -> Loop:
    launch = Launch("cli", ("sh", "-c", 'sleep 0.0$(( $0 % 2 * 5 )); echo "$0"'))
    draws = (Draw(n, scenario.id, n, {"n": n % 9 + 1}) for n in count(1))
    setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
    return Loop({scenario.id: scenario}, draws, setting, stop, limit)


def keep(kept: list[TrajectoryState]) -> Callable[[Outcome], bool]:
    def count(outcome: Outcome) -> bool:
        kept.append(outcome.state)
        return False

    return count


def slots(pool: LocalPool, candidate: Path, number: int) -> list[Slot]:
    return [Slot(f"slot-{n}", pool, candidate) for n in range(1, number + 1)]


async def test_outcomes_are_counted_in_the_order_drawn(make: Make, candidate: Path) -> None:
    seen: list[int] = []

    def stop(outcome: Outcome) -> bool:
        seen.append(outcome.draw.index)
        return len(seen) == 12

    pool = LocalPool()
    await loop(make(SLOW_ODD), stop).run(slots(pool, candidate, 4))
    assert seen == list(range(1, 13))
    assert pool.opened == 4


async def test_it_ends_at_the_limit(make: Make, candidate: Path) -> None:
    seen: list[TrajectoryState] = []
    await loop(make(SLOW_ODD), keep(seen), 5).run(slots(LocalPool(), candidate, 2))
    assert seen == [TrajectoryState.SATISFIED] * 5


async def test_a_fault_of_ours_is_tried_again_under_the_same_draw(
    make: Make, candidate: Path
) -> None:
    pool = LocalPool()
    slot = Slot("slot-1", pool, candidate)
    pool.failures = 2
    scenario = make(SLOW_ODD)
    run = loop(scenario, lambda outcome: True)
    outcome = await slot.run(scenario, Draw(1, scenario.id, 1, {"n": 2}), run.setting)
    assert (outcome.state, outcome.attempts) == (TrajectoryState.SATISFIED, 3)
    await slot.close()


async def test_the_third_fault_is_a_harness_fault_and_never_a_pass(
    make: Make, candidate: Path
) -> None:
    pool = LocalPool(failures=3)
    scenario = make(SLOW_ODD)
    run = loop(scenario, lambda outcome: True)
    outcome = await Slot("slot-1", pool, candidate).run(
        scenario, Draw(1, scenario.id, 1, {"n": 2}), run.setting
    )
    assert (outcome.state, outcome.attempts) == (TrajectoryState.HARNESS_FAULT, 3)


async def test_an_answer_that_breaks_who_reads_it_counts_at_once(
    make: Make, candidate: Path
) -> None:
    """A product that could choose when to break us would have three chances for each draw."""

    def breaks(kind: str) -> Driver:
        async def driven(params: object, stage: Stage) -> None:
            raise RecursionError("too deep for us")

        return driven

    scenario = make(SLOW_ODD)
    setting = replace(loop(scenario, lambda outcome: True).setting, driver=breaks)
    pool = LocalPool()
    slot = Slot("slot-1", pool, candidate)
    outcome = await slot.run(scenario, Draw(1, scenario.id, 1, {"n": 2}), setting)
    assert (outcome.state, outcome.attempts) == (TrajectoryState.HARNESS_FAULT, 1)
    assert pool.opened == 1


async def test_no_fence_at_all_is_said_before_anything_is_counted(
    make: Make, candidate: Path
) -> None:
    counted: list[TrajectoryState] = []
    run = loop(make(SLOW_ODD), keep(counted))
    with pytest.raises(OutsideFailed):
        await run.run(slots(LocalPool(failures=9), candidate, 2))
    assert counted == []


async def test_a_fence_serves_many_trajectories_each_from_the_start(
    make: Make, candidate: Path
) -> None:
    scenario = make("when: [{cli: {run: [count]}}]\nthen: [{stdout: '1'}]")
    states: list[TrajectoryState] = []
    launch = Launch("cli", ("sh", "product.sh"))
    setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
    draws = (Draw(n, scenario.id, n, {}) for n in count(1))
    pool = LocalPool()
    await Loop({scenario.id: scenario}, draws, setting, keep(states), 4).run(
        slots(pool, candidate, 1)
    )
    assert states == [TrajectoryState.SATISFIED] * 4
    assert pool.opened == 1
    await asyncio.sleep(0)
