"""A line from a graph file, on the same durable engine, fence and stages as the default line."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.line.graphs.choices import choices_of, chosen
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.routing import Outcome, duration_s
from unlit.line.graphs.traverse import Handler, Trace, traverse
from unlit.line.model import FenceOrder, LineEvent
from unlit.line.stages import build, checks, close, grade, prepare
from unlit.line.stages.asking import waits_at_intent
from unlit.line.stages.work import Facts, StopRun, Work, perform, staged
from unlit.record.model import RunState, StageState

FILE: Final = "line.dot"
BUILT_IN: Final = Path(__file__).parent / "lines"
_OUTPUT: Final = 2_000
_THOUGHT: Final = ("changed_nothing", "claimed_without_change")
"""What a node that plans or reviews leaves: words, no change. Only `unlit.build` must change."""

_KEPT: Final = ("candidate.id", "candidate.commit", "candidate.tree", "candidates", "verdict",
                "feedback", "remarks", "last_stage", "last_response")  # fmt: skip


def find_line(name: str, repository: Path) -> Path:
    """Return the file of a line: a path, or a name in ``lines/`` of the repository or built in.

    Raises:
        InvalidInput: There is none.
    """
    places = (Path(name), repository / "lines" / f"{name}.dot", BUILT_IN / f"{name}.dot")
    for place in places:
        if place.suffix in (".dot", ".gv") and place.is_file():
            return place
    raise InvalidInput(
        "LIN-075",
        f"There is no line {name!r}.",
        "a line is `default`, or a DOT file.",
        "name a file, or put it into lines/NAME.dot of the repository.",
    )


async def produce_graph(
    work: Work, base: str, context: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Take a run through its graph, and to its gate; `context` is what is known at its start."""
    graph = parse_dot((work.workspace.root / FILE).read_text(encoding="utf-8"), FILE)
    handler = LineHandler(work, base, graph)
    try:
        trace = await traverse(graph, handler, work.durable.step, context)
    except* StopRun as group:
        raise _first(group) from None
    if trace.status == "waiting":
        return {"waiting": [v.node for v in trace.visits if v.status == "waiting"]}
    return await _close(work, trace)


def _first(group: BaseExceptionGroup[StopRun]) -> StopRun:
    first = group.exceptions[0]
    return first if isinstance(first, StopRun) else _first(first)


async def _close(work: Work, trace: Trace) -> Mapping[str, Any]:
    verdict = Verdict(trace.context.get("verdict", Verdict.NOT_EXERCISED.value))
    if trace.status != "success" and verdict is Verdict.SHIP:
        verdict = Verdict.NOT_YET
    _stands(work, trace.context)
    now = work.services.clock.now()
    note = "" if trace.status == "success" else f"the line ended early: {trace.reason}"
    work.services.store.change_run(work.run, now, verdict=verdict, note=note)
    await perform(work, "gate", lambda: close.gate(work, verdict))
    close.settle(work, RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED)
    return {"verdict": verdict.value, "nodes": list(trace.nodes), "status": trace.status}


def _stands(work: Work, context: Mapping[str, Any]) -> None:
    """Write down which candidate the line stands at: branches were graded in any order."""
    if "candidate.id" in context and "verdict" in context:
        candidate = CandidateId(str(context["candidate.id"]))
        work.services.store.change_run(work.run, work.services.clock.now(), candidate=candidate)


