"""What the calibration page says of gates, agents and spot checks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from tests.console.conftest import Bench
from tests.review.sample import RUN, START, fill

from unlit.console.looking_back import diversity, gate_lines
from unlit.console.queries import Queries
from unlit.core.ids import RunId
from unlit.evaluation.rules.diversity import measure
from unlit.record import schema
from unlit.record.model import Question, RunEvent, RunState

OTHER = RunId("r-otherrun0")


def two_agents(bench: Bench) -> None:
    fill(bench.store, run=OTHER, seed=7, at=START - timedelta(hours=3), state=RunState.SHIPPED)
    fill(bench.store)
    with bench.store.engine.begin() as connection:
        table: Any = schema.candidates
        connection.execute(update(table).where(table.c.run == OTHER).values(agent="codex"))


def test_gates_are_held_against_what_happened_later(bench: Bench) -> None:
    two_agents(bench)
    desk, store, now = bench.console.desk, bench.store, bench.clock.now()
    store.change_run(OTHER, START, state=RunState.WAITING)
    desk.decide(OTHER, "approved", "dana", "good")
    store.change_run(OTHER, now + timedelta(minutes=1), state=RunState.SHIPPED)
    desk.decide(RUN, "rejected", "dana", "not this one")
    store.keep_events(
        [RunEvent(OTHER, "incident/1", "incident", now, "watch", text="an error", data={})]
    )
    queries = Queries(store)
    approved, rejected = gate_lines(queries, queries.happenings([OTHER]))
    assert (approved.gate, approved.decision, approved.runs) == ("outcome", "approved", 1)
    assert (approved.reported, approved.failed, approved.came_back) == (1, 1, None)
    assert (rejected.decision, list(rejected.now), rejected.came_back) == (
        "rejected", [("rejected", 1)], 1,
    )  # fmt: skip
    page = bench.logged_in().get("/calibration").text
    assert "whose fate was reported failed" in page
    assert "came back: another run of the spec shipped" in page


def test_diversity_is_that_of_the_command(bench: Bench) -> None:
    two_agents(bench)
    found, agents = diversity(Queries(bench.store), "here")
    assert agents == ("codex", "scripted")
    assert found is not None
    page = bench.logged_in().get("/calibration").text
    assert "independent opinions from 2 agents" in page
    assert "correlation between agents" in page
    again, _ = diversity(Queries(bench.store), "here")
    assert again is found


def test_one_agent_alone_is_no_diversity(bench: Bench) -> None:
    fill(bench.store)
    assert diversity(Queries(bench.store), "alone")[0] is None
    assert "it takes a second agent" in bench.logged_in().get("/calibration").text
    assert measure([]) is None


def test_disagreement_at_spot_checks_has_an_interval(bench: Bench) -> None:
    fill(bench.store)
    asked = Question(RUN, 2, "spot_check", "Is AC-1 so?")
    bench.store.keep_questions([asked, replace(asked, number=3)])
    bench.console.desk.answer(RUN, 2, "no", "dana", "it is not")
    page = bench.logged_in().get("/calibration").text
    assert "1 of 1</span>" in page
    assert "[2.5, 100]" in page
    assert "1 is open" in page


def test_an_older_run_that_is_touched_again_did_not_come_back(bench: Bench) -> None:
    """`unlit ship RUN --redeploy` changes a run long after it shipped."""
    fill(bench.store, run=OTHER, seed=7, at=START - timedelta(hours=3), state=RunState.SHIPPED)
    fill(bench.store)
    store, now = bench.store, bench.clock.now()
    event = RunEvent(OTHER, "state/shipped/c1", "state", START - timedelta(hours=2), "ship")
    store.keep_events([event])
    bench.console.desk.decide(RUN, "rejected", "dana", "not this one")
    store.change_run(OTHER, now + timedelta(hours=1), settings={"deploy": {}})
    (rejected,) = gate_lines(Queries(store), [])
    assert rejected.came_back == 0
    store.keep_events([replace(event, key="state/shipped/c2", at=now + timedelta(hours=2))])
    (rejected,) = gate_lines(Queries(store), [])
    assert rejected.came_back == 1
