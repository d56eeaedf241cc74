"""Read a DOT file; strict about meaning, lenient about dialect. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs.graph import DIALECT_SHAPES, Edge, Graph, Node, Warned
from unlit.line.graphs.tokens import Token, broken, tokens

_BARE: Final = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS: Final = ("graph", "node", "edge")
_ENDS: Final = frozenset({",", ";", "]", "[", "{", "}"})


@dataclass
class _Scope:
    node: dict[str, str] = field(default_factory=dict)
    edge: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    members: dict[str, None] = field(default_factory=dict)

    def inner(self) -> "_Scope":
        """Return the scope of a subgraph."""
        return _Scope(dict(self.node), dict(self.edge), self.classes)


def parse_dot(text: str, source: str = "line.dot") -> Graph:
    """Read one digraph.

    Raises:
        InvalidInput: It is not a digraph, or its syntax is broken; names line and what was found.
    """
    return _with_ends(_Parser(list(tokens(text, source)), source).graph())


class _Parser:
    def __init__(self, found: list[Token], source: str) -> None:
        self._tokens = found
        self._source = source
        self._at = 0
        self._nodes: dict[str, Node] = {}
        self._edges: list[Edge] = []
        self._attributes: dict[str, str] = {}
        self._warnings: list[Warned] = []

    def graph(self) -> Graph:
        word = self._next("digraph")
        if word.value.lower() == "strict":
            self._warn(word, "`strict` is ignored")
            word = self._next("digraph")
        if word.value.lower() != "digraph":
            raise self._error(word, "`digraph` was expected; undirected graphs are not lines")
        name = "" if self._peek("{") else self._next("a name").text
        self._expect("{")
        self._statements(_Scope(), top=True)
        if self._at < len(self._tokens):
            raise self._error(self._tokens[self._at], "one digraph in one file")
        return Graph(name, self._nodes, tuple(self._edges), self._attributes, tuple(self._warnings))

    def _statements(self, scope: _Scope, *, top: bool) -> None:
        while not self._peek("}"):
            if self._peek(";") or self._peek(","):
                self._at += 1
                continue
            self._statement(scope, top=top)
        self._expect("}")

    def _statement(self, scope: _Scope, *, top: bool) -> None:
        token = self._next("a statement")
        word = token.value.lower() if token.kind == "name" else ""
        if word in _KEYWORDS and self._peek("["):
            found = self._block()
            if word == "graph":
                self._graph_attributes(found, scope, top=top)
            else:
                (scope.node if word == "node" else scope.edge).update(found)
        elif token.is_value and self._peek("="):
            self._at += 1
            self._graph_attributes({token.text: self._value()}, scope, top=top)
        else:
            self._node_or_edge(token, scope)

    def _subgraph(self, first: Token, scope: _Scope) -> list[str]:
        """Read a subgraph from its first word; return its nodes."""
        if first.value != "{":
            if not self._peek("{"):
                self._next("a name")
            self._expect("{")
        inner = scope.inner()
        self._statements(inner, top=False)
        for name in inner.members:  # its label may stand after its nodes
            node = self._nodes[name]
            classes = tuple(dict.fromkeys((*node.classes, *inner.classes)))
            self._nodes[name] = replace(node, classes=classes)
        scope.members |= inner.members
        return list(inner.members)

    def _graph_attributes(self, found: Mapping[str, str], scope: _Scope, *, top: bool) -> None:
        if top:
            self._attributes.update(found)
        elif "label" in found:
            scope.classes = (*scope.classes, class_of(found["label"]))

    def _node_or_edge(self, first: Token, scope: _Scope) -> None:
        groups = [self._end(first, scope)]
        while self._peek("->") or self._peek("--"):
            arrow = self._next("->")
            if arrow.value == "--":
                raise self._error(arrow, "edges are directed: write ->")
            groups.append(self._end(self._next("a node"), scope))
        found = self._block() if self._peek("[") else {}
        whole = first.value == "{" or first.value.lower() == "subgraph"
        if len(groups) == 1:
            if not whole:
                self._node(groups[0][0], found, scope, first)
            return
        if any(len(group) != 1 for group in groups):
            self._warn(first, "edges between groups of nodes are a dialect")
        for sources, targets in pairwise(groups):
            for source, target in product(sources, targets):
                self._edges.append(Edge(source, target, {**scope.edge, **found}, first.line))

    def _end(self, token: Token, scope: _Scope) -> list[str]:
        """Return the nodes at one end of an edge: one, or all of a group."""
        if token.value == "{" or (token.kind == "name" and token.value.lower() == "subgraph"):
            return self._subgraph(token, scope)
        name = self._identifier(token)
        if name not in self._nodes:
            self._nodes[name] = Node(name, dict(scope.node), scope.classes, token.line)
        scope.members[name] = None
        return [name]

    def _node(self, name: str, found: Mapping[str, str], scope: _Scope, token: Token) -> None:
        known = self._nodes[name]
        attributes = {**scope.node, **known.attributes, **found}
        given = tuple(p.strip() for p in re.split(r"[,\s]+", attributes.get("class", "")) if p)
        classes = tuple(dict.fromkeys((*known.classes, *scope.classes, *given)))
        self._nodes[name] = Node(name, attributes, classes, token.line)
        if attributes.get("shape") in DIALECT_SHAPES:
            self._warn(token, f"shape {attributes['shape']!r} is a dialect")

    def _identifier(self, token: Token) -> str:
        if not token.is_value:
            raise self._error(token, "a node was expected")
        name = token.text
        if not _BARE.fullmatch(name):
            self._warn(token, f"node id {name!r} is not a bare word")
        while self._peek(":"):
            self._at += 1
            self._warn(self._next("a port"), "ports are ignored")
        return name

    def _block(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._peek("["):
            self._at += 1
            while not self._peek("]"):
                key = self._next("an attribute")
                if key.kind not in ("name", "text", "single"):
                    raise self._error(key, "an attribute was expected")
                value = "true"
                if self._peek("=") or self._peek(":"):
                    if self._next("=").value == ":":
                        self._warn(key, "attributes with `:` instead of `=`")
                    value = self._value()
                found[key.text] = value
                self._separator()
            self._expect("]")
        return found

    def _separator(self) -> None:
        if self._peek(",") or self._peek(";"):
            self._at += 1
        elif not self._peek("]"):
            here = self._tokens[min(self._at, len(self._tokens) - 1)]
            self._warn(here, "attributes without a comma between them")

    def _value(self) -> str:
        token = self._next("a value")
        if token.kind == "html":
            self._warn(token, "HTML labels are read as plain text")
        elif token.kind == "single":
            self._warn(token, "texts in single quotes are a dialect")
        if token.kind in ("text", "single"):
            return token.text + self._more()
        if not token.is_value and (token.kind in ("mark", "arrow") or token.kind == "space"):
            raise self._error(token, "a value was expected")
        return token.text if token.kind == "html" else self._run(token)

    def _more(self) -> str:
        """Read the further parts of a text put together with ``+``."""
        text = ""
        while self._peek("+"):
            self._at += 1
            text += self._next("a text").text
        return text

    def _run(self, token: Token) -> str:
        """Read a value without quotes: all that follows without a space between."""
        text, last = token.value, token
        while self._at < len(self._tokens):
            following = self._tokens[self._at]
            if following.start != last.end or following.value in _ENDS:
                break
            if following.kind in ("text", "single"):
                break
            text, last = text + following.value, following
            self._at += 1
        if last is not token or token.kind == "odd":
            self._warn(token, "values without quotes are a dialect")
        return text

    def _next(self, wanted: str) -> Token:
        if self._at >= len(self._tokens):
            line = self._tokens[-1].line if self._tokens else 1
            raise broken(self._source, line, f"the file ends where {wanted} was expected")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _peek(self, value: str) -> bool:
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return token.value == value and token.kind in ("mark", "arrow")

    def _expect(self, value: str) -> None:
        token = self._next(f"`{value}`")
        if token.value != value:
            raise self._error(token, f"`{value}` was expected")

    def _warn(self, token: Token, message: str) -> None:
        warned = Warned(token.line, message)
        if all(known.message != message for known in self._warnings):
            self._warnings.append(warned)

    def _error(self, token: Token, why: str) -> InvalidInput:
        return broken(self._source, token.line, f"{token.value!r} found: {why}")


def class_of(label: str) -> str:
    """Return the class name that a subgraph's label gives its nodes."""
    return re.sub(r"[^a-z0-9-]", "", label.lower().replace(" ", "-"))


def _with_ends(graph: Graph) -> Graph:
    """Let nodes called start, exit or end be what their shapes do not say, where none is."""
    nodes, warnings = dict(graph.nodes), list(graph.warnings)
    for type_, names in (("start", ("start",)), ("exit", ("exit", "end"))):
        if any(node.type == type_ for node in nodes.values()):
            continue
        for node in [node for node in nodes.values() if node.id.lower() in names][:1]:
            nodes[node.id] = replace(node, attributes={**node.attributes, "type": type_})
            warnings.append(Warned(node.line, f"{node.id} is the {type_} by its name"))
    return replace(graph, nodes=nodes, warnings=tuple(warnings))
