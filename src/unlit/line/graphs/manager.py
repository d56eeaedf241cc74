"""A manager: watches a child line, speaks to it, and says when it is over. Rules are pure.

The child runs on the same durable steps. Each look at it is a step of its own, so that a run that
was killed decides as it did before.
"""

import asyncio
import posixpath
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from unlit.core.errors import InvalidInput
from unlit.line.graphs.branches import count_of
from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.routing import Outcome, duration_s, holds

if TYPE_CHECKING:
    from unlit.line.graphs.traverse import Handler, Step, Trace

POLL: Final = "45s"
MOST_CYCLES: Final = "1000"
ACTIONS: Final = "observe,wait"
KNOWN_ACTIONS: Final = frozenset({"observe", "steer", "wait"})
_STEERS: Final = "stack.child.last_status=fail"
_OWN: Final = ("graph.", "internal.", "parallel.", "stack.", "human.", "current_node", "outcome",
               "preferred_label", "tool.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How a manager watches.

    Attributes:
        child: The child's DOT file, as the line names it; empty when it names none.
        cooldown: Looks that pass after it has spoken before it speaks again.
    """

    child: str
    starts: bool
    poll_s: float
    most: int
    stop: str
    actions: frozenset[str]
    steers: str
    cooldown: int


def child_of(graph: Graph, node: Node) -> str:
    """Return the DOT file a manager supervises; the node's own word goes before the graph's."""
    named = node.attributes.get("stack.child_dotfile")
    return named or graph.attributes.get("stack.child_dotfile", "")


def beside(parent: str, named: str) -> str:
    """Return the key of a child's file: its path from the folder of the outermost line."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(parent), named))


def plan_of(graph: Graph, node: Node) -> Plan:
    """Read a manager's attributes.

    Raises:
        InvalidInput: A duration is none.
    """
    said = node.attributes
    poll_s = duration_s(said.get("manager.poll_interval") or POLL)
    pause_s = duration_s(said.get("manager.steer_cooldown") or "0")
    words = (said.get("manager.actions") or ACTIONS).split(",")
    return Plan(
        child=child_of(graph, node),
        starts=(said.get("stack.child_autostart") or "true").lower() in ("true", "1", "yes"),
        poll_s=poll_s,
        most=count_of(said.get("manager.max_cycles") or MOST_CYCLES),
        stop=said.get("manager.stop_condition", ""),
        actions=frozenset(word.strip() for word in words if word.strip()),
        steers=said.get("manager.steer_condition") or _STEERS,
        cooldown=max(1, round(pause_s / poll_s) if poll_s else 1),
    )


def decision_of(plan: Plan, seen: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Say what follows from a look: ``success``, ``fail``, or nothing."""
    status, known = str(seen.get("stack.child.status", "")), {**context, **seen}
    if status == "completed" and seen.get("stack.child.outcome") == "success":
        return "success"
    if status == "failed":
        return "fail"
    if plan.stop and holds(plan.stop, Outcome("success"), known):
        return "success"
    return ""


def should_steer(
    plan: Plan, seen: Mapping[str, Any], context: Mapping[str, Any], cycle: int, spoken: int
) -> bool:
    """Whether the manager speaks to its child now; `spoken` is the look at which it last did."""
    rested = not spoken or cycle - spoken > plan.cooldown
    running = seen.get("stack.child.status") == "running"
    known = {**context, **seen}
    said = "steer" in plan.actions and rested and running
    return said and holds(plan.steers, Outcome("success"), known)


def handed_down(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a child knows of its parent: the work, not the parent's bookkeeping."""
    return {key: value for key, value in context.items() if not key.startswith(_OWN)}


class Child(Protocol):
    """A child line under way, as its manager sees it."""

    async def walk(self) -> "Trace":
        """Walk the child from its start to its exit."""
        ...

    def now(self) -> Mapping[str, Any]:
        """Return its live state: ``active_stage``, ``last_stage``, ``last_status``, …."""
        ...

    def left(self) -> Mapping[str, Any]:
        """Return what of it becomes the line's, and its visits, as JSON values."""
        ...


def seen_of(child: Child, walking: "asyncio.Task[Trace] | None") -> dict[str, Any]:
    """Return what a look at the child shows, as keys of the context."""
    now = {f"stack.child.{key}": value for key, value in child.now().items()}
    if walking is None:
        return {**now, "stack.child.status": "not_started", "stack.child.outcome": ""}
    if not walking.done():
        return {**now, "stack.child.status": "running", "stack.child.outcome": ""}
    if walking.cancelled() or walking.exception() is not None:
        return {**now, "stack.child.status": "broken", "stack.child.outcome": ""}
    status = walking.result().status
    word = {"success": "completed", "waiting": "waiting"}.get(status, "failed")
    return {**now, "stack.child.status": word, "stack.child.outcome": status}


class Supervision:
    """One visit of a manager.

    Args:
        plan: How it watches.
        child: What it watches.
        handler: Waits, and says its words.
        step: Remembers each look.
        name: Beginning of the names of its steps.
        words: What it says when it speaks.
    """

    def __init__(
        self, plan: Plan, child: Child, handler: "Handler", step: "Step", name: str, words: str
    ) -> None:
        self._plan = plan
        self._child = child
        self._handler = handler
        self._step = step
        self._name = name
        self._words = words
        self._walking: asyncio.Task[Trace] | None = None
        self._fresh = False

    async def watch(self, context: Mapping[str, Any]) -> tuple[Outcome, list[list[Any]]]:
        """Watch the child to its end, or until a condition holds; return its visits as well."""
        seen: Mapping[str, Any] = {}
        spoken = 0
        if self._plan.starts:
            self._walking = asyncio.ensure_future(self._child.walk())
        try:
            for cycle in range(1, self._plan.most + 1):
                look = await self._look(cycle, spoken, context)
                seen = look["seen"]
                spoken = cycle if look.get("spoke") else spoken
                status = seen.get("stack.child.status")
                if look["decision"]:
                    return _ended(look, seen), list(look["left"]["visits"])
                if self._fresh and status == "broken":
                    self._raise()
                if self._fresh and status == "waiting":
                    return Outcome("waiting"), []
            return Outcome("fail", updates=dict(seen), notes="Max cycles exceeded"), []
        finally:
            await self._give_up()

    async def _look(self, cycle: int, spoken: int, context: Mapping[str, Any]) -> dict[str, Any]:
        self._fresh = False

        async def look() -> dict[str, Any]:
            self._fresh = True
            await self._pause(cycle)
            seen = seen_of(self._child, self._walking) if "observe" in self._plan.actions else {}
            spoke = should_steer(self._plan, seen, context, cycle, spoken)
            if spoke:
                await self._handler.steer(self._words, f"{self._name}/{cycle}")
            decision = decision_of(self._plan, seen, context)
            if not decision and cycle == self._plan.most:
                decision = "spent"
            left = dict(self._child.left()) if decision else {}
            return {"seen": seen, "decision": decision, "spoke": spoke, "left": left}

        return await self._step(f"{self._name}/look#{cycle}", look)

    async def _pause(self, cycle: int) -> None:
        """Wait for the next look, or for the child's end when that is sooner."""
        if cycle == 1 or "wait" not in self._plan.actions:
            await asyncio.sleep(0)  # the child goes on
            return
        pausing = asyncio.ensure_future(self._handler.pause(self._plan.poll_s))
        try:
            waiting: set[asyncio.Task[Any]] = {pausing}
            if self._walking is not None and "observe" in self._plan.actions:
                waiting.add(self._walking)
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
            with suppress(asyncio.CancelledError):
                await pausing
        await asyncio.sleep(0)

    def _raise(self) -> None:
        assert self._walking is not None  # noqa: S101 # it is broken, so it ran
        self._walking.result()

    async def _give_up(self) -> None:
        if self._walking is None:
            return
        self._walking.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._walking


def _ended(look: Mapping[str, Any], seen: Mapping[str, Any]) -> Outcome:
    over = seen.get("stack.child.status") == "completed"
    updates = {**seen, **look["left"]["updates"]}
    if look["decision"] == "success":
        notes = "Child completed" if over else "Stop condition satisfied"
        return Outcome("success", updates=updates, notes=notes)
    notes = "Child failed" if look["decision"] == "fail" else "Max cycles exceeded"
    return Outcome("fail", updates=updates, notes=notes)


def no_child(node: Node) -> InvalidInput:
    """Return what is told of a manager whose child is not there."""
    return InvalidInput(
        "LIN-084",
        f"{node.id} supervises a child line that is not there.",
        "a manager watches the DOT file that `stack.child_dotfile` names.",
        "name a DOT file beside the line; `unlit lines lint FILE` checks both.",
    )
