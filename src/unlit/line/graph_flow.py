"""A line from a graph file, on the same durable engine, fence and stages as the default line."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.routing import Outcome, accelerator, duration_s, normal_label
from unlit.line.graphs.traverse import Handler, Trace, traverse
from unlit.line.model import FenceOrder
from unlit.line.stages import build, checks, close, grade, prepare
from unlit.line.stages.work import Facts, StopRun, Work, perform, staged
from unlit.record.model import RunState, StageState

FILE: Final = "line.dot"
BUILT_IN: Final = Path(__file__).parent / "lines"
_OUTPUT: Final = 2_000


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
    text = (work.workspace.root / FILE).read_text(encoding="utf-8")
    handler = LineHandler(work, base)
    try:
        trace = await traverse(parse_dot(text, FILE), handler, work.durable.step, context)
    except* StopRun as group:
        raise _first(group) from None
    if trace.status == "waiting":
        return {"waiting": trace.visits[-1].node}
    return await _close(work, trace)


def _first(group: BaseExceptionGroup[StopRun]) -> StopRun:
    first = group.exceptions[0]
    return first if isinstance(first, StopRun) else _first(first)


async def _close(work: Work, trace: Trace) -> Mapping[str, Any]:
    verdict = Verdict(trace.context.get("verdict", Verdict.NOT_EXERCISED.value))
    if trace.status != "success" and verdict is Verdict.SHIP:
        verdict = Verdict.NOT_YET
    now = work.services.clock.now()
    note = "" if trace.status == "success" else f"the line ended early: {trace.reason}"
    work.services.store.change_run(work.run, now, verdict=verdict, note=note)
    await perform(work, "gate", lambda: close.gate(work, verdict))
    close.settle(work, RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED)
    return {"verdict": verdict.value, "nodes": list(trace.nodes), "status": trace.status}


class LineHandler(Handler):
    """Executes nodes for real. What nodes tell each other is in the context, as JSON values."""

    def __init__(self, work: Work, base: str) -> None:
        self._work = work
        self._base = base
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
            "tool": self._tool,
            "wait.human": self._human,
        }

    @override
    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        act = self._own.get(node.type)
        if act is None:
            return Outcome("fail", notes=f"type {node.type!r} cannot be executed here")
        return await act(node, prompt, context)

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
        return _plain(await self._stage("intent", lambda: prepare.intent(self._work)))

    async def _context(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        action = partial(prepare.context, self._work, self._base)
        facts = await self._stage("context", action)
        return _plain(facts, {"context.brief": facts.get("brief", "")})

    async def _baseline(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        action = partial(prepare.baseline, self._work, self._base)
        facts = await self._stage("baseline", action)
        return _plain(facts, {"baseline.passes": facts.get("passes")})

    async def _build(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        number = int(context.get("candidate.number", 0)) + 1
        agents = self._work.request.agents
        turn = build.Turn(
            number=number,
            parent=str(context.get("candidate.commit") or self._base),
            agent=node.attributes.get("agent") or agents[0],
            context=str(context.get("context.brief", "")),
            feedback=grade.feedback_of({"feedback": context.get("feedback") or []}),
            remarks=tuple(context.get("remarks") or ()),
            instruction=prompt if node.attributes.get("prompt") else "",
        )
        action = partial(build.build, self._work, turn)
        facts = await self._stage("build", action, turn.candidate)
        left = number < int(context.get("candidate.most", self._work.request.max_candidates))
        updates: dict[str, Any] = {
            "candidate.number": number,
            "candidates": "left" if left else "spent",
            "remarks": [],
            "last_stage": node.id,
            "last_response": str(facts.get("detail", ""))[:200],
        }
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
        return _plain(await self._stage("report", lambda: close.report(self._work)))

    async def _tool(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        """Run a command in a fence, on the newest candidate."""
        command = node.attributes.get("tool_command") or node.attributes.get("command", "")
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

        facts = await self._stage(node.id, run, key=f"tool/{node.id}")
        text = output.get("text", "")
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        updates = {"tool.output": text, "tool.last_line": last.strip(), "last_stage": node.id}
        return _plain(facts, updates)

    async def _human(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        """Take the answer that a person gave at this gate; wait when there is none."""
        store = self._work.services.store
        decision = store.gate_decision(self._work.run, node.id)
        chosen = decision.decision if decision else node.attributes.get("human.default_choice")
        if not chosen:
            now = self._work.services.clock.now()
            note = f"waits for an answer at {node.id}: {node.label}"
            store.change_run(self._work.run, now, state=RunState.WAITING, note=note)
            return Outcome("waiting")
        return Outcome("success", preferred_label=chosen, updates={"human.gate.label": chosen})


def choices(graph: Graph, node: str) -> tuple[tuple[str, str], ...]:
    """Return the answers of a human gate: key and label of each edge that leaves it."""
    labels = [edge.label or edge.target for edge in graph.outgoing(node)]
    return tuple((accelerator(label), normal_label(label)) for label in labels)


def _made(context: Mapping[str, Any]) -> tuple[CandidateId, str, str]:
    if "candidate.commit" not in context:
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


def _plain(facts: Facts, updates: Mapping[str, Any] | None = None) -> Outcome:
    bad = facts.get("state") == StageState.NOT_GOOD_ENOUGH.value
    return Outcome(
        "fail" if bad else "success", updates=updates or {}, notes=str(facts.get("detail", ""))
    )
