"""A candidate that held everywhere and is vetoed: every form of the report says what stopped it."""

from dataclasses import replace
from random import Random

import pytest
from tests.review.sample import RUN, START, begin, grade, keep, write

from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import build_report, render_html, render_markdown
from unlit.review.model import Report
from unlit.review.text import render_text

TRACE = {
    "pack": "safety-pack/1", "trial": "missing-file", "rule": "traceback", "veto": True,
    "sentence": "On `missing-file` the product shows a stack trace.",
}  # fmt: skip
NOTE = {**TRACE, "rule": "says-why", "veto": False, "sentence": "It exits silently."}
PACK = {"pack": "safety-pack/1", "tried": 14, "not_exercised": None}


def report_of(
    store: Store, *invariants: dict[str, object], pack: object = PACK, said: tuple[str, ...] = ()
) -> Report:
    begin(store, RUN, "A change", 1, START)
    write(store, RUN, 1, START)
    result = grade(Random(1), 1.0)
    vetoed = any(entry["veto"] for entry in invariants)
    verdict = Verdict.NOT_YET if vetoed else result.verdict
    result = replace(result, verdict=verdict, invariants=invariants, pack=pack, not_verified=said)  # type: ignore[arg-type] # as it lies in a record
    keep(store, RUN, CandidateId("c1"), Partition.VALIDATION, result, START)
    state = RunState.ENDED if vetoed else RunState.WAITING
    store.change_run(RUN, START, state=state, verdict=verdict, candidate=CandidateId("c1"))
    return build_report(store, RUN)


def test_a_vetoed_candidate_says_what_stopped_it_everywhere(store: Store) -> None:
    report = report_of(store, TRACE, NOTE)
    assert report.headline.worst.startswith("Everything tried held, but it is vetoed for safety")
    assert "stack trace" in report.headline.worst
    for shown in (render_text(report), render_markdown(report), render_html(report)):
        flat = " ".join(shown.split())
        assert "shows a stack trace" in flat
        assert "No count outweighs that" in flat
        assert "evidence 0." not in flat
    assert "Vetoed for safety" in render_text(report)
    page = render_html(report)
    assert "1 veto" in page
    assert "No invariant fired" not in page


def test_the_page_says_whether_the_safety_pack_ran(store: Store) -> None:
    page = render_html(report_of(store, NOTE))
    assert "Nothing unsafe found" in page
    assert "14 tries" in page
    assert "It exits silently." in page


def test_a_pack_that_did_not_run_is_not_a_clean_one(store: Store) -> None:
    missing = {"pack": "safety-pack/1", "tried": 0, "not_exercised": "the product did not start"}
    page = render_html(report_of(store, pack=missing))
    assert "Nothing unsafe found" not in page
    assert "the product did not start" in page


def test_a_record_without_the_pack_claims_nothing(store: Store) -> None:
    page = render_html(report_of(store, pack=None))
    assert "Nothing unsafe found" not in page


def test_a_criterion_that_never_failed_is_not_called_undecided(store: Store) -> None:
    report = report_of(store, said=('AC-2 "x": 5 of 5 held, too few to be sure.',))
    lines = [line for line in report.criteria if line.standing == "held"]
    assert lines
    assert "Held so far" in render_text(report)
    assert "Undecided" not in render_text(report)
    said = next(gap.text for gap in report.not_verified if "every try held" in gap.text)
    assert "without a failure that would prove one criterion alone" in said
    assert "--only SCENARIO" in said


@pytest.mark.parametrize("width", [80, 96, 120])
def test_the_report_fits_its_terminal(store: Store, width: int) -> None:
    said = ('AC-2 "x": 5 of 5 held, too few to be sure.',)
    lines = render_text(report_of(store, TRACE, said=said), width).splitlines()
    assert max(map(len, lines)) <= min(width, 96)
    assert max(map(len, lines)) > min(width, 96) - 12  # and uses what there is
