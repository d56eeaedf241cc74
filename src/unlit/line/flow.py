"""The default line: what follows what. Imports no engine; `Durable` remembers the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.harness.model import Feedback
from unlit.line import tournament
from unlit.line.graph_flow import produce_graph
from unlit.line.model import LineEvent, RunRequest
from unlit.line.rules.progress import Advice, Tried, advise
from unlit.line.stages import build, checks, close, grade, merging, prepare
from unlit.line.stages.again import take_up
from unlit.line.stages.asking import waits_at_intent
from unlit.line.stages.work import StopRun, Work, perform
from unlit.record.model import FailureClass, RunState, StageState

FLOW_VERSION = "line-4"
"""Raise this when the order or the names of steps change; a test watches the source."""
AFTER_MERGE = ("attest", "deploy")


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate that was graded, and the verdict on it."""

    candidate: CandidateId
    commit: str
    tree: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Start:
    """Where the making of candidates begins.

    Attributes:
        context: Digest of the quoted context.
        base_passes: Whether the base commit's own tests pass.
    """

    number: int
    parent: str
    context: str
    base_passes: bool | None = None
    feedback: tuple[Feedback, ...] = ()
    remarks: tuple[str, ...] = ()


async def produce(work: Work, base: str) -> Mapping[str, Any]:
    """Take a run from its spec to its gate."""
    _state(work, RunState.RUNNING)
    try:
        if work.request.line != "default":
            return await produce_graph(work, base)
        return await _produce(work, base)
    except StopRun as stop:
        return stopped(work, stop)


async def again(work: Work, base: str, kind: str) -> Mapping[str, Any]:
    """Go on with a run that reached its end: make a candidate that answers what was said of it.

    Args:
        work: The run.
        base: The commit it began from.
        kind: Name of this piece of work, such as ``again-1``.
    """
    try:
        return await _again(work, base, kind)
    except StopRun as stop:
        return stopped(work, stop)


async def _again(work: Work, base: str, kind: str) -> Mapping[str, Any]:
    _state(work, RunState.RUNNING, verdict=None)
    asked = await perform(work, "again", partial(take_up, work, kind), key=kind)
    start = Start(
        int(asked["number"]),
        str(asked["parent"]),
        str(asked["brief"]),
        asked.get("passes"),
        grade.feedback_of(asked),
        tuple(str(text) for text in asked["remarks"]),
    )
    if work.request.line != "default":
        return await produce_graph(work, base, start_context(start, work.request))
    return await _to_the_gate(work, start, kind)


def start_context(start: Start, request: RunRequest) -> Mapping[str, Any]:
    """Say in a graph's words where the making of candidates begins."""
    return {
        "candidate.number": start.number - 1,
        "candidate.most": start.number - 1 + request.max_candidates,
        "candidate.commit": start.parent,
        "remarks": list(start.remarks),
        "feedback": [{"criterion": f.criterion, "bucket": f.bucket} for f in start.feedback],
    }


async def finish(work: Work, base: str) -> Mapping[str, Any]:
    """Ship an approved run; what its own checks find, or the merge, goes to a new candidate."""
    _state(work, RunState.RUNNING, note="")
    try:
        return await _ship(work, base)
    except StopRun as stop:
        code = str(stop.facts.get("code") or "")
        if stop.stage in AFTER_MERGE:  # it is on the branch, whatever failed after that
            _state(work, RunState.SHIPPED, note=f"{code} {stop.facts.get('detail', '')}".strip())
            return {"stopped": stop.stage, **{k: stop.facts.get(k) for k in ("code", "detail")}}
        if stop.facts.get("failure") != FailureClass.AGENT.value and not code.startswith("SHP-"):
            return stopped(work, stop)
        # a refusal that a person can put right, such as a dirty working copy: the approval stands
        _state(work, RunState.WAITING, note=f"{code} {stop.facts.get('detail', '')}".strip())
        return {"stopped": stop.stage, **{k: stop.facts.get(k) for k in ("code", "detail")}}


async def _ship(work: Work, base: str) -> Mapping[str, Any]:
    ci = work.request.ci
    if ci.command is not None:
        found = await perform(work, "ci", partial(merging.own_checks, work), key="ci/before")
        if found.get("state") == StageState.NOT_GOOD_ENOUGH.value:
            return await _repair(work, base, found)
    shipped = await perform(work, "ship", lambda: close.ship(work))
    if shipped.get("state") == StageState.NOT_GOOD_ENOUGH.value:
        return await _repair(work, base, shipped)
    close.settle(work, RunState.WAITING if shipped.get("pending") else RunState.SHIPPED)
    if ci.source is not None:
        watching = partial(merging.watch_checks, work, str(shipped["head"]))
        found = await perform(work, "ci", watching, key="ci/after")
        if found.get("asked"):
            return await _repair(work, base, found)
        if not shipped.get("pending"):
            _state(work, RunState.SHIPPED, note=str(found["detail"]))
    return shipped if shipped.get("pending") else await _after_merge(work, shipped)


