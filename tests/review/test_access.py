from datetime import timedelta
from pathlib import Path

import pytest
from tests.review.sample import RUN, START, fill, wish

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.policy import read_entries
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk, build_report, render_html, render_markdown
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.fakes import FakeGateLog
from unlit.review.rules.audited import without_entry
from unlit.review.rules.gates import GateRule, GateRules
from unlit.review.text import render_text


def desk_of(store: Store, clock: FakeClock, rule: GateRule | None = None) -> Desk:
    return Desk(store, FakeGateLog(), clock, GateRules({"access": rule} if rule else {}))


def test_access_is_granted_for_a_while_and_then_over(store: Store) -> None:
    run, clock = fill(store, state=RunState.RUNNING), FakeClock(START)
    assert wish(store).number == 1
    desk = desk_of(store, clock)
    desk.decide(run, "approved", "dana", "it is public", gate="access/1", for_s=600)
    (line,) = build_report(store, run, now=clock.now()).access
    assert (line.state, line.person, line.said) == ("granted", "dana", "it is public")
    assert line.until == START + timedelta(seconds=600)
    clock.advance(601)
    assert build_report(store, run, now=clock.now()).access[0].state == "over"
    found = store.run(run)
    assert found is not None
    assert found.state is RunState.RUNNING


def test_nobody_answers_and_the_question_closes(store: Store) -> None:
    run, clock = fill(store), FakeClock(START)
    wish(store)
    clock.advance(24 * 3600)
    report = build_report(store, run, now=clock.now())
    assert report.access[0].state == "expired"
    assert report.open_access == ()
    with pytest.raises(RefusedByPolicy, match="REV-013"):
        desk_of(store, clock).decide(run, "approved", "dana", "late", gate="access/1")


@pytest.mark.parametrize(
    ("gate", "for_s", "code"),
    [
        ("access/2", 60, "REV-023"),
        ("access", 60, "REV-023"),
        ("access/1", 0, "REV-029"),
        ("access/1", 90_000, "REV-029"),
        ("access/1", float("nan"), "REV-029"),
        ("nothing/1", 60, "REV-011"),
    ],
)
def test_what_is_no_question_or_no_time_is_refused(
    store: Store, gate: str, for_s: float, code: str
) -> None:
    run = fill(store)
    wish(store)
    with pytest.raises(InvalidInput, match=code):
        desk_of(store, FakeClock(START)).decide(
            run, "approved", "dana", "why", gate=gate, for_s=for_s
        )
    assert store.gate_decisions(run) == ()


def test_an_answer_stands_and_each_question_has_its_own(store: Store) -> None:
    run = fill(store)
    wish(store)
    wish(store, "GET https://other.example/")
    desk = desk_of(store, FakeClock(START))
    desk.decide(run, "rejected", "dana", "no", gate="access/1")
    with pytest.raises(InvalidInput, match="REV-014"):
        desk.decide(run, "approved", "dana", "yes", gate="access/1")
    desk.decide(run, "approved", "dana", "yes", gate="access/2")
    desk.decide(run, "approved", "dana", "it is useful")
    assert store.gate_decision(run, "outcome") is not None


def test_the_gate_may_need_other_and_more_people(store: Store) -> None:
    run = fill(store)
    wish(store)
    rule = GateRule("access", people=("dana", "eve"), needed=2)
    desk = desk_of(store, FakeClock(START), rule)
    with pytest.raises(RefusedByPolicy, match="REV-019"):
        desk.decide(run, "approved", "mallory", "yes", gate="access/1")
    assert desk.decide(run, "approved", "dana", "yes", gate="access/1").missing == 1
    assert build_report(store, run, now=START).access[0].state == "open"
    assert desk.decide(run, "approved", "eve", "yes", gate="access/1").settled
    assert build_report(store, run, now=START).access[0].state == "granted"


def test_a_run_that_is_over_grants_nothing(store: Store) -> None:
    run = fill(store, state=RunState.SHIPPED)
    wish(store)
    with pytest.raises(InvalidInput, match="REV-028"):
        desk_of(store, FakeClock(START)).decide(run, "approved", "dana", "y", gate="access/1")


def test_the_audit_log_says_who_allowed_what_until_when(store: Store, tmp_path: Path) -> None:
    run = fill(store)
    wish(store)
    log = FolderGateLog(tmp_path / "gates", FakeClock(START), key_dir=tmp_path / "key")
    desk = Desk(store, log, FakeClock(START))
    desk.decide(run, "approved", "dana", "it is public", gate="access/1", for_s=60)
    entries = list(read_entries(tmp_path / "gates", run=RUN))
    fields = entries[0].fields
    assert entries[0].identity.agent == "dana"
    assert (fields["gate"], fields["request"]) == ("access/1", "GET https://wiki.example/page")
    assert str(fields["until"]).startswith("2026-11-23T05:50:00")
    assert without_entry(store.gate_decisions(run), entries) == ()
    assert without_entry(store.gate_decisions(run), []) != ()


def test_it_is_in_every_form_of_the_report_and_obeyed_by_none(store: Store) -> None:
    run = fill(store, state=RunState.RUNNING)
    wish(store, "GET https://wiki.example/<script>alert(1)</script>")
    report = build_report(store, run, now=START)
    text, page, ticket = render_text(report), render_html(report), render_markdown(report)
    assert f"unlit approve {run} --access 1" in text
    assert "open until" in text
    assert "open until" in page
    assert "Asked for more access" in ticket
    for form in (text, page, ticket):
        assert "\x1b" not in form
    assert "<script>" not in page
    assert "<script>" not in ticket
    assert report.to_json()["access"][0]["state"] == "open"
