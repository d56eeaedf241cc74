"""How much of what went before a node is told: fidelity modes and threads. Pure.

Agents begin each node with a fresh session in a fresh fence. `full` therefore carries what the
nodes of the same thread were asked and answered, in the detail of `summary:high`: a session of
another process cannot be taken up again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.line.graphs.graph import Edge, Graph, Node

MODES: Final = ("full", "truncate", "compact", "summary:low", "summary:medium", "summary:high")
USUAL: Final = "compact"
_BUDGET: Final[Mapping[str, int]] = {
    "compact": 4_000,
    "summary:low": 2_400,
    "summary:medium": 6_000,
    "summary:high": 12_000,
    "full": 12_000,
}
_STAGES: Final[Mapping[str, int]] = {"summary:low": 3, "summary:medium": 10}
_HIDDEN: Final = ("internal.", "graph.", "parallel.", "context.brief", "current_node", "feedback")


def mode_of(graph: Graph, node: Node, edge: Edge | None) -> str:
    """Return a node's fidelity: its incoming edge's, its own, the graph's, else `compact`."""
    said = (
        edge.attributes.get("fidelity") if edge else None,
        node.attributes.get("fidelity"),
        graph.attributes.get("default_fidelity"),
    )
    return next((mode for mode in said if mode in MODES), USUAL)


def thread_of(graph: Graph, node: Node, edge: Edge | None) -> str:
    """Return a node's thread: its own, its edge's, the graph's, its subgraph's, its predecessor."""
    said = (
        node.attributes.get("thread_id"),
        edge.attributes.get("thread_id") if edge else None,
        graph.attributes.get("thread_id") or graph.attributes.get("default_thread"),
        node.classes[0] if node.classes else None,
        edge.source if edge else node.id,
    )
    return next(thread for thread in said if thread)


def preamble(
    graph: Graph,
    mode: str,
    thread: str,
    past: Sequence[Mapping[str, str]],
    known: Mapping[str, Any],
) -> str:
    """Return what a node is told of what went before it, within the mode's budget.

    Args:
        graph: The line.
        mode: Its fidelity.
        thread: Its thread; counts for `full` only.
        past: What was done: ``node``, ``status``, ``thread``, ``asked`` and ``said``, oldest first.
        known: The context.
    """
    goal = f"Goal: {graph.goal}" if graph.goal else ""
    if mode == "truncate" or not past:
        return goal
    stages = [row for row in past if mode != "full" or row.get("thread") == thread]
    newest = stages[-_STAGES.get(mode, len(stages)) :] if stages else []
    lines = [_line(row, mode) for row in newest]
    values = [f"- {key}: {_short(value, mode)}" for key, value in sorted(known.items())
              if _told(key, value)]  # fmt: skip
    parts = [goal, "Done so far:", *_within(lines, _BUDGET[mode])]
    if mode != "summary:low" and values:
        parts += ["Known:", *_within(values, _BUDGET[mode] // 2)]
    return "\n".join(part for part in parts if part)


def _line(row: Mapping[str, str], mode: str) -> str:
    line = f"- {row['node']}: {row['status']}"
    if mode in ("summary:high", "full"):
        line += f"\n  asked: {row.get('asked', '')[:400]}" if row.get("asked") else ""
        line += f"\n  answered: {row.get('said', '')[:400]}" if row.get("said") else ""
    elif mode != "summary:low" and row.get("said"):
        line += f" ({row['said'][:200]})"
    return line


def _short(value: Any, mode: str) -> str:
    return str(value)[: 400 if mode in ("summary:high", "full") else 120]


def _told(key: str, value: Any) -> bool:
    return isinstance(value, str | int | float) and not key.startswith(_HIDDEN) and value != ""


def _within(lines: Sequence[str], budget: int) -> list[str]:
    """Keep the newest lines that fit."""
    kept: list[str] = []
    for line in reversed(lines):
        budget -= len(line) + 1
        if budget < 0:
            kept.append(f"- ({len(lines) - len(kept)} earlier)")
            break
        kept.append(line)
    return kept[::-1]
