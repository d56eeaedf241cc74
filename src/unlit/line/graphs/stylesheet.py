"""Model stylesheets: which model a node uses. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs.graph import Graph, Node

PROPERTIES: Final = frozenset({"llm_model", "llm_provider", "reasoning_effort"})
_ALSO: Final = {"model": "llm_model", "provider": "llm_provider", "effort": "reasoning_effort"}
_SELECTOR: Final = r"(?:\*|[#.]?[\w-]+)"
_RULE: Final = re.compile(
    rf"\s*(?P<selectors>{_SELECTOR}(?:\s*,\s*{_SELECTOR})*)\s*\{{(?P<body>[^{{}}]*)\}}\s*",
    re.DOTALL,
)
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_PAIR: Final = re.compile(r"\s*(?P<name>[A-Za-z_][\w-]*)\s*[:=]\s*(?P<value>.+?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; a higher specificity wins, among equals the later one."""

    selector: str
    values: Mapping[str, str]

    @property
    def specificity(self) -> int:
        """0 for all, 1 for a shape, 2 for a class, 3 for one node."""
        return {"*": 0, ".": 2, "#": 3}.get(self.selector[0], 1)

    def fits(self, node: Node) -> bool:
        """Whether the rule is for `node`."""
        if self.selector == "*":
            return True
        if self.selector[0] == "#":
            return node.id == self.selector[1:]
        if self.selector[0] == ".":
            return self.selector[1:] in node.classes
        return node.shape == self.selector


def parse_stylesheet(text: str) -> tuple[Rule, ...]:
    """Read a stylesheet.

    Raises:
        InvalidInput: It is not one; names the text that was not understood.
    """
    rules, position = list[Rule](), 0
    text = _COMMENT.sub(" ", text)
    while position < len(text):
        if not text[position:].strip():
            break
        match = _RULE.match(text, position)
        if match is None:
            raise _wrong(text[position : position + 40].strip())
        values = _declarations(match["body"])
        rules += [Rule(selector.strip(), values) for selector in match["selectors"].split(",")]
        position = match.end()
    return tuple(rules)


def styled(graph: Graph) -> Graph:
    """Return the graph with models set on nodes that do not name their own.

    Raises:
        InvalidInput: The stylesheet cannot be read.
    """
    rules = parse_stylesheet(graph.attributes.get("model_stylesheet", ""))
    if not rules:
        return graph
    nodes = {}
    for name, node in graph.nodes.items():
        given: dict[str, str] = {}
        for rule in sorted(rules, key=lambda rule: rule.specificity):
            if rule.fits(node):
                given.update(rule.values)
        nodes[name] = replace(node, attributes={**given, **node.attributes})
    return replace(graph, nodes=nodes)


def _declarations(body: str) -> Mapping[str, str]:
    values = {}
    for declaration in body.split(";"):
        if not declaration.strip():
            continue
        pair = _PAIR.fullmatch(declaration)
        if pair is None:
            raise _wrong(declaration.strip())
        name = _ALSO.get(pair["name"], pair["name"])
        if name not in PROPERTIES:
            raise _wrong(declaration.strip())
        values[name] = pair["value"].strip("\"'")
    return values


def _wrong(text: str) -> InvalidInput:
    return InvalidInput(
        "LIN-073",
        f"The model stylesheet is not understood at {text!r}.",
        f"a rule is `SELECTOR {{ PROPERTY: VALUE; }}` with {', '.join(sorted(PROPERTIES))}.",
        "correct the attribute model_stylesheet.",
    )
