"""How functions are registered: over single values, over whole arguments, or over nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.services.google.sheets.formula.model import Value, fail


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    Attributes:
        make: What it does.
        kind: ``scalar`` (lifted over tables in array formulas), ``whole`` (sees tables), ``lazy``
            (sees the evaluator and the nodes).
        fewest: Arguments needed.
        most: Arguments allowed.
    """

    make: Callable[..., Any]
    kind: str
    fewest: int
    most: int


FUNCTIONS: Final[dict[str, Function]] = {}


def _register(
    kind: str, names: str, fewest: int, most: int
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(make: Callable[..., Any]) -> Callable[..., Any]:
        for name in names.split():
            FUNCTIONS[name] = Function(make, kind, fewest, most)
        return make

    return add


def scalar(
    names: str, fewest: int = 1, most: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function of single values."""
    return _register("scalar", names, fewest, fewest if most is None else most)


def whole(
    names: str, fewest: int = 1, most: int = 255
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that sees tables."""
    return _register("whole", names, fewest, most)


def lazy(
    names: str, fewest: int = 0, most: int = 255
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that decides which arguments are evaluated."""
    return _register("lazy", names, fewest, most)


def check(name: str, function: Function, count: int) -> None:
    """Raise ``#N/A`` when the number of arguments does not fit."""
    if function.fewest <= count <= function.most:
        return
    wanted = str(function.fewest)
    if function.most != function.fewest:
        wanted = f"between {function.fewest} and {function.most}"
    raise fail(
        "N_A",
        f"Wrong number of arguments to {name}. Expected {wanted} arguments, but got {count} "
        "arguments.",
    )


__all__ = ["FUNCTIONS", "Function", "Value", "check", "lazy", "scalar", "whole"]
