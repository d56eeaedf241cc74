"""What gates led to, and how far agents fail alike; read for the calibration page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Integer, cast, func, select

from unlit.console.delivery import Happening
from unlit.console.queries import Queries
from unlit.core.states import TrajectoryState
from unlit.evaluation.rules.diversity import Diversity, Sample, measure
from unlit.record import schema
from unlit.record.model import RunState

GATES: Final = ("intent", "outcome", "ship")
RUNS: Final = 200
_REJECTED: Final = 2000
_kept: dict[str, tuple[tuple[int, str], Diversity | None, tuple[str, ...]]] = {}


@dataclass(frozen=True, slots=True)
class GateLine:
    """What became of the decisions of one kind at one gate.

    Attributes:
        now: States of their runs now, with how many, the most first.
        reported: Runs whose fate a deploy or a watch reported lately.
        failed: Those of them that failed afterwards.
        came_back: Rejections whose spec shipped later with another run; `None` for approvals.
    """

    gate: str
    decision: str
    runs: int
    now: Sequence[tuple[str, int]] = field(default_factory=tuple)
    reported: int = 0
    failed: int = 0
    came_back: int | None = None


def gate_lines(queries: Queries, happened: Sequence[Happening]) -> list[GateLine]:
    """Return, for each gate and decision, where the runs are now and what happened to them."""
    gate, run = schema.gate_decisions, schema.runs
    query = (
        select(gate.c.gate, gate.c.decision, run.c.state, func.count().label("n"))
        .join(run, run.c.id == gate.c.run)
        .where(gate.c.gate.in_(GATES))
        .group_by(gate.c.gate, gate.c.decision, run.c.state)
    )
    states: dict[tuple[str, str], dict[str, int]] = {}
    for row in queries.read(query):
        states.setdefault((row["gate"], row["decision"]), {})[row["state"]] = row["n"]
    bad = {one.run for one in happened if not one.ok}
    seen = {one.run for one in happened}
    fates = _fates(queries, seen)
    back = _came_back(queries) if any(key[1] == "rejected" for key in states) else {}
    order = {name: place for place, name in enumerate(GATES)}
    return [
        GateLine(
            name,
            decision,
            sum(found.values()),
            tuple(sorted(found.items(), key=lambda pair: -pair[1])),
            len(fates.get((name, decision), set())),
            len(fates.get((name, decision), set()) & bad),
            back.get(name, 0) if decision == "rejected" else None,
        )
        for (name, decision), found in sorted(
            states.items(), key=lambda item: (order[item[0][0]], item[0][1])
        )
    ]


def _fates(queries: Queries, seen: set[str]) -> Mapping[tuple[str, str], set[str]]:
    table = schema.gate_decisions
    query = select(table.c.gate, table.c.decision, table.c.run).where(
        table.c.run.in_(sorted(seen)), table.c.gate.in_(GATES)
    )
    found: dict[tuple[str, str], set[str]] = {}
    for row in queries.read(query) if seen else ():
        found.setdefault((row["gate"], row["decision"]), set()).add(row["run"])
    return found


def _came_back(queries: Queries) -> Mapping[str, int]:
    """Return by gate how many rejections were followed by a shipped run of the same spec."""
    gate, run = schema.gate_decisions, schema.runs
    shipped = _shipped(queries)
    query = (
        select(gate.c.gate, gate.c.at, run.c.spec_id)
        .join(run, run.c.id == gate.c.run)
        .where(gate.c.decision == "rejected", gate.c.gate.in_(GATES))
        .order_by(gate.c.at.desc())
        .limit(_REJECTED)
    )
    found: dict[str, int] = {}
    for row in queries.read(query):
        if shipped.get(row["spec_id"], "") > row["at"]:
            found[row["gate"]] = found.get(row["gate"], 0) + 1
    return found


def _shipped(queries: Queries) -> Mapping[str, str]:
    """Return by spec when a run of it was shipped last.

    By the event of its shipping: a run is touched later too, when it is deployed anew or watched.
    A record without that event has only the run's own time.
    """
    run, event = schema.runs, schema.events
    told = (
        select(event.c.run, func.max(event.c.at).label("at"))
        .where(event.c.kind == "state", event.c.key.startswith("state/shipped"))
        .group_by(event.c.run)
        .subquery()
    )
    at = func.max(func.coalesce(told.c.at, run.c.updated_at)).label("at")
    query = (
        select(run.c.spec_id, at)
        .outerjoin(told, told.c.run == run.c.id)
        .where(run.c.state == RunState.SHIPPED.value)
        .group_by(run.c.spec_id)
    )
    return {row["spec_id"]: row["at"] for row in queries.read(query)}


def diversity(queries: Queries, place: str) -> tuple[Diversity | None, tuple[str, ...]]:
    """Measure how far agents fail alike on first candidates; with it, the agents there are.

    Made anew only when the record has changed. Of the newest runs only: `unlit diversity
    --recorded` takes all.
    """
    mark = queries.mark()
    known = _kept.get(place)
    if known is not None and known[0] == mark:
        return known[1], known[2]
    samples = _samples(queries)
    agents = tuple(sorted({sample.model for sample in samples}))
    found = measure(samples) if len(agents) > 1 else None
    if len(_kept) > 8:
        _kept.clear()
    _kept[place] = (mark, found, agents)
    return found, agents


def _samples(queries: Queries) -> list[Sample]:
    """First candidates only: later ones were written after feedback, so they are not samples."""
    made, run, drawn = schema.candidates, schema.runs, schema.trajectories
    newest = select(run.c.id).order_by(run.c.created_at.desc()).limit(RUNS).subquery()
    against = cast(drawn.c.state == TrajectoryState.NOT_SATISFIED.value, Integer)
    counted = (TrajectoryState.SATISFIED.value, TrajectoryState.NOT_SATISFIED.value)
    query = (
        select(run.c.id, run.c.spec_digest, made.c.agent, drawn.c.scenario,
               func.max(against).label("bad"))
        .join(newest, newest.c.id == run.c.id)
        .join(made, made.c.run == run.c.id)
        .join(drawn, (drawn.c.run == run.c.id) & (drawn.c.candidate == made.c.id))
        .where(made.c.number == 1, drawn.c.state.in_(counted))
        .group_by(run.c.id, run.c.spec_digest, made.c.agent, drawn.c.scenario)
    )  # fmt: skip
    return [
        Sample(f"{row['spec_digest'][7:19]}:{row['scenario']}", row["agent"], row["id"],
               bool(row["bad"]))
        for row in queries.read(query)
    ]  # fmt: skip
