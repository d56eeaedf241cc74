"""Runs inside the product's fence: calls a library's public functions as their hints allow.

Standard library and Hypothesis only; it is written into the fence and started there by the
product's own Python. What it prints could be forged by the library; at best that hides a veto.
"""

import copy
import importlib
import inspect
import io
import json
import os
import pathlib
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from types import ModuleType
from typing import Any

EXAMPLES = 40
FUNCTIONS = 40
DEFECTS = (
    AttributeError, IndexError, KeyError, NameError, RecursionError, AssertionError,
    ZeroDivisionError, UnicodeError, SystemExit, MemoryError, OverflowError,
)  # fmt: skip
NOT_PRODUCT = {"tests", "test", "docs", "setup", "conftest", "noxfile", "build", "dist"}


def packages(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield folder and name of each importable top-level package or module."""
    for folder in (root / "src", root):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            name = path.stem
            is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
            if is_module and name.isidentifier() and name not in NOT_PRODUCT and name[0] != "_":
                yield str(folder), name


def functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions of a module that its own package defines."""
    names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
    for name in names:
        found = getattr(module, name, None)
        own = str(getattr(found, "__module__", "")).partition(".")[0] == module.__name__
        if inspect.isfunction(found) and own and not inspect.iscoroutinefunction(found):
            yield name, found


def documented(function: Callable[..., Any], error: BaseException) -> bool:
    """Say whether a function's own words name the error, or its package defines it."""
    words = function.__doc__ or ""
    own = function.__module__.partition(".")[0]
    kinds = [kind for kind in type(error).__mro__ if kind not in (Exception, BaseException, object)]
    return any(kind.__name__ in words or kind.__module__.partition(".")[0] == own for kind in kinds)


def try_function(name: str, function: Callable[..., Any]) -> dict[str, Any] | None:
    """Call one function with many values; return what is wrong, or None."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    hints = typing.get_type_hints(function)
    parameters = [
        p for p in inspect.signature(function).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]  # fmt: skip
    if any(p.name not in hints and p.default is p.empty for p in parameters):
        return None
    made = {p.name: st.from_type(hints[p.name]) for p in parameters if p.name in hints}
    wrong: dict[str, Any] = {}

    def call(**values: Any) -> None:
        before = copy.deepcopy(values)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                function(**values)
        except BaseException as error:  # whatever it raises is what we look at
            if isinstance(error, KeyboardInterrupt):
                raise
            if not documented(function, error):
                rule = "defect" if isinstance(error, DEFECTS) else "undocumented-error"
                if wrong.get("rule") != "defect":
                    wrong.update(rule=rule, error=type(error).__name__)
        else:
            if values != before and before == before:  # NaN is not itself
                wrong.setdefault("rule", "mutates-argument")

    options = settings(
        max_examples=EXAMPLES, database=None, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    if made:
        options(given(**made)(call))()
    else:
        call()
    return {"function": f"{function.__module__}.{name}", **wrong} if wrong else None


def probe(root: pathlib.Path) -> dict[str, Any]:
    """Import each package and try its functions."""
    report: dict[str, Any] = {"tried": 0, "found": [], "packages": [], "passed_over": []}
    try:
        importlib.import_module("hypothesis")
    except ImportError as error:
        return {"no_tool": str(error)}
    for folder, name in packages(root):
        sys.path.insert(0, folder)
        before, spoken = threading.active_count(), io.StringIO()
        try:
            with redirect_stdout(spoken), redirect_stderr(spoken):
                module = importlib.import_module(name)
        except BaseException as error:  # a package that cannot be imported is said so
            report["found"].append({"function": name, "rule": "no-import",
                                    "error": type(error).__name__})  # fmt: skip
            continue
        report["packages"].append(name)
        if spoken.getvalue() or threading.active_count() > before:
            report["found"].append({"function": name, "rule": "work-at-import"})
        for public, function in list(functions(module))[:FUNCTIONS]:
            try:
                found = try_function(public, function)
            except Exception as error:  # hints that Hypothesis cannot fill say nothing
                report["passed_over"].append(f"{name}.{public}: {type(error).__name__}: {error}")
                continue
            report["tried"] += 1
            if found is not None:
                report["found"].append(found)
    return report


def main() -> None:
    """Print the report as the last line; what the library prints does not get in between."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    report = probe(pathlib.Path.cwd())
    out.write("\n" + json.dumps(report) + "\n")
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
