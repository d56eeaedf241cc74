"""After a deploy: what the metric did, and errors that were not there before."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from unlit.context.ports import Watched
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.record.model import Run, RunEvent
from unlit.record.store import Store
from unlit.ship.rules.effect import SAYS, Effect
from unlit.ship.rules.incidents import Fault, intent_of, name_of

METRIC: Final = "metric"
INCIDENT: Final = "incident"


def reached_users(store: Store, run: RunId) -> tuple[datetime, str]:
    """Return when a change reached users, and its commit: by its last good rollout, else its merge.

    Raises:
        InvalidInput: It was not shipped.
    """
    rows = store.events(run, kinds=("rollout", "state"))
    shipped = [row for row in rows if row.kind == "state" and row.data.get("state") == "shipped"]
    deployed = [row for row in rows if row.kind == "rollout" and row.data.get("ok")]
    best = deployed[-1:] or shipped[-1:]
    if not best:
        raise InvalidInput(
            "SHP-063",
            f"Run {run} has not reached users: it was not shipped.",
            "what is watched is what a change did to them.",
            f"`unlit ship {run}`, or say --since TIME.",
        )
    commit = str(best[0].data.get("commit") or (shipped[-1].data.get("commit") if shipped else ""))
    return best[0].at, commit


def keep_effect(store: Store, clock: Clock, run: RunId, source: str, effect: Effect) -> None:
    """Write down what a metric did; the same look is kept once."""
    now = clock.now()
    event = RunEvent(
        run, f"{METRIC}/{source}/{now.isoformat()}", METRIC, now, "watch",
        text=f"{source}: {effect.verdict} ({SAYS[effect.level]})", data=plain(effect),
    )  # fmt: skip
    store.keep_events([event])


def plain(effect: Effect) -> dict[str, Any]:
    """Return an effect as JSON values."""
    found = asdict(effect)
    found["trend"] = [{**point, "at": point["at"].isoformat()} for point in found["trend"]]
    return {**found, "verdict": effect.verdict, "says": SAYS[effect.level]}


def open_incidents(
    store: Store, clock: Clock, run: Run, source: str, errors: Watched, specs: Path
) -> tuple[Path, ...]:
    """Open an intent for each error that appeared since a run reached users; once for each.

    Args:
        store: The record.
        clock: Says when.
        run: The shipped run.
        source: Name of the source of errors.
        errors: The source.
        specs: Folder of specs; a file that is there is never overwritten.

    Returns:
        The specs that were written.

    Raises:
        InvalidInput: The run was not shipped.
        OutsideFailed: The source does not answer.
    """
    since, commit = reached_users(store, run.id)
    known = {row.key for row in store.events(run.id, kinds=(INCIDENT,))}
    written = []
    for ref in errors.errors_since(since):
        fault = Fault(source, ref.key, "", "")
        if fault.mark in known:
            continue
        item = errors.fetch(ref)
        if item is None:
            continue
        fault = Fault(source, ref.key, item.title, item.body, item.url or "")
        path = specs / f"{name_of(fault)}.md"
        if not path.exists():
            specs.mkdir(parents=True, exist_ok=True)
            path.write_text(intent_of(fault, run, commit, run.person), encoding="utf-8")
            written.append(path)
        data = {"source": source, "key": ref.key, "spec": path.name, "url": fault.url}
        text = f"{source}:{ref.key} appeared after the deploy; opened {path.name}"
        store.keep_events(
            [RunEvent(run.id, fault.mark, INCIDENT, clock.now(), "watch", text=text, data=data)]
        )
    return tuple(written)
