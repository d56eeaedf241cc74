"""Answers at a human gate: one for each edge that leaves it. Pure."""

from dataclasses import dataclass

from unlit.line.graphs.graph import Graph
from unlit.line.graphs.routing import accelerator, normal_label, plain_label


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: its key, its label without the key, and where it leads."""

    key: str
    label: str
    target: str


def choices_of(graph: Graph, node: str) -> tuple[Choice, ...]:
    """Return the answers of a human gate in the order written."""
    return tuple(
        Choice(accelerator(text), plain_label(text), edge.target)
        for edge in graph.outgoing(node)
        for text in (edge.label or edge.target,)
    )


def chosen(graph: Graph, node: str, said: str) -> Choice | None:
    """Return the answer that a person means: by label, by key, or by where it leads."""
    found = choices_of(graph, node)
    word = normal_label(said) or said.strip().lower()
    key = said.strip().strip("[]").lower()
    ways = (
        [choice for choice in found if choice.label.lower() == word],
        [choice for choice in found if choice.key.lower() == key],
        [choice for choice in found if choice.target.lower() == key],
    )
    return next((fitting[0] for fitting in ways if fitting), None)
