"""Whether forecasts, gates and the line itself keep what they say; only from the record."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from starlette.responses import Response

from unlit.console.delivery import WINDOW, delivery
from unlit.console.looking_back import RUNS, diversity, gate_lines
from unlit.console.web import Page
from unlit.core.errors import UnlitError
from unlit.evaluation.cards import judge_cards
from unlit.evaluation.rules.intervals import clopper_pearson
from unlit.record.model import Forecast, RunState
from unlit.review.charts import reliability
from unlit.review.service import level_for

_WATCHED: Final = 500
_LEVELS: Final = 3
_THROUGH: Final = (RunState.SHIPPED, RunState.WAITING, RunState.ENDED, RunState.REJECTED)


def calibration(page: Page) -> Response:
    """Show forecasts against actuals, what gates led to, delivery, and the level of the line."""
    forecasts = page.queries.settled_forecasts()
    chances = [
        (row.middle, row.actual >= 0.5)
        for row in forecasts
        if row.measure == "ship_probability" and row.middle is not None and row.actual is not None
    ]
    levels = [
        (row, level_for(page.console.store, row))
        for row in page.console.store.runs(limit=_LEVELS, states=_THROUGH)
    ]
    now = page.console.clock.now()
    shipped = page.queries.shipments(now - WINDOW)
    happened = page.queries.happenings(one.run for one in shipped[:_WATCHED])
    found, agents = diversity(page.queries, str(page.console.store.engine.url))
    return page.render(
        "calibration.html",
        chart=reliability(chances),
        chances=len(chances),
        kept=kept(forecasts),
        hindsight=[row for row in forecasts if row.hindsight is not None][:20],
        gates=gate_lines(page.queries, happened),
        **_spots(page.queries.spot_checks()),
        delivery=delivery(shipped, happened, now),
        levels=levels,
        judges=judges_of(page.console.place.vault),
        diverse=found,
        agents=agents,
        newest=RUNS,
    )


def _spots(answers: Mapping[str, int]) -> dict[str, Any]:
    """Return the answers to spot checks, and how often people disagreed, with its interval."""
    against, judged = answers.get("no", 0), answers.get("no", 0) + answers.get("yes", 0)
    between = clopper_pearson(against, judged) if judged else None
    return {"spots": answers, "disagreed": against, "judged": judged, "between": between}


def judges_of(vault: Path | None) -> list[dict[str, Any]]:
    """Return the cards of the vault's judges; none where there are no labels to read."""
    if vault is None:
        return []
    try:
        return judge_cards(vault)
    except (UnlitError, OSError):
        return []


def kept(forecasts: list[Forecast]) -> list[dict[str, Any]]:
    """Return, by measure and source, how often the 10 to 90 % range held what came."""
    groups: dict[tuple[str, str], list[Forecast]] = {}
    for row in forecasts:
        if row.low is not None and row.high is not None and row.actual is not None:
            groups.setdefault((row.measure, row.source), []).append(row)
    found = []
    for (measure, source), rows in sorted(groups.items()):
        inside = sum((row.low or 0.0) <= (row.actual or 0.0) <= (row.high or 0.0) for row in rows)
        ratios = [row.actual / row.middle for row in rows if row.middle and row.actual is not None]
        found.append(
            {
                "measure": measure,
                "source": source,
                "n": len(rows),
                "inside": inside,
                "ratio": median(ratios) if ratios else None,
            }
        )
    return found
