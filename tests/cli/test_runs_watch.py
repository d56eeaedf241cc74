"""The live view of all runs, drawn from the record."""

import io
from datetime import timedelta
from pathlib import Path

from tests.line.conftest import repository  # noqa: F401 # a fixture
from tests.line.world import durable_url, overlays, request, services

from unlit.cli.runs_watch import RunsView, age, lines_of, watch
from unlit.line.service import Line
from unlit.record.model import RunState


async def test_all_runs_are_shown_with_where_they_are(
    tmp_path: Path,
    repository: Path,  # noqa: F811 # the fixture
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        first = await line.start(request(repository))
        await line.wait(first)
        second = await line.start(request(repository))
        await line.wait(second)
    world.store.change_run(second, world.clock.now(), state=RunState.RUNNING, verdict=None)
    rows = lines_of(world.store, world.clock.now())
    assert [(row.run, row.state) for row in rows] == [(second, "running"), (first, "waiting")]
    assert (rows[1].where, rows[1].progress, rows[1].cost) == ("gate", "ship", "$0.00")
    stream = io.StringIO()
    await watch([world.store], RunsView(stream, terminal=False), world.clock.now, rounds=2)
    assert stream.getvalue().count(first) == 1, "told once, as nothing changed"
    stream = io.StringIO()
    await watch([world.store], RunsView(stream, terminal=True), world.clock.now, rounds=2)
    assert stream.getvalue().count(first) == 2
    assert "\x1b[3A" in stream.getvalue(), "drawn over the table before"


def test_ages_are_short() -> None:
    spans = (timedelta(seconds=5), timedelta(minutes=7), timedelta(hours=3), timedelta(days=2))
    assert [age(span.total_seconds()) for span in spans] == ["5s", "7m", "3h", "2d"]
