"""What is wrong with a line, or looks wrong. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs.conditions import condition_error, dialect_of
from unlit.line.graphs.fidelity import MODES
from unlit.line.graphs.graph import DIALECT_TYPES, TYPES, Graph, Node
from unlit.line.graphs.manager import KNOWN_ACTIONS, plan_of
from unlit.line.graphs.stylesheet import parse_stylesheet
from unlit.review.rules.gates import GATES

OWN_TYPES: Final = frozenset(
    f"unlit.{name}"
    for name in ("intent", "context", "baseline", "build", "checks", "validate", "sealed", "report")
)
_GATE_MARKS: Final = re.compile("[/@]")
"""What in the name of a gate begins a vote, a question or a candidate: ``ship/ben``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; a line with an error is not executed."""

    rule: str
    level: str
    line: int
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "rule": self.rule,
            "level": self.level,
            "line": self.line,
            "message": self.message,
        }


def lint(graph: Graph) -> tuple[Finding, ...]:
    """Return all findings, errors first."""
    found = [finding for rule in _RULES for finding in rule(graph)]
    found += [Finding("dialect", "warning", w.line, w.message) for w in graph.warnings]
    order = {"error": 0, "warning": 1}
    return tuple(sorted(found, key=lambda finding: (order[finding.level], finding.line)))


def errors(graph: Graph) -> tuple[Finding, ...]:
    """Return only what keeps a line from being executed."""
    return tuple(finding for finding in lint(graph) if finding.level == "error")


def _starts(graph: Graph) -> Iterator[Finding]:
    starts = [node for node in graph.nodes.values() if node.type == "start"]
    if len(starts) != 1 and graph.start() is None:
        yield Finding("start_node", "error", 1, "there is no start node (shape=Mdiamond)")
    elif len(starts) > 1:
        names = ", ".join(node.id for node in starts)
        yield Finding("start_node", "error", starts[1].line, f"more than one start: {names}")
    for node in starts:
        if graph.incoming(node.id):
            yield Finding("start_no_incoming", "error", node.line, f"an edge leads to {node.id}")


def _exits(graph: Graph) -> Iterator[Finding]:
    exits = [node for node in graph.nodes.values() if node.is_exit]
    if not exits:
        yield Finding("terminal_node", "error", 1, "there is no exit node (shape=Msquare)")
    for node in exits:
        if graph.outgoing(node.id):
            yield Finding("exit_no_outgoing", "error", node.line, f"an edge leaves {node.id}")


def _reach(graph: Graph) -> Iterator[Finding]:
    start = graph.start()
    if start is None:
        return
    names = ("retry_target", "fallback_retry_target")
    roots = [start.id, *(graph.attributes.get(name, "") for name in names)]
    waiting = [name for name in roots if name in graph.nodes]
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        node = graph.nodes[name]
        targets = [edge.target for edge in graph.outgoing(name)]
        targets += [node.attributes.get(key, "") for key in names]
        for target in targets:
            if target in graph.nodes and target not in seen:
                seen.add(target)
                waiting.append(target)
    for name, node in graph.nodes.items():
        if name not in seen:
            yield Finding("reachability", "error", node.line, f"{name} cannot be reached")


def _edges(graph: Graph) -> Iterator[Finding]:
    for edge in graph.edges:
        if edge.target not in graph.nodes:
            message = f"{edge.source} -> {edge.target}: there is no {edge.target}"
            yield Finding("edge_target_exists", "error", edge.line, message)
        if edge.condition and (why := condition_error(edge.condition)):
            yield Finding("condition_syntax", "error", edge.line, f"{edge.condition!r}: {why}")
        elif extra := dialect_of(edge.condition):
            message = f"{edge.condition!r} uses {', '.join(extra)}, which is a dialect"
            yield Finding("condition_dialect", "warning", edge.line, message)
        fidelity = edge.attributes.get("fidelity")
        if fidelity and fidelity not in MODES:
            message = f"{edge.source} -> {edge.target}: {fidelity!r}"
            yield Finding("fidelity_valid", "warning", edge.line, message)


def _styles(graph: Graph) -> Iterator[Finding]:
    try:
        parse_stylesheet(graph.attributes.get("model_stylesheet", ""))
    except InvalidInput as error:
        yield Finding("stylesheet_syntax", "error", 1, error.what)


def _nodes(graph: Graph) -> Iterator[Finding]:
    usual = graph.attributes.get("default_fidelity")
    if usual and usual not in MODES:
        yield Finding("fidelity_valid", "warning", 1, f"default_fidelity {usual!r}")
    for node in graph.nodes.values():
        yield from _types(node)
        fidelity = node.attributes.get("fidelity")
        if fidelity and fidelity not in MODES:
            yield Finding("fidelity_valid", "warning", node.line, f"{node.id}: {fidelity!r}")
        for name in ("retry_target", "fallback_retry_target"):
            target = node.attributes.get(name)
            if target and target not in graph.nodes:
                message = f"{node.id}: {name} {target!r} does not exist"
                yield Finding("retry_target_exists", "warning", node.line, message)
        if node.flag("goal_gate") and not _has_target(graph, node.attributes):
            message = f"{node.id} is a goal gate without a retry_target"
            yield Finding("goal_gate_has_retry", "warning", node.line, message)
        if node.type == "wait.human":
            yield from _human(graph, node)
        if node.type == "stack.manager_loop":
            yield from _manager(graph, node)


def _human(graph: Graph, node: Node) -> Iterator[Finding]:
    if _GATE_MARKS.split(node.id, maxsplit=1)[0] in GATES:
        message = f"{node.id} asks a person under the name of one of the run's own gates"
        yield Finding("human_name", "error", node.line, message)
    if not graph.outgoing(node.id):
        message = f"{node.id} asks a person, and no edge leaves it to choose"
        yield Finding("human_choices", "warning", node.line, message)


def _manager(graph: Graph, node: Node) -> Iterator[Finding]:
    try:
        plan = plan_of(graph, node)
    except InvalidInput as error:
        yield Finding("manager_interval", "error", node.line, f"{node.id}: {error.what}")
        return
    if plan.starts and not plan.child:
        message = f"{node.id} supervises, and no stack.child_dotfile names a line"
        yield Finding("manager_child", "error", node.line, message)
    for name, condition in (("stop", plan.stop), ("steer", plan.steers)):
        if condition and (why := condition_error(condition)):
            message = f"{node.id}: manager.{name}_condition {condition!r}: {why}"
            yield Finding("condition_syntax", "error", node.line, message)
    for unknown in sorted(plan.actions - KNOWN_ACTIONS):
        yield Finding("manager_actions", "warning", node.line, f"{node.id}: action {unknown!r}")
    if "observe" not in plan.actions:
        message = f"{node.id} does not observe: it never sees its child's end"
        yield Finding("manager_actions", "warning", node.line, message)
    if "stack.child_workdir" in {**graph.attributes, **node.attributes}:
        message = f"{node.id}: stack.child_workdir is not used; a child works on the run's tree"
        yield Finding("manager_child", "warning", node.line, message)


def _types(node: Node) -> Iterator[Finding]:
    said = node.said_type
    if said and said not in TYPES and said not in OWN_TYPES:
        as_ = f"it is executed as {node.type}"
        rule = "dialect" if said in DIALECT_TYPES else "type_known"
        yield Finding(rule, "warning", node.line, f"{node.id}: type {said!r}; {as_}")
    named = node.attributes.get("prompt") or node.attributes.get("label")
    if node.type == "codergen" and not named:
        message = f"{node.id} has neither prompt nor label"
        yield Finding("prompt_on_llm_nodes", "warning", node.line, message)
    if node.type == "tool" and not node.command:
        yield Finding("tool_command", "warning", node.line, f"{node.id} has no tool_command")


def _has_target(graph: Graph, attributes: Any) -> bool:
    names = ("retry_target", "fallback_retry_target")
    return any(attributes.get(name) or graph.attributes.get(name) for name in names)


_RULES: Final[tuple[Callable[[Graph], Iterator[Finding]], ...]] = (
    _starts,
    _exits,
    _reach,
    _edges,
    _styles,
    _nodes,
)
