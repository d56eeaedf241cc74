"""Segment-trie router: literals before parameters, verbs after a colon, a rest at the end.

Templates: ``/api/v1/users/{userId}``, ``/v4/spreadsheets/{id}/values/{range}:append``,
``/files/{path+}`` (the rest, one or more segments).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from unlit.twins.kit.http import Reply
    from unlit.twins.kit.twin import Exchange

Handler = Callable[["Exchange"], "Reply"]
_PARAM = re.compile(r"^([^{]*)\{([^}+]+)(\+?)\}(.*)$")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the vendor.

    Attributes:
        op: The vendor's operation name, unique in a twin: ``chat.postMessage``.
        tier: ``hand`` (behaviour written by hand), ``contract`` (shaped by the contract).
        open: Answers without a credential.
        scopes: Any one of these is enough; empty means none needed.
        extra: What the twin keeps beside it (contract schema, rate tier …).
    """

    method: str
    template: str
    handler: Handler
    op: str
    tier: str = "hand"
    open: bool = False
    scopes: tuple[str, ...] = ()
    extra: Any = None


@dataclass(frozen=True, slots=True)
class Match:
    """A found route and the values of its parameters, percent-decoded."""

    route: Route
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nothing found; `allowed` lists the methods that the path knows."""

    allowed: tuple[str, ...] = ()


class _Node:
    __slots__ = ("literal", "params", "rest", "routes")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.params: list[tuple[str, str, _Node]] = []  # prefix, suffix, node; longest first
        self.rest: dict[str, tuple[Route, tuple[str, ...]]] = {}
        self.routes: dict[str, tuple[Route, tuple[str, ...]]] = {}


class Router:
    """Routes of one twin."""

    def __init__(self, routes: tuple[Route, ...] = ()) -> None:
        self._root = _Node()
        self._all: dict[tuple[str, str], Route] = {}
        self._exact: dict[tuple[str, str], Match] = {}
        for route in routes:
            self.add(route)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def add(self, route: Route, *, replace: bool = True) -> None:
        """Add a route; parameters of another name at the same place share it.

        Args:
            route: What to add.
            replace: Replace an equal route; otherwise keep what is there.
        """
        node, names, rest = self._root, [], False
        for segment in route.template.strip("/").split("/"):
            found = _PARAM.match(segment)
            if found is None:
                node = node.literal.setdefault(segment, _Node())
                continue
            names.append(found[2])
            if found[3]:
                rest = True
                break
            node = _child(node, found[1], found[4])
        table = node.rest if rest else node.routes
        if route.method in table and not replace:
            return
        if route.method in table:
            old = table[route.method][0]
            self._all.pop((old.method, old.template), None)
        table[route.method] = (route, tuple(names))
        self._all[(route.method, route.template)] = route
        if "{" not in route.template:
            self._exact[(route.method, route.template)] = Match(route, {})

    def match(self, method: str, raw_path: str) -> Match | NoMatch:
        """Find the route of a request path (percent-encoded)."""
        exact = self._exact.get((method, raw_path))
        if exact is not None:
            return exact
        segments = raw_path.strip("/").split("/")
        allowed: list[str] = []
        found = _find(self._root, segments, 0, method, [], allowed)
        if found is None:
            return NoMatch(tuple(dict.fromkeys(allowed)))
        route, names, values = found
        return Match(route, {n: unquote(v) for n, v in zip(names, values, strict=False)})


def _child(node: _Node, prefix: str, suffix: str) -> _Node:
    for have_prefix, have_suffix, child in node.params:
        if (have_prefix, have_suffix) == (prefix, suffix):
            return child
    child = _Node()
    node.params.append((prefix, suffix, child))
    node.params.sort(key=lambda item: -len(item[0]) - len(item[1]))
    return child


def _find(
    node: _Node, segments: list[str], at: int, method: str, values: list[str], allowed: list[str]
) -> tuple[Route, tuple[str, ...], list[str]] | None:
    if at == len(segments):
        hit = node.routes.get(method)
        if hit is not None:
            return hit[0], hit[1], values
        allowed.extend(node.routes)
        return None
    segment = segments[at]
    literal = node.literal.get(segment)
    if literal is not None:
        found = _find(literal, segments, at + 1, method, values, allowed)
        if found is not None:
            return found
    for prefix, suffix, child in node.params:
        value = _inner(segment, prefix, suffix)
        if value:
            found = _find(child, segments, at + 1, method, [*values, value], allowed)
            if found is not None:
                return found
    hit = node.rest.get(method)
    if hit is not None:
        return hit[0], hit[1], [*values, "/".join(segments[at:])]
    allowed.extend(node.rest)
    return None


def _inner(segment: str, prefix: str, suffix: str) -> str:
    if not prefix and not suffix:
        return segment
    if suffix.startswith(":"):
        segment = segment.replace("%3A", ":").replace("%3a", ":")
    if segment.startswith(prefix) and segment.endswith(suffix):
        return segment[len(prefix) : len(segment) - len(suffix)]
    return ""
