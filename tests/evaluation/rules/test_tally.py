"""Trajectories count in the order drawn, and a harness fault deletes nothing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from unlit.core.states import TrajectoryState as State
from unlit.evaluation.rules.tally import Tally


def test_a_late_failure_counts_before_a_quick_success_drawn_after_it() -> None:
    tally = Tally()
    assert tally.offer(2, State.SATISFIED) == "counted"
    assert tally.ready() == []
    assert tally.waiting == 1
    tally.offer(1, State.NOT_SATISFIED)
    assert [(entry.index, entry.satisfied) for entry in tally.ready()] == [(1, False), (2, True)]
    assert tally.next_index == 3


def test_a_harness_fault_is_executed_again_and_the_third_counts_against_the_product() -> None:
    tally = Tally()
    assert tally.offer(1, State.HARNESS_FAULT) == "retry"
    assert tally.offer(1, State.HARNESS_FAULT) == "retry"
    assert tally.offer(1, State.HARNESS_FAULT) == "counted"
    entry = tally.ready()[0]
    assert entry.state is State.NOT_SATISFIED
    assert entry.was_fault
    assert entry.attempts == 3


def test_a_fault_that_only_the_products_side_shows_is_the_products_failure() -> None:
    tally = Tally()
    assert tally.offer(1, State.HARNESS_FAULT, seen_outside=False) == "counted"
    assert tally.ready()[0].was_fault


def test_a_retry_that_succeeds_counts_once() -> None:
    tally = Tally()
    tally.offer(1, State.HARNESS_FAULT)
    assert tally.offer(1, State.SATISFIED) == "counted"
    assert tally.offer(1, State.NOT_SATISFIED) == "late"
    assert [entry.attempts for entry in tally.ready()] == [2]
    assert tally.offer(1, State.NOT_SATISFIED) == "late"


def test_not_exercised_is_neither_success_nor_failure() -> None:
    tally = Tally()
    tally.offer(1, State.NOT_EXERCISED)
    assert not tally.ready()[0].counts


@given(st.lists(st.booleans(), max_size=30), st.integers())
def test_the_order_of_finishing_changes_nothing(outcomes: list[bool], seed: int) -> None:
    order = list(range(len(outcomes)))
    random.Random(seed).shuffle(order)
    tally = Tally(first=0)
    counted = []
    for index in order:
        tally.offer(index, State.SATISFIED if outcomes[index] else State.NOT_SATISFIED)
        counted += tally.ready()
    assert [entry.satisfied for entry in counted] == outcomes
