from pathlib import Path

import pytest
from tests.review.sample import START, fill

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutsideFailed, RefusedByPolicy
from unlit.core.ids import RunId
from unlit.core.states import Verdict
from unlit.policy import read_entries, verify
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.fakes import FakeGateLog
from unlit.review.rules.gate_table import parse_rules
from unlit.review.rules.gates import GateRule, GateRules


def make_desk(store: Store, rule: GateRule | None = None, log: FakeGateLog | None = None) -> Desk:
    rules = GateRules({"outcome": rule} if rule else {})
    return Desk(store, log or FakeGateLog(), FakeClock(START), rules)


def test_an_approval_is_audited_and_recorded_with_tree_and_reason(store: Store) -> None:
    run = fill(store)
    log = FakeGateLog()
    done = make_desk(store, log=log).decide(run, "approved", "dana", "says who decides")
    assert done.settled
    kept = store.gate_decision(run, "outcome")
    assert kept is not None
    assert (kept.decision, kept.person, kept.reason) == ("approved", "dana", "says who decides")
    assert kept.tree == store.candidates(run)[-1].tree
    kind, at_run, person, fields = log.entries[0]
    assert (kind, at_run, person) == ("gate.decision", run, "dana")
    assert fields["tree"] == kept.tree


def test_a_rejection_ends_the_run(store: Store) -> None:
    run = fill(store)
    make_desk(store).decide(run, "rejected", "dana", "no")
    found = store.run(run)
    assert found is not None
    assert found.state is RunState.REJECTED


def test_a_log_that_cannot_be_written_leaves_the_gate_shut(store: Store) -> None:
    run = fill(store)
    desk = make_desk(store, log=FakeGateLog(broken=True))
    with pytest.raises(OutsideFailed):
        desk.decide(run, "approved", "dana", "yes")
    assert store.gate_decision(run, "outcome") is None


@pytest.mark.parametrize(
    ("decision", "person", "reason", "code"),
    [
        ("approved", "dana", "  ", "REV-016"),
        ("approved", " ", "yes", "REV-015"),
        ("approved", "unknown", "yes", "REV-015"),
        ("perhaps", "dana", "yes", "REV-011"),
        ("approved", "dana", "x" * 3000, "REV-017"),
    ],
)
def test_a_decision_without_a_name_or_reason_is_none(
    store: Store, decision: str, person: str, reason: str, code: str
) -> None:
    run = fill(store)
    with pytest.raises((InvalidInput, RefusedByPolicy), match=code):
        make_desk(store).decide(run, decision, person, reason)
    assert store.gate_decisions(run) == ()


def test_a_verdict_that_is_not_ship_cannot_be_approved(store: Store) -> None:
    run = fill(store)
    store.change_run(run, START, verdict=Verdict.NOT_YET)
    with pytest.raises(RefusedByPolicy, match="REV-018"):
        make_desk(store).decide(run, "approved", "dana", "yes")


def test_a_run_that_does_not_wait_cannot_be_decided(store: Store) -> None:
    run = fill(store, state=RunState.SHIPPED)
    with pytest.raises(InvalidInput, match="REV-012"):
        make_desk(store).decide(run, "rejected", "dana", "no")


def test_two_people_are_two_different_people(store: Store) -> None:
    run = fill(store)
    desk = make_desk(store, GateRule("outcome", needed=2))
    first = desk.decide(run, "approved", "dana", "yes")
    assert (first.settled, first.missing) == (False, 1)
    assert store.gate_decision(run, "outcome") is None
    with pytest.raises(InvalidInput, match="REV-014"):
        desk.decide(run, "approved", "dana", "yes again")
    assert desk.decide(run, "approved", "erin", "yes too").settled
    kept = store.gate_decision(run, "outcome")
    assert kept is not None
    assert kept.facts["people"] == ["dana", "erin"]


def test_one_rejection_is_enough_where_two_must_approve(store: Store) -> None:
    run = fill(store)
    desk = make_desk(store, GateRule("outcome", needed=2))
    desk.decide(run, "approved", "dana", "yes")
    desk.decide(run, "rejected", "erin", "it posts twice")
    kept = store.gate_decision(run, "outcome")
    assert kept is not None
    assert kept.decision == "rejected"


def test_only_named_people_and_their_delegates_decide(store: Store) -> None:
    run = fill(store)
    rule = GateRule("outcome", people=("erin",), delegates={"erin": ("finn",)})
    with pytest.raises(RefusedByPolicy, match="REV-019"):
        make_desk(store, rule).decide(run, "approved", "dana", "yes")
    assert make_desk(store, rule).decide(run, "approved", "finn", "for erin").settled


def test_who_started_a_run_may_be_kept_from_deciding(store: Store) -> None:
    run = fill(store)
    rule = GateRule("outcome", not_the_author=True)
    with pytest.raises(RefusedByPolicy, match="REV-020"):
        make_desk(store, rule).decide(run, "approved", "dana", "yes")


def test_a_gate_closes_by_itself(store: Store) -> None:
    run = fill(store)
    clock = FakeClock(START)
    desk = Desk(
        store, FakeGateLog(), clock, GateRules({"outcome": GateRule("outcome", expires_h=2)})
    )
    clock.advance(5 * 3600)
    with pytest.raises(RefusedByPolicy, match="REV-013"):
        desk.decide(run, "approved", "dana", "yes")


def test_a_question_is_answered_once(store: Store) -> None:
    run = fill(store)
    desk = make_desk(store)
    desk.answer(run, 1, "yes", "dana", "it names the next step")
    assert store.questions(run)[0].answer == "yes: it names the next step"
    with pytest.raises(InvalidInput, match="REV-023"):
        desk.answer(run, 1, "no", "erin", "")


def test_the_folder_log_is_signed_and_verifies(store: Store, tmp_path: Path) -> None:
    run = fill(store)
    log = FolderGateLog(tmp_path / "gates", FakeClock(START))
    Desk(store, log, FakeClock(START)).decide(run, "approved", "dana", "yes")
    assert verify(tmp_path / "gates").ok
    entries = [entry for entry in read_entries(tmp_path / "gates") if entry.kind == "gate.decision"]
    assert [entry.fields["person"] for entry in entries] == ["dana"]


@pytest.mark.parametrize(
    "table",
    [
        {"outcom": {}},
        {"outcome": {"need": 2}},
        {"outcome": {"needed": 0}},
        {"outcome": {"needed": True}},
        {"outcome": {"expires_h": -1}},
        {"outcome": 3},
    ],
)
def test_rules_that_are_half_understood_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="REV-021"):
        parse_rules(table)


def test_rules_are_read() -> None:
    rules = parse_rules({"outcome": {"people": ["erin"], "needed": 2, "expires_h": 48}})
    assert rules.of("outcome") == GateRule("outcome", ("erin",), 2, expires_h=48.0)
    assert rules.of("ship") == GateRule("ship")


def test_an_unknown_run_cannot_be_decided(store: Store) -> None:
    with pytest.raises(InvalidInput):
        make_desk(store).decide(RunId("r-none"), "approved", "dana", "yes")
