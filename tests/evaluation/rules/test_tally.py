"""Draws count in their order, whatever finishes first; a fault of ours is tried again."""

import itertools

import pytest

from unlit.evaluation.rules.tally import InDrawnOrder, may_try_again


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, 5))))
def test_whatever_finishes_first_it_comes_back_as_drawn(order: tuple[int, ...]) -> None:
    queue = InDrawnOrder[str]()
    seen: list[str] = []
    for index in order:
        queue.offer(index, f"draw {index}")
        seen += queue.ready()
    assert seen == [f"draw {index}" for index in range(1, 5)]


def test_a_slow_draw_holds_back_all_later_ones() -> None:
    queue = InDrawnOrder[bool]()
    for index in range(2, 20):
        queue.offer(index, True)
    assert list(queue.ready()) == []
    queue.offer(1, False)
    assert list(queue.ready()) == [False, *[True] * 18]


def test_what_was_counted_is_not_counted_again() -> None:
    queue = InDrawnOrder[bool]()
    queue.offer(1, False)
    queue.offer(1, True)
    assert list(queue.ready()) == [False]
    queue.offer(1, True)
    assert list(queue.ready()) == []


def test_a_grading_that_goes_on_begins_where_it_was() -> None:
    queue = InDrawnOrder[bool](first=8)
    queue.offer(7, False)
    queue.offer(8, True)
    assert list(queue.ready()) == [True]


@pytest.mark.parametrize(
    ("attempt", "seen_outside", "again"),
    [(1, True, True), (2, True, True), (3, True, False), (1, False, False)],
)
def test_a_fault_of_ours_is_tried_twice_more_and_one_of_the_product_never(
    attempt: int, seen_outside: bool, again: bool
) -> None:
    assert may_try_again(attempt, seen_outside=seen_outside) is again
