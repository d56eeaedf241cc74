"""A pytest plug-in that notes which operations of which connectors returned from a call.

It writes them to the file named by UNLIT_EXERCISED; `test_exercised.py` compares it with the table.
"""

import functools
import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from unlit.context.changes import NAMES
from unlit.context.registry import CONNECTORS

_SEEN: dict[str, set[str]] = {kind: set() for kind in CONNECTORS}


def _noting(kind: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def noted(connector: object, *given: Any) -> Any:
        found = method(connector, *given)
        _SEEN[kind].add(NAMES[type(given[0])] if name == "apply" else name)
        return found

    return noted


def pytest_configure() -> None:
    for kind, row in CONNECTORS.items():
        module, attribute = row.target.split(":")
        connector = getattr(import_module(module), attribute)
        for name in ("search", "fetch", "comments", "apply"):
            if hasattr(connector, name):
                setattr(connector, name, _noting(kind, name, getattr(connector, name)))


def pytest_sessionfinish() -> None:
    found = {kind: sorted(names) for kind, names in _SEEN.items()}
    Path(os.environ["UNLIT_EXERCISED"]).write_text(json.dumps(found))
