"""The table of tiers: made from a replay, kept in ``tiers.json``."""

from collections.abc import Iterable
from typing import Any

from unlit.twins.fidelity.replay import Graded, Score, by_route, score
from unlit.twins.measured import (
    MEASURED,
    TIERS,
    WEAKEST_FIRST,
    Tier,
    coverage,
    measured,
    tier_of,
    tier_of_call,
)


def table(rows: Iterable[Graded], source: str, date: str) -> dict[str, Any]:
    """Return what was measured on earned interactions, by service and route, to be stored."""
    earned = [row for row in rows if not row.given]
    routes: dict[str, dict[str, Any]] = {}
    for (service, route), group in by_route(earned).items():
        routes.setdefault(service, {})[route] = _numbers(score(group))
    return {"schema": "unlit.twins.tiers/1", "source": source, "date": date, "services": routes}


def _numbers(found: Score) -> dict[str, Any]:
    def rounded(share: float | None) -> float | None:
        return None if share is None else round(share, 3)

    return {
        "n": found.n, "status": rounded(found.status), "error": rounded(found.error),
        "shape": rounded(found.at_least), "exact": rounded(found.exact),
        "values": rounded(found.values),
    }  # fmt: skip


__all__ = [
    "MEASURED",
    "TIERS",
    "WEAKEST_FIRST",
    "Tier",
    "coverage",
    "measured",
    "table",
    "tier_of",
    "tier_of_call",
]
