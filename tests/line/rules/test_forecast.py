import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from unlit.core.ids import RunId
from unlit.line.rules.forecast import (
    ENOUGH_TO_FORECAST,
    ENOUGH_TO_JUDGE,
    Actual,
    calibrate,
    forecast,
    next_quantile,
    quantile,
)
from unlit.record.model import Forecast

AT = datetime(2026, 3, 1, tzinfo=UTC)


def actuals(count: int) -> list[Actual]:
    return [Actual(RunId(f"r-{n}"), n + 1.0, 2.0 * n, 1.0, float(n % 2)) for n in range(count)]


def test_too_few_runs_give_no_forecast() -> None:
    assert forecast(RunId("r"), "unlit", actuals(ENOUGH_TO_FORECAST - 1), AT) == ()


def test_the_past_gives_quantiles_and_no_certainty() -> None:
    rows = {row.measure: row for row in forecast(RunId("r"), "unlit", actuals(11), AT)}
    hours = rows["hours"]
    assert (hours.low, hours.middle, hours.high) == pytest.approx((1.2, 6.0, 10.8))
    sure = [replace(actual, ship_probability=1.0) for actual in actuals(8)]
    ship = {row.measure: row for row in forecast(RunId("r"), "unlit", sure, AT)}
    assert ship["ship_probability"].middle == 0.9


def row(number: int, actual: float, hindsight: float | None = None) -> Forecast:
    name = RunId(f"r-{number}")
    return Forecast(name, "person", "hours", "ann", AT, 1.0, 2.0, 4.0, hindsight, actual)


def test_few_outcomes_are_said_to_be_too_few() -> None:
    (found,) = calibrate([row(n, 2.0) for n in range(ENOUGH_TO_JUDGE - 1)])
    assert (found.inside, found.bias) == (None, None)
    assert found.sentence == "not enough runs: 9 of 10"


def test_calibration_tells_coverage_bias_and_hindsight() -> None:
    rows = [row(n, 4.0, 3.0) for n in range(8)] + [row(n, 8.0, 3.0) for n in (8, 9)]
    (found,) = calibrate(rows)
    assert found.inside == 0.8
    assert found.bias == pytest.approx(0.693, abs=0.001)
    assert found.shift == 1.0
    assert "typically 2.00 times what was said" in found.sentence


def test_what_has_not_come_yet_is_not_judged() -> None:
    assert calibrate([replace(row(1, 1.0), actual=None)]) == ()


@pytest.mark.parametrize(("past", "share"), [(5, 4 / 6), (9, 0.8), (30, 0.8)])
def test_the_next_run_lies_between_low_and_high_as_often_as_said(past: int, share: float) -> None:
    """2,000 seeded draws; five runs say less than 80 %, and cannot say more."""
    dice, inside = random.Random(past), 0
    for _ in range(2000):
        values = sorted(dice.expovariate(1) for _ in range(past))
        low, high = (next_quantile(values, each) for each in (0.1, 0.9))
        inside += low <= dice.expovariate(1) <= high
    assert inside / 2000 == pytest.approx(share, abs=0.04)


def test_hindsight_of_nothing_said_is_a_shift_too() -> None:
    (found,) = calibrate([replace(row(1, 1.0, 3.0), middle=0.0)])
    assert found.shift == 3.0


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([1.0, 2.0], 0.5) == 1.5
    assert quantile([3.0], 0.9) == 3.0
