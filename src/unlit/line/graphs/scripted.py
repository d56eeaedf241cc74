"""Execute a line without a model: outcomes come from a script. For `unlit lines run` and tests."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from typing_extensions import override

from unlit.line.graphs.graph import Node
from unlit.line.graphs.routing import Outcome
from unlit.line.graphs.traverse import Handler


class ScriptedHandler(Handler):
    """Answers each visit of a node from a list; the last answer stays.

    Args:
        script: Node to its outcomes: ``"fail"``, or ``{status, label, next, set}``.
    """

    def __init__(self, script: Mapping[str, Any] | None = None) -> None:
        self._script = dict(script or {})
        self.prompts: list[tuple[str, str]] = []

    @override
    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        self.prompts.append((visit, prompt))
        said = self._script.get(node.id, "success")
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


async def plain_step(name: str, action: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Execute a step without remembering it."""
    return await action()
