"""The record's store: writes named for what happened, reads that return frozen rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from unlit.core.ids import RunId
from unlit.core.states import Verdict
from unlit.record import schema
from unlit.record.engine import database_failed, open_engine, steadily
from unlit.record.migrations import migrate
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
    Stage,
    Trajectory,
)
from unlit.record.reads import Reads
from unlit.record.rules import encode, to_columns


class Store(Reads):
    """What happened, on SQLite or PostgreSQL. Safe to use from several threads and processes.

    Every write is one transaction and idempotent: the same key is never counted twice, so that a
    step of the line may be repeated.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the record at `url` and bring it to the newest format.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql://…``.

        Raises:
            InvalidInput: Not a usable URL, or a newer format.
            OutsideFailed: The database does not answer.
        """
        engine = open_engine(url)
        try:
            migrate(engine)
        except DBAPIError as error:
            raise database_failed(error) from error
        return cls(engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # ── writes ────────────────────────────────────────────────────────────────────────────────

    def begin_run(self, run: Run) -> None:
        """Write a new run; an existing one under the same id stays as it is."""
        self._put(schema.runs, [run], keys=("id",), replace=False)

    def change_run(self, run: RunId, at: datetime, **changes: Any) -> None:
        """Change fields of a run (`state`, `verdict`, `candidate`, `note`, `snapshot` …)."""
        self._update(schema.runs, {"id": run}, {"updated_at": at, **changes})

    def start_stage(self, stage: Stage) -> None:
        """Write that a stage started; a repeat counts one more attempt and keeps the order."""
        with self.writing() as connection:
            known = connection.execute(
                select(schema.stages.c.attempt).where(
                    schema.stages.c.run == stage.run, schema.stages.c.key == stage.key
                )
            ).first()
            if known is not None:
                self._change(
                    connection,
                    schema.stages,
                    {"run": stage.run, "key": stage.key},
                    {"state": stage.state, "attempt": int(known[0]) + 1, "ended_at": None},
                )
                return
            last = connection.execute(
                select(func.max(schema.stages.c.ordinal)).where(schema.stages.c.run == stage.run)
            ).scalar()
            row = to_columns(stage) | {"ordinal": int(last or 0) + 1}
            connection.execute(schema.stages.insert().values(row))

    def end_stage(self, run: RunId, key: str, at: datetime, **changes: Any) -> None:
        """Write how a stage ended (`state`, `detail`, `failure`, `code`, `facts`)."""
        self._update(schema.stages, {"run": run, "key": key}, {"ended_at": at, **changes})

    def keep_candidate(self, candidate: Candidate) -> None:
        """Write a candidate; written again, the newer replaces the older."""
        self._put(schema.candidates, [candidate], keys=("run", "id"))

    def keep_trajectories(self, rows: Sequence[Trajectory]) -> None:
        """Write trajectories; the same draw written again replaces the earlier row."""
        self._put(schema.trajectories, rows, keys=("run", "candidate", "partition", "number"))

    def keep_evaluation(self, evaluation: Evaluation) -> None:
        """Write the evaluator's word on one candidate and partition."""
        self._put(schema.evaluations, [evaluation], keys=("run", "candidate", "partition"))

    def reserve_look(self, look: Look) -> Look:
        """Charge a look before it is taken; a known key is charged once and its row returned.

        The index is the next one of the spec; `look.index` is not read.
        """
        table = schema.looks
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7115481)"))
            known = connection.execute(select(table.c.key).where(table.c.key == look.key)).first()
            if known is None:
                last = connection.execute(
                    select(func.max(table.c.index)).where(table.c.spec_digest == look.spec_digest)
                ).scalar()
                row = to_columns(look) | {"index": int(last or 0) + 1}
                connection.execute(table.insert().values(row))
        return next(row for row in self.looks(run=look.run) if row.key == look.key)

    def settle_look(
        self, key: str, *, verdict: Verdict, bits: float | None, claimable: str
    ) -> None:
        """Write what a charged look showed."""
        changes = {"verdict": verdict, "bits": bits, "claimable": claimable}
        self._update(schema.looks, {"key": key}, changes)

    def keep_costs(self, rows: Sequence[Cost]) -> None:
        """Write costs; the same key is booked once, with the newest numbers."""
        self._put(schema.costs, rows, keys=("key",))

    def keep_questions(self, rows: Sequence[Question]) -> None:
        """Write questions; one that is already there keeps its answer."""
        self._put(schema.questions, rows, keys=("run", "number"), replace=False)

    def answer_question(
        self, run: RunId, number: int, answer: str, person: str, at: datetime
    ) -> None:
        """Write a person's answer."""
        changes = {"answer": answer, "answered_by": person, "answered_at": at}
        self._update(schema.questions, {"run": run, "number": number}, changes)

    def ask_access(self, question: AccessQuestion) -> AccessQuestion:
        """Write a question for access under the next number of its run; `number` is not read."""
        table = schema.access_questions
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7115482)"))
            last = connection.execute(
                select(func.max(table.c.number)).where(table.c.run == question.run)
            ).scalar()
            asked = replace(question, number=int(last or 0) + 1)
            connection.execute(table.insert().values(to_columns(asked)))
        return asked

    def decide_gate(self, decision: GateDecision) -> GateDecision:
        """Write a person's decision; the first one stands and is returned."""
        self._put(schema.gate_decisions, [decision], keys=("run", "gate"), replace=False)
        found = self.gate_decision(decision.run, decision.gate)
        assert found is not None  # noqa: S101 # written the line before
        return found

    def reopen_gate(self, run: RunId, gate: str, past: str) -> None:
        """Put what was decided at a gate, votes included, under ``GATE@PAST``; open it again.

        The answers to the run's questions were about what is past, and are taken back; the audit
        log keeps them.
        """
        table = schema.gate_decisions
        with self.writing() as connection:
            for row in connection.execute(
                select(table.c.gate).where(
                    table.c.run == run,
                    (table.c.gate == gate) | table.c.gate.startswith(f"{gate}/", autoescape=True),
                )
            ).all():
                old = str(row[0])
                new = f"{gate}@{past}{old.removeprefix(gate)}"
                where = {"run": run, "gate": old}
                self._change(connection, table, where, {"gate": new})
            nothing = {"answer": None, "answered_by": None, "answered_at": None}
            self._change(connection, schema.questions, {"run": run}, nothing)

    def keep_forecasts(self, rows: Sequence[Forecast]) -> None:
        """Write forecasts; hindsight and actual are written into the same rows later."""
        self._put(schema.forecasts, rows, keys=("run", "source", "measure"))

    def keep_lessons(self, rows: Sequence[Lesson]) -> None:
        """Write lessons; one that is already there stays as people left it."""
        self._put(schema.lessons, rows, keys=("id",), replace=False)

    def change_lesson(self, lesson: str, **changes: Any) -> None:
        """Change fields of a lesson (`state`, `decided_by`, `wins` …)."""
        self._update(schema.lessons, {"id": lesson}, changes)

    def keep_events(self, rows: Sequence[RunEvent]) -> None:
        """Append events; one with a known key is kept once."""
        self._put(schema.events, rows, keys=("run", "key"), replace=False, without=("seq",))

    # ── how ───────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction.

        Raises:
            OutsideFailed: The database does not do what it should.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise database_failed(error) from error

    def _put(
        self,
        table: Table,
        rows: Sequence[Any],
        *,
        keys: tuple[str, ...],
        replace: bool = True,
        without: tuple[str, ...] = (),
    ) -> None:
        if not rows:
            return
        values = [
            {name: value for name, value in to_columns(row).items() if name not in without}
            for row in rows
        ]
        statement = insert_for(self.engine.dialect.name, table)
        if replace:
            changed = {name: statement.excluded[name] for name in values[0] if name not in keys}
            statement = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=list(keys))

        def put() -> None:
            with self.writing() as connection:
                connection.execute(statement, values)

        steadily(put)

    def _update(self, table: Table, where: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        def update() -> None:
            with self.writing() as connection:
                self._change(connection, table, where, changes)

        steadily(update)

    @staticmethod
    def _change(
        connection: Connection, table: Table, where: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> None:
        statement = table.update().values(encode(changes))
        for name, value in where.items():
            statement = statement.where(table.c[name] == value)
        connection.execute(statement)


def insert_for(dialect: str, table: Table) -> Any:
    """Make an insert that knows `on_conflict`; each dialect is imported only when it is used."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert(table)
    return sqlite.insert(table)
