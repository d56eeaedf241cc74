"""A staged rollout: deploy, look at its health, go on or roll back; every step is said."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from unlit.core.clock import Clock

STAGES: Final = (10, 50, 100)
TREE: Final = "/work"
PREVIOUS_TREE: Final = "/previous"
"""Where a deploy fence has the files of what is shipped, and of what ran before it."""


class Hands(Protocol):
    """Runs the product's own deploy commands, in a fence with its own credentials."""

    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        """Run one command; return its exit code and the end of what it printed."""
        ...


Health = Callable[[], Awaitable[str | None]]
"""Looks at the running product once; returns what is wrong, or `None`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a product is deployed.

    Attributes:
        deploy: Command; sees ``UNLIT_COMMIT``, ``UNLIT_PREVIOUS``, ``UNLIT_PERCENT`` and, in
            ``UNLIT_TREE``, the folder with the files of what it deploys.
        rollback: Command that brings ``UNLIT_PREVIOUS`` back; `None` deploys it again, from its
            own files.
        stages: Percent of users after each step; the last is 100.
        looks: Health is looked at this often after each step, `pause_s` apart; one bad look is
            enough to roll back.
    """

    deploy: str
    rollback: str | None = None
    stages: tuple[int, ...] = STAGES
    looks: int = 3
    pause_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done, and how it ended."""

    name: str
    ok: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a rollout came to.

    Attributes:
        percent: How far it got.
        restored: After a failure: whether the previous version is back and healthy; `None` when
            nothing had to be restored.
    """

    ok: bool
    percent: int
    steps: tuple[Step, ...]
    restored: bool | None = None


async def roll_out(
    plan: Plan, commit: str, previous: str, hands: Hands, health: Sequence[Health], clock: Clock
) -> Rollout:
    """Deploy in stages; on the first failing command or health scenario, roll back.

    Args:
        plan: Commands and stages.
        commit: What to deploy.
        previous: What runs now.
        hands: Runs commands.
        health: Health scenarios, all looked at after each step.
        clock: Waits between looks.
    """
    steps: list[Step] = []
    reached = 0
    for percent in plan.stages:
        env = _env(commit, previous, percent, TREE)
        code, words = await hands.run(plan.deploy, env)
        steps.append(Step(f"deploy {percent} %", code == 0, words))
        wrong = None if code == 0 else f"the deploy command ended with {code}"
        wrong = wrong or await _look(plan, health, clock)
        if wrong is None:
            reached = percent
            steps.append(Step(f"health at {percent} %", ok=True))
            continue
        if code == 0:
            steps.append(Step(f"health at {percent} %", ok=False, words=wrong))
        restored = await _restore(plan, commit, previous, hands, health, clock, steps)
        return Rollout(False, reached, tuple(steps), restored)
    return Rollout(True, reached, tuple(steps))


async def _restore(
    plan: Plan,
    commit: str,
    previous: str,
    hands: Hands,
    health: Sequence[Health],
    clock: Clock,
    steps: list[Step],
) -> bool:
    command = plan.rollback or plan.deploy
    target = commit if plan.rollback else previous
    code, words = await hands.run(command, _env(target, previous, 100, PREVIOUS_TREE))
    steps.append(Step("roll back", code == 0, words))
    wrong = await _look(plan, health, clock) if code == 0 else f"it ended with {code}"
    steps.append(Step("health after rolling back", wrong is None, wrong or ""))
    return wrong is None


async def _look(plan: Plan, health: Sequence[Health], clock: Clock) -> str | None:
    for look in range(plan.looks):
        if look:
            await clock.sleep(plan.pause_s)
        for scenario in health:
            wrong = await scenario()
            if wrong is not None:
                return wrong
    return None


def _env(commit: str, previous: str, percent: int, tree: str) -> dict[str, str]:
    return {
        "UNLIT_TREE": tree,
        "UNLIT_COMMIT": commit,
        "UNLIT_PREVIOUS": previous,
        "UNLIT_PERCENT": str(percent),
    }
