"""Branches that run side by side: where they meet, when they are good, which is best. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.core.states import Verdict
from unlit.line.graphs.graph import Graph, Node
from unlit.line.graphs.routing import SUCCESSES, Outcome

_RANK: Final = {"success": 0, "partial_success": 1, "retry": 2, "fail": 3}


def join_of(graph: Graph, node: str) -> str | None:
    """Return the node where all branches of a fan-out meet: the nearest that all can reach."""
    reached = [_reachable(graph, edge.target) for edge in graph.outgoing(node)]
    if not reached:
        return None
    common = [name for name in reached[0] if all(name in other for other in reached)]
    fan_ins = [name for name in common if graph.nodes[name].type == "parallel.fan_in"]
    return next(iter(fan_ins or common), None)


def joined(node: Node, outcomes: Sequence[str]) -> str:
    """Return the status of a fan-out by its join policy."""
    good = sum(status in SUCCESSES for status in outcomes)
    policy = node.attributes.get("join_policy", "wait_all")
    if policy in ("first_success", "any"):
        return "success" if good else "fail"
    if policy == "k_of_n":
        wanted = node.attributes.get("join_k") or node.attributes.get("k") or "1"
        return "success" if good >= count_of(wanted) else "fail"
    if policy == "quorum":
        share = node.attributes.get("join_quorum") or node.attributes.get("quorum") or "0.5"
        return "success" if outcomes and good / len(outcomes) >= _share(share) else "fail"
    if node.attributes.get("error_policy") == "ignore":
        return "success" if good else "fail"
    return "success" if good == len(outcomes) else "partial_success"


def is_decided(node: Node, ended: Sequence[str]) -> bool:
    """Return whether the branches that still run can be given up."""
    if node.attributes.get("join_policy") == "first_success":
        return any(status in SUCCESSES for status in ended)
    return node.attributes.get("error_policy") == "fail_fast" and "fail" in ended


def results_of(node: Node, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the branches' results that later nodes see."""
    if node.attributes.get("error_policy") != "ignore":
        return list(rows)
    return [row for row in rows if row["outcome"] in SUCCESSES]


def best_of(context: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the best of the branches' results: by grade, status, then score, then name."""
    return min(
        _good(context),
        key=lambda row: (*_rank(row), -float(row.get("score") or 0), row["id"]),
        default=None,
    )


def leaders_of(context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the branches that nothing but a judgement tells apart: same grade, same status."""
    good = _good(context)
    best = min((_rank(row) for row in good), default=None)
    return [row for row in good if _rank(row) == best]


def fan_in(context: Mapping[str, Any], judged: str = "") -> Outcome:
    """Choose among branches; the best one's own results become the line's.

    Args:
        context: What is known.
        judged: The branch that a model finds best; counts only among the leaders.
    """
    named = next((row for row in leaders_of(context) if row["id"] == judged), None)
    best = named or best_of(context)
    if best is None:
        return Outcome("fail", notes="no branch succeeded")
    updates = {
        **dict(best.get("kept") or {}),
        "parallel.fan_in.best_id": best["id"],
        "parallel.fan_in.best_outcome": best["outcome"],
    }
    notes = f"Selected best candidate: {best['id']}"
    return Outcome("success", updates=updates, notes=notes)


def _good(context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in context.get("parallel.results") or [] if row["outcome"] in SUCCESSES]


def _rank(row: Mapping[str, Any]) -> tuple[int, int]:
    """Grades go before words: what the evaluator would ship is ahead of what it would not."""
    shipped = (row.get("kept") or {}).get("verdict") == Verdict.SHIP.value
    return (0 if shipped else 1, _RANK.get(row["outcome"], 3))


def count_of(text: str | None) -> int:
    """Read a count; what is none is zero."""
    try:
        return max(0, int(float(text or "0")))
    except (ValueError, OverflowError):
        return 0


def _share(text: str) -> float:
    try:
        return float(text.rstrip("% ")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        return 0.5


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
