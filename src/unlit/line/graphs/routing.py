"""Where to go from a node: conditions, labels, weights, goal gates. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs import conditions
from unlit.line.graphs.graph import Edge, Graph, Node

SUCCESSES: Final = frozenset({"success", "partial_success"})
STATUSES: Final = frozenset({"success", "partial_success", "retry", "fail", "skipped", "waiting"})
_ACCELERATOR: Final = re.compile(r"^\s*(?:\[\w+\]\s*|\w+\)\s+|\w\s+-\s+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing a node gave.

    Attributes:
        status: One of `STATUSES`.
    """

    status: str
    preferred_label: str = ""
    suggested_next: tuple[str, ...] = ()
    updates: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "status": self.status,
            "preferred_label": self.preferred_label,
            "suggested_next": list(self.suggested_next),
            "updates": dict(self.updates),
            "notes": self.notes,
        }


def outcome_from_json(value: Mapping[str, Any]) -> Outcome:
    """Read what `Outcome.to_json` made."""
    return Outcome(
        str(value["status"]),
        str(value.get("preferred_label", "")),
        tuple(value.get("suggested_next", ())),
        dict(value.get("updates", {})),
        str(value.get("notes", "")),
    )


def select_edge(
    graph: Graph, node: Node, outcome: Outcome, context: Mapping[str, Any]
) -> Edge | None:
    """Choose the way on: conditions, preferred label, suggested nodes, weight, name.

    Where no condition holds and no edge is free of one, the best of all is taken, as published; a
    node that failed has then no way on.
    """
    edges = graph.outgoing(node.id)
    matching = [
        edge for edge in edges if edge.condition and holds(edge.condition, outcome, context)
    ]
    if matching:
        return _best(matching)
    unconditional = [edge for edge in edges if not edge.condition]
    return (
        _by_label(unconditional, outcome)
        or _by_suggestion(unconditional, outcome)
        or _best(unconditional)
        or (None if outcome.status == "fail" else _best(edges))
    )


def fails_by_edge(
    graph: Graph, node: Node, outcome: Outcome, context: Mapping[str, Any]
) -> Edge | None:
    """Return the edge that says where a failure goes."""
    found = [
        edge
        for edge in graph.outgoing(node.id)
        if edge.condition and holds(edge.condition, outcome, context)
    ]
    return _best(found)


def _by_label(edges: Sequence[Edge], outcome: Outcome) -> Edge | None:
    wanted = normal_label(outcome.preferred_label)
    if not wanted:
        return None
    return next((edge for edge in edges if normal_label(edge.label) == wanted), None)


def _by_suggestion(edges: Sequence[Edge], outcome: Outcome) -> Edge | None:
    for suggested in outcome.suggested_next:
        for edge in edges:
            if edge.target == suggested:
                return edge
    return None


def failure_target(graph: Graph, node: Node) -> str | None:
    """Return where to go when a node failed and no edge says so."""
    return _first_known(
        graph, node.attributes.get("retry_target"), node.attributes.get("fallback_retry_target")
    )


def open_gate(graph: Graph, outcomes: Mapping[str, str]) -> Node | None:
    """Return a goal gate that was visited and has not succeeded."""
    for name, status in outcomes.items():
        node = graph.nodes[name]
        if node.flag("goal_gate") and status not in SUCCESSES:
            return node
    return None


def gate_target(graph: Graph, gate: Node) -> str | None:
    """Return where to go when the exit is reached with an open goal gate."""
    return _first_known(
        graph,
        gate.attributes.get("retry_target"),
        gate.attributes.get("fallback_retry_target"),
        graph.attributes.get("retry_target"),
        graph.attributes.get("fallback_retry_target"),
    )


def holds(condition: str, outcome: Outcome, context: Mapping[str, Any]) -> bool:
    """Evaluate a condition on what a node gave and on what is known."""
    return conditions.holds(condition, lambda key: _lookup(key, outcome, context))


def normal_label(label: str) -> str:
    """Return a label without its accelerator, in lower case."""
    return plain_label(label).lower()


def plain_label(label: str) -> str:
    """Return a label without its accelerator."""
    return _ACCELERATOR.sub("", label).strip()


def accelerator(label: str) -> str:
    """Return the key that selects a label: ``[Y] Yes``, ``Y) Yes``, ``Y - Yes`` or ``Yes``."""
    match = re.match(r"^\s*(?:\[(\w+)\]|(\w+)\)\s|(\w)\s+-\s)", label)
    if match:
        return next(part for part in match.groups() if part).upper()
    return label.strip()[:1].upper()


def duration_s(text: str) -> float:
    """Read ``900s``, ``15m``, ``2h``, ``250ms``, ``1d`` or a bare number of seconds.

    Raises:
        InvalidInput: It is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", text)
    if match is None:
        raise InvalidInput(
            "LIN-072",
            f"{text!r} is not a duration.",
            "a timeout is a number and a unit.",
            "write for example 900s, 15m or 2h.",
        )
    return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2] or "s"]


def _lookup(key: str, outcome: Outcome, context: Mapping[str, Any]) -> str:
    if key in ("outcome", "context.outcome") or (key == "status" and key not in context):
        return str(context.get("outcome") or outcome.status)
    if key == "preferred_label":
        return outcome.preferred_label or str(context.get("preferred_label", ""))
    key = key.removeprefix("$")
    for name in (key, key.removeprefix("context."), f"context.{key}"):
        if name in context:
            value = context[name]
            return str(value).lower() if isinstance(value, bool) else str(value)
    return ""


def _best(edges: Sequence[Edge]) -> Edge | None:
    return min(edges, key=lambda edge: (-edge.weight, edge.target), default=None)


def _first_known(graph: Graph, *names: str | None) -> str | None:
    return next((name for name in names if name and name in graph.nodes), None)
