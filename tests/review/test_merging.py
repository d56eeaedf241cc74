"""Validation and sealed scenarios may exercise different criteria; the report counts both."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.review.sample import RULE, RUN, START, begin, keep, result_of, stage, write

from unlit.core.ids import CandidateId, CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict
from unlit.evaluation.model import Looks, TrajectoryRecord
from unlit.evaluation.rules.criteria import CriterionCount, criterion_result
from unlit.evaluation.rules.independence import Facts, ScenarioFacts, Writer, independence
from unlit.evaluation.rules.verdict import not_verified
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Report, build_report
from unlit.review.markdown import render_markdown
from unlit.review.model import CriterionLine
from unlit.review.render import render_html
from unlit.review.rules.merging import merge_criteria
from unlit.review.text import render_text

C1 = CandidateId("c1")
DANA, MODEL = Writer("person", "dana"), Writer("model", "a model", "scripted")


def graded(store: Store, partition: Partition, counts: Mapping[str, int], looks: Looks) -> None:
    """Keep a grading in which `counts` trajectories exercised each criterion, all satisfied."""
    records: list[TrajectoryRecord] = []
    criteria = []
    for name, count in counts.items():
        scenario = ScenarioId(f"{partition.value}-{name}")
        for _ in range(count):
            n = len(records) + 1
            records.append(
                TrajectoryRecord(n, scenario, n, TrajectoryState.SATISFIED, (CriterionId(name),))
            )
        facts = ScenarioFacts(scenario, "contract", DANA, exercised=count > 0)
        stands = independence(Facts(CriterionId(name), DANA, (facts,), (MODEL,)))
        tally = CriterionCount(CriterionId(name), f"{name} holds", (scenario,), count, count)
        criteria.append(criterion_result(tally, RULE, stands, among=len(counts)))
    result = result_of(Verdict.SHIP, records, 21.0)
    said = not_verified(criteria, result.strength, result.leaks, looks)
    result = replace(result, criteria=tuple(criteria), not_verified=said, looks=looks)
    keep(store, RUN, C1, partition, result, START)


def report_of(store: Store, validation: Mapping[str, int], sealed: Mapping[str, int]) -> Report:
    begin(store, RUN, "A change", 1, START)
    write(store, RUN, 1, START)
    graded(store, Partition.VALIDATION, validation, Looks())
    graded(store, Partition.SEALED, sealed, Looks(1, 0.0, 0.9, 0.05, "All held."))
    stage(store, RUN, "sealed/c1", "sealed", START, 3, C1)
    store.change_run(RUN, START, state=RunState.WAITING, verdict=Verdict.SHIP, candidate=C1)
    return build_report(store, RUN)


def test_each_criterion_is_satisfied_by_whichever_grading_exercised_it(store: Store) -> None:
    report = report_of(store, {"AC-1": 40, "AC-2": 0}, {"AC-1": 0, "AC-2": 50})
    first, second = report.criteria
    assert (first.state, second.state) == (CriterionState.MET, CriterionState.MET)
    assert (first.satisfied, first.trajectories, first.sealed_trajectories) == (40, 40, 0)
    assert (second.trajectories, second.sealed_satisfied, second.sealed_trajectories) == (0, 50, 50)
    assert (second.source, second.asks) == ("oracle", False)
    assert report.questions == ()
    assert not [gap for gap in report.not_verified if gap.text.startswith("AC-")]
    assert report.headline.main == "Candidate 1 can ship."
    assert "not exercised" not in report.headline.worst
    for text in (render_text(report), render_markdown(report), render_html(report)):
        assert "no trajectory reached it" not in text
        assert "not exercised by any" not in text
        assert "40 of 40" in text
        assert "sealed 50 of 50" in text


def test_what_neither_grading_exercised_is_said_once_and_asked(store: Store) -> None:
    report = report_of(
        store, {"AC-1": 40, "AC-2": 0, "AC-3": 0}, {"AC-1": 0, "AC-2": 50, "AC-3": 0}
    )
    assert [line.criterion for line in report.questions] == ["AC-3"]
    said = [gap.text for gap in report.not_verified if gap.text.startswith("AC-")]
    assert len(said) == 1
    assert said[0].startswith('AC-3 "AC-3 holds" was not exercised')
    assert "AC-3 was not exercised" in report.headline.worst
    assert "answer one question" in report.headline.main


def test_too_few_in_the_only_grading_that_tried_it_stays_undecided(store: Store) -> None:
    report = report_of(store, {"AC-1": 40, "AC-2": 0}, {"AC-1": 50, "AC-2": 2})
    assert report.criteria[1].state is CriterionState.UNDECIDED
    assert [gap.kind for gap in report.not_verified if "AC-2" in gap.text] == ["undecided"]
    assert "AC-2 has too few tries for a proof of its own" in report.headline.worst


@pytest.mark.parametrize(
    ("validation", "sealed", "merged"),
    [
        ("met", "not_met", "not_met"),
        ("not_met", "met", "not_met"),
        ("met", "undecided", "met"),
        ("undecided", "met", "met"),
        ("undecided", "not_exercised", "undecided"),
        ("not_exercised", "not_met", "not_met"),
        ("not_exercised", "not_exercised", "not_exercised"),
    ],
)
def test_the_grading_that_says_more_gives_the_state(
    validation: str, sealed: str, merged: str
) -> None:
    def line(state: str) -> CriterionLine:
        n = 0 if state == "not_exercised" else 20
        return CriterionLine(
            CriterionId("AC-1"), "It holds", CriterionState(state), n, n, None, None, None,
            "oracle", "nothing", asks=False,
        )  # fmt: skip

    (found,) = merge_criteria([line(validation)], [line(sealed)])
    assert found.state is CriterionState(merged)


def test_a_criterion_that_only_the_sealed_grading_names_is_listed() -> None:
    sealed = CriterionLine(
        CriterionId("AC-9"), "It holds", CriterionState.MET, 30, 30, 1.0, 0.9, 1.0, "oracle",
        "nothing", asks=False,
    )  # fmt: skip
    (found,) = merge_criteria([], [sealed])
    assert (found.id, found.state, found.sealed_trajectories) == ("AC-9", CriterionState.MET, 30)
    assert found.trajectories == 0
