"""`unlit cost`: what was spent, by whom, on what; limits and gauges."""

import json
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import cyclopts

from unlit.cli.run import repository_of
from unlit.wiring.finding import find_repository

if TYPE_CHECKING:
    from unlit.record.model import Cost
    from unlit.record.quick import QuickReads
    from unlit.record.store import Store

app = cyclopts.App(name="cost", help="What was spent: by run, stage, agent, person, day, model.")

GROUPS: Final = ("run", "stage", "candidate", "agent", "person", "day", "model", "criterion")
ENGINEER_DAY_USD: Final = Decimal(1000)
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


@app.default
def cost(
    run: str | None = None,
    *,
    by: str = "run",
    day: str | None = None,
    person: str | None = None,
    repository: Path | None = None,
    as_json: Json = False,
) -> int:
    """Show what model calls cost. An unknown price is counted as unknown, never as zero.

    By criterion, a candidate's calls are shared equally among the criteria that were open when it
    was made: all of them for the first, those the last validation found not met for a later one.

    Args:
        run: Only this run: its id, the start of it, or `last`.
        by: One of run, stage, candidate, agent, person, day, model, criterion.
        day: Only this day, YYYY-MM-DD in UTC.
        person: Only runs of this person.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    if by not in GROUPS:
        from unlit.core.errors import UsageError

        raise UsageError(
            "LIN-091",
            f"Costs are not grouped by {by!r}.",
            "each cost has a run, a stage, a candidate, an agent, a person, a day and a model.",
            f"use one of: {', '.join(GROUPS)}.",
        )
    if day is not None:
        _refuse_no_day(day)
    store = _store(repository, run)
    chosen = None if run is None else store.find_run(run).id
    rows = store.costs(run=chosen, day=day, person=person)
    groups: dict[str, list[Cost]] = defaultdict(list)
    for row in _shared(store, rows) if by == "criterion" else rows:
        groups[str(getattr(row, by) or "-")].append(row)
    shown = [_sum(name, found) for name, found in sorted(groups.items())]
    gauge = _gauge(store, rows)
    if as_json:
        plain = {"schema": "unlit.cost/1", "by": by, "rows": shown, "total": _sum("", rows)}
        sys.stdout.write(json.dumps({**plain, **gauge}, default=str) + "\n")
        return 0
    for entry in (*shown, _sum("total", rows)):
        many = entry["unknown_calls"]
        unknown = f"  + {many} at unknown prices" if many else ""
        calls = f"{entry['calls']:>5} calls"
        tokens = f"{entry['input_tokens']:>9} in {entry['output_tokens']:>8} out"
        sys.stdout.write(f"{entry['name'][:28]:28} ${entry['usd']:>10} {calls} {tokens}{unknown}\n")
    _say_gauge(gauge)
    return 0


def _shared(store: "QuickReads | Store", rows: "tuple[Cost, ...]") -> "tuple[Cost, ...]":
    from unlit.line.rules.shares import by_criterion

    runs = sorted({row.run for row in rows})
    evaluations = [found for run in runs for found in store.evaluations(run)]
    return by_criterion(rows, evaluations, {run: store.criteria(run) for run in runs})


def _sum(name: str, rows: "list[Cost] | tuple[Cost, ...]") -> dict[str, Any]:
    known = sum((row.usd for row in rows if row.usd is not None), Decimal(0))
    return {
        "name": name,
        "usd": str(known.quantize(Decimal("0.0001"))),
        "unknown_calls": sum(row.calls for row in rows if row.usd is None),
        "calls": sum(row.calls for row in rows),
        "input_tokens": sum(row.input_tokens for row in rows),
        "output_tokens": sum(row.output_tokens for row in rows),
        "cache_read_tokens": sum(row.cache_read_tokens for row in rows),
    }


def _gauge(store: "QuickReads | Store", rows: "tuple[Cost, ...]") -> dict[str, Any]:
    from unlit.record.model import RunState

    days: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        days[(row.person, row.day)] += row.usd or Decimal(0)
    shipped = len(store.runs(limit=100_000, states=(RunState.SHIPPED,)))
    total = sum(days.values(), Decimal(0))
    each = (total / shipped).quantize(Decimal("0.01")) if shipped else None
    share = total / (ENGINEER_DAY_USD * len(days)) if days else Decimal(0)
    return {
        "engineer_days": len(days),
        "share_of_1000_usd_per_engineer_day": f"{share:.4f}",
        "shipped_runs": shipped,
        "usd_per_shipped_run": None if each is None else str(each),
    }


def _say_gauge(gauge: dict[str, Any]) -> None:
    share = Decimal(gauge["share_of_1000_usd_per_engineer_day"])
    filled = min(20, int(share * 20))
    bar = "█" * filled + "·" * (20 - filled)
    sys.stdout.write(
        f"\n$1,000 an engineer a day: {bar} {share:.1%} used over {gauge['engineer_days']} "
        "engineer-days (a gauge, read both ways; limits are in [budget])\n"
    )
    each = gauge["usd_per_shipped_run"]
    said = f"${each}" if each is not None else "not known: nothing has shipped"
    sys.stdout.write(f"cost of an accepted outcome, failed runs included: {said}\n")


def _store(repository: Path | None, run: str | None) -> "QuickReads | Store":
    from unlit.record.quick import QuickReads
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    url = settings.text("database_url")
    if url is not None:
        from unlit.record.store import Store

        return Store.open(url)
    folder = repository_of(repository, run) if run else find_repository(repository or Path())
    return QuickReads(state_paths(settings, folder).database)


def _refuse_no_day(day: str) -> None:
    from datetime import date

    from unlit.core.errors import UsageError

    try:
        if date.fromisoformat(day).isoformat() == day:
            return
    except ValueError:
        pass
    raise UsageError(
        "LIN-094",
        f"{day!r} is not a day.",
        "costs are kept by day, in UTC.",
        "write it as YYYY-MM-DD, such as 2026-11-26.",
    )
