"""Did the metric move: right answers by hand, coverage by simulation, honest labels."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from unlit.core.errors import InvalidInput
from unlit.ship.rules.effect import SAYS, Reading, measure
from unlit.ship.rules.readings import parse_readings, parse_table

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return SINCE + timedelta(days=days)


def test_before_and_after_is_welch_by_hand_and_called_not_causal() -> None:
    old, new = [10.0, 12.0, 11.0, 13.0], [15.0, 14.0, 16.0]
    rows = [Reading(at(-4 + i), v) for i, v in enumerate(old)]
    rows += [Reading(at(i), v) for i, v in enumerate(new)]
    effect = measure(rows, SINCE)
    assert effect.level == "before-after"
    assert effect.change.estimate == pytest.approx(3.5)
    # Welch by hand: var 5/3 and 1, se = sqrt(5/12 + 1/3) = .8660, df = 4.9592, t(.975) = 2.5768
    assert effect.change.lower == pytest.approx(3.5 - 2.5768 * math.sqrt(0.75), abs=2e-3)
    assert effect.verdict == "moved up"
    assert "not causal" in SAYS[effect.level]
    assert effect.counts == {"before": 4, "after": 3}
    assert [point.after for point in effect.trend] == [False] * 4 + [True] * 3


def test_a_metric_that_did_not_move_cannot_tell() -> None:
    rows = [Reading(at(i), 10.0 + i % 3) for i in range(-9, 9)]
    assert measure(rows, SINCE).verdict == "cannot tell"


def _panel(seed: int, effect: float, drift: float = 0.0) -> list[Reading]:
    chance = random.Random(seed)
    rows = []
    for unit in range(30):
        group = "treated" if unit < 15 else "control"
        level = chance.gauss(50, 10)
        for day in range(-10, 10):
            moved = effect if group == "treated" and day >= 0 else 0.0
            apart = drift * day if group == "treated" else 0.0
            common = 0.5 * day  # what both groups share must not count
            value = level + common + apart + moved + chance.gauss(0, 2)
            rows.append(Reading(at(day + 0.5), value, f"u{unit}", group))
    return rows


def test_difference_in_differences_takes_out_what_both_groups_share() -> None:
    effect = measure(_panel(7, 3.0), SINCE)
    assert effect.level == "difference-in-differences"
    assert effect.change.lower < 3.0 < effect.change.upper
    assert effect.change.upper - effect.change.lower < 3
    assert effect.pre_trend is not None
    assert not effect.pre_trend.excludes_zero
    assert effect.warnings == ()
    naive = measure([Reading(r.at, r.value) for r in _panel(7, 0.0) if r.group == "treated"], SINCE)
    assert naive.change.estimate > 4, "the naive answer sees the common trend"
    assert measure(_panel(7, 0.0), SINCE).verdict == "cannot tell"


def test_groups_that_drift_apart_before_the_change_are_said_to() -> None:
    effect = measure(_panel(2, 0.0, drift=0.6), SINCE)
    assert any("drifted apart already before" in text for text in effect.warnings)


def test_difference_in_differences_covers_as_it_says() -> None:
    inside = sum(
        effect.change.lower <= 3.0 <= effect.change.upper
        for effect in (measure(_panel(seed, 3.0), SINCE) for seed in range(60))
    )
    assert 51 <= inside <= 60  # .95 of 60 is 57; three standard errors are 5.1


def _trial(seed: int, n: int, effect: float, rho: float) -> list[Reading]:
    chance = random.Random(seed)
    rows = []
    for unit in range(n):
        x = chance.gauss(0, 1)
        y = rho * x + math.sqrt(1 - rho * rho) * chance.gauss(0, 1)
        on = chance.random() < 0.5
        group = "treated" if on else "control"
        rows.append(Reading(at(1), y + effect * on, f"u{unit}", group, x))
    return rows


def test_a_randomised_flag_with_cuped_halves_the_variance_at_rho_point_seven() -> None:
    rows = _trial(3, 4000, 0.2, 0.7)
    with_x = measure(rows, SINCE, randomised=True)
    without = measure([Reading(r.at, r.value, r.unit, r.group) for r in rows], SINCE,
                      randomised=True)  # fmt: skip
    assert with_x.reduction == pytest.approx(0.49, abs=0.04)
    assert without.reduction is None
    widths = [e.change.upper - e.change.lower for e in (with_x, without)]
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(0.51), abs=0.03)
    assert with_x.verdict == "moved up"


def test_the_sequence_holds_under_a_hundred_looks_and_one_look_does_not() -> None:
    wrong = {"once": 0, "anytime": 0}
    for seed in range(80):
        rows = _trial(seed, 800, 0.0, 0.0)
        fixed = anytime = False
        for n in range(160, 801, 160):
            effect = measure(rows[:n], SINCE, randomised=True)
            assert effect.anytime is not None
            fixed |= effect.change.excludes_zero
            anytime |= effect.anytime.excludes_zero
        wrong["once"] += fixed
        wrong["anytime"] += anytime
    assert wrong["anytime"] <= 4 + 6, wrong  # .05 of 80 and three standard errors
    assert wrong["once"] > 8, f"{wrong}: peeking at a fixed interval goes wrong"


def test_an_uneven_split_is_said_first() -> None:
    rows = [r for i, r in enumerate(_trial(5, 2000, 0.0, 0.0)) if r.group == "control" or i % 3]
    effect = measure(rows, SINCE, randomised=True)
    assert "no even split" in effect.warnings[0]


@pytest.mark.parametrize(
    ("rows", "randomised", "words"),
    [
        ([Reading(at(-1), 1.0), Reading(at(1), 2.0)], False, "there are 1 after"),
        ([Reading(at(1), 1.0, "a", "")] * 3, True, "is in no group"),
        ([Reading(at(1), 1.0, "", "treated")], True, "names no unit"),
        ([Reading(at(1), 1.0, "a", "treated"), Reading(at(1), 1.0, "a", "control")], True,
         "is in both groups"),
    ],
)  # fmt: skip
def test_too_little_is_not_a_number(rows: list[Reading], randomised: bool, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"SHP-061 .*{words}"):
        measure(rows, SINCE, randomised=randomised)


def test_readings_come_from_csv_json_lines_and_tables() -> None:
    text = "time,value,unit,group,before\n2026-11-01,3.5,a,on,2\n2026-11-02T10:00:00Z,4,b,off,\n"
    first, second = parse_readings(text, "m.csv")
    assert first == Reading(SINCE, 3.5, "a", "treated", 2.0)
    assert (second.group, second.before) == ("control", None)
    lines = '{"time": "2026-11-01", "value": 3.5}\n\n{"time": "2026-11-02", "value": 4}\n'
    assert [row.value for row in parse_readings(lines, "m.jsonl")] == [3.5, 4.0]
    table = (
        "# x\n\n| time:day | visitors | views |\n| --- | --- | --- |\n| 2026-11-01 | 1,204 | 7 |"
    )
    assert parse_table(table, "", "s")[0].value == 1204
    assert parse_table(table, "views", "s")[0].value == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,value\n1,2\n", "columns when, value"),
        ("time,value\n2026-11-01,many\n", "reading 1: 'many' is no number"),
        ("time,value\nyesterday,1\n", "'yesterday' is no ISO"),
        ("time,value\n2026-11-01,nan\n", "'nan' is no number"),
        ("time,value,group\n2026-11-01,1,some\n", "neither treated nor control"),
        ('{"time": 1}{', "m:1 is not JSON"),
        ("", "columns none"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"SHP-062 .*{words}"):
        parse_readings(text, "m")
    with pytest.raises(InvalidInput, match="SHP-062"):
        parse_table("no table", "", "m")