async def _after_merge(work: Work, shipped: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attest and deploy what is on the branch; a deploy that was rolled back leaves it there."""
    await perform(work, "attest", partial(close.attest, work, shipped))
    rolled = await perform(work, "deploy", partial(close.deploy, work, shipped))
    if rolled.get("state") == StageState.NOT_GOOD_ENOUGH.value:
        _state(work, RunState.SHIPPED, note=str(rolled["detail"]))
    return shipped


async def _repair(work: Work, base: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    if found.get("asked"):
        return await _again(work, base, str(found["asked"]))
    _state(work, RunState.ENDED, verdict=Verdict.NOT_YET, note=str(found["detail"]))
    return {"verdict": Verdict.NOT_YET.value}


async def _produce(work: Work, base: str) -> Mapping[str, Any]:
    ready = await perform(work, "intent", lambda: prepare.intent(work))
    if ready.get("state") == StageState.NOT_GOOD_ENOUGH.value:
        _state(work, RunState.ENDED, verdict=Verdict.NOT_EXERCISED, note=str(ready["detail"]))
        return {"verdict": Verdict.NOT_EXERCISED.value}
    if await waits_at_intent(work, ready):
        return {"waiting": "intent"}
    pinned = await perform(work, "context", lambda: prepare.context(work, base))
    held = await perform(work, "baseline", lambda: prepare.baseline(work, base))
    start = Start(1, base, str(pinned["brief"]), held.get("passes"))
    return await _to_the_gate(work, start)


async def _to_the_gate(work: Work, start: Start, kind: str = "") -> Mapping[str, Any]:
    """Make, grade and report; a later round of a run has a report and a gate of its own."""
    suffix = f"/{kind}" if kind else ""
    made = await _candidates(work, start)
    verdict = Verdict.NOT_EXERCISED if made is None else made.verdict
    if made is not None and verdict is Verdict.SHIP:
        verdict = await sealed(work, made)
    stands: dict[str, Any] = {"verdict": verdict}
    if made is not None and verdict is Verdict.SHIP:  # the run went back behind a later candidate
        stands["candidate"] = made.candidate
    _state(work, RunState.RUNNING, **stands)
    await perform(work, "report", lambda: close.report(work), key=f"report{suffix}")
    await perform(work, "gate", lambda: close.gate(work, verdict), key=f"gate{suffix}")
    close.settle(work, RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED)
    return {"verdict": verdict.value, "candidate": None if made is None else made.candidate}


async def _candidates(work: Work, start: Start) -> Made | None:
    """Make candidates until one passes validation or there may be no more."""
    made: Made | None = None
    first = start.number
    if work.request.tournament > 1 and first == 1:
        made, start = await _tournament(work, start)
        if made is not None and made.verdict is Verdict.SHIP:
            return made
    parent, feedback, remarks = start.parent, start.feedback, start.remarks
    vetoes: tuple[str, ...] = ()
    tried: list[Tried] = []
    for number in range(start.number, first + work.request.max_candidates):
        advice = advise(work.request.agents, tried)
        told = (*vetoes, *remarks, *((advice.remark,) if advice.remark else ()))
        turn = build.Turn(
            number, parent, advice.agent, start.context, feedback, told, others=advice.others
        )
        _hand_over(work, turn, advice)
        built = await perform(work, "build", partial(build.build, work, turn), turn.candidate)
        tried.append(Tried(advice.agent, str(built.get("tree", ""))))
        if "commit" not in built:
            remarks = (f"The last turn left nothing to grade: {built['detail']}.",)
            continue
        parent = commit = str(built["commit"])
        checking = partial(checks.check, work, turn.candidate, commit, start.base_passes)
        checked = await perform(work, "checks", checking, turn.candidate)
        if checked.get("state") == StageState.NOT_GOOD_ENOUGH.value:
            remarks = (f"It was not graded: {checked['detail']}.",)
            continue
        made, graded = await _grade(work, Partition.VALIDATION, turn.candidate, built)
        if made.verdict is Verdict.SHIP:
            return made
        feedback, remarks = grade.feedback_of(graded), ()
        vetoes = tuple(str(line) for line in graded.get("remarks") or ())
        buckets = tuple(sorted((item.criterion, item.bucket) for item in feedback))
        tried[-1] = replace(tried[-1], buckets=buckets)
    return made


async def _tournament(work: Work, start: Start) -> tuple[Made | None, Start]:
    """Let candidates compete; return the best one, and where making goes on after it."""
    count = work.request.tournament
    turn = build.Turn(1, start.parent, work.request.agents[0], start.context)
    turns = tournament.entries_of(turn, work.request.agents, count)
    won, why = await tournament.hold(work, turns, start.base_passes)
    after = replace(start, number=count + 1)
    if won is None:
        return None, replace(after, remarks=tuple(f"It was not graded: {text}" for text in why))
    made = Made(won.entry.candidate, won.commit, won.tree, won.entry.verdict or Verdict.NOT_YET)
    told = tuple(str(line) for line in won.graded.get("remarks") or ())
    feedback = grade.feedback_of(won.graded)
    return made, replace(after, parent=won.commit, feedback=feedback, remarks=told)


def _hand_over(work: Work, turn: build.Turn, advice: Advice) -> None:
    if advice.why:
        text = f"{advice.why}: {advice.agent} takes over"
        event = LineEvent(work.run, "note", "build", turn.candidate, text=text)
        work.journal.event(f"build/{turn.candidate}/handover", event)


async def sealed(work: Work, made: Made) -> Verdict:
    """Look at the sealed scenarios; return the verdict."""
    built = {"commit": made.commit, "tree": made.tree}
    looked, _ = await _grade(work, Partition.SEALED, made.candidate, built)
    return looked.verdict


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


def stopped(work: Work, stop: StopRun) -> Mapping[str, Any]:
    """Write down that the run failed, and where."""
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
