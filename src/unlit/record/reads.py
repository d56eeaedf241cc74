"""Reads of the record: queries that return frozen rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import DBAPIError

from unlit.core.ids import CandidateId, Digest, RunId
from unlit.core.states import Partition
from unlit.record import schema
from unlit.record.engine import database_failed, steadily
from unlit.record.model import (
    AccessQuestion,
    Candidate,
    Cost,
    Evaluation,
    Forecast,
    GateDecision,
    Lesson,
    Look,
    Question,
    Run,
    RunEvent,
    RunState,
    Stage,
    Trajectory,
)
from unlit.record.naming import no_such_run
from unlit.record.rules import from_columns


class Reads:
    """What can be read from the record; never writes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, run: RunId) -> Run | None:
        """Return one run."""
        return next(iter(self._rows(Run, schema.runs, {"id": run})), None)

    def find_run(self, name: str) -> Run:
        """Return the run that `name` names: an id, the start of one, or ``last``.

        Raises:
            InvalidInput: No run, or more than one, has that name.
        """
        if name == "last":
            found = self.runs(limit=1)
        else:
            table = schema.runs
            query = select(table).where(table.c.id.startswith(name, autoescape=True)).limit(2)
            found = self._select(Run, query)
        if len(found) != 1:
            raise no_such_run(name, len(found))
        return found[0]

    def runs(
        self,
        *,
        limit: int = 50,
        states: Sequence[RunState] = (),
        repository: str | None = None,
        spec_id: str | None = None,
    ) -> tuple[Run, ...]:
        """Return runs, newest first."""
        table = schema.runs
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        if states:
            query = query.where(table.c.state.in_([state.value for state in states]))
        if repository is not None:
            query = query.where(table.c.repository == repository)
        if spec_id is not None:
            query = query.where(table.c.spec_id == spec_id)
        return self._select(Run, query)

    def stages(self, run: RunId) -> tuple[Stage, ...]:
        """Return the stages of a run in the order they started."""
        return self._rows(Stage, schema.stages, {"run": run}, order=("ordinal",))

    def candidates(self, run: RunId) -> tuple[Candidate, ...]:
        """Return the candidates of a run in the order made."""
        return self._rows(Candidate, schema.candidates, {"run": run}, order=("number",))

    def trajectories(
        self,
        run: RunId,
        candidate: CandidateId | None = None,
        partition: Partition | None = None,
    ) -> tuple[Trajectory, ...]:
        """Return trajectories in the order drawn."""
        where = {"run": run, "candidate": candidate, "partition": partition}
        order = ("candidate", "partition", "number")
        return self._rows(Trajectory, schema.trajectories, where, order=order)

    def criteria(self, run: RunId) -> tuple[str, ...]:
        """Return the criteria that trajectories of a run were about."""
        rows = self.trajectories(run)
        return tuple(sorted({str(name) for row in rows for name in row.criteria}))

    def evaluations(self, run: RunId) -> tuple[Evaluation, ...]:
        """Return evaluations in the order made."""
        return self._rows(Evaluation, schema.evaluations, {"run": run}, order=("made_at",))

    def evaluation(
        self, run: RunId, candidate: CandidateId, partition: Partition
    ) -> Evaluation | None:
        """Return the evaluation of one candidate on one partition."""
        where = {"run": run, "candidate": candidate, "partition": partition}
        return next(iter(self._rows(Evaluation, schema.evaluations, where)), None)

    def looks(
        self, *, run: RunId | None = None, spec_digest: Digest | None = None
    ) -> tuple[Look, ...]:
        """Return charged looks in order."""
        where = {"run": run, "spec_digest": spec_digest}
        return self._rows(Look, schema.looks, where, order=("at", "key"))

    def costs(
        self, *, run: RunId | None = None, day: str | None = None, person: str | None = None
    ) -> tuple[Cost, ...]:
        """Return costs in the order booked."""
        where = {"run": run, "day": day, "person": person}
        return self._rows(Cost, schema.costs, where, order=("at", "key"))

    def spent(
        self, *, run: RunId | None = None, day: str | None = None, person: str | None = None
    ) -> Decimal:
        """Return the dollars whose price is known; `costs` tells the unknown ones."""
        rows = self.costs(run=run, day=day, person=person)
        return sum((row.usd for row in rows if row.usd is not None), Decimal(0))

    def questions(self, run: RunId) -> tuple[Question, ...]:
        """Return the questions of a run."""
        return self._rows(Question, schema.questions, {"run": run}, order=("number",))

    def access_questions(self, run: RunId) -> tuple[AccessQuestion, ...]:
        """Return what programs of a run asked for beyond its policy, in the order asked."""
        where = {"run": run}
        return self._rows(AccessQuestion, schema.access_questions, where, order=("number",))

    def gate_decision(self, run: RunId, gate: str) -> GateDecision | None:
        """Return what was decided at a gate."""
        where = {"run": run, "gate": gate}
        return next(iter(self._rows(GateDecision, schema.gate_decisions, where)), None)

    def gate_decisions(
        self, run: RunId | None = None, *, gate: str | None = None
    ) -> tuple[GateDecision, ...]:
        """Return decisions in the order made."""
        where = {"run": run, "gate": gate}
        return self._rows(GateDecision, schema.gate_decisions, where, order=("at",))

    def forecasts(self, run: RunId | None = None) -> tuple[Forecast, ...]:
        """Return forecasts."""
        order = ("run", "source", "measure")
        return self._rows(Forecast, schema.forecasts, {"run": run}, order=order)

    def lessons(self, repository: str | None = None) -> tuple[Lesson, ...]:
        """Return the lessons of a repository, oldest first."""
        where = {"repository": repository}
        return self._rows(Lesson, schema.lessons, where, order=("at", "id"))

    def events(
        self,
        run: RunId | None = None,
        *,
        after: int = 0,
        limit: int = 10_000,
        kinds: Sequence[str] = (),
    ) -> tuple[RunEvent, ...]:
        """Return events with `seq` above `after`, of some kinds or of all, in order of arrival."""
        table = schema.events
        query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        if kinds:
            query = query.where(table.c.kind.in_(kinds))
        if run is not None:
            query = query.where(table.c.run == run)
        return self._select(RunEvent, query)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only looks.

        Raises:
            OutsideFailed: The database does not do what it should.
        """
        try:
            with self.engine.connect() as raw:
                yield raw.execution_options(unlit_read=True)
        except DBAPIError as error:
            raise database_failed(error) from error

    def _rows(
        self,
        kind: type[Any],
        table: Table,
        where: Mapping[str, Any],
        order: tuple[str, ...] = (),
    ) -> tuple[Any, ...]:
        query = select(table).order_by(*(table.c[name] for name in order))
        for name, value in where.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        return self._select(kind, query)

    def _select(self, kind: type[Any], query: Any) -> tuple[Any, ...]:
        def read() -> Sequence[Any]:
            with self.reading() as connection:
                return connection.execute(query).mappings().all()

        found = steadily(read)
        return tuple(from_columns(kind, dict(row)) for row in found)
