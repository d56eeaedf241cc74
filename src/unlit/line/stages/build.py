"""An agent makes a candidate in a fence; what the fence extracts becomes a commit."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import BudgetUsedUp, OutsideFailed
from unlit.core.ids import CandidateId, Digest
from unlit.harness.model import (
    AgentEvent,
    Change,
    Commit,
    End,
    EndReason,
    Feedback,
    Job,
    Outcome,
    Verdict,
)
from unlit.harness.ports import Agent, Fence, Layer
from unlit.harness.rules import MAX_FILE_BYTES, judge_turn
from unlit.harness.workspace import Provenance
from unlit.line.carry import give_candidate
from unlit.line.companion import RecordCompanion, TurnKey
from unlit.line.graphs.routing import Outcome as Said
from unlit.line.graphs.status import FILE as STATUS
from unlit.line.graphs.status import LARGEST, read_status
from unlit.line.model import FenceOrder, FolderMount, LineEvent, SpecFacts
from unlit.line.ports import ServedTools
from unlit.line.rules.brief import make_brief, with_answers, with_tools
from unlit.line.rules.queues import names_of, provider_of
from unlit.line.stages.checks import PATH
from unlit.line.stages.limits import within
from unlit.line.stages.reading import RunWitness
from unlit.line.stages.remember import lessons_for
from unlit.line.stages.work import Work
from unlit.record.model import AccessState, Candidate, StageState, granted_until

_SAID: Final = 1_000
NO_KEY: Final = "fake-key-that-opens-nothing"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one candidate starts from.

    Attributes:
        instruction: What a node of a graph asks for.
        others: Who takes over when the agent's model does not answer.
        model: The model it uses, where the line names one; else the run's.
        hooks: Shell commands before and after each tool call, ``pre`` and ``post``.
        asks: Whether it may answer in `status.json`, which is no part of a candidate.
        keeps: Whether what it changed becomes a candidate; a judge's does not.
    """

    number: int
    parent: str
    agent: str
    context: str = ""
    feedback: tuple[Feedback, ...] = ()
    remarks: tuple[str, ...] = ()
    instruction: str = ""
    others: tuple[str, ...] = ()
    model: str = ""
    hooks: Mapping[str, str] = field(default_factory=dict)
    asks: bool = False
    keeps: bool = True

    @property
    def candidate(self) -> CandidateId:
        """The candidate's name."""
        return CandidateId(f"c{self.number}")


class _Listener:
    def __init__(self, work: Work, candidate: CandidateId) -> None:
        self._work = work
        self._candidate = candidate
        self._count = 0
        self.lines: list[str] = []

    def event(self, event: AgentEvent) -> None:
        self._count += 1
        told = {"kind": event.kind, "text": event.text, "data": dict(event.data)}
        self.lines.append(json.dumps(told, default=str))
        line = LineEvent(
            self._work.run, "agent", "build", self._candidate, event.kind, event.text, event.data
        )
        self._work.journal.event(f"build/{self._candidate}/agent/{self._count}", line)


async def build(work: Work, turn: Turn) -> Mapping[str, Any]:
    """Let an agent make one candidate.

    When its model does not answer, or it cannot be started, the next agent takes over; when none
    is left, that is the model's or the machine's failure, never the agent's.

    Raises:
        OutsideFailed: No agent's model answered, or none could be started.
    """
    silent: list[str] = []
    facts: Mapping[str, Any] = {}
    for agent in (turn.agent, *turn.others):
        facts = await _limited(work, replace(turn, agent=agent))
        if facts["outcome"] not in (Outcome.MODEL_FAILED.value, Outcome.NOT_STARTED.value):
            return {**facts, "failover": silent} if silent else facts
        silent.append(agent)
    code = "MOD-301" if facts["outcome"] == Outcome.MODEL_FAILED.value else "HAR-051"
    raise OutsideFailed(
        code,
        f"No agent could work: {facts['detail']}.",
        f"tried: {', '.join(silent)}.",
        "look at the agent's key, model and network rule; then `unlit resume RUN`.",
    )


