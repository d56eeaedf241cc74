"""The default line: what follows what. Imports no engine; `Durable` remembers the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.harness.model import Feedback
from unlit.line.graph_flow import produce_graph
from unlit.line.model import LineEvent
from unlit.line.rules.progress import Advice, Tried, advise
from unlit.line.stages import build, checks, close, grade, prepare
from unlit.line.stages.work import StopRun, Work, perform
from unlit.record.model import RunState, StageState

FLOW_VERSION = "line-1"
"""Raise this when the order or the names of steps change; a test watches the source."""


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate that was graded, and the verdict on it."""

    candidate: CandidateId
    commit: str
    tree: str
    verdict: Verdict


async def produce(work: Work, base: str) -> Mapping[str, Any]:
    """Take a run from its spec to its gate."""
    _state(work, RunState.RUNNING)
    try:
        if work.request.line != "default":
            return await produce_graph(work, base)
        return await _produce(work, base)
    except StopRun as stop:
        return _stopped(work, stop)


async def finish(work: Work) -> Mapping[str, Any]:
    """Ship an approved run."""
    try:
        return await perform(work, "ship", lambda: close.ship(work))
    except StopRun as stop:
        return _stopped(work, stop)


async def _produce(work: Work, base: str) -> Mapping[str, Any]:
    ready = await perform(work, "intent", lambda: prepare.intent(work))
    if ready.get("state") == StageState.NOT_GOOD_ENOUGH.value:
        _state(work, RunState.ENDED, verdict=Verdict.NOT_EXERCISED, note=str(ready["detail"]))
        return {"verdict": Verdict.NOT_EXERCISED.value}
    pinned = await perform(work, "context", lambda: prepare.context(work, base))
    held = await perform(work, "baseline", lambda: prepare.baseline(work, base))
    made = await _candidates(work, base, str(pinned["brief"]), held.get("passes"))
    verdict = Verdict.NOT_EXERCISED if made is None else made.verdict
    if made is not None and verdict is Verdict.SHIP:
        verdict = await _sealed(work, made)
    _state(work, RunState.RUNNING, verdict=verdict)
    await perform(work, "report", lambda: close.report(work))
    await perform(work, "gate", lambda: close.gate(work, verdict))
    return {"verdict": verdict.value, "candidate": None if made is None else made.candidate}


async def _candidates(work: Work, base: str, context: str, base_passes: bool | None) -> Made | None:
    """Make candidates until one passes validation or there may be no more."""
    parent, made = base, None
    feedback: tuple[Feedback, ...] = ()
    remarks: tuple[str, ...] = ()
    tried: list[Tried] = []
    for number in range(1, work.request.max_candidates + 1):
        advice = advise(work.request.agents, tried)
        told = (*remarks, advice.remark) if advice.remark else remarks
        turn = build.Turn(
            number, parent, advice.agent, context, feedback, told, others=advice.others
        )
        _hand_over(work, turn, advice)
        built = await perform(work, "build", partial(build.build, work, turn), turn.candidate)
        tried.append(Tried(advice.agent, str(built.get("tree", ""))))
        if "commit" not in built:
            remarks = (f"The last turn left nothing to grade: {built['detail']}.",)
            continue
        parent = commit = str(built["commit"])
        checking = partial(checks.check, work, turn.candidate, commit, base_passes)
        checked = await perform(work, "checks", checking, turn.candidate)
        if checked.get("state") == StageState.NOT_GOOD_ENOUGH.value:
            remarks = (f"It was not graded: {checked['detail']}.",)
            continue
        made, graded = await _grade(work, Partition.VALIDATION, turn.candidate, built)
        if made.verdict is Verdict.SHIP:
            return made
        feedback, remarks = grade.feedback_of(graded), ()
        buckets = tuple(sorted((item.criterion, item.bucket) for item in feedback))
        tried[-1] = replace(tried[-1], buckets=buckets)
    return made


def _hand_over(work: Work, turn: build.Turn, advice: Advice) -> None:
    if advice.why:
        text = f"{advice.why}: {advice.agent} takes over"
        event = LineEvent(work.run, "note", "build", turn.candidate, text=text)
        work.journal.event(f"build/{turn.candidate}/handover", event)


async def _sealed(work: Work, made: Made) -> Verdict:
    built = {"commit": made.commit, "tree": made.tree}
    sealed, _ = await _grade(work, Partition.SEALED, made.candidate, built)
    return sealed.verdict


async def _grade(
    work: Work, partition: Partition, candidate: CandidateId, built: Mapping[str, Any]
) -> tuple[Made, Mapping[str, Any]]:
    stage = "sealed" if partition is Partition.SEALED else "validate"
    commit, tree = str(built["commit"]), str(built["tree"])
    grading = partial(grade.grade, work, candidate, commit, tree, partition)
    graded = await perform(work, stage, grading, candidate)
    verdict = Verdict(graded["verdict"])
    event = LineEvent(work.run, "verdict", stage, candidate, verdict.value, str(graded["detail"]))
    work.journal.event(f"{stage}/{candidate}/verdict", event)
    return Made(candidate, commit, tree, verdict), graded


def _state(work: Work, state: RunState, **changes: Any) -> None:
    work.services.store.change_run(work.run, work.services.clock.now(), state=state, **changes)


def _stopped(work: Work, stop: StopRun) -> Mapping[str, Any]:
    detail = str(stop.facts.get("detail", ""))
    _state(work, RunState.FAILED, note=f"{stop.stage}: {stop.facts.get('code')} {detail}")
    event = LineEvent(
        work.run,
        "state",
        stop.stage.split("/", maxsplit=1)[0],
        state=RunState.FAILED.value,
        text=detail,
        data={"remedy": stop.facts.get("remedy"), "code": stop.facts.get("code")},
    )
    work.journal.event(f"state/failed/{stop.stage}", event)
    return {"failed": stop.stage, **{k: stop.facts.get(k) for k in ("code", "failure", "detail")}}
