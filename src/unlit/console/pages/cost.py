"""What it costs: per day, by model, by person, and the dearest runs."""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from starlette.responses import Response

from unlit.console.web import Page
from unlit.review.charts import day_bars, gauge

_DAYS: Final = 14
USUAL_LIMIT: Final = Decimal(1000)
"""What a day may cost where `unlit.toml` names no limit, to compare with; it stops nothing."""


def cost(page: Page) -> Response:
    """Show the last fourteen days, or their JSON."""
    today = page.console.clock.now().date()
    names = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(_DAYS))]
    found = page.queries.days(names[0])
    days = [(name, found.get(name, (None, 0))[0], name in found) for name in names]
    parts = page.queries.cost_parts(names[0])
    total = sum((usd for _, usd, _ in days if usd is not None), Decimal(0))
    unpriced = sum(unknown for _, unknown in found.values())
    if page.wants_json:
        plain = {name: None if name not in found else _text(found[name][0]) for name in names}
        return page.json({"schema": "unlit.cost/1", "days": plain, "unpriced_calls": unpriced})
    now = page.console.clock.now()
    limit = day_limit(page)
    elapsed = (now.hour * 3600 + now.minute * 60 + now.second) / 86_400
    spent = found[names[-1]][0] if names[-1] in found else None
    return page.render(
        "cost.html",
        gauge=gauge(spent, limit or USUAL_LIMIT, elapsed),
        spent=spent,
        limit=limit or USUAL_LIMIT,
        is_set=limit is not None,
        is_recorded=names[-1] in found,
        chart=day_bars(days, limit),
        days=days,
        total=total,
        unpriced=unpriced,
        parts=parts,
        any=bool(found),
        today=found.get(names[-1]),
    )


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def day_limit(page: Page) -> Decimal | None:
    """Return the day's budget of unlit.toml, if it names one."""
    path = page.console.place.repository / "unlit.toml"
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        budget = found.get("budget")
        value = budget.get("day_usd") if isinstance(budget, Mapping) else None
        return None if value is None else Decimal(str(value))
    except (OSError, ValueError, InvalidOperation):
        return None
