"""Runs a task template: one agent, one fence of the role `coder`, one named artefact."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CandidateId, Digest, RunId
from unlit.harness.model import AgentEvent, Job
from unlit.line.model import FenceOrder, FolderMount, Place
from unlit.line.ports import Services
from unlit.line.rules.tasks import (
    Finding,
    Task,
    parse_task,
    read_document,
    read_findings,
    task_brief,
)
from unlit.line.stages.build import environment_of
from unlit.line.stages.prepare import refuse_trifecta

RUN: Final = RunId("r-task")
_SKIP: Final = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "__pycache__", "vault", ".env", "*.pyc"
)
_LARGEST: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a task left behind, kept by content.

    Attributes:
        findings: Empty for a document.
        dropped: Findings that name a place which does not exist, one sentence each.
        also_changed: Files that the agent changed besides; they are not kept.
    """

    task: str
    name: str
    text: str
    digest: Digest
    findings: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()
    also_changed: tuple[str, ...] = ()


class _Silence:
    def event(self, event: AgentEvent) -> None:
        """Take no notice."""


def load_tasks(repository: Path) -> Mapping[str, Task]:
    """Return the shipped templates, and over them those in `tasks/` of the repository.

    Raises:
        InvalidInput: A file there is no template.
    """
    found: dict[str, Task] = {}
    for entry in files("unlit.line").joinpath("tasks").iterdir():
        if entry.name.endswith(".md"):
            task = parse_task(entry.read_text("utf-8"), entry.name)
            found[task.name] = task
    for path in sorted((repository / "tasks").glob("*.md")):
        task = parse_task(path.read_text("utf-8", errors="replace"), f"tasks/{path.name}", own=True)
        found[task.name] = task
    return dict(sorted(found.items()))


def shipped_text(name: str) -> str | None:
    """Return a shipped template as it lies in the package; `None` if there is none."""
    path = files("unlit.line").joinpath("tasks", f"{name}.md")
    return path.read_text("utf-8") if path.is_file() else None


async def run_task(  # noqa: PLR0913 # what, by whom, on what, with what
    services: Services,
    task: Task,
    agent_name: str,
    *,
    base: Path,
    policy: Path,
    folder: Path,
    context: str = "",
    taint: Iterable[str] = (),
    turn_s: float = 1800.0,
) -> Artefact:
    """Let an agent do a task on a copy of `base` and keep its artefact.

    Raises:
        OutsideFailed: The agent ended without the artefact.
        InvalidInput: The artefact does not have its form.
        RefusedByPolicy: Private data, text from anybody and a way out would meet.
    """
    refuse_trifecta(services, policy, taint)
    agent = services.agents(agent_name)
    tree = folder / "tree"
    await asyncio.to_thread(shutil.copytree, base, tree, ignore=_SKIP, symlinks=True)
    place = Place(RUN, task.name, agent_name, "coder", CandidateId("c1"))
    mounts = tuple(FolderMount(Path(m.source), m.target) for m in agent.facts.mounts)
    order = FenceOrder(place, policy, tree, mounts, environment_of(agent), turn_s + 60)
    fence = await services.fences.open(order)
    try:
        job = Job(RUN, CandidateId("c1"), 1, task_brief(task, context), deadline_s=turn_s)
        try:
            async with asyncio.timeout(turn_s):
                end = await agent.run(job, fence, _Silence())
        except TimeoutError:
            raise _nothing(task, f"{agent_name} did not end within {turn_s:.0f} s") from None
        layer = fence.changes()
        changed = [one.path for one in layer.files if one.kind != "deleted"]
        if task.artefact not in changed:
            raise _nothing(task, f"{agent_name} ended with {end.reason.value}")
        done = folder / "done"
        done.mkdir()
        await asyncio.to_thread(layer.apply_to, done)
    finally:
        await services.fences.close(fence, place)
    others = tuple(sorted(set(changed) - {task.artefact}))
    return _artefact(services, task, _text(done / task.artefact, task), tree, others)


def _text(path: Path, task: Task) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        raise _nothing(task, "it is no file, or larger than 2 MB")
    return path.read_text("utf-8", errors="replace")


def _artefact(
    services: Services, task: Task, text: str, tree: Path, others: tuple[str, ...]
) -> Artefact:
    findings: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()
    if task.produces == "findings":
        findings, dropped = read_findings(task, text, _lines(tree))
    else:
        read_document(task, text)
    digest = services.bodies.keep(text.encode("utf-8"))
    return Artefact(task.name, task.artefact, text, digest, findings, dropped, others)


def _lines(tree: Path) -> dict[str, int]:
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                found[path.relative_to(tree).as_posix()] = sum(1 for _ in file)
    return found


def _nothing(task: Task, why: str) -> OutsideFailed:
    return OutsideFailed(
        "LIN-143",
        f"The task {task.name} left no {task.artefact}.",
        f"{why}.",
        "run it again, or with another agent.",
    )


def named_task(tasks: Mapping[str, Task], name: str) -> Task:
    """Return a task by name.

    Raises:
        InvalidInput: There is none.
    """
    if name not in tasks:
        raise InvalidInput(
            "LIN-144",
            f"There is no task {name!r}.",
            "a task is a template, shipped or in tasks/ of the repository.",
            f"use one of: {', '.join(tasks)}.",
        )
    return tasks[name]
