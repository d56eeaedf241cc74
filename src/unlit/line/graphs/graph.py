"""A line as a graph: nodes, edges, attributes; frozen and pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TYPE_OF_SHAPE: Final[Mapping[str, str]] = {
    "Mdiamond": "start",
    "Msquare": "exit",
    "box": "codergen",
    "hexagon": "wait.human",
    "diamond": "conditional",
    "component": "parallel",
    "tripleoctagon": "parallel.fan_in",
    "parallelogram": "tool",
    "house": "stack.manager_loop",
}
TYPES: Final = frozenset(TYPE_OF_SHAPE.values())
DIALECT_TYPES: Final[Mapping[str, str]] = {
    "agent": "codergen",
    "llm": "codergen",
    "prompt": "codergen",
    "task": "codergen",
    "human": "wait.human",
    "human_gate": "wait.human",
    "wait_human": "wait.human",
    "gate": "wait.human",
    "approval": "wait.human",
    "condition": "conditional",
    "decision": "conditional",
    "router": "conditional",
    "fan_out": "parallel",
    "parallel.fan_out": "parallel",
    "fan_in": "parallel.fan_in",
    "join": "parallel.fan_in",
    "merge": "parallel.fan_in",
    "command": "tool",
    "script": "tool",
    "shell": "tool",
    "bash": "tool",
    "end": "exit",
    "finish": "exit",
    "manager": "stack.manager_loop",
    "supervisor": "stack.manager_loop",
}
DIALECT_SHAPES: Final[Mapping[str, str]] = {
    "circle": "start",
    "point": "start",
    "doublecircle": "exit",
    "rect": "codergen",
    "rectangle": "codergen",
    "square": "codergen",
    "oval": "codergen",
    "ellipse": "codergen",
    "cylinder": "tool",
    "octagon": "wait.human",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One stage of a graph; `attributes` are text, defaults of its scope included."""

    id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    line: int = 0

    @property
    def shape(self) -> str:
        """Its shape; a box when it says none."""
        return self.attributes.get("shape", "box")

    @property
    def type(self) -> str:
        """What executes it: its own word, else by shape, else a coding agent."""
        said = self.said_type
        if said in TYPES or said.startswith("unlit."):
            return said
        if said in DIALECT_TYPES:
            return DIALECT_TYPES[said]
        if "shape" not in self.attributes and self.id.lower() in ("start", "exit", "end"):
            return "start" if self.id.lower() == "start" else "exit"
        return TYPE_OF_SHAPE.get(self.shape) or DIALECT_SHAPES.get(self.shape, "codergen")

    @property
    def said_type(self) -> str:
        """The type it names itself, known or not."""
        return self.attributes.get("type") or self.attributes.get("handler") or ""

    @property
    def command(self) -> str:
        """What a tool node runs."""
        names = ("tool_command", "command", "script", "cmd")
        return next((self.attributes[name] for name in names if self.attributes.get(name)), "")

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.attributes.get("label") or self.id

    @property
    def is_exit(self) -> bool:
        """Whether the graph ends here."""
        return self.type == "exit"

    def flag(self, name: str) -> bool:
        """Return a yes-or-no attribute."""
        return self.attributes.get(name, "").lower() in ("true", "1", "yes")


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one node to another."""

    source: str
    target: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def label(self) -> str:
        """Its caption, also the key of preferred labels."""
        return self.attributes.get("label", "")

    @property
    def condition(self) -> str:
        """When it may be taken; empty is always."""
        return self.attributes.get("condition", "").strip()

    @property
    def restarts(self) -> bool:
        """Whether the line begins anew at its target, knowing nothing of what was before."""
        return self.attributes.get("loop_restart", "").lower() in ("true", "1", "yes")

    @property
    def weight(self) -> int:
        """Its priority among equals."""
        try:
            return int(float(self.attributes.get("weight", "0")))
        except ValueError:
            return 0


@dataclass(frozen=True, slots=True)
class Warned:
    """A dialect that was accepted, and where."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole line."""

    name: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()

    @property
    def goal(self) -> str:
        """What the line is for."""
        return self.attributes.get("goal", "")

    def outgoing(self, node: str) -> tuple[Edge, ...]:
        """Return the edges that leave a node, in the order written."""
        return tuple(edge for edge in self.edges if edge.source == node)

    def incoming(self, node: str) -> tuple[Edge, ...]:
        """Return the edges that reach a node."""
        return tuple(edge for edge in self.edges if edge.target == node)

    def start(self) -> Node | None:
        """Return the entry: shape Mdiamond, else the node called start."""
        found = [node for node in self.nodes.values() if node.type == "start"]
        if not found:
            found = [node for node in self.nodes.values() if node.id.lower() == "start"]
        return found[0] if found else None


def hooks_of(graph: Graph, node: Node) -> Mapping[str, str]:
    """Return the shell commands around each tool call of a node's model; its own go first."""
    found = {}
    for when in ("pre", "post"):
        name = f"tool_hooks.{when}"
        command = node.attributes.get(name) or graph.attributes.get(name, "")
        if command:
            found[when] = command
    return found
