"""What pages read: only the columns they show, for all their rows at once, never a scan of rows."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Text, and_, cast, func, literal, or_, select

from unlit.console.delivery import Happening, Shipped
from unlit.core.ids import RunId
from unlit.record import schema
from unlit.record.model import Forecast, RunState
from unlit.record.store import Store
from unlit.review.rules.questions import SPOT

_ASKED = ("number", "text", "criterion", "why", "stakes", "doubt", "minutes", "kind")
_OPEN = (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.WAITING)
_MARKED = 100


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as lists show it."""

    id: RunId
    title: str
    state: RunState
    verdict: str | None
    candidate: str | None
    spec_id: str
    agent: str
    person: str
    note: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """One stage on the time axis."""

    name: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    candidate: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Share:
    """One grading in numbers."""

    candidate: str
    partition: str
    verdict: str
    estimate: float | None
    lower: float | None
    upper: float | None
    trajectories: int
    satisfied: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One open question."""

    run: RunId
    number: int
    text: str
    criterion: str | None
    why: str
    stakes: float = 1.0
    doubt: float = 1.0
    minutes: float = 2.0
    kind: str = "criterion"


@dataclass(frozen=True, slots=True)
class Wish:
    """One open question for more access."""

    run: RunId
    number: int
    title: str
    request: str
    reason: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page of runs begins: after this creation time and id."""

    at: str
    id: str

    def text(self) -> str:
        """Return it as it stands in a URL."""
        return f"{self.at}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """Read what `text` made; anything else is no cursor."""
        at, mark, name = text.partition("~")
        return cls(at, name) if mark and at and name else None


class Queries:
    """Reads for pages over one record."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        with self._store.engine.connect() as raw:
            connection = raw.execution_options(unlit_read=True)
            return [dict(row) for row in connection.execute(query).mappings()]

    def read(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a query of another module of the console."""
        return self._all(query)

    def open_runs(self, limit: int = 200) -> list[RunRow]:
        """Return runs that are not over, newest first."""
        states = [state.value for state in _OPEN]
        table = schema.runs
        query = _run_columns().where(table.c.state.in_(states)).order_by(table.c.created_at.desc())
        return [_run(row) for row in self._all(query.limit(limit))]

    def ended_since(self, since: datetime, limit: int = 40) -> list[RunRow]:
        """Return runs that are over and were begun after `since`, newest first."""
        table = schema.runs
        states = [state.value for state in _OPEN]
        query = (
            _run_columns()
            .where(table.c.created_at >= since.isoformat(), table.c.state.not_in(states))
            .order_by(table.c.created_at.desc())
            .limit(limit)
        )
        return [_run(row) for row in self._all(query)]

    def runs(
        self,
        *,
        states: Sequence[str] = (),
        text: str = "",
        where: Mapping[str, str] | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> list[RunRow]:
        """Return one page of runs, newest first, by keyset; `where` are columns and values."""
        table = schema.runs
        query = _run_columns().order_by(table.c.created_at.desc(), table.c.id.desc())
        if states:
            query = query.where(table.c.state.in_(list(states)))
        for name, value in (where or {}).items():
            query = query.where(table.c[name] == value) if value else query
        if text:
            query = query.where(
                or_(
                    table.c.title.icontains(text, autoescape=True),
                    table.c.id.startswith(text, autoescape=True),
                    table.c.spec_id.icontains(text, autoescape=True),
                )
            )
        if after is not None:
            query = query.where(
                or_(
                    table.c.created_at < after.at,
                    and_(table.c.created_at == after.at, table.c.id < after.id),
                )
            )
        return [_run(row) for row in self._all(query.limit(limit))]

    def counts(self, column: str) -> dict[str, int]:
        """Return how many runs there are with each value of a column."""
        table = schema.runs
        query = select(table.c[column], func.count().label("n")).group_by(table.c[column])
        return {row[column]: row["n"] for row in self._all(query)}

    def spans(self, runs: Iterable[RunId]) -> dict[str, list[Span]]:
        """Return the stages of some runs, in order."""
        table = schema.stages
        found: dict[str, list[Span]] = defaultdict(list)
        query = select(
            table.c.run,
            table.c.name,
            table.c.state,
            table.c.started_at,
            table.c.ended_at,
            table.c.candidate,
            table.c.detail,
        )
        for row in self._all(query.where(table.c.run.in_(list(runs))).order_by(table.c.ordinal)):
            ended = row["ended_at"]
            found[row["run"]].append(
                Span(
                    row["name"],
                    row["state"],
                    datetime.fromisoformat(row["started_at"]),
                    None if ended is None else datetime.fromisoformat(ended),
                    row["candidate"],
                    row["detail"],
                )
            )
        return found

    def shares(self, runs: Iterable[RunId]) -> dict[str, list[Share]]:
        """Return the gradings of some runs, without their documents, in the order made."""
        table = schema.evaluations
        names = ("candidate", "partition", "verdict", "estimate", "lower", "upper",
                 "trajectories", "satisfied")  # fmt: skip
        columns = [table.c[name] for name in names]
        query = select(table.c.run, *columns).where(table.c.run.in_(list(runs)))
        found: dict[str, list[Share]] = defaultdict(list)
        for row in self._all(query.order_by(table.c.made_at)):
            found[row["run"]].append(Share(**{name: row[name] for name in names}))
        return found

    def spent(self, runs: Iterable[RunId]) -> dict[str, tuple[Decimal | None, int]]:
        """Return dollars whose price is known, and calls without a price, for some runs."""
        table = schema.costs
        query = select(table.c.run, table.c.usd, table.c.calls)
        totals: dict[str, tuple[Decimal | None, int]] = {}
        for row in self._all(query.where(table.c.run.in_(list(runs)))):
            usd, unknown = totals.get(row["run"], (None, 0))
            if row["usd"] is None:
                totals[row["run"]] = (usd, unknown + row["calls"])
            else:
                totals[row["run"]] = ((usd or Decimal(0)) + Decimal(row["usd"]), unknown)
        return totals

    def asked(self, runs: Iterable[RunId] | None = None, limit: int = 200) -> list[Asked]:
        """Return open questions of runs that wait for a person: by stakes times doubt."""
        table, run = schema.questions, schema.runs
        query = (
            select(table.c.run, *(table.c[name] for name in _ASKED))
            .join(run, run.c.id == table.c.run)
            .where(run.c.state == RunState.WAITING.value, table.c.answer.is_(None))
            .order_by((table.c.stakes * table.c.doubt).desc(), run.c.created_at, table.c.number)
        )
        if runs is not None:
            query = query.where(table.c.run.in_(list(runs)))
        return [Asked(**row) for row in self._all(query.limit(limit))]

    def access(self, now: datetime, limit: int = 200) -> list[Wish]:
        """Return what programs of runs asked for and nobody has answered in time, oldest first."""
        table, run, made = schema.access_questions, schema.runs, schema.gate_decisions
        gate = literal("access/").concat(cast(table.c.number, Text))
        query = (
            select(table.c.run, table.c.number, run.c.title, table.c.request, table.c.reason,
                   table.c.expires_at)
            .join(run, run.c.id == table.c.run)
            .outerjoin(made, and_(made.c.run == table.c.run, made.c.gate == gate))
            .where(
                made.c.gate.is_(None),
                table.c.expires_at > now.isoformat(),
                run.c.state.not_in([RunState.SHIPPED.value, RunState.REJECTED.value]),
            )
            .order_by(table.c.asked_at)
        )  # fmt: skip
        return [
            Wish(**{**row, "expires_at": datetime.fromisoformat(row["expires_at"])})
            for row in self._all(query.limit(limit))
        ]

    def waiting(self, now: datetime) -> int:
        """Return how much waits for a person: runs at their gate, and questions for access."""
        table = schema.runs
        query = select(func.count().label("n")).where(table.c.state == RunState.WAITING.value)
        return int(self._all(query)[0]["n"]) + len(self.access(now))

    def last_event(self, run: RunId) -> Mapping[str, Any] | None:
        """Return the newest event of a run."""
        table = schema.events
        query = select(table).where(table.c.run == run).order_by(table.c.seq.desc()).limit(1)
        return next(iter(self._all(query)), None)

    def days(self, since: str) -> dict[str, tuple[Decimal | None, int]]:
        """Return the dollars of each day from `since` on, and its calls without a price."""
        table = schema.costs
        query = select(table.c.day, table.c.usd, table.c.calls).where(table.c.day >= since)
        totals: dict[str, tuple[Decimal | None, int]] = {}
        for row in self._all(query):
            usd, unknown = totals.get(row["day"], (None, 0))
            if row["usd"] is None:
                totals[row["day"]] = (usd, unknown + row["calls"])
            else:
                totals[row["day"]] = ((usd or Decimal(0)) + Decimal(row["usd"]), unknown)
        return totals

    def cost_parts(self, since: str) -> dict[str, list[tuple[str, Decimal | None, int]]]:
        """Return dollars and calls since a day, by model, person and run, dearest first."""
        table = schema.costs
        query = select(table.c.model, table.c.person, table.c.run, table.c.usd, table.c.calls)
        sums: dict[str, dict[str, tuple[Decimal | None, int]]] = {
            "model": {}, "person": {}, "run": {},
        }  # fmt: skip
        for row in self._all(query.where(table.c.day >= since)):
            for name, group in sums.items():
                usd, calls = group.get(row[name], (None, 0))
                if row["usd"] is not None:
                    usd = (usd or Decimal(0)) + Decimal(row["usd"])
                group[row[name]] = (usd, calls + row["calls"])
        return {
            name: sorted(
                ((key, usd, calls) for key, (usd, calls) in group.items()),
                key=lambda part: -(part[1] or Decimal(0)),
            )[:12]
            for name, group in sums.items()
        }

    def settled_forecasts(self, limit: int = 400) -> list[Forecast]:
        """Return forecasts whose actual is known, newest first."""
        table = schema.forecasts
        query = select(table).where(table.c.actual.is_not(None)).order_by(table.c.at.desc())
        return [
            Forecast(**{**row, "at": datetime.fromisoformat(row["at"]), "run": RunId(row["run"])})
            for row in self._all(query.limit(limit))
        ]

    def spot_checks(self) -> dict[str, int]:
        """Return how people answered spot checks: answer to number; `open` are not answered."""
        table = schema.questions
        query = select(table.c.answer).where(table.c.kind == SPOT).limit(5000)
        found: dict[str, int] = {}
        for row in self._all(query):
            word = "open" if row["answer"] is None else row["answer"].partition(":")[0]
            found[word] = found.get(word, 0) + 1
        return found

    def shipments(self, since: datetime, limit: int = 2000) -> list[Shipped]:
        """Return the runs that were shipped after `since`."""
        table = schema.runs
        query = (
            select(table.c.id, table.c.spec_id, table.c.created_at, table.c.updated_at)
            .where(table.c.state == RunState.SHIPPED.value, table.c.updated_at >= since.isoformat())
            .order_by(table.c.created_at.desc())
        )
        return [
            Shipped(row["id"], row["spec_id"], datetime.fromisoformat(row["created_at"]),
                    datetime.fromisoformat(row["updated_at"]))
            for row in self._all(query.limit(limit))
        ]  # fmt: skip

    def happenings(self, runs: Iterable[str]) -> list[Happening]:
        """Return what deploys and watches reported of some runs, in order."""
        table = schema.events
        kinds = ("rollout", "incident")
        query = select(table.c.run, table.c.kind, table.c.at, table.c.data).where(
            table.c.run.in_(list(runs)), table.c.kind.in_(kinds)
        )
        found = []
        for row in self._all(query.order_by(table.c.seq)):
            data = json.loads(row["data"])
            found.append(
                Happening(
                    row["run"], row["kind"], datetime.fromisoformat(row["at"]),
                    ok=data.get("ok") is True, restored=data.get("restored") is True,
                    spec=str(data.get("spec") or "").removesuffix(".md"),
                )
            )  # fmt: skip
        return found

    def mark(self) -> tuple[int, str]:
        """Return something that changes whenever the record does: newest event, newest changes.

        Of the changes more than one is looked at: a run of a machine whose clock is ahead would
        otherwise stay the newest, and hide what changes elsewhere until the others caught up.
        """
        events, runs = schema.events, schema.runs
        seq = self._all(select(func.max(events.c.seq).label("n")))[0]["n"]
        newest = self._all(
            select(runs.c.id, runs.c.updated_at)
            .order_by(runs.c.updated_at.desc(), runs.c.id)
            .limit(_MARKED)
        )
        return int(seq or 0), " ".join(f"{row['id']}@{row['updated_at']}" for row in newest)


def _run_columns() -> Select[Any]:
    table = schema.runs
    names = ("id", "title", "state", "verdict", "candidate", "spec_id", "agent", "person", "note",
             "created_at", "updated_at")  # fmt: skip
    return select(*(table.c[name] for name in names))


def _run(row: Mapping[str, Any]) -> RunRow:
    times = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "updated_at")}
    return RunRow(**{**row, **times, "state": RunState(row["state"]), "id": RunId(row["id"])})