async def _limited(work: Work, turn: Turn) -> Mapping[str, Any]:
    """Wait until agent and provider may be used, then build."""
    provider = provider_of(work.services.agents(turn.agent).facts.credential)
    names = names_of(work.services.limits, agent=turn.agent, provider=provider)
    async with within(work, "build", turn.candidate, names):
        return await _build(work, turn)


async def _build(work: Work, turn: Turn) -> Mapping[str, Any]:
    _within_budget(work)
    services = work.services
    agent = services.agents(turn.agent)
    async with _tools(work, turn) as tools:
        return await _with_tools(work, turn, agent, tools)


@asynccontextmanager
async def _tools(work: Work, turn: Turn) -> AsyncIterator[ServedTools]:
    """Serve the context tools to the turn's agent, where its policy names them."""
    serving = work.services.tools
    if serving is None:
        yield ServedTools()
        return
    loop = asyncio.get_running_loop()
    listen = work.services.listen

    def say(event: LineEvent) -> None:
        loop.call_soon_threadsafe(listen, event)

    def witness() -> RunWitness:
        return RunWitness(work, turn.candidate, turn.agent, say)

    place = work.place("build", agent=turn.agent, candidate=turn.candidate)
    async with serving.serve(work.request.policy, place, witness) as tools:
        yield tools


async def _with_tools(
    work: Work, turn: Turn, agent: Agent, tools: ServedTools
) -> Mapping[str, Any]:
    services = work.services
    spec = services.specs.read(work.request.spec)
    told = lessons_for(work, spec)
    text = with_tools(brief_of(work, spec, turn, told.text), tools.url)
    text, companion = _with_words(work, turn, agent, text)
    kept = services.bodies.keep(text.encode())
    work.keep_file("prompts", f"{turn.candidate}.md", text)
    made = await _in_fence(work, turn, agent, _Given(text, companion, spec, tools))
    facts = {
        "agent": turn.agent,
        "brief": kept,
        "outcome": made.verdict.outcome.value,
        "ended": made.end.reason.value,
        "detail": made.verdict.sentence,
        "fence": _fence_facts(made.closed),
        "lessons": [lesson.id for lesson in told.lessons],
    }
    if turn.instruction:
        facts["said"] = made.end.text[:_SAID]  # a later node of the line may be told
    if made.status is not None:
        facts["status"] = made.status.to_json()
    commit = made.commit
    if commit is None:
        return {"state": StageState.NOT_GOOD_ENOUGH.value, **facts}
    _keep(work, turn, commit, made.end, made.verdict)
    return {**facts, "commit": commit.commit, "tree": commit.tree, "files": commit.files}


@dataclass(frozen=True, slots=True)
class _Given:
    """What a turn is given."""

    text: str
    companion: RecordCompanion | None
    spec: SpecFacts
    tools: ServedTools


@dataclass(frozen=True, slots=True)
class _Made:
    """What a turn left, and what its fence says."""

    end: End
    verdict: Verdict
    commit: Commit | None
    closed: Mapping[str, Any]
    status: Said | None = None


async def _in_fence(work: Work, turn: Turn, agent: Agent, given: _Given) -> _Made:
    services = work.services
    lower = await asyncio.to_thread(work.workspace.tree, turn.parent)
    place = work.place("build", agent=turn.agent, candidate=turn.candidate)
    order = FenceOrder(
        place,
        work.request.policy,
        lower,
        tuple(FolderMount(Path(m.source), m.target) for m in agent.facts.mounts),
        {**environment_of(agent), **given.tools.env},
        work.request.turn_s + 60,
        given.tools.twins,
    )
    fence = await services.fences.open(order)
    scratch = Path(tempfile.mkdtemp(prefix=".layer-", dir=work.workspace.root))
    closed: Mapping[str, Any] = {}
    status: Said | None = None
    try:
        end = await _turn(work, turn, agent, fence, given)
        refusal = services.ledger.refusal(work.run) if services.ledger else None
        if refusal is not None:
            raise refusal  # the money ran out in the middle of the turn: nobody's failure
        status = await _status(turn, lower, fence)
        verdict = await asyncio.to_thread(_extract, work, turn, lower, end, fence, scratch)
        commit = None
        if verdict.outcome.is_candidate and turn.keeps:
            commit = await asyncio.to_thread(_commit, work, turn, verdict, scratch, given.spec)
            if services.shared:
                await asyncio.to_thread(_give, work, turn, commit)
    finally:
        closed = await services.fences.close(fence, place)
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    return _Made(end, verdict, commit, closed, status)


