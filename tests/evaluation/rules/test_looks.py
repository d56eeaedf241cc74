"""The look ledger against the exact tables."""

import pytest

from unlit.core.ids import ScenarioId
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.looks import (
    Look,
    charged,
    claimable,
    exposure,
    failures_allowed,
    needed,
    open_ended_alpha,
    transcripts,
)

SEALED = [ScenarioId(f"s{i}") for i in range(30)]


def look(n: int, alphabet: int = 1) -> Look:
    return Look(f"look-{n}", "tree", tuple(SEALED), alphabet)


@pytest.mark.parametrize(
    ("n", "row"),
    [
        (10, (0.741, 0.692, 0.664, 0.631, 0.589, 0.549)),
        (20, (0.861, 0.832, 0.815, 0.794, 0.767, 0.741)),
        (30, (0.905, 0.884, 0.872, 0.858, 0.838, 0.819)),
        (50, (0.942, 0.929, 0.921, 0.912, 0.899, 0.887)),
        (100, (0.970, 0.964, 0.960, 0.955, 0.948, 0.942)),
        (200, (0.985, 0.982, 0.980, 0.977, 0.974, 0.970)),
    ],
)
def test_the_claimable_bound_falls_as_the_table_says(n: int, row: tuple[float, ...]) -> None:
    for m, bound in zip((1, 2, 3, 5, 10, 20), row, strict=True):
        assert claimable(n, m) == pytest.approx(bound, abs=5e-4)


def test_an_open_ended_series_pays_more_for_each_look() -> None:
    bounds = [claimable(50, 0.05 / open_ended_alpha(m)) for m in (1, 2, 3, 5, 10, 20)]
    assert bounds == pytest.approx([0.929, 0.909, 0.896, 0.880, 0.857, 0.835], abs=5e-4)
    assert sum(open_ended_alpha(m) for m in range(1, 10_000)) < 0.05


@pytest.mark.parametrize(
    ("n", "row"),
    [
        (29, (0, -1, -1, -1, -1)),
        (50, (1, 0, 0, 0, -1)),
        (75, (2, 2, 2, 1, 1)),
        (100, (4, 4, 3, 3, 2)),
        (150, (8, 7, 7, 6, 5)),
        (200, (12, 11, 10, 10, 9)),
    ],
)
def test_the_failures_allowed_are_the_tabled_ones(n: int, row: tuple[int, ...]) -> None:
    assert tuple(failures_allowed(n, 0.9, m) for m in (1, 2, 3, 5, 10)) == row


def test_each_bit_given_away_costs_scenarios() -> None:
    assert [needed(0.9, b) for b in (0, 1, 2, 5, 10, 20, 50)] == [29, 36, 42, 62, 95, 161, 358]


def test_plain_looks_multiply_nothing_and_other_answers_do() -> None:
    assert transcripts([]) == 1
    assert transcripts([look(1), look(2)]) == 3
    assert transcripts([look(1, alphabet=4)]) == 8
    assert transcripts([look(1)], declared=5) == 5


def test_the_first_look_is_at_the_full_level_and_the_second_at_half() -> None:
    first = exposure([], SEALED, ShipRule())
    assert first.alpha == 0.05
    assert first.bits == 0
    assert first.claimable == pytest.approx(0.905, abs=5e-4)
    second = exposure([look(1)], SEALED, ShipRule())
    assert second.alpha == 0.025
    assert second.bits == 1
    assert charged(second).index == 2
    assert "90% needs 6 more" in second.sentence


def test_a_scenario_that_somebody_saw_is_spent() -> None:
    left = exposure([], SEALED, ShipRule(), shown=SEALED[:2])
    assert len(left.fresh) == 28
    assert SEALED[0] not in left.fresh


def test_without_unseen_scenarios_nothing_can_be_claimed() -> None:
    empty = exposure([look(1)], SEALED, ShipRule(), shown=SEALED)
    assert empty.claimable is None
    assert "nothing can be claimed" in empty.sentence
