"""A line from a graph file, on the same durable engine, fence and stages as the default line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.line.companion import say_once
from unlit.line.graphs.branches import leaders_of
from unlit.line.graphs.children import FILE as CHILDREN
from unlit.line.graphs.children import read_children
from unlit.line.graphs.choices import choices_of, chosen
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.graph import Graph, Node, hooks_of
from unlit.line.graphs.manager import beside
from unlit.line.graphs.routing import Outcome, duration_s, outcome_from_json
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
                "verdict.of", "verdict.by", "feedback", "remarks", "last_stage",
                "last_response")  # fmt: skip
_SHOWN: Final = 30_000


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
    children = Children(read_children(work.workspace.root / CHILDREN))
    handler = LineHandler(work, base, graph, children)
    try:
        trace = await traverse(graph, handler, work.durable.step, context)
    except* StopRun as group:
        raise _first(group) from None
    if trace.status == "waiting":
        return {"waiting": [v.node for v in trace.visits if v.status == "waiting"]}
    return await _close(work, trace, children.with_line(graph))


def _first(group: BaseExceptionGroup[StopRun]) -> StopRun:
    first = group.exceptions[0]
    return first if isinstance(first, StopRun) else _first(first)


async def _close(work: Work, trace: Trace, graphs: Iterable[Graph]) -> Mapping[str, Any]:
    verdict = Verdict(trace.context.get("verdict", Verdict.NOT_EXERCISED.value))
    if verdict is Verdict.SHIP and not _is_graded(trace.context, graphs):
        verdict = Verdict.NOT_EXERCISED
    if trace.status != "success" and verdict is Verdict.SHIP:
        verdict = Verdict.NOT_YET
    _stands(work, trace.context)
    now = work.services.clock.now()
    note = "" if trace.status == "success" else f"the line ended early: {trace.reason}"
    work.services.store.change_run(work.run, now, verdict=verdict, note=note)
    await perform(work, "gate", lambda: close.gate(work, verdict))
    close.settle(work, RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED)
    return {"verdict": verdict.value, "nodes": list(trace.nodes), "status": trace.status}


def _is_graded(context: Mapping[str, Any], graphs: Iterable[Graph]) -> bool:
    """Whether the candidate the line stands at is the graded one, by all that the line grades with.

    No way through a line, whoever chose it, leads to a gate past its sealed grade.
    """
    types = {node.type for graph in graphs for node in graph.nodes.values()}
    needed = Partition.SEALED if "unlit.sealed" in types else Partition.VALIDATION
    by = context.get("verdict.by", needed.value)
    same = context.get("verdict.of", context.get("candidate.id")) == context.get("candidate.id")
    return same and by in (needed.value, Partition.SEALED.value)


def _stands(work: Work, context: Mapping[str, Any]) -> None:
    """Write down which candidate the line stands at: branches were graded in any order."""
    if "candidate.id" in context and "verdict" in context:
        candidate = CandidateId(str(context["candidate.id"]))
        work.services.store.change_run(work.run, work.services.clock.now(), candidate=candidate)


class LineHandler(Handler):
    """Executes nodes for real. What nodes tell each other is in the context, as JSON values."""

    def __init__(
        self, work: Work, base: str, graph: Graph, children: "Children", key: str = ""
    ) -> None:
        self._work = work
        self._base = base
        self._graph = graph
        self._children = children
        self._key = key
        self._own: dict[str, Callable[[Node, str, Mapping[str, Any]], Awaitable[Outcome]]] = {
            "unlit.intent": self._intent,
            "unlit.context": self._context,
            "unlit.baseline": self._baseline,
            "unlit.build": self._build,
            "codergen": self._build,
            "parallel.fan_in": self._judge,
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
    def child(self, named: str) -> tuple[Graph, Handler] | None:
        key = beside(self._key, named)
        graph = self._children.graph(key) if named else None
        if graph is None:
            return None
        return graph, LineHandler(self._work, self._base, graph, self._children, key)

    @override
    async def steer(self, text: str, key: str) -> None:
        word = say_once(self._work.services.store, self._work.services.clock, self._work.run, key)
        word(text, "the line")

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
            hooks=hooks_of(self._graph, node),
            asks=node.type == "codergen",
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
            return _said(facts, Outcome("success", updates=updates, notes=_detail(facts)))
        if "commit" in facts:
            updates |= {
                "candidate.id": turn.candidate,
                "candidate.commit": facts["commit"],
                "candidate.tree": facts["tree"],
            }
        else:
            said = f"The last turn left nothing to grade: {facts.get('detail')}."
            updates["remarks"] = [said]
        return _said(facts, _plain(facts, updates))

    async def _judge(self, node: Node, prompt: str, context: Mapping[str, Any]) -> Outcome:
        """Let an agent say which of the level branches is best; what it changes is not kept."""
        leaders = leaders_of(context)
        shown = await asyncio.to_thread(self._candidates, leaders)
        names = ", ".join(str(row["id"]) for row in leaders)
        asked = (
            f"{prompt}\n\nChoose one of: {names}. Write your choice to the file status.json of the "
            'current folder, for example {"outcome": "success", "suggested_next_ids": ["'
            f'{leaders[0]["id"]}"]}}. Change nothing else; nothing else is kept.\n\n{shown}'
        )
        number = int(context.get("candidate.number", 0)) + int(context.get("candidate.stride", 1))
        agent = node.attributes.get("agent") or self._work.request.agents[0]
        turn = build.Turn(number, self._base, agent, instruction=asked, model=_model(node, agent),
                          hooks=hooks_of(self._graph, node), asks=True, keeps=False)  # fmt: skip
        action = partial(build.build, self._work, turn)
        facts = await self._stage("build", action, turn.candidate)
        updates = {"candidate.number": number}
        return _said(facts, Outcome("success", updates=updates, notes=_detail(facts)))

    def _candidates(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return what each branch changed, as patches to read, each cut to its share."""
        parts = []
        for row in rows:
            commit = (row.get("kept") or {}).get("candidate.commit")
            patch = self._work.workspace.difference(self._base, str(commit)) if commit else ""
            share = _SHOWN // len(rows)
            cut = f"\n({len(patch) - share} more characters)" if len(patch) > share else ""
            parts.append(
                f"### {row['id']}: {row['outcome']}\n\n{patch[:share] or 'no change'}{cut}"
            )
        return "\n\n".join(parts)

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
        remarks = list(facts.get("remarks") or ())
        graded = {"verdict.of": candidate, "verdict.by": partition.value}
        told = {"feedback": feedback, "remarks": remarks}
        return _plain(facts, {"verdict": facts.get("verdict"), **graded, **told})

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
        work = self._work
        store, clock = work.services.store, work.services.clock
        found = store.run(work.run)
        begun = str(found.settings.get("work", "line")) if found else "line"
        key = f"asked/{gate}" + ("" if begun == "line" else f"/{begun}")
        asked = [e for e in store.events(work.run, kinds=("asked",)) if e.key == key]
        if asked:
            if (clock.now() - asked[0].at).total_seconds() < duration_s(limit):
                return ""
            text = f"nobody answered in {limit}: {usual}"
            work.journal.event(f"usual/{key}", LineEvent(work.run, "note", node.id, text=text))
            return usual
        over = clock.now() + timedelta(seconds=duration_s(limit))
        data = {"gate": gate, "until": over.isoformat(), "answer": usual}
        event = LineEvent(work.run, "asked", node.id, text=node.label, data=data)
        work.journal.event(key, event)
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


class Children:
    """The child lines of a run, by their path from the line's folder."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._graphs = {key: parse_dot(text, key) for key, text in texts.items()}

    def graph(self, key: str) -> Graph | None:
        """Return one; `None` when the run has none of that path."""
        return self._graphs.get(key)

    def with_line(self, line: Graph) -> Iterable[Graph]:
        """Return a line and all its children."""
        return (line, *self._graphs.values())


def _said(facts: Facts, plain: Outcome) -> Outcome:
    """Let the agent's own word on its turn choose the way on, where it gave one."""
    if "status" not in facts or plain.status == "waiting":
        return plain
    said = outcome_from_json(facts["status"])
    updates = {**said.updates, **plain.updates}
    if said.notes:
        updates["last_response"] = said.notes[:200]
    return replace(said, updates=updates, notes=said.notes or plain.notes)


def _detail(facts: Facts) -> str:
    return str(facts.get("detail", ""))


def _plain(facts: Facts, updates: Mapping[str, Any] | None = None) -> Outcome:
    bad = facts.get("state") == StageState.NOT_GOOD_ENOUGH.value
    return Outcome(
        "fail" if bad else "success", updates=updates or {}, notes=str(facts.get("detail", ""))
    )
