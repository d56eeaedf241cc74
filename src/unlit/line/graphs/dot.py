"""Read a DOT file; strict about meaning, lenient about dialect. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs.graph import DIALECT_SHAPES, Edge, Graph, Node, Warned

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)
  | (?P<arrow>->|--)
  | (?P<text>"(?:\\.|[^"\\])*")
  | (?P<number>-?(?:\d+\.\d*|\.\d+|\d+)(?:ms|s|m|h|d)?(?![A-Za-z_]))
  | (?P<name>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*(?:\.[A-Za-z_]\w*)*)
  | (?P<mark>[{}\[\];,=:])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final[Mapping[str, str]] = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_BARE: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str
    line: int


@dataclass
class _Scope:
    node: dict[str, str] = field(default_factory=dict)
    edge: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


def parse_dot(text: str, source: str = "line.dot") -> Graph:
    """Read one digraph.

    Raises:
        InvalidInput: It is not a digraph, or its syntax is broken; names line and what was found.
    """
    return _Parser(list(_tokens(text, source)), source).graph()


def _tokens(text: str, source: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _broken(source, line, f"unexpected {text[position : position + 20]!r}")
        kind, value = str(match.lastgroup), match.group()
        if kind != "space":
            yield _Token(kind, value, line)
        line += value.count("\n")
        position = match.end()


class _Parser:
    def __init__(self, tokens: list[_Token], source: str) -> None:
        self._tokens = tokens
        self._source = source
        self._at = 0
        self._nodes: dict[str, Node] = {}
        self._edges: list[Edge] = []
        self._attributes: dict[str, str] = {}
        self._warnings: list[Warned] = []

    def graph(self) -> Graph:
        word = self._next("digraph")
        if word.value == "strict":
            self._warn(word, "`strict` is ignored")
            word = self._next("digraph")
        if word.value != "digraph":
            raise self._error(word, "`digraph` was expected; undirected graphs are not lines")
        name = "" if self._peek("{") else _text(self._next("a name"))
        self._expect("{")
        self._statements(_Scope(), top=True)
        if self._at < len(self._tokens):
            raise self._error(self._tokens[self._at], "one digraph in one file")
        return Graph(name, self._nodes, tuple(self._edges), self._attributes, tuple(self._warnings))

    def _statements(self, scope: _Scope, *, top: bool) -> None:
        while not self._peek("}"):
            if self._peek(";"):
                self._at += 1
                continue
            self._statement(scope, top=top)
        self._expect("}")

    def _statement(self, scope: _Scope, *, top: bool) -> None:
        token = self._next("a statement")
        if token.value == "subgraph" and token.kind == "name":
            self._subgraph(scope)
        elif token.value == "{":
            self._statements(_Scope(dict(scope.node), dict(scope.edge), scope.classes), top=False)
        elif token.value in ("graph", "node", "edge") and self._peek("["):
            found = self._block()
            if token.value == "graph":
                self._graph_attributes(found, scope, top=top)
            else:
                (scope.node if token.value == "node" else scope.edge).update(found)
        elif self._peek("="):
            self._at += 1
            self._graph_attributes({_text(token): self._value()}, scope, top=top)
        else:
            self._node_or_edge(token, scope)

    def _subgraph(self, scope: _Scope) -> None:
        if not self._peek("{"):
            self._next("a name")
        self._expect("{")
        self._statements(_Scope(dict(scope.node), dict(scope.edge), scope.classes), top=False)

    def _graph_attributes(self, found: Mapping[str, str], scope: _Scope, *, top: bool) -> None:
        if top:
            self._attributes.update(found)
        elif "label" in found:
            scope.classes = (*scope.classes, class_of(found["label"]))

    def _node_or_edge(self, first: _Token, scope: _Scope) -> None:
        names = [self._identifier(first)]
        lines = [first.line]
        while self._peek("->") or self._peek("--"):
            arrow = self._next("->")
            if arrow.value == "--":
                raise self._error(arrow, "edges are directed: write ->")
            token = self._next("a node")
            names.append(self._identifier(token))
            lines.append(token.line)
        found = self._block() if self._peek("[") else {}
        if len(names) == 1:
            self._node(names[0], found, scope, first)
            return
        for source, target in pairwise(names):
            self._edges.append(Edge(source, target, {**scope.edge, **found}, first.line))
        for name, line in zip(names, lines, strict=True):
            if name not in self._nodes:
                self._nodes[name] = Node(name, dict(scope.node), scope.classes, line)

    def _node(self, name: str, found: Mapping[str, str], scope: _Scope, token: _Token) -> None:
        known = self._nodes.get(name)
        attributes = {**scope.node, **(known.attributes if known else {}), **found}
        given = tuple(part.strip() for part in attributes.get("class", "").split(",") if part)
        classes = dict.fromkeys((*(known.classes if known else ()), *scope.classes, *given))
        self._nodes[name] = Node(name, attributes, tuple(classes), token.line)
        if attributes.get("shape") in DIALECT_SHAPES:
            self._warn(token, f"shape {attributes['shape']!r} is a dialect")

    def _identifier(self, token: _Token) -> str:
        if token.kind not in ("name", "text", "number"):
            raise self._error(token, "a node was expected")
        name = _text(token)
        if not _BARE.fullmatch(name):
            self._warn(token, f"node id {name!r} is not a bare word")
        if self._peek(":"):
            self._at += 1
            self._warn(self._next("a port"), "ports are ignored")
        return name

    def _block(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._peek("["):
            self._at += 1
            while not self._peek("]"):
                key = self._next("an attribute")
                if key.kind not in ("name", "text"):
                    raise self._error(key, "an attribute was expected")
                value = "true"
                if self._peek("="):
                    self._at += 1
                    value = self._value()
                found[_text(key)] = value
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
        if token.kind not in ("name", "text", "number"):
            raise self._error(token, "a value was expected")
        return _text(token)

    def _next(self, wanted: str) -> _Token:
        if self._at >= len(self._tokens):
            line = self._tokens[-1].line if self._tokens else 1
            raise _broken(self._source, line, f"the file ends where {wanted} was expected")
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

    def _warn(self, token: _Token, message: str) -> None:
        warned = Warned(token.line, message)
        if all(known.message != message for known in self._warnings):
            self._warnings.append(warned)

    def _error(self, token: _Token, why: str) -> InvalidInput:
        return _broken(self._source, token.line, f"{token.value!r} found: {why}")


def class_of(label: str) -> str:
    """Return the class name that a subgraph's label gives its nodes."""
    return re.sub(r"[^a-z0-9-]", "", label.lower().replace(" ", "-"))


def _text(token: _Token) -> str:
    if token.kind != "text":
        return token.value
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), token.value[1:-1], flags=re.DOTALL)


def _broken(source: str, line: int, why: str) -> InvalidInput:
    return InvalidInput(
        "LIN-071",
        f"{source}:{line}: {why}.",
        "a line is one directed graph in DOT.",
        "correct it; `unlit lines lint FILE` checks it.",
    )