def _give(work: Work, turn: Turn, commit: Commit) -> None:
    store = work.services.store
    base = _base(work)
    give_candidate(store, work.workspace, work.run, turn.candidate, commit.commit, base)


def environment_of(agent: Agent) -> Mapping[str, str]:
    """Set the path, and a key that opens nothing; a placeholder that policy grants replaces it."""
    env = {"PATH": ":".join((*agent.facts.path, PATH))}
    if agent.facts.credential:
        env[agent.facts.credential] = NO_KEY
    return env


def brief_of(work: Work, spec: SpecFacts, turn: Turn, lessons: str = "") -> str:
    """Return what the agent of a turn is told."""
    context = _text(work, turn.context)
    brief = make_brief(
        spec,
        work.request.product,
        number=turn.number,
        context=context,
        lessons=lessons,
        feedback=turn.feedback,
        remarks=turn.remarks,
        instruction=turn.instruction,
    )
    return with_answers(brief, access_words(work))


def access_words(work: Work) -> tuple[str, ...]:
    """Say what people answered to earlier questions for more access; open ones are not news."""
    store, now = work.services.store, work.services.clock.now()
    made = {row.gate: row for row in store.gate_decisions(work.run)}
    said = []
    for question in store.access_questions(work.run):
        decision = made.get(question.gate)
        if decision is None:
            continue
        state = question.state(decision, now)
        if state is AccessState.GRANTED:
            until = granted_until(decision)
            said.append(f"{question.request}: allowed until {until:%d %b %H:%M} UTC.")
        elif state is AccessState.REFUSED:
            said.append(f"{question.request}: refused by {decision.person}: {decision.reason}")
    return tuple(said)


def _with_words(
    work: Work, turn: Turn, agent: Agent, text: str
) -> tuple[str, RecordCompanion | None]:
    """Let people's words into the turn: while it runs where the agent can listen, else its brief.

    An agent whose steps are durable hears them as steps, so that its brief stays what it was; any
    other agent that begins anew is told again what its interrupted turn had heard.
    """
    model = turn.model or work.request.model or ""
    key = TurnKey(work.run, turn.candidate, turn.agent, model, text)
    companion = RecordCompanion(work.services.store, work.journal, key)
    if "steps" in agent.facts.can:
        return text, companion
    words = [*companion.heard(), *companion.words()]
    for word in companion.words():
        companion.deliver(word, f"in the brief of {turn.candidate}")
    said = "\n".join(f"- {word.text}" for word in words)
    if said:
        text = f"{text}\n## What a person says\n\n{said}\n"
    return text, companion if "steer" in agent.facts.can else None


async def _turn(work: Work, turn: Turn, agent: Agent, fence: Fence, given: _Given) -> End:
    request = work.request
    job = Job(
        run=work.run,
        candidate=turn.candidate,
        number=turn.number,
        brief=given.text,
        feedback=turn.feedback,
        model=turn.model or request.model,
        deadline_s=request.turn_s,
        max_usd=request.budget.run_usd,
        companion=given.companion,
        tools=given.tools.url,
        hooks=turn.hooks,
    )
    listener = _Listener(work, turn.candidate)
    try:
        async with asyncio.timeout(request.turn_s):
            return await agent.run(job, fence, listener)
    except TimeoutError:
        return End(EndReason.TIMED_OUT, f"it did not end within {request.turn_s:.0f} s")
    finally:
        work.keep_file("transcripts", f"{turn.candidate}.jsonl", "\n".join(listener.lines))


