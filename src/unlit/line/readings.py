"""Several readings of one spec: agents write them in fences, their programs run in fences.

Used by `unlit intent ask` and `unlit intent from-code`. Nothing here is graded or shipped; no
scenario is opened.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import UnlitError
from unlit.core.ids import CandidateId, RunId
from unlit.harness.model import AgentEvent, Job
from unlit.harness.ports import Agent
from unlit.intent.rules.divergence import Reading
from unlit.line.model import FenceOrder, FolderMount, Place, ProductPlan, SpecFacts
from unlit.line.ports import Services
from unlit.line.rules.brief import make_brief
from unlit.line.stages.build import environment_of

TURN_S: Final = 1800.0
PARALLEL: Final = 4
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
