"""Going on after a run's end, going back in it, and trying another way beside it."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.harness.workspace import Workspace
from unlit.line import carry, flow
from unlit.line.companion import forget_turns
from unlit.line.preflight import check_agents
from unlit.line.service import AGAIN, PRODUCE, Line
from unlit.line.stages.again import COMMENT
from unlit.line.stages.asking import INTENT
from unlit.line.stages.merging import reopen_gates
from unlit.record.model import Run, RunEvent, RunState, Stage
from unlit.record.store import Store

LONGEST: Final = 20_000
_GOES_ON: Final = frozenset(
    {RunState.WAITING, RunState.REJECTED, RunState.ENDED, RunState.SHIPPED, RunState.FAILED}
)
_FILES: Final = (
    "spec.md", "policy.toml", "policy.toml.signed", "line.dot", "children.json",
    "repository.git", "prompts", "transcripts",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comment:
    """What is said of a candidate; all of it is shown to the next one.

    Attributes:
        source: Who says it: ``a reviewer``, or ``the repository's own checks``.
    """

    text: str
    person: str
    source: str = "a reviewer"


async def go_on(line: Line, run: RunId, comment: Comment, queue: str | None = None) -> str:
    """Let a run that reached its end make a new candidate that answers a comment.

    What was decided on the candidate before is kept beside; the gate opens anew for the new one.

    Args:
        line: The line.
        run: A run that waits, was rejected, ended or shipped.
        comment: What is said.
        queue: Leave the work to workers of this queue; `None` does it here.

    Returns:
        The name of the work begun.

    Raises:
        InvalidInput: The run is not at its end, or nothing is said.
    """
    found = line.known(run)
    text = comment.text.strip()
    if not text or len(text) > LONGEST:
        raise InvalidInput(
            "LIN-113",
            f"The comment has {len(text):,} characters.",
            f"it is shown to the agent as it is, and has 1 to {LONGEST:,}.",
            "say what is wrong, in a few words.",
        )
    if found.state not in _GOES_ON or found.settings.get("gate") == INTENT:
        raise InvalidInput(
            "LIN-114",
            f"Run {run} is {found.state.value}{_where(found)}, and cannot take a comment.",
            "a comment asks for another candidate, after the end of a run.",
            f'`unlit steer {run} "…"` speaks to the agent; `unlit resume {run}` goes on.',
        )
    store, now = line.services.store, line.services.clock.now()
    kind = await _round(line, run)
    reopen_gates(store, run, found.candidate or "none")
    data = {"person": comment.person, "source": comment.source, "candidate": found.candidate}
    key = f"{kind}/{line.services.ids.fresh('k')}"
    store.keep_events(
        [RunEvent(run, key, COMMENT, now, "again", found.candidate, text=text, data=data)]
    )
    state = RunState.QUEUED if queue else RunState.RUNNING
    settings = {**found.settings, "work": kind}  # with the state: `resume` then begins this work
    store.change_run(run, now, state=state, note="", settings=settings)
    await line.begin_work(run, kind, queue)
    return kind


def _where(found: Run) -> str:
    return " at its intent gate" if found.settings.get("gate") == INTENT else ""


async def _round(line: Line, run: RunId) -> str:
    """Name the next round; one that was asked for and never begun is the next one still."""
    store = line.services.store
    last = _rounds(store, run)
    kind = f"{AGAIN}{last}"
    begun = last == 0 or await line.engine.status(run, kind) is not None
    # a red check's round is begun by the work that ships, without work of its own
    begun = begun or any(stage.key == kind for stage in store.stages(run))
    return f"{AGAIN}{last + 1 if begun else last}"


def _rounds(store: Store, run: RunId) -> int:
    rows = store.events(run, kinds=(COMMENT,))
    return max((int(row.key.split("/")[0].removeprefix(AGAIN)) for row in rows), default=0)


async def rewind(line: Line, run: RunId, stage: str) -> None:
    """Do a run again from a stage on, such as ``build/c2``; what came before stays.

    A look at sealed scenarios that was charged stays charged, and is the same look.

    Raises:
        InvalidInput: It has shipped, is being worked on, or has no such stage.
    """
    found = line.known(run)
    kind, done = await _work_with(line, found, stage)
    if found.state is RunState.SHIPPED or stage not in done:
        raise InvalidInput(
            "LIN-016",
            f"Run {run} cannot go back to {stage!r}.",
            "a shipped run stays as it is, and only a stage that was done can be done again.",
            f"use one of: {', '.join(done) or 'none'}.",
        )
    line.hold(run, kind)
    now = line.services.clock.now()
    settings = {**found.settings, "work": kind}
    changes = {"state": RunState.RUNNING, "note": "", "settings": settings}
    line.services.store.change_run(run, now, **changes)
    forget_turns(line.services.store, run, done[done.index(stage) :])
    await line.engine.rewind(run, kind, stage)


async def _work_with(line: Line, found: Run, stage: str) -> tuple[str, tuple[str, ...]]:
    """Return the piece of work that did a stage, newest first, and its steps."""
    newest = str(found.settings.get("work", PRODUCE))
    rows = line.services.store.events(found.id, kinds=(COMMENT,))
    kinds = [*dict.fromkeys(row.key.split("/")[0] for row in reversed(rows)), PRODUCE]
    for kind in kinds[kinds.index(newest) if newest in kinds else 0 :]:
        done = await line.engine.steps(found.id, kind)
        if stage in done or kind == PRODUCE:
            return kind, done
    raise AssertionError(stage)


async def fork(
    line: Line, run: RunId, stage: str, changes: Mapping[str, Any] | None = None
) -> RunId:
    """Begin a new run that shares the past of another one up to a stage.

    Looks at sealed scenarios stay charged where they were taken; the fork is charged for its own.

    Args:
        line: The line.
        run: The run to fork.
        stage: The first stage that the fork does itself, such as ``build/c2``.
        changes: Fields of the request that are different in the fork.

    Raises:
        InvalidInput: The run has no such stage, or is of another version of the line; or there is
            no such agent.
        OutsideFailed: HAR-051, no agent of the fork can be started here.
    """
    found = line.known(run)
    if agents := (changes or {}).get("agents"):
        check_agents(line.services, agents)
    done = await line.engine.steps(run, PRODUCE)
    if stage not in done or found.engine_version != flow.FLOW_VERSION:
        raise InvalidInput(
            "LIN-115",
            f"Run {run} cannot be forked from {stage!r}.",
            "a fork begins at a stage that was done by this version of the line.",
            f"use one of: {', '.join(done) or 'none'}.",
        )
    _check_candidates(stage, (changes or {}).get("max_candidates"))
    fresh = RunId(line.services.ids.fresh("r"))
    past = done[: done.index(stage)]
    await asyncio.to_thread(_copy, line, found, fresh, past, changes or {})
    line.hold(fresh, PRODUCE)
    await line.engine.fork(run, fresh, PRODUCE, stage)
    return fresh


def _check_candidates(stage: str, most: int | None) -> None:
    """Refuse a fork that may not make the candidate that it begins with."""
    number = stage.rpartition("/c")[2]
    begins = int(number) if "/c" in stage and number.isdigit() else 1
    if most is not None and most < begins:
        raise InvalidInput(
            "LIN-097",
            f"{most} candidates are too few for a fork from {stage}.",
            f"it begins with candidate {begins}.",
            f"use --candidates {begins} or more, or fork from an earlier stage.",
        )


def _copy(
    line: Line, found: Run, fresh: RunId, past: tuple[str, ...], changes: Mapping[str, Any]
) -> None:
    services = line.services
    source, target = services.workspaces / found.id, services.workspaces / fresh
    if services.shared:
        carry.take(services.store, Workspace(source), found.id)
    target.mkdir(parents=True, mode=0o700)
    for name in _FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, symlinks=True)
        elif (source / name).exists():
            shutil.copyfile(source / name, target / name)
    workspace = Workspace(target)
    settings = {**found.settings, **changes, "work": PRODUCE}
    settings |= {name: str(target / file) for name, file in _PINNED.items()}
    now = services.clock.now()
    copied = replace(
        found,
        id=fresh,
        workspace=str(workspace.repository),
        state=RunState.RUNNING,
        created_at=found.created_at,
        updated_at=now,
        verdict=None,
        candidate=None,
        note=f"fork of {found.id}",
        settings=settings,
    )
    services.store.begin_run(copied)
    _copy_rows(services.store, found.id, fresh, past)
    if services.shared:
        carry.give(services.store, workspace, fresh, found.base)
    data = {"forked_from": found.id, "stages": list(past)}
    services.store.keep_events(
        [RunEvent(fresh, "forked", "note", now, text=f"fork of {found.id}", data=data)]
    )


_PINNED: Final = {"spec": "spec.md", "policy": "policy.toml"}


def _copy_rows(store: Store, run: RunId, fresh: RunId, past: tuple[str, ...]) -> None:
    """Copy what the past stages left: stages, candidates, gradings, trajectories; no look."""
    kept = [stage for stage in store.stages(run) if stage.key in past]
    for stage in kept:
        store.start_stage(replace(stage, run=fresh))
        _end(store, fresh, stage)
    names = {stage.candidate for stage in kept if stage.name == "build"}
    for candidate in store.candidates(run):
        if candidate.id in names:
            store.keep_candidate(replace(candidate, run=fresh))
    graded = {(stage.candidate, stage.name) for stage in kept}
    stages = {"validation": "validate", "sealed": "sealed"}
    for row in store.evaluations(run):
        if (row.candidate, stages.get(row.partition.value)) in graded:
            store.keep_evaluation(replace(row, run=fresh))
    store.keep_trajectories(
        [
            replace(row, run=fresh)
            for row in store.trajectories(run)
            if (row.candidate, stages.get(row.partition.value)) in graded
        ]
    )
    last = max((c for c in store.candidates(fresh)), key=lambda c: c.number, default=None)
    if last is not None:
        store.change_run(fresh, last.made_at, candidate=CandidateId(last.id))


def _end(store: Store, fresh: RunId, stage: Stage) -> None:
    if stage.ended_at is not None:
        store.end_stage(
            fresh, stage.key, stage.ended_at, state=stage.state, detail=stage.detail,
            failure=stage.failure, code=stage.code, facts=stage.facts,
        )  # fmt: skip
