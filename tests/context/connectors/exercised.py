"""A pytest plug-in that notes which operations of which connectors returned from a call.

It writes them to the file named by UNLIT_EXERCISED; `test_exercised.py` compares it with the table.
"""

import functools
import inspect
import json
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from unlit.context.changes import NAMES
from unlit.context.registry import CONNECTORS, READS

_SEEN: dict[str, set[str]] = {kind: set() for kind in CONNECTORS}


def _noting(kind: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def noted(connector: object, *given: Any) -> Any:
        found = method(connector, *given)
        operation = NAMES[type(given[0])] if name == "apply" else name
        if inspect.isgenerator(found):
            return _read(kind, operation, found)
        _SEEN[kind].add(operation)
        return found

    return noted


def _read(kind: str, operation: str, found: Iterator[Any]) -> Iterator[Any]:
    """Note a list when something of it was read: an empty one shows nothing."""
    for one in found:
        _SEEN[kind].add(operation)
        yield one


def pytest_configure() -> None:
    for kind, row in CONNECTORS.items():
        module, attribute = row.target.split(":")
        connector = getattr(import_module(module), attribute)
        for name in ("search", "fetch", *READS, "apply"):
            if hasattr(connector, name):
                setattr(connector, name, _noting(kind, name, getattr(connector, name)))


def pytest_sessionfinish() -> None:
    found = {kind: sorted(names) for kind, names in _SEEN.items()}
    Path(os.environ["UNLIT_EXERCISED"]).write_text(json.dumps(found))
