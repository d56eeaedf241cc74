"""The line: what asks you, what runs, what waits, what has ended lately."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from unlit.console.board import (
    GROUPS,
    BoardRow,
    Facts,
    board_rows,
    doing,
    lede,
    progress_of,
)
from unlit.console.pages.cost import day_limit
from unlit.console.queries import Asked, RunRow
from unlit.console.web import Page
from unlit.record.model import RunState
from unlit.review.charts import day_bars, reliability
from unlit.review.tracks import axis_for

_DAYS: Final = 14
_MOST_KEPT: Final = 8
_KEPT_FIGURES: Final[dict[str, tuple[object, dict[str, Any]]]] = {}
LATELY: Final = timedelta(hours=16)
_TITLES: Final = {
    "asks": ("ask", "Ask you"),
    "running": ("run", "Running"),
    "waiting": ("wait", "Waiting"),
    "ended": ("un", "Ended lately"),
}


def board(page: Page) -> Response:
    """Show the board, or its JSON."""
    facts = _facts(page)
    if page.wants_json:
        return page.json({"schema": "unlit.board/1", **_json(facts)})
    return page.render("board.html", **facts, **_figures(page))


def _figures(page: Page) -> dict[str, Any]:
    """Return what stands below the rows: cost per day, and whether forecasts were kept.

    Both are made anew only when the record or the day has changed since the last time.
    """
    today = page.console.clock.now().date()
    mark = (today, *page.queries.mark())
    kept = _KEPT_FIGURES.get(_place(page))
    if kept is not None and kept[0] == mark:
        return kept[1]
    names = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(_DAYS))]
    found = page.queries.days(names[0])
    days = [(name, found.get(name, (None, 0))[0], name in found) for name in names]
    said = [
        (row.middle, row.actual >= 0.5)
        for row in page.queries.settled_forecasts()
        if row.measure == "ship_probability" and row.middle is not None and row.actual is not None
    ]
    found_both = {"cost_chart": day_bars(days, day_limit(page)), "kept_chart": reliability(said)}
    if len(_KEPT_FIGURES) > _MOST_KEPT:
        _KEPT_FIGURES.clear()
    _KEPT_FIGURES[_place(page)] = (mark, found_both)
    return found_both


def _place(page: Page) -> str:
    return str(page.console.store.engine.url)


def board_fragment(page: Page) -> str:
    """Render the rows alone, for the live view."""
    return page.text("board_rows.html", **_facts(page))


def _facts(page: Page) -> dict[str, Any]:
    queries, now = page.queries, page.console.clock.now()
    live = queries.open_runs(60)
    ended = queries.ended_since(now - LATELY)
    if not live and not ended:
        ended = queries.runs(limit=8)
    shown = live + ended
    ids = [run.id for run in shown]
    spans = queries.spans(ids) if ids else {}
    asked: dict[str, list[Asked]] = defaultdict(list)
    waiting = [run.id for run in live if run.state is RunState.WAITING]
    for question in queries.asked(waiting) if waiting else ():
        asked[question.run].append(question)
    running = {run.id: _progress(page, run) for run in live if run.state is RunState.RUNNING}
    facts = Facts(
        spans=spans,
        shares=queries.shares(ids) if ids else {},
        spent=queries.spent(ids) if ids else {},
        asked=asked,
        doing={name: doing(spans.get(name, ()), event) for name, event in running.items()},
        now=now,
        progress={
            name: share
            for name, event in running.items()
            if (share := progress_of(spans.get(name, ()), event)) is not None
        },
    )
    rows = board_rows(shown, facts)
    axis = axis_for([run.created_at for run in shown], now, page.console.zone)
    first, second = lede(rows)
    groups = [
        (*_TITLES[name], [row for row in rows if row.group == name])
        for name in GROUPS
        if any(row.group == name for row in rows)
    ]
    return {
        "groups": groups,
        "axis": axis,
        "zone": page.console.zone,
        "first": first,
        "second": second,
        "total": len(rows),
        "rule": _threshold(page, shown),
        "repository": page.console.place.repository,
    }


def _progress(page: Page, run: RunRow) -> Mapping[str, object] | None:
    event = page.queries.last_event(run.id)
    if event is None or event["kind"] != "trajectory":
        return None
    found = json.loads(event["data"])
    return found if isinstance(found, dict) else None


def _threshold(page: Page, runs: list[RunRow]) -> float | None:
    if not runs:
        return None
    run = page.console.store.run(runs[0].id)
    ship = run.settings.get("ship") if run is not None else None
    value = ship.get("p0") if isinstance(ship, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _json(facts: Mapping[str, Any]) -> dict[str, Any]:
    def plain(row: BoardRow) -> dict[str, Any]:
        last = row.shares[-1] if row.shares else None
        return {
            "run": row.run.id,
            "title": row.run.title,
            "state": row.run.state.value,
            "group": row.group,
            "now": row.now,
            "satisfied": last.satisfied if last else None,
            "trajectories": last.trajectories if last else None,
            "estimate": last.estimate if last else None,
            "lower": last.lower if last else None,
            "upper": last.upper if last else None,
            "usd": None if row.usd is None else str(row.usd),
            "updated_at": row.run.updated_at.isoformat(),
        }

    rows = [row for _, _, found in facts["groups"] for row in found]
    return {"headline": facts["first"], "runs": [plain(row) for row in rows]}
