"""Tiers of routes: how far each was measured, and how alike it was."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from unlit.core.errors import UnlitError
from unlit.twins import registry
from unlit.twins.kit.router import Route

TIERS: Final = ("values", "shape", "status", "hand", "contract", "refused")
WEAKEST_FIRST: Final = ("none", "refused", "contract", "hand", "status", "shape", "values")
MEASURED: Final = frozenset(("status", "shape", "values"))
_GOOD: Final = 0.9


@dataclass(frozen=True, slots=True)
class Tier:
    """One route and what is known of it.

    Attributes:
        tier: ``values``, ``shape`` or ``status`` when at least nine in ten recorded answers agree
            that far; otherwise ``hand`` or ``contract``, by how the route was made.
        measured: Shares measured; `None` where no recording has the route.
    """

    service: str
    op: str
    method: str
    template: str
    tier: str
    measured: Mapping[str, Any] | None


@cache
def measured() -> Mapping[str, Any]:
    """Return the table that was generated last; empty when there is none."""
    place = files("unlit.twins.fidelity").joinpath("tiers.json")
    try:
        found: Mapping[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"source": "", "date": "", "services": {}}
    return found


def tier_of(service: str, route: Route) -> Tier:
    """Return the tier of a route."""
    tier, numbers = _measured(service, route.op, route.tier)
    return Tier(service, route.op, route.method, route.template, tier, numbers)


@cache
def _measured(service: str, op: str, made: str) -> tuple[str, Mapping[str, Any] | None]:
    tables = measured()["services"]
    names = registry.load_twin(service).services
    numbers = next((n for name in names if (n := tables.get(name, {}).get(op))), None)
    tier = made
    for name in ("status", "shape", "values"):
        if numbers and numbers[name] is not None and numbers[name] >= _GOOD:
            tier = name
    return tier, numbers


def tier_of_call(service: str, op: str, made: str) -> tuple[str, Mapping[str, Any] | None]:
    """Return the tier of a route that was called, and what was measured of it.

    Args:
        service: Name the call came in under.
        op: The vendor's operation.
        made: How the route was made: ``hand``, ``contract`` or ``none`` (no such route).

    Returns:
        The tier, and the shares with ``date`` and ``source``; `None` when no recording has it.
    """
    try:
        tier, numbers = _measured(service, op, made)
    except UnlitError:
        return made, None  # a twin of somebody's own, unknown to the table
    if numbers is None:
        return tier, None
    about = measured()
    return tier, {**numbers, "date": about["date"], "source": about["source"]}


def coverage(services: Iterable[str]) -> list[Tier]:
    """Return the tier of every route of services."""
    out = []
    seen = set()
    for service in services:
        twin = registry.load_twin(service)
        for route in twin.router:
            key = (twin.name, route.method, route.template)
            if key not in seen:
                seen.add(key)
                out.append(tier_of(service, route))
    return out
