import random

import pytest

from unlit.line.rules.paired import ENOUGH, Result, compare, sign_flip


def results(values: list[float | None]) -> list[Result]:
    return [Result(f"p{n}", value, 1.0, 0.1, 1.0, 2.0) for n, value in enumerate(values)]


def test_too_few_pairs_say_nothing() -> None:
    first = compare(results([0.5] * (ENOUGH - 1)), results([0.9] * (ENOUGH - 1)))[0]
    assert (first.low, first.p) == (None, None)
    assert first.sentence == "not enough pairs: 5 of 6"


def test_a_clear_difference_is_shown_with_its_interval() -> None:
    a = [0.50, 0.52, 0.48, 0.51, 0.49, 0.50, 0.53, 0.47]
    b = [x + 0.2 + (0.01 if n % 2 else -0.01) for n, x in enumerate(a)]
    first = compare(results(list(a)), results(list(b)))[0]
    assert first.mean == pytest.approx(0.2)
    assert first.low is not None
    assert 0.18 < first.low < 0.2
    assert first.p == pytest.approx(2 / 256)
    assert first.sentence == "B higher"


def test_what_is_called_higher_is_so_by_interval_and_by_chance() -> None:
    """Equal differences leave the interval no width, whatever chance says of them."""
    first = compare(results([0.0] * 9), results([1.0, 1, 1, 1, 1, 1, 0, 1, -4]))[0]
    assert first.sentence == "no difference shown"
    ships = compare(results([0.0] * ENOUGH), results([1.0] * ENOUGH))[0]
    assert (ships.low, ships.high, ships.p) == (1.0, 1.0, 2 / 64)
    assert ships.sentence == "B higher"
    for count in range(ENOUGH, 11):
        for failed in range(count):
            b = [float(n >= failed) for n in range(count)]
            row = compare(results([0.0] * count), results(list(b)))[0]
            assert row.p is not None
            assert (row.sentence == "B higher") <= (row.p <= 0.05)


def test_unknown_values_leave_their_pair_out() -> None:
    first = compare(results([None, 0.5]), results([0.9, None]))[0]
    assert (first.pairs, first.sentence) == (0, "not known")


def test_the_interval_covers_no_difference_as_often_as_it_says() -> None:
    dice, covered = random.Random(1), 0
    for _ in range(400):
        a = [dice.gauss(0.5, 0.1) for _ in range(8)]
        b = [dice.gauss(0.5, 0.1) for _ in range(8)]
        first = compare(results(list(a)), results(list(b)))[0]
        covered += first.sentence == "no difference shown"
    assert 0.92 <= covered / 400 <= 0.98


def test_nothing_moved_is_no_evidence() -> None:
    assert sign_flip([0.0, 0.0]) == 1.0
    assert sign_flip([1.0] * 13) is None
