"""Execute a line: one node after another, each a durable step. Imports no engine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput
from unlit.line.graphs.branches import (
    count_of,
    fan_in,
    is_decided,
    join_of,
    joined,
    leaders_of,
    results_of,
)
from unlit.line.graphs.fidelity import mode_of, preamble, thread_of
from unlit.line.graphs.graph import Edge, Graph, Node
from unlit.line.graphs.lint import errors
from unlit.line.graphs.manager import (
    Supervision,
    child_of,
    handed_down,
    no_child,
    plan_of,
)
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
DEEPEST: Final = 8
BESIDE: Final = "beside/"
"""Beginning of the names of steps in branches: they end in any order."""

_ASKING: Final = ("codergen", "parallel.fan_in")
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 60.0
Step = Callable[[str, Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any]]]


class Handler(Protocol):
    """Executes nodes; what a node does to the world happens here."""

    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        """Execute one node once; `visit` names this execution in the run."""
        ...

    def fork(self, context: Mapping[str, Any], place: int, count: int) -> Mapping[str, Any]:
        """Return what a branch knows besides: it is number `place` of `count`, from 0."""
        return {}

    def kept(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of a branch becomes the line's, if it is chosen."""
        return {}

    def merged(
        self, context: Mapping[str, Any], branches: list[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return what the line knows after its branches, whichever is chosen."""
        return {}

    def child(self, named: str) -> "tuple[Graph, Handler] | None":
        """Return the line in a DOT file that a manager names, and what executes its nodes."""
        return None

    async def steer(self, text: str, key: str) -> None:
        """Say something to whoever works in a child line; `key` names what is said, once."""
        return

    async def pause(self, seconds: float) -> None:
        """Wait before a node is tried again, or before a child is looked at again."""
        return


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
    _sound(graph)
    trace = await _Traversal(styled(graph), handler, step).go(context or {})
    if trace.status == "waiting":
        waits = "+".join(visit.node for visit in trace.visits if visit.status == "waiting")

        async def note() -> dict[str, Any]:
            return {"status": "waiting", "at": waits}

        await step(f"waits/{waits}", note)  # the last step: going on begins by forgetting it
    return trace


def _sound(graph: Graph) -> None:
    wrong = errors(graph)
    if wrong:
        raise InvalidInput(
            "LIN-074",
            f"The line has an error: {wrong[0].message} (line {wrong[0].line}).",
            f"rule {wrong[0].rule}; a line with an error is not executed.",
            "correct it; `unlit lines lint FILE` shows all.",
        )


class _Traversal:
    def __init__(self, graph: Graph, handler: Handler, step: Step, prefix: str = "") -> None:
        self._graph = graph
        self._handler = handler
        self._step = step
        self._prefix = prefix
        self._left = [MOST_VISITS]  # of the whole line: its branches share it
        self._named = ""  # the managers above, so that gates and commands have names of their own
        self._visits: list[Visit] = []
        self._outcomes: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._past: list[Mapping[str, str]] = []
        self._label = ""
        self._known: dict[str, Any] = {}
        self._live: dict[str, Any] = {}

    async def go(self, known: Mapping[str, Any]) -> Trace:
        start = self._graph.start()
        assert start is not None  # noqa: S101 # lint has looked
        self._known = {
            f"graph.{name}": value for name, value in self._graph.attributes.items()
        } | dict(known)
        return await self._walk(start.id, dict(self._known), stop=None)

    async def _walk(
        self, name: str, context: dict[str, Any], stop: str | None, by: Edge | None = None
    ) -> Trace:
        """Walk from `name` to the exit, or up to the node `stop` that joins branches."""
        last = "success"
        self._live = context
        while self._left[0] > 0:
            if name == stop:
                return self._trace(last, "", context)
            node = self._graph.nodes[name]
            self._left[0] -= 1
            if node.is_exit:
                target = self._gate()
                if target is None:
                    self._visits.append(Visit(node.id, "success"))
                    return self._trace("success", "", context)
                if target == "":
                    return self._trace("fail", "a goal gate is open and has no target", context)
                name, by = target, None
                continue
            context["current_node"] = node.id
            outcome = await self._execute(node, context, by)
            last = outcome.status
            if last == "waiting":
                self._visits.append(Visit(node.id, last))
                return self._trace(last, "a person has to answer", context)
            following, by = self._next(node, outcome, context)
            self._visits.append(Visit(node.id, outcome.status, following))
            if following is None:
                return self._ended(node, outcome, context)
            if by is not None and by.restarts:
                self._restart(context)
            name = following
        return self._trace("fail", f"more than {MOST_VISITS} nodes executed", context)

    def _ended(self, node: Node, outcome: Outcome, context: Mapping[str, Any]) -> Trace:
        if outcome.status in SUCCESSES:
            return self._trace("success", "", context)
        why = outcome.notes or "it failed and no edge leads on"
        return self._trace("fail", f"{node.id}: {why}", context)

    def _restart(self, context: dict[str, Any]) -> None:
        """Forget all but how often nodes were executed: those names stay unique."""
        context.clear()
        context.update(self._known)
        self._outcomes.clear()
        self._past.clear()
        self._label = ""

    async def _execute(self, node: Node, context: dict[str, Any], by: Edge | None) -> Outcome:
        if node.type == "parallel":
            outcome = await self._parallel(node, context)
        elif node.type == "parallel.fan_in":
            outcome = await self._fan_in(node, context, by)
        elif node.type == "stack.manager_loop":
            outcome = await self._manage(node, context)
        elif node.type == "conditional":
            outcome = Outcome(str(context.get("outcome", "success")), self._label)
        elif node.type == "start":
            outcome = Outcome("success")
        else:
            outcome = await self._attempts(node, context, by)
        if outcome.status == "waiting":
            return outcome
        if outcome.status != "skipped":
            self._outcomes[node.id] = outcome.status
            context["outcome"] = outcome.status
        context.update(outcome.updates)
        self._label = outcome.preferred_label
        if outcome.preferred_label:
            context["preferred_label"] = outcome.preferred_label
        return outcome

    async def _attempts(self, node: Node, context: dict[str, Any], by: Edge | None) -> Outcome:
        usual = self._graph.attributes.get("default_max_retry")
        usual = usual or self._graph.attributes.get("default_max_retries")
        most = count_of(node.attributes.get("max_retries") or usual) + 1
        told = {**context, **self._told(node, by, context)}
        retries = f"internal.retry_count.{node.id}"
        for attempt in range(1, most + 1):
            outcome = await self._once(node, told)
            self._remember(node, outcome, str(told["internal.thread"]))
            if outcome.status != "retry":
                context.pop(retries, None)
                return outcome
            if attempt < most:
                context[retries] = told[retries] = attempt
                await self._handler.pause(_pause_s(node.id, attempt))
        if node.flag("allow_partial"):
            return Outcome("partial_success", notes="retries exhausted, partial accepted")
        return Outcome("fail", notes="retries exhausted")

    async def _once(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        number = self._counts.get(node.id, 0) + 1
        visit = f"{node.id}#{number}"
        step = f"{self._prefix}node/{visit}"

        async def act() -> dict[str, Any]:
            prompt, named = self._prompt(node), f"{self._named}{visit}"
            made = await self._handler.execute(node, prompt, context, named)
            return made.to_json()

        if node.type == "wait.human":  # waiting is not a result, and is not remembered as one
            asked = await act()
            if asked["status"] == "waiting":
                return outcome_from_json(asked)

            async def act() -> dict[str, Any]:
                return asked

        self._counts[node.id] = number
        return outcome_from_json(await self._step(step, act))

    async def _parallel(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        """Walk every branch up to where they meet again, side by side."""
        if self._prefix.count("/") > 2 * DEEPEST:
            return Outcome("fail", notes=f"branches within branches more than {DEEPEST} deep")
        edges = self._graph.outgoing(node.id)
        join = join_of(self._graph, node.id)
        number = self._counts[node.id] = self._counts.get(node.id, 0) + 1
        limit = asyncio.Semaphore(max(1, count_of(node.attributes.get("max_parallel", "4"))))
        branches = [self._branch(f"{node.id}#{number}/{place}") for place in range(len(edges))]

        async def walk(place: int) -> Trace:
            known = {**context, **self._handler.fork(context, place, len(edges))}
            async with limit:
                edge = edges[place]
                return await branches[place]._walk(edge.target, known, stop=join, by=edge)

        traces = await _race(node, [walk(place) for place in range(len(edges))])
        for made in branches:
            for name, count in made._counts.items():
                self._counts[name] = max(self._counts.get(name, 0), count)
        rows: list[Mapping[str, Any]] = []
        for edge, trace in zip(edges, traces, strict=True):
            if trace is None:
                rows.append({"id": edge.target, "outcome": "skipped"})
                continue
            self._visits += trace.visits
            self._outcomes.update(trace.outcomes)
            kept = dict(self._handler.kept(trace.context))
            rows.append({"id": edge.target, "outcome": trace.status, "kept": kept})
        if any(row["outcome"] == "waiting" for row in rows):
            return Outcome("waiting")
        ended = [str(row["outcome"]) for row in rows if row["outcome"] != "skipped"]
        known = [trace.context for trace in traces if trace is not None]
        updates = {
            "parallel.results": results_of(node, rows),
            **self._handler.merged(context, known),
        }
        return Outcome(joined(node, ended), "", (join,) if join else (), updates)

    async def _fan_in(self, node: Node, context: dict[str, Any], by: Edge | None) -> Outcome:
        """Choose among branches; a prompt lets a model choose among those that are level."""
        leaders = leaders_of(context)
        if not node.attributes.get("prompt") or len(leaders) < 2:  # nothing to judge
            return fan_in(context)
        said = await self._attempts(node, context, by)
        judged = next(iter(said.suggested_next), "")
        chosen = fan_in(context, judged if said.status in SUCCESSES else "")
        best = str(chosen.updates["parallel.fan_in.best_id"])
        notes = said.notes if judged == best else f"the judgement named no level branch: {best}"
        return replace(chosen, updates={**said.updates, **chosen.updates}, notes=notes)

    async def _manage(self, node: Node, context: Mapping[str, Any]) -> Outcome:
        """Let a manager watch its child line; both are durable, look by look, node by node."""
        number = self._counts[node.id] = self._counts.get(node.id, 0) + 1
        plan = plan_of(self._graph, node)
        made = self._handler.child(child_of(self._graph, node))
        if made is None and plan.starts:
            raise no_child(node)
        if self._prefix.count("/") > 2 * DEEPEST:
            return Outcome("fail", notes=f"lines within lines more than {DEEPEST} deep")
        graph, handler = made or (self._graph, self._handler)
        _sound(graph)
        name = f"{self._prefix or BESIDE}{node.id}#{number}"
        below = _Traversal(styled(graph), handler, self._step, f"{name}/")
        below._left = self._left
        below._named = f"{self._named}{node.id}{'' if number == 1 else f'#{number}'}~"
        child = _Child(below, handed_down(context))
        watching = Supervision(plan, child, handler, self._step, name, self._prompt(node))
        outcome, visits = await watching.watch(context)
        self._visits += [Visit(f"{node.id}.{at}", status, to) for at, status, to in visits]
        return outcome

    def _branch(self, name: str) -> "_Traversal":
        prefix = f"{self._prefix or BESIDE}{name}/"
        made = _Traversal(self._graph, self._handler, self._step, prefix)
        made._counts = dict(self._counts)
        made._past = list(self._past)
        made._known = self._known
        made._left = self._left
        made._named = self._named
        return made

    def _next(
        self, node: Node, outcome: Outcome, context: Mapping[str, Any]
    ) -> tuple[str | None, Edge | None]:
        if node.type == "parallel":
            return (outcome.suggested_next[0] if outcome.suggested_next else None), None
        if outcome.status == "fail":
            edge = fails_by_edge(self._graph, node, outcome, context)
            target = edge.target if edge else failure_target(self._graph, node)
            if target is not None:
                return target, edge
        edge = select_edge(self._graph, node, outcome, context)
        return (None if edge is None else edge.target), edge

    def _gate(self) -> str | None:
        """Return where an open goal gate sends the line; `None` when all are met."""
        gate = open_gate(self._graph, self._outcomes)
        return None if gate is None else gate_target(self._graph, gate) or ""

    def _told(self, node: Node, by: Edge | None, context: Mapping[str, Any]) -> Mapping[str, Any]:
        mode = mode_of(self._graph, node, by)
        thread = thread_of(self._graph, node, by)
        return {
            "internal.fidelity": mode,
            "internal.thread": thread,
            "internal.preamble": preamble(self._graph, mode, thread, self._past, context),
        }

    def _remember(self, node: Node, outcome: Outcome, thread: str) -> None:
        said = str(outcome.updates.get("last_response") or outcome.notes)
        asked = self._prompt(node) if node.type in _ASKING else ""
        self._past.append(
            {"node": node.id, "status": outcome.status, "thread": thread, "asked": asked,
             "said": said}
        )  # fmt: skip

    def _prompt(self, node: Node) -> str:
        text = node.attributes.get("prompt") or node.label
        return text.replace("${goal}", self._graph.goal).replace("$goal", self._graph.goal)

    def _trace(self, status: str, reason: str, context: Mapping[str, Any]) -> Trace:
        outcomes = dict(self._outcomes)
        return Trace(tuple(self._visits), status, reason, dict(context), outcomes)


class _Child:
    """A child line, as its manager sees it."""

    def __init__(self, traversal: _Traversal, known: Mapping[str, Any]) -> None:
        self._traversal = traversal
        self._known = dict(known)

    async def walk(self) -> Trace:
        return await self._traversal.go(self._known)

    def now(self) -> Mapping[str, Any]:
        made = self._traversal
        last = made._visits[-1] if made._visits else None
        retries = [
            value for key, value in made._live.items() if key.startswith("internal.retry_count.")
        ]
        kept = made._handler.kept(made._live)
        return {
            "active_stage": str(made._live.get("current_node", "")),
            "last_stage": last.node if last else "",
            "last_status": last.status if last else "",
            "stages": len(made._visits),
            "retry_count": max((int(value) for value in retries), default=0),
            **{key: value for key, value in kept.items() if isinstance(value, str | int)},
        }

    def left(self) -> Mapping[str, Any]:
        made = self._traversal
        updates = {
            **made._handler.kept(made._live),
            **made._handler.merged(self._known, [made._live]),
        }
        return {"updates": updates, "visits": [[v.node, v.status, v.to] for v in made._visits]}


async def _race(node: Node, walks: list[Any]) -> list[Trace | None]:
    """Walk branches; `None` for one that was given up because the others decided."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(walk) for walk in walks]
        running = set(tasks)
        while running:
            over, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            if any(task.cancelled() or task.exception() for task in over):
                break  # the group tells
            if is_decided(node, [t.result().status for t in tasks if t not in running]):
                for task in running:
                    task.cancel()
                break
    return [None if task.cancelled() else task.result() for task in tasks]


def _pause_s(name: str, attempt: int) -> float:
    """Return 0.2 s, 0.4 s, … with a spread that is the same each time the line is walked."""
    part = int(digest_json([name, attempt]).removeprefix("sha256:")[:4], 16) / 0xFFFF
    return min(_FIRST_PAUSE_S * 2.0 ** (attempt - 1), _LONGEST_PAUSE_S) * (0.5 + part)
