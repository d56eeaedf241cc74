from datetime import timedelta

import pytest
from tests.review.sample import RUN, START, begin, fill, stage, write

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Verdict
from unlit.record.model import RunEvent, RunState
from unlit.record.store import Store
from unlit.review import build_report, questions_for


def test_a_waiting_run_says_what_it_asks_and_the_worst_that_is_known(store: Store) -> None:
    report = build_report(store, fill(store))
    assert report.headline.main == "Candidate 3 can ship once you answer one question."
    assert "Nothing failed in 26 trajectories" in report.headline.worst
    assert report.headline.mark == "asks"


def test_satisfaction_is_recomputed_from_the_rows_and_agrees_with_the_evaluator(
    store: Store,
) -> None:
    report = build_report(store, fill(store))
    assert report.graded is not None
    last = report.graded.points[-1]
    assert last.estimate == pytest.approx(report.graded.estimate)
    assert last.lower == pytest.approx(report.graded.lower)
    assert last.upper == pytest.approx(report.graded.upper)


def test_only_what_no_independent_check_settled_is_asked(store: Store) -> None:
    report = build_report(store, fill(store))
    assert [question.criterion for question in questions_for(report)] == ["AC-7"]


def test_each_candidate_has_its_own_grading(store: Store) -> None:
    report = build_report(store, fill(store))
    verdicts = [line.graded.verdict for line in report.candidates if line.graded]
    assert verdicts == [Verdict.NOT_YET, Verdict.NOT_YET, Verdict.SHIP]


def test_failures_are_named_under_their_criterion(store: Store) -> None:
    run = fill(store, shares=(0.5,), state=RunState.ENDED)
    report = build_report(store, run)
    missed = {n for line in report.criteria for n in line.failures}
    assert report.graded is not None
    assert len(missed) == report.graded.trajectories - report.graded.satisfied
    assert report.headline.main == "The candidate is not good enough."


def test_the_best_of_candidates_that_are_not_good_enough_is_reported(store: Store) -> None:
    run = fill(store, shares=(0.2, 0.6, 0.3), state=RunState.ENDED, seed=5)
    report = build_report(store, run)
    best = max(line.graded.estimate or 0 for line in report.candidates if line.graded)
    assert report.graded is not None
    assert report.graded.estimate == best
    assert report.headline.main == "Three candidates, none good enough."


def test_a_run_without_any_grading_claims_nothing(store: Store) -> None:
    begin(store, RUN, "A change", 1, START)
    report = build_report(store, RUN)
    assert report.graded is None
    assert report.verdict is None
    assert report.level.level is None
    assert report.headline.worst == "Nothing is graded yet."


def test_a_candidate_that_was_not_graded_says_why(store: Store) -> None:
    begin(store, RUN, "A change", 1, START)
    write(store, RUN, 1, START)
    store.end_stage(RUN, "checks/c1", START, detail="its own tests fail: 2 failed")
    report = build_report(store, RUN)
    assert report.candidates[0].graded is None
    assert report.candidates[0].why_not == "its own tests fail: 2 failed"
    store.change_run(RUN, START, state=RunState.ENDED, verdict=Verdict.NOT_EXERCISED)
    told = build_report(store, RUN).headline
    assert told.main == "Candidate 1 got to no scenario."
    assert told.worst == "Its own tests fail: 2 failed."


def test_a_failed_run_is_our_fault_and_claims_nothing(store: Store) -> None:
    begin(store, RUN, "A change", 1, START)
    store.change_run(RUN, START, state=RunState.FAILED, note="the browser did not start")
    report = build_report(store, RUN)
    assert report.headline.main == "Our side broke."
    assert report.headline.worst == "The browser did not start. Nothing is claimed."


def test_a_price_that_is_not_known_is_said(store: Store) -> None:
    report = build_report(store, fill(store))
    assert str(report.cost.usd) == "6.84"
    assert report.cost.unpriced == 2
    assert report.cost.by_model["local/unknown-model"] is None


def test_waiting_for_a_person_is_no_work(store: Store) -> None:
    run = fill(store)
    before = build_report(store, run).elapsed_s
    stage(store, run, "gate", "gate", START + timedelta(hours=1), 600)
    assert build_report(store, run).elapsed_s == before


def test_an_unknown_run_is_named(store: Store) -> None:
    with pytest.raises(InvalidInput, match="r-nothing"):
        build_report(store, RunId("r-nothing"))


def test_the_report_is_json_and_says_its_schema(store: Store) -> None:
    plain = build_report(store, fill(store)).to_json()
    assert plain["schema"] == "unlit.report/1"
    assert plain["leaks"]["state"] == "sealed"
    assert plain["cost"]["usd"] == "6.84"


def test_looks_are_counted_over_all_runs_of_a_spec(store: Store) -> None:
    fill(store)
    second = fill(store, run=RunId("r-second0000"), at=START + timedelta(days=1))
    assert build_report(store, second).looks.used == 2


def test_a_grading_that_goes_on_is_shown_from_its_events(store: Store) -> None:
    begin(store, RUN, "A change", 1, START)
    write(store, RUN, 1, START)
    store.keep_events(
        [
            RunEvent(
                RUN, f"validate/c1/trajectory/{n}", "trajectory", START, "validate",
                CandidateId("c1"),
                data={"n": n, "state": "satisfied" if n != 2 else "not_satisfied", "total": n,
                      "satisfied": n - (n >= 2), "estimate": 0.5, "lower": 0.1, "upper": 0.9},
            )
            for n in (1, 2, 3)
        ]
    )  # fmt: skip
    report = build_report(store, RUN)
    assert report.graded is not None
    assert (report.graded.satisfied, report.graded.trajectories) == (2, 3)
    assert [point.n for point in report.graded.points] == [1, 2, 3]
    assert "2 of 3 trajectories satisfied, candidate 1" in report.headline.worst
    store.change_run(RUN, START, state=RunState.FAILED)
    assert build_report(store, RUN).graded is None


@pytest.mark.parametrize(
    ("shares", "words"), [((1.0,), "can ship once you answer"), ((0.3,), "not good enough")]
)
def test_the_report_that_the_line_writes_already_says_how_the_run_ends(
    store: Store, shares: tuple[float, ...], words: str
) -> None:
    run = fill(store, shares=shares)
    store.change_run(run, START, state=RunState.RUNNING, verdict=None)
    stage(store, run, "report", "report", START + timedelta(hours=1), 1)
    assert words in build_report(store, run).headline.main
