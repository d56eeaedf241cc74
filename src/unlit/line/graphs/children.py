"""The child lines of a line: found beside it, read once, kept with the run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.graph import Graph
from unlit.line.graphs.lint import errors
from unlit.line.graphs.manager import beside, child_of

FILE: Final = "children.json"
"""Where a run keeps the texts of its children, beside its line."""

MOST: Final = 50


def children_of(graph: Graph, folder: Path) -> Mapping[str, str]:
    """Return the texts of all lines that managers of a line name, by their path from its folder.

    Raises:
        InvalidInput: One cannot be read, has an error, or there are too many.
    """
    found: dict[str, str] = {}
    waiting = _named(graph, "")
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        if len(found) >= MOST:
            raise _bad(key, f"more than {MOST} child lines")
        try:
            found[key] = (folder / key).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(key, str(error)) from error
        child = parse_dot(found[key], key)
        wrong = errors(child)
        if wrong:
            raise _bad(key, f"{wrong[0].message} (line {wrong[0].line})")
        waiting += _named(child, key)
    return found


def read_children(path: Path) -> Mapping[str, str]:
    """Return the texts that a run keeps; none when it has no file of them."""
    if not path.is_file():
        return {}
    return {str(k): str(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}


def _named(graph: Graph, key: str) -> list[str]:
    managers = [node for node in graph.nodes.values() if node.type == "stack.manager_loop"]
    named = {child_of(graph, node) for node in managers}
    return [beside(key, name) for name in sorted(named) if name]


def _bad(key: str, why: str) -> InvalidInput:
    return InvalidInput(
        "LIN-085",
        f"The child line {key} cannot be executed: {why}.",
        "a manager's `stack.child_dotfile` is read before the run begins, with all it needs.",
        f"correct it; `unlit lines lint {key}` shows all.",
    )