class LineHandler(Handler):
    """Executes nodes for real. What nodes tell each other is in the context, as JSON values."""

    def __init__(self, work: Work, base: str, graph: Graph) -> None:
        self._work = work
        self._base = base
        self._graph = graph
        self._own: dict[str, Callable[[Node, str, Mapping[str, Any]], Awaitable[Outcome]]] = {
            "unlit.intent": self._intent,
            "unlit.context": self._context,
            "unlit.baseline": self._baseline,
            "unlit.build": self._build,
            "codergen": self._build,
            "unlit.checks": self._checks,
            "unlit.validate": partial(self._grade, Partition.VALIDATION),
            "unlit.sealed": partial(self._grade, Partition.SEALED),
            "unlit.report": self._report,
        }

    @override
    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        if node.type == "wait.human":
            return self._human(node, visit)
        if node.type == "tool":
            return await self._tool(node, context, visit)
        act = self._own.get(node.type)
        if act is None:
            return Outcome("fail", notes=f"type {node.type!r} cannot be executed here")
        return await act(node, prompt, context)

    @override
    def fork(self, context: Mapping[str, Any], place: int, count: int) -> Mapping[str, Any]:
        """Number the candidates of side-by-side branches in turn, so that none is made twice."""
        stride = int(context.get("candidate.stride", 1))
        number = int(context.get("candidate.number", 0)) + stride * (place + 1 - count)
        return {"candidate.number": number, "candidate.stride": stride * count}

    @override
    def kept(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: context[name] for name in _KEPT if name in context}

    @override
    def merged(
        self, context: Mapping[str, Any], branches: list[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        numbers = [int(known.get("candidate.number", 0)) for known in (context, *branches)]
        return {
            "candidate.number": max(numbers),
            "candidate.stride": int(context.get("candidate.stride", 1)),
        }

    @override
    async def pause(self, seconds: float) -> None:
        await self._work.services.clock.sleep(seconds)

    async def _stage(
        self,
        name: str,
        action: Callable[[], Awaitable[Facts]],
        candidate: CandidateId | None = None,
        key: str | None = None,
    ) -> Facts:
        named = key or (name if candidate is None else f"{name}/{candidate}")
        facts = await staged(self._work, named, name, action, candidate)
        if facts.get("state") == StageState.FAILED.value:
            raise StopRun(named, facts)
        return facts

    async def _intent(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        facts = await self._stage("intent", lambda: prepare.intent(self._work))
        if await waits_at_intent(self._work, facts):
            return Outcome("waiting")
        return _plain(facts)

    async def _context(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        action = partial(prepare.context, self._work, self._base)
        facts = await self._stage("context", action)
        return _plain(facts, {"context.brief": facts.get("brief", "")})

    async def _baseline(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        action = partial(prepare.baseline, self._work, self._base)
        facts = await self._stage("baseline", action)
        return _plain(facts, {"baseline.passes": facts.get("passes")})

    async def _build(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        number = int(context.get("candidate.number", 0)) + int(context.get("candidate.stride", 1))
        agents = self._work.request.agents
        turn = build.Turn(
            number=number,
            parent=str(context.get("candidate.commit") or self._base),
            agent=node.attributes.get("agent") or agents[0],
            context=str(context.get("context.brief", "")),
            feedback=grade.feedback_of({"feedback": context.get("feedback") or []}),
            remarks=tuple(context.get("remarks") or ()),
            instruction=_instruction(node, prompt, context),
            model=_model(node, node.attributes.get("agent") or agents[0]),
        )
        action = partial(build.build, self._work, turn)
        facts = await self._stage("build", action, turn.candidate)
        left = number < int(context.get("candidate.most", self._work.request.max_candidates))
        updates: dict[str, Any] = {
            "candidate.number": number,
            "candidates": "left" if left else "spent",
            "remarks": [],
            "last_stage": node.id,
            "last_response": str(facts.get("said") or facts.get("detail", ""))[:200],
        }
        if node.type == "codergen" and facts.get("outcome") in _THOUGHT:
            return Outcome("success", updates=updates, notes=str(facts.get("detail", "")))
        if "commit" in facts:
            updates |= {
                "candidate.id": turn.candidate,
                "candidate.commit": facts["commit"],
                "candidate.tree": facts["tree"],
            }
        else:
            said = f"The last turn left nothing to grade: {facts.get('detail')}."
            updates["remarks"] = [said]
        return _plain(facts, updates)

    async def _checks(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        candidate, commit, _ = _made(context)
        passes = context.get("baseline.passes")
        action = partial(checks.check, self._work, candidate, commit, passes)
        facts = await self._stage("checks", action, candidate)
        bad = facts.get("state") == StageState.NOT_GOOD_ENOUGH.value
        remarks = [f"It was not graded: {facts.get('detail')}."] if bad else []
        return _plain(facts, {"remarks": remarks})

    async def _grade(
        self, partition: Partition, node: Node, prompt: str, context: Mapping[str, Any]
    ) -> Outcome:
        candidate, commit, tree = _made(context)
        stage = "sealed" if partition is Partition.SEALED else "validate"
        action = partial(grade.grade, self._work, candidate, commit, tree, partition)
        facts = await self._stage(stage, action, candidate)
        feedback = list(facts.get("feedback") or ())
        return _plain(facts, {"verdict": facts.get("verdict"), "feedback": feedback})

    async def _report(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        _stands(self._work, context)
        return _plain(await self._stage("report", lambda: close.report(self._work)))

    async def _tool(self, node: Node, context: Mapping[str, Any], visit: str) -> Outcome:
        """Run a command in a fence, on the newest candidate."""
        command = node.command
        if not command:
            return Outcome("fail", notes="no tool_command")
        commit = str(context.get("candidate.commit") or self._base)
        limit_s = duration_s(node.attributes.get("timeout", "600s"))
        output: dict[str, str] = {}

        async def run() -> Facts:
            place = self._work.place(f"tool-{node.id}")
            tree = self._work.workspace.tree(commit)
            request = self._work.request
            mounts = await self._work.services.dependencies.prepare(
                request.product, tree, request.policy, place
            )
            env = {"PATH": checks.PATH}
            order = FenceOrder(place, request.policy, tree, tuple(mounts), env, limit_s)
            fence = await self._work.services.fences.open(order)
            try:
                done = await fence.run(["sh", "-c", command], timeout_s=limit_s)
            finally:
                await self._work.services.fences.close(fence, place)
            output["text"] = done.stdout.decode(errors="replace")[-_OUTPUT:]
            good = done.exit_code == 0 and not done.timed_out
            state = StageState.DONE if good else StageState.NOT_GOOD_ENOUGH
            return {"state": state.value, "detail": f"exit code {done.exit_code}"}

        name = visit.removesuffix("#1")
        facts = await self._stage(node.id, run, key=f"tool/{name}")
        text = output.get("text", "")
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        updates = {"tool.output": text, "tool.last_line": last.strip(), "last_stage": node.id}
        return _plain(facts, updates)

    def _human(self, node: Node, visit: str) -> Outcome:
        """Take the answer that a person gave at this gate, this time; wait when there is none."""
        store, clock = self._work.services.store, self._work.services.clock
        gate = visit.removesuffix("#1")
        decision = store.gate_decision(self._work.run, gate)
        said = decision.decision if decision else self._usual(node, gate)
        found = chosen(self._graph, node.id, said) if said else None
        if found is None:
            answers = ", ".join(f"[{c.key}] {c.label}" for c in choices_of(self._graph, node.id))
            note = f"waits for an answer at {gate}: {node.label} {answers}".strip()
            store.change_run(self._work.run, clock.now(), state=RunState.WAITING, note=note)
            return Outcome("waiting")
        updates = {"human.gate.selected": found.key, "human.gate.label": found.label}
        return Outcome("success", found.label, (found.target,), updates)

    def _usual(self, node: Node, gate: str) -> str:
        """Return the answer that stands when nobody gave one in the gate's time."""
        usual = node.attributes.get("human.default_choice", "")
        limit = node.attributes.get("timeout")
        if not usual or not limit:
            return usual
        work, key = self._work, f"asked/{gate}"
        asked = [e for e in work.services.store.events(work.run, kinds=("asked",)) if e.key == key]
        if asked:
            waited = work.services.clock.now() - asked[0].at
            return usual if waited.total_seconds() >= duration_s(limit) else ""
        work.journal.event(key, LineEvent(work.run, "asked", node.id, text=node.label))
        return ""


def _made(context: Mapping[str, Any]) -> tuple[CandidateId, str, str]:
    if "candidate.commit" not in context or "candidate.id" not in context:
        raise InvalidInput(
            "LIN-076",
            "The line checks or grades before any candidate was made.",
            "checks, validate and sealed are about a candidate.",
            "put a build node before them.",
        )
    return (
        CandidateId(str(context["candidate.id"])),
        str(context["candidate.commit"]),
        str(context["candidate.tree"]),
    )


def _instruction(node: Node, prompt: str, context: Mapping[str, Any]) -> str:
    """Return what a node asks of an agent, with what it is told of the nodes before it."""
    if not node.attributes.get("prompt") and node.type != "codergen":
        return ""
    before = str(context.get("internal.preamble") or "")
    return f"{prompt}\n\n{before}" if before else prompt


def _model(node: Node, agent: str) -> str:
    """Return the model a node names, as its agent wants it named."""
    model, provider = (node.attributes.get(name, "") for name in ("llm_model", "llm_provider"))
    prefix = agent.partition(":")[0] == "own" and provider and ":" not in model
    return f"{provider}:{model}" if model and prefix else model


def _plain(facts: Facts, updates: Mapping[str, Any] | None = None) -> Outcome:
    bad = facts.get("state") == StageState.NOT_GOOD_ENOUGH.value
    return Outcome(
        "fail" if bad else "success", updates=updates or {}, notes=str(facts.get("detail", ""))
    )
