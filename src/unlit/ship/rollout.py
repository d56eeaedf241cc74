"""A staged rollout: deploy, look at its health, go on or roll back; every step is said."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override

from unlit.core.clock import Clock

STAGES: Final = (10, 50, 100)
TREE: Final = "/work"
PREVIOUS_TREE: Final = "/previous"
"""Where a deploy fence has the files of what is shipped, and of what ran before it."""


BEFORE: Final = "scenarios before"
UNKNOWN: Final = "*"
"""Stands for all scenarios, where nothing is known of any."""
_NOT_HELD: Final = "not satisfied before: "


class Hands(Protocol):
    """Runs the product's own deploy commands, in a fence with its own credentials."""

    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        """Run one command; return its exit code and the end of what it printed."""
        ...


Health = Callable[[], Awaitable[str | None]]
"""Looks at the running product once; returns what is wrong, or `None`."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A scenario that what runs does not satisfy: its name and why, nothing of what it says."""

    scenario: str
    words: str


class Scenarios(Protocol):
    """The vault's health scenarios, made against what is deployed."""

    async def failing(self) -> Sequence[Failing]:
        """Make each once; return those that were not satisfied."""
        ...


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


class Memory(Protocol):
    """Remembers the steps of one rollout, so that a killed one goes on where it stopped."""

    def find(self, name: str) -> Step | None:
        """Return a step that has ended; `None` when it has not, or never began."""
        ...

    def begin(self, name: str) -> str:
        """Write down that a step begins; return its idempotency key, the same each time."""
        ...

    def keep(self, step: Step) -> None:
        """Write down how a step ended."""
        ...


class NoMemory(Memory):
    """Forgets everything: each rollout begins anew."""

    @override
    def find(self, name: str) -> Step | None:
        return None

    @override
    def begin(self, name: str) -> str:
        return name

    @override
    def keep(self, step: Step) -> None:
        pass


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
    plan: Plan,
    commit: str,
    previous: str,
    hands: Hands,
    health: Sequence[Health],
    clock: Clock,
    memory: Memory | None = None,
    scenarios: Scenarios | None = None,
) -> Rollout:
    """Deploy in stages; on the first failing command or health scenario, roll back.

    Scenarios are made once before anything is deployed: what did not hold then is not wanted of
    the version that a roll back brings back. Of the new version all are wanted.

    With a memory, a step that has ended is not done again. One that was killed in the middle is,
    and sees the same ``UNLIT_KEY`` as before.

    Args:
        plan: Commands and stages.
        commit: What to deploy.
        previous: What runs now.
        hands: Runs commands.
        health: Health commands, all looked at after each step.
        clock: Waits between looks.
        memory: Remembers what was done.
        scenarios: Health scenarios, made with each look at `health`.
    """
    kept = memory or NoMemory()
    return await _Going(plan, commit, previous, hands, health, clock, kept, scenarios).go()


@dataclass(frozen=True, slots=True)
class _Going:
    """One rollout under way."""

    plan: Plan
    commit: str
    previous: str
    hands: Hands
    health: Sequence[Health]
    clock: Clock
    memory: Memory
    scenarios: Scenarios | None

    async def go(self) -> Rollout:
        steps: list[Step] = [] if self.scenarios is None else [await self._before(self.scenarios)]
        reached = 0
        for percent in self.plan.stages:
            done = await self._command(
                f"deploy {percent} %", self.plan.deploy, self.commit, percent, TREE
            )
            steps.append(done)
            if done.ok:
                steps.append(await self._look(f"health at {percent} %"))
            if not steps[-1].ok:
                restored = await self._restore(steps, _unwanted(steps[0]))
                return Rollout(False, reached, tuple(steps), restored)
            reached = percent
        return Rollout(True, reached, tuple(steps))

    async def _before(self, scenarios: Scenarios) -> Step:
        """Look which scenarios hold of what runs now; never a reason to stop."""
        known = self.memory.find(BEFORE)
        if known is not None:
            return known
        found = await scenarios.failing()
        names = [each.scenario for each in found if each.scenario != UNKNOWN]
        step = Step(BEFORE, True, _NOT_HELD + ", ".join(names) if names else "")
        self.memory.keep(step)
        return step

    async def _restore(self, steps: list[Step], unwanted: frozenset[str]) -> bool:
        plan = self.plan
        command, target = plan.rollback or plan.deploy, self.previous
        if plan.rollback:
            target = self.commit
        steps.append(await self._command("roll back", command, target, 100, PREVIOUS_TREE))
        if not steps[-1].ok:
            return False
        steps.append(await self._look("health after rolling back", unwanted))
        return steps[-1].ok

    async def _command(self, name: str, command: str, commit: str, percent: int, tree: str) -> Step:
        known = self.memory.find(name)
        if known is not None:
            return known
        env = {
            "UNLIT_TREE": tree,
            "UNLIT_COMMIT": commit,
            "UNLIT_PREVIOUS": self.previous,
            "UNLIT_PERCENT": str(percent),
            "UNLIT_KEY": self.memory.begin(name),
        }
        code, words = await self.hands.run(command, env)
        step = Step(name, code == 0, words if code == 0 else f"ended with {code}: {words}")
        self.memory.keep(step)
        return step

    async def _look(self, name: str, unwanted: frozenset[str] = frozenset()) -> Step:
        known = self.memory.find(name)
        if known is not None:
            return known
        wrong = await self._wrong(unwanted)
        step = Step(name, wrong is None, wrong or "")
        self.memory.keep(step)
        return step

    async def _wrong(self, unwanted: frozenset[str]) -> str | None:
        for look in range(self.plan.looks):
            if look:
                await self.clock.sleep(self.plan.pause_s)
            for command in self.health:
                wrong = await command()
                if wrong is not None:
                    return wrong
            for failing in [] if self.scenarios is None else await self.scenarios.failing():
                if failing.scenario not in unwanted:
                    return f"scenario `{failing.scenario}` {failing.words}"
        return None


def _unwanted(first: Step) -> frozenset[str]:
    """Return the scenarios that did not hold before the deploy, from what its first step said."""
    if first.name != BEFORE or not first.words:
        return frozenset()
    return frozenset(first.words.removeprefix(_NOT_HELD).split(", "))