async def _status(turn: Turn, lower: Path, fence: Fence) -> Said | None:
    """Read the agent's own word on its turn, where it may have one and left one."""
    if not _may_say(turn, lower):
        return None
    done = await fence.run(["head", "-c", str(LARGEST + 1), STATUS], timeout_s=60)
    return read_status(done.stdout) if done.exit_code == 0 else None


def _may_say(turn: Turn, lower: Path) -> bool:
    return turn.asks and not (lower / STATUS).exists()  # else the file is the product's own


def _extract(work: Work, turn: Turn, lower: Path, end: End, fence: Fence, scratch: Path) -> Verdict:
    layer: Layer = fence.changes()
    rules = work.services.policies.files(work.request.policy, "coder")
    own = STATUS if _may_say(turn, lower) else ""
    changes = [change for change in _changes(layer) if change.path != own]
    verdict = judge_turn(
        end,
        changes,
        writable=rules.writable,
        read_only=rules.read_only,
        max_file_bytes=min(rules.max_file_bytes or MAX_FILE_BYTES, MAX_FILE_BYTES),
    )
    if verdict.outcome.is_candidate:
        layer.apply_to(scratch)
    return verdict


def _changes(layer: Layer) -> Sequence[Change]:
    return [Change(file.path, file.kind, file.mode, file.size) for file in layer.files]


def _commit(work: Work, turn: Turn, verdict: Verdict, scratch: Path, spec: SpecFacts) -> Commit:
    run = work.services.store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    provenance = Provenance(
        run=work.run,
        candidate=turn.candidate,
        number=turn.number,
        agent=turn.agent,
        spec=f"{spec.id}@{spec.digest}",
        started=run.created_at,
        title=spec.title,
        snapshot=run.snapshot or "",
    )
    return work.workspace.commit(turn.parent, verdict.kept, scratch, provenance)


def _base(work: Work) -> str:
    run = work.services.store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    return run.base


def _keep(work: Work, turn: Turn, commit: Commit, end: End, verdict: Verdict) -> None:
    candidate = Candidate(
        run=work.run,
        id=turn.candidate,
        number=turn.number,
        commit=commit.commit,
        tree=commit.tree,
        parent=commit.parent,
        agent=turn.agent,
        outcome=verdict.outcome.value,
        made_at=work.services.clock.now(),
        files=commit.files,
        text=end.text[:500],
    )
    work.services.store.keep_candidate(candidate)
    work.services.store.change_run(work.run, work.services.clock.now(), candidate=turn.candidate)
    event = LineEvent(
        work.run,
        "candidate",
        "build",
        turn.candidate,
        text=f"commit {commit.commit[:10]}, {commit.files} files differ from the base",
        data={"commit": commit.commit, "tree": commit.tree, "files": commit.files},
    )
    work.journal.event(f"candidate/{turn.candidate}", event)


def _within_budget(work: Work) -> None:
    limit = work.request.budget.run_usd
    if limit is None:
        return
    spent = work.services.store.spent(run=work.run)
    if spent >= limit:
        raise BudgetUsedUp(
            "LIN-031",
            f"The run has spent ${spent} of its ${limit}.",
            "a hard limit stops before the next spend.",
            f"raise budget.run_usd in unlit.toml (a limit in the spec counts too), then "
            f"`unlit resume {work.run}`; or `unlit resume {work.run} --run-usd USD`.",
        )


def _fence_facts(closed: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ("held", "denied", "exchanges", "asked", "peak_memory_mb", "weak")
    return {name: closed[name] for name in names if name in closed}


def _text(work: Work, digest: str) -> str:
    return work.services.bodies.read(Digest(digest)).decode() if digest else ""
