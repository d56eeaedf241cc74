"""Answer a human gate of a graph line; imports no engine, so that it is quick."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.line.graphs.children import FILE as CHILDREN
from unlit.line.graphs.children import read_children
from unlit.line.graphs.choices import Choice, choices_of, chosen
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.graph import Graph
from unlit.line.graphs.manager import beside, child_of
from unlit.record.model import GateDecision, Run, RunState
from unlit.record.store import Store

FILE: Final = "line.dot"
NOTE: Final = "waits for an answer at "
_GATE: Final = re.compile(rf"{NOTE}(?P<name>[^:]+):")


@dataclass(frozen=True, slots=True)
class Gate:
    """The human gate at which a run waits; `name` says which time, from the second on."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    graph: Graph

    @property
    def node(self) -> str:
        """The gate's node, in its own line."""
        return _steps(self.name)[-1]


def waiting_gate(run: Run) -> Gate:
    """Return the human gate at which a run waits.

    Raises:
        InvalidInput: It waits at none.
    """
    found = _GATE.match(run.note)
    path = Path(run.workspace) / FILE
    if not path.is_file():
        path = Path(run.workspace).parent / FILE
    if found is None or run.state is not RunState.WAITING or not path.is_file():
        raise InvalidInput(
            "LIN-079",
            f"Run {run.id} waits at no human gate of its line.",
            f"it is {run.state.value}{': ' + run.note if run.note else ''}.",
            "`unlit show RUN` says where it stands; `unlit approve RUN` is for its outcome.",
        )
    name = found["name"]
    graph = _graph_of(path, name)
    node = _steps(name)[-1]
    return Gate(name, graph.nodes[node].label, choices_of(graph, node), graph)


def _steps(name: str) -> list[str]:
    """Cut a gate's name into the managers above it and its node, without how often."""
    return [part.partition("#")[0] for part in name.split("~")]


def _graph_of(path: Path, name: str) -> Graph:
    """Return the line that a gate stands in: the run's, or a child of it."""
    graph, key = parse_dot(path.read_text(encoding="utf-8"), FILE), ""
    texts = read_children(path.with_name(CHILDREN))
    for manager in _steps(name)[:-1]:
        key = beside(key, child_of(graph, graph.nodes[manager]))
        graph = parse_dot(texts[key], key)
    return graph


def answer_gate(store: Store, clock: Clock, run: Run, said: tuple[str, str, str]) -> Choice:
    """Write down an answer: what is chosen, by whom and why. The first one stands.

    Raises:
        InvalidInput: The gate has no such answer, or the run waits at none.
    """
    choice, person, reason = said
    gate = waiting_gate(run)
    taken = chosen(gate.graph, gate.node, choice)
    if taken is None:
        known = ", ".join(f"[{one.key}] {one.label}" for one in gate.choices) or "none"
        raise InvalidInput(
            "LIN-080",
            f"{gate.name} has no answer {choice!r}.",
            f"its answers are: {known}.",
            f"`unlit lines answer {run.id}` shows them.",
        )
    kept = GateDecision(run.id, gate.name, taken.label, person, reason, clock.now())
    stands = store.decide_gate(kept)
    again = chosen(gate.graph, gate.node, stands.decision)
    return again or taken
