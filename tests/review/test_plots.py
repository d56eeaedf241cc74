import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.ids import ScenarioId
from unlit.core.states import TrajectoryState
from unlit.evaluation.rules.intervals import anytime
from unlit.review import plots
from unlit.review.charts import day_bars, reliability
from unlit.review.model import Point
from unlit.review.tracks import Piece, Track, axis_for, ticks_svg, track_svg


def parsed(text: str) -> ET.Element:
    """Parse markup of ours; it fails when it is not well formed."""
    return ET.fromstring(text)  # noqa: S314 # our own markup, in a test


NOW = datetime(2026, 11, 23, 7, 12, tzinfo=UTC)
STATES = st.sampled_from(list(TrajectoryState))


def points_of(states: list[TrajectoryState], scenario: str = "s") -> list[Point]:
    found, n, k = [], 0, 0
    for number, state in enumerate(states, start=1):
        if state in (TrajectoryState.SATISFIED, TrajectoryState.NOT_SATISFIED):
            n += 1
            k += state is TrajectoryState.SATISFIED
        interval = anytime(k, n)
        share = k / n if n else None
        bounds = (interval.lower, interval.upper) if n else (None, None)
        found.append(Point(number, ScenarioId(scenario), state, share, *bounds))
    return found


@given(st.lists(STATES, max_size=60), st.one_of(st.none(), st.floats(0.01, 0.99)))
def test_every_plot_is_well_formed_and_named(
    states: list[TrajectoryState], threshold: float | None
) -> None:
    points = points_of(states, '<script>"&')
    for svg in (
        plots.satisfaction_plot(points, threshold, lambda n: f"/t?a=1&n={n}"),
        plots.tally(points),
    ):
        root = parsed(str(svg))
        assert root.get("aria-label")
        assert not [node for node in root.iter() if "style" in node.attrib]
        assert not [node for node in root.iter() if node.tag.endswith("script")]


@given(st.lists(STATES, min_size=1, max_size=900))
def test_thinning_never_drops_a_failure_and_keeps_the_order(states: list[TrajectoryState]) -> None:
    points = points_of(states)
    kept = plots.thinned(points)
    news = [p.n for p in points if p.state is not TrajectoryState.SATISFIED]
    assert set(news) <= {p.n for p in kept}
    assert [p.n for p in kept] == sorted(p.n for p in kept)
    assert len(kept) <= max(plots.MAX_MARKS, len(news)) + 2


def test_no_data_is_a_gap_and_not_a_zero() -> None:
    assert "no trajectory counted yet" in plots.satisfaction_plot([], 0.9)
    assert "no data" in plots.whisker(None, None, None, 0.9)
    assert 'class="pt"' not in plots.whisker(None, None, None, 0.9)


def test_a_day_without_a_record_is_drawn_apart_from_a_day_that_cost_nothing() -> None:
    from decimal import Decimal

    svg = day_bars([("2026-11-01", None, False), ("2026-11-02", Decimal(0), True)], None)
    assert 'class="void"' in svg
    assert ">0</text>" in svg
    assert "2026-11-01 no data, 2026-11-02 $0" in svg


def test_a_calibration_plot_waits_for_enough_runs() -> None:
    assert "not enough runs: 19 of 20" in reliability([(0.5, True)] * 19)
    assert "10 of 20 happened" in reliability([(0.5, n % 2 == 0) for n in range(20)])


@pytest.mark.parametrize("minutes", [0, 3, 14, 90, 400, 5000])
def test_the_axis_holds_what_is_shown_and_now(minutes: int) -> None:
    start = NOW - timedelta(minutes=minutes)
    axis = axis_for([start], NOW, UTC)
    assert axis.start <= max(start, NOW - timedelta(hours=14))
    assert axis.x(NOW) <= 100
    assert 2 <= len(axis.ticks) <= 12
    assert axis.ticks == tuple(sorted(axis.ticks))
    parsed(str(ticks_svg(axis, UTC)))


def test_a_track_is_named_and_holds_still() -> None:
    axis = axis_for([NOW - timedelta(hours=2)], NOW, UTC)
    track = Track(
        (Piece("written", NOW - timedelta(hours=1), NOW, "1"),), "one <candidate>", NOW, "ask", NOW
    )
    root = parsed(str(track_svg(track, axis)))
    assert root.get("aria-label") == "one <candidate>"
    assert "breathe" not in str(track_svg(track, axis))
