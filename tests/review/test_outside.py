"""Decisions from elsewhere: mapped accounts, the shown candidate, the gate's own rules."""

import pytest
from tests.review.sample import fill
from tests.review.test_decisions import make_desk

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.record.store import Store
from unlit.review.outside import OutsideDesk, Said
from unlit.review.rules.gates import GateRule

PEOPLE = {"U1": "dana", "U2": "bo"}


class Dock:
    """Ships, or says why not."""

    def __init__(self) -> None:
        self.shipped: list[str] = []
        self.moved = False

    def __call__(self, run: RunId) -> str:
        if self.moved:
            raise OutcomeNotGoodEnough("SHP-023", "Main moved.", "it did.", "run again.")
        self.shipped.append(run)
        return "Shipped as abc."


def desk_of(store: Store, rule: GateRule | None = None) -> tuple[OutsideDesk, Dock]:
    dock = Dock()
    return OutsideDesk(make_desk(store, rule), dock, PEOPLE), dock


def said(run: RunId, account: str = "U1", decision: str = "approved", tree: str = "") -> Said:
    return Said(account, run, decision, "it is right", "Slack", tree)


def test_a_mapped_account_decides_as_its_person_and_it_ships(store: Store) -> None:
    run = fill(store)
    desk, dock = desk_of(store)
    answer = desk.decide(said(run))
    assert answer.settled
    assert "approved by dana: it is right. Shipped as abc." in answer.text
    assert dock.shipped == [run]
    kept = store.gate_decision(run, "outcome")
    assert kept is not None
    assert (kept.person, kept.reason) == ("dana", "it is right (by Slack)")


@pytest.mark.parametrize("account", ["U9", "", "dana"])
def test_an_account_that_stands_for_nobody_decides_nothing(store: Store, account: str) -> None:
    run = fill(store)
    desk, dock = desk_of(store)
    answer = desk.decide(said(run, account))
    assert "stands for nobody" in answer.text
    assert store.gate_decision(run, "outcome") is None
    assert dock.shipped == []


def test_two_people_are_needed_where_the_gate_says_so(store: Store) -> None:
    run = fill(store)
    desk, dock = desk_of(store, GateRule("outcome", needed=2))
    assert "1 more must approve" in desk.decide(said(run)).text
    assert "already approved" in desk.decide(said(run)).text
    assert dock.shipped == []
    assert desk.decide(said(run, "U2")).settled
    assert dock.shipped == [run]


def test_the_gates_own_list_of_people_holds(store: Store) -> None:
    run = fill(store)
    desk, _ = desk_of(store, GateRule("outcome", people=("bo",)))
    assert "may not decide" in desk.decide(said(run)).text
    assert desk.decide(said(run, "U2")).settled


def test_an_old_question_decides_nothing(store: Store) -> None:
    run = fill(store)
    desk, dock = desk_of(store)
    assert "is old" in desk.decide(said(run, tree="f" * 12)).text
    assert dock.shipped == []


def test_what_is_approved_and_cannot_ship_says_so(store: Store) -> None:
    run = fill(store)
    desk, dock = desk_of(store)
    dock.moved = True
    answer = desk.decide(said(run))
    assert answer.settled
    assert "approved, but not shipped yet: Main moved. Run again." in answer.text


def test_a_rejection_needs_a_reason(store: Store) -> None:
    run = fill(store)
    desk, _ = desk_of(store)
    answer = desk.decide(Said("U1", run, "rejected", "", "Slack"))
    assert "no reason was given" in answer.text
    assert desk.decide(said(run, decision="rejected")).settled
