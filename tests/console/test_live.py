"""What tells a live page that the record has changed."""

from datetime import timedelta

from tests.console.conftest import Bench
from tests.review.sample import RUN, fill

from unlit.console.queries import Queries
from unlit.core.ids import RunId


def test_a_change_is_seen_beside_a_run_of_a_machine_whose_clock_is_ahead(bench: Bench) -> None:
    fill(bench.store)
    ahead = bench.clock.now() + timedelta(hours=1)
    fill(bench.store, run=RunId("r-ahead00000"), at=ahead)
    queries = Queries(bench.store)
    before = queries.mark()
    assert queries.mark() == before
    bench.store.change_run(RUN, bench.clock.now(), title="Renamed")
    assert queries.mark() != before
