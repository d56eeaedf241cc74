"""Execute a line without a model: outcomes come from a script, for `unlit lines trace`, tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from typing_extensions import override

from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.manager import beside
from unlit.line.graphs.routing import Outcome
from unlit.line.graphs.traverse import Handler

_BEATS: Final = 20
"""Turns of the loop that are enough for what waits to go on."""


class ScriptedHandler(Handler):
    """Answers each visit of a node from a list; the last answer stays.

    Args:
        script: Node to its outcomes: ``"fail"``, or ``{status, label, next, set}``. A node of a
            child line is ``MANAGER~NODE``, or its name alone.
        children: The child lines, by their path from the line's folder.
    """

    def __init__(
        self,
        script: Mapping[str, Any] | None = None,
        children: Mapping[str, Graph] | None = None,
        key: str = "",
    ) -> None:
        self._script = dict(script or {})
        self._children = children or {}
        self._key = key
        self.prompts: list[tuple[str, str]] = []
        self.said: list[str] = []
        self._turns = asyncio.Semaphore(0)  # a child does one node between two looks at it

    @override
    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        self.prompts.append((visit, prompt))
        if self._key:
            await self._turns.acquire()
        said = self._script.get(node.id, "success")
        said = self._script.get(f"{visit.rpartition('~')[0]}~{node.id}", said)
        number = int(visit.rpartition("#")[2])
        if isinstance(said, list):
            said = said[min(number, len(said)) - 1]
        if isinstance(said, str):
            said = {"status": said}
        updates = {"last_stage": node.id, **said.get("set", {})}
        if node.type == "codergen":
            updates.setdefault("last_response", f"[scripted] {node.id}")
        chosen = said.get("next")
        return Outcome(
            status=str(said.get("status", "success")),
            preferred_label=str(said.get("label", "")),
            suggested_next=(chosen,) if isinstance(chosen, str) else tuple(chosen or ()),
            updates=updates,
        )

    @override
    def child(self, named: str) -> tuple[Graph, Handler] | None:
        key = beside(self._key, named)
        graph = self._children.get(key) if named else None
        if graph is None:
            return None
        below = ScriptedHandler(self._script, self._children, key)
        below.prompts, below.said = self.prompts, self.said
        return graph, below

    @override
    async def steer(self, text: str, key: str) -> None:
        self.said.append(text)

    @override
    async def pause(self, seconds: float) -> None:
        self._turns.release()
        for _ in range(_BEATS):
            await asyncio.sleep(0)


async def plain_step(name: str, action: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Execute a step without remembering it."""
    return await action()
