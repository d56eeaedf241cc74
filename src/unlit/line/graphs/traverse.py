"""Execute a line: one node after another, each a durable step. Imports no engine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from unlit.core.errors import InvalidInput
from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.lint import errors
from unlit.line.graphs.routing import (
    SUCCESSES,
    Outcome,
    fails_by_edge,
    failure_target,
    gate_target,
    open_gate,
    outcome_from_json,
    select_edge,
)
from unlit.line.graphs.stylesheet import styled

MOST_VISITS: Final = 1_000
Step = Callable[[str, Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any]]]


class Handler(Protocol):
    """Executes nodes; what a node does to the world happens here."""

    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        """Execute one node once; `visit` names this execution in the run."""
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One executed node, its status, and where it led."""

    node: str
    status: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """How a line went."""

    visits: tuple[Visit, ...]
    status: str
    reason: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the executed nodes in order."""
        return tuple(visit.node for visit in self.visits)


async def traverse(
    graph: Graph, handler: Handler, step: Step, context: Mapping[str, Any] | None = None
) -> Trace:
    """Execute a line from its start to its exit.

    Args:
        graph: The line.
        handler: Executes its nodes.
        step: Remembers what was executed.
        context: What the nodes know at the start, besides the graph's own attributes.

    Raises:
        InvalidInput: Lint finds an error in it.
    """
    wrong = errors(graph)
    if wrong:
        raise InvalidInput(
            "LIN-074",
            f"The line has an error: {wrong[0].message} (line {wrong[0].line}).",
            f"rule {wrong[0].rule}; a line with an error is not executed.",
            "correct it; `unlit lines lint FILE` shows all.",
        )
    return await _Traversal(styled(graph), handler, step).go(context or {})


class _Traversal:
    def __init__(self, graph: Graph, handler: Handler, step: Step) -> None:
        self._graph = graph
        self._handler = handler
        self._step = step
        self._visits: list[Visit] = []
        self._outcomes: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    async def go(self, known: Mapping[str, Any]) -> Trace:
        start = self._graph.start()
        assert start is not None  # noqa: S101 # lint has looked
        context: dict[str, Any] = {
            f"graph.{name}": value for name, value in self._graph.attributes.items()
        } | dict(known)
        return await self._walk(start.id, context, stop=None)

    async def _walk(self, name: str, context: dict[str, Any], stop: str | None) -> Trace:
        """Walk from `name` to the exit, or up to the node `stop` that joins branches."""
        last = "success"
        while len(self._visits) < MOST_VISITS:
            if name == stop:
                return self._trace(last, "", context)
            node = self._graph.nodes[name]
            if node.is_exit:
                target = self._gate()
                if target is None:
                    self._visits.append(Visit(node.id, "success"))
                    return self._trace("success", "", context)
                if target == "":
                    return self._trace("fail", "a goal gate is open and has no target", context)
                name = target
                continue
            context["current_node"] = node.id
            outcome = await self._execute(node, context)
            last = outcome.status
            if last == "waiting":
                self._visits.append(Visit(node.id, last))
                return self._trace(last, "a person has to answer", context)
            following = self._next(node, outcome, context)
            self._visits.append(Visit(node.id, outcome.status, following))
            if following is None:
                if outcome.status in SUCCESSES:
                    return self._trace("success", "", context)
                why = outcome.notes or "it failed and no edge leads on"
                return self._trace("fail", f"{node.id}: {why}", context)
            name = following
        return self._trace("fail", f"more than {MOST_VISITS} nodes executed", context)

    async def _execute(self, node: Node, context: dict[str, Any]) -> Outcome:
        if node.type == "parallel":
            outcome = await self._parallel(node, context)
        elif node.type == "parallel.fan_in":
            outcome = _fan_in(context)
        else:
            outcome = await self._attempts(node, context)
        self._outcomes[node.id] = outcome.status
        context.update(outcome.updates)
        context["outcome"] = outcome.status
        if outcome.preferred_label:
            context["preferred_label"] = outcome.preferred_label
        return outcome

    async def _attempts(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        if node.type in ("start", "conditional"):
            status = str(context.get("outcome", "success")) if node.type != "start" else "success"
            return Outcome(status)
        usual = self._graph.attributes.get("default_max_retry")
        usual = usual or self._graph.attributes.get("default_max_retries")
        most = _count(node.attributes.get("max_retries") or usual) + 1
        outcome = Outcome("retry")
        for _ in range(most):
            outcome = await self._once(node, dict(context))
            if outcome.status != "retry":
                return outcome
        partial = node.flag("allow_partial")
        return Outcome("partial_success" if partial else "fail", notes="retries exhausted")

    async def _once(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        number = self._counts.get(node.id, 0) + 1
        self._counts[node.id] = number
        visit = f"{node.id}#{number}"

        async def act() -> dict[str, Any]:
            made = await self._handler.execute(node, self._prompt(node), context, visit)
            return made.to_json()

        return outcome_from_json(await self._step(f"node/{visit}", act))

    async def _parallel(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        """Walk every branch up to where they meet again, side by side."""
        edges = self._graph.outgoing(node.id)
        join = _join(self._graph, node.id)
        limit = asyncio.Semaphore(max(1, _count(node.attributes.get("max_parallel", "4"))))

        async def branch(target: str) -> Trace:
            async with limit:
                made = _Traversal(self._graph, self._handler, self._step)
                made._counts = self._counts
                return await made._walk(target, dict(context), stop=join)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(branch(edge.target)) for edge in edges]
        traces = [task.result() for task in tasks]
        for trace in traces:
            self._visits += trace.visits
            self._outcomes.update(trace.outcomes)
        results = [
            {"id": edge.target, "outcome": trace.status}
            for edge, trace in zip(edges, traces, strict=True)
        ]
        status = _joined(node, [row["outcome"] for row in results])
        return Outcome(status, suggested_next=(join,) if join else (),
                       updates={"parallel.results": results})  # fmt: skip

    def _next(self, node: Node, outcome: Outcome, context: Mapping[str, Any]) -> str | None:
        if node.type == "parallel":
            return outcome.suggested_next[0] if outcome.suggested_next else None
        if outcome.status == "fail":
            edge = fails_by_edge(self._graph, node, outcome, context)
            target = edge.target if edge else failure_target(self._graph, node)
            if target is not None:
                return target
        edge = select_edge(self._graph, node, outcome, context)
        return None if edge is None else edge.target

    def _gate(self) -> str | None:
        """Return where an open goal gate sends the line; `None` when all are met."""
        gate = open_gate(self._graph, self._outcomes)
        return None if gate is None else gate_target(self._graph, gate) or ""

    def _prompt(self, node: Node) -> str:
        text = node.attributes.get("prompt") or node.label
        return text.replace("$goal", self._graph.goal)

    def _trace(self, status: str, reason: str, context: Mapping[str, Any]) -> Trace:
        outcomes = dict(self._outcomes)
        return Trace(tuple(self._visits), status, reason, dict(context), outcomes)


def _fan_in(context: Mapping[str, Any]) -> Outcome:
    results = context.get("parallel.results") or []
    rank = {"success": 0, "partial_success": 1, "retry": 2, "fail": 3}
    ordered = sorted(results, key=lambda row: (rank.get(row["outcome"], 3), row["id"]))
    if not ordered or ordered[0]["outcome"] not in SUCCESSES:
        return Outcome("fail", notes="no branch succeeded")
    best = ordered[0]
    updates = {
        "parallel.fan_in.best_id": best["id"],
        "parallel.fan_in.best_outcome": best["outcome"],
    }
    return Outcome("success", updates=updates)


def _joined(node: Node, outcomes: list[str]) -> str:
    good = sum(status in SUCCESSES for status in outcomes)
    policy = node.attributes.get("join_policy", "wait_all")
    if policy == "first_success":
        return "success" if good else "fail"
    if policy == "k_of_n":
        return "success" if good >= _count(node.attributes.get("k", "1")) else "fail"
    if policy == "quorum":
        share = float(node.attributes.get("quorum", "0.5"))
        return "success" if outcomes and good / len(outcomes) >= share else "fail"
    return "success" if good == len(outcomes) else "partial_success"


def _join(graph: Graph, node: str) -> str | None:
    """Return the node where all branches of a fan-out meet: the nearest that all can reach."""
    reached = [_reachable(graph, edge.target) for edge in graph.outgoing(node)]
    if not reached:
        return None
    common = [name for name in reached[0] if all(name in other for other in reached)]
    fan_ins = [name for name in common if graph.nodes[name].type == "parallel.fan_in"]
    return next(iter(fan_ins or common), None)


def _reachable(graph: Graph, start: str) -> list[str]:
    """Names reachable from `start`, nearest first."""
    seen, waiting = [start], [start]
    while waiting:
        name = waiting.pop(0)
        for edge in graph.outgoing(name):
            if edge.target in graph.nodes and edge.target not in seen:
                seen.append(edge.target)
                waiting.append(edge.target)
    return seen


def _count(text: str | None) -> int:
    try:
        return max(0, int(float(text or "0")))
    except ValueError:
        return 0
