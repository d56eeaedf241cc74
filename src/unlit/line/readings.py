"""Several readings of one spec: agents write them in fences, their programs run in fences.

Used by `unlit intent ask` and `unlit intent from-code`. Nothing here is graded or shipped; no
scenario is opened.
"""

import asyncio
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, UnlitError
from unlit.core.ids import CandidateId, RunId
from unlit.harness.model import AgentEvent, Job
from unlit.harness.ports import Agent, Fence
from unlit.intent.rules.divergence import Reading
from unlit.intent.rules.examples import Input, Observed
from unlit.line.model import FenceOrder, FolderMount, Place, ProductPlan, SpecFacts
from unlit.line.ports import Services
from unlit.line.rules.brief import make_brief
from unlit.line.stages.build import environment_of
from unlit.line.stages.checks import PATH

TURN_S: Final = 1800.0
INPUT_S: Final = 10.0
PARALLEL: Final = 4
MAX_OUTPUT: Final = 200_000
NO_SERVICE: Final = "fake-token-of-no-service"
RUN: Final = RunId("r-readings")
_SKIP: Final = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "__pycache__", "vault", ".env", "*.pyc"
)


@dataclass(frozen=True, slots=True)
class Made:
    """One reading and the tree that its author left; `why_not` says why there is none."""

    reading: Reading
    tree: Path | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the readings are made from and run with.

    Attributes:
        base: Folder that every author starts from; copied, never changed.
        folder: Where the trees are put.
    """

    spec: SpecFacts
    product: ProductPlan
    policy: Path
    base: Path
    folder: Path
    turn_s: float = TURN_S


class _Silence:
    def event(self, event: AgentEvent) -> None:
        """Take no notice."""


async def write_readings(
    services: Services, plan: Plan, agents: Sequence[str], *, samples: int, parallel: int = PARALLEL
) -> tuple[Made, ...]:
    """Let each agent write `samples` readings of the spec, each from the base, each in a fence.

    A reading is named ``AGENT/N``; its family is the agent, so that agents weigh the same. At most
    `parallel` agents work at a time.

    Raises:
        UnlitError: An agent is unknown, or no fence can be opened.
    """
    gate = asyncio.Semaphore(parallel)

    async def one(name: str, number: int) -> Made:
        async with gate:
            return await _write(services, plan, services.agents(name), name, number)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(one(name, number))
                for name in agents
                for number in range(1, samples + 1)
            ]
    except* UnlitError as several:
        raise several.exceptions[0] from None
    return tuple(task.result() for task in tasks)


async def _write(services: Services, plan: Plan, agent: Agent, name: str, number: int) -> Made:
    reading = Reading(f"{name}/{number}", name)
    tree = plan.folder / f"{_file_name(name)}-{number}"
    await asyncio.to_thread(shutil.copytree, plan.base, tree, ignore=_SKIP, symlinks=True)
    place = Place(RUN, "intent", name, "coder", CandidateId(f"c{number}"))
    mounts = tuple(FolderMount(Path(m.source), m.target) for m in agent.facts.mounts)
    order = FenceOrder(place, plan.policy, tree, mounts, environment_of(agent), plan.turn_s + 60)
    fence = await services.fences.open(order)
    try:
        job = Job(
            run=RUN,
            candidate=CandidateId(f"c{number}"),
            number=number,
            brief=make_brief(plan.spec, plan.product),
            deadline_s=plan.turn_s,
        )
        try:
            async with asyncio.timeout(plan.turn_s):
                end = await agent.run(job, fence, _Silence())
        except TimeoutError:
            return Made(reading, None, f"{name} did not end within {plan.turn_s:.0f} s")
        layer = fence.changes()
        if not layer.files:
            return Made(reading, None, f"{name} changed nothing ({end.reason.value})")
        result = plan.folder / f"{_file_name(name)}-{number}-done"
        await asyncio.to_thread(shutil.copytree, tree, result, symlinks=True)
        await asyncio.to_thread(layer.apply_to, result)
        return Made(reading, result)
    finally:
        await services.fences.close(fence, place)


def _file_name(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in text)[-60:]


class Programs:
    """Runs the programs of readings with given inputs, each in a fence of its own.

    The fence has the policy's role `product` and no twin: what needs a service fails alike in every
    reading and tells nothing.
    """

    def __init__(
        self, services: Services, product: ProductPlan, policy: Path, trees: Mapping[str, Path]
    ) -> None:
        self._services = services
        self._product = product
        self._policy = policy
        self._trees = dict(trees)
        self.command = shlex.split(product.run or "")
        if not self.command:
            raise InvalidInput(
                "LIN-061",
                "Nothing says how the program starts.",
                "its readings are compared by what their programs do.",
                "set `run` in `[product]` of unlit.toml, or give `--run COMMAND`.",
            )

    async def run(self, reading: Reading, inputs: Sequence[Input]) -> Mapping[Input, Observed]:
        """Run one reading with each input; every run starts from the same files.

        Raises:
            UnlitError: The program cannot be built, or no fence can be opened.
        """
        tree = self._trees[reading.name]
        place = Place(RUN, "intent", reading.family, "product")
        mounts: Sequence[FolderMount] = ()
        if self._product.build:
            mounts = await self._services.dependencies.prepare(
                self._product, tree, self._policy, place
            )
        order = FenceOrder(place, self._policy, tree, tuple(mounts), self._env())
        fence = await self._services.fences.open(order)
        try:
            return {made: await self._observe(fence, made) for made in inputs}
        finally:
            await self._services.fences.close(fence, place)

    def _env(self) -> dict[str, str]:
        given = {
            name: NO_SERVICE if value.startswith("twin:") else value
            for name, value in self._product.env.items()
        }
        return {"PATH": PATH, **given}

    async def _observe(self, fence: Fence, made: Input) -> Observed:
        finished = await fence.run(
            [*self.command, *made.args], stdin=made.stdin.encode(), timeout_s=INPUT_S
        )
        if fence.changes().files:
            reset = getattr(fence, "reset", None)
            if reset is not None:
                await reset()
        return Observed(
            finished.exit_code,
            finished.stdout[:MAX_OUTPUT].decode("utf-8", "replace"),
            ended=not finished.timed_out,
            stderr=finished.stderr[:MAX_OUTPUT].decode("utf-8", "replace"),
        )
