"""The five DORA measures: what was not reported is not known, never zero."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.console.conftest import Bench
from tests.review.sample import RUN, fill

from unlit.console.delivery import Happening, Shipped, delivery
from unlit.record.model import RunEvent, RunState

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


SHIPPED = (
    Shipped("r-1", "review", ago(50), ago(48)),
    Shipped("r-2", "export", ago(30), ago(26)),
    Shipped("r-3", "incident-7", ago(22), ago(20)),
    Shipped("r-old", "old", ago(1000), ago(900)),
)


def test_without_deploys_and_watches_failure_is_not_known() -> None:
    found = delivery(SHIPPED, (), NOW)
    assert (found.shipped, found.per_week) == (3, 0.75)
    assert found.lead_s == 2 * 3600
    assert found.failed is None
    assert found.restore_s is None
    assert found.rework is None


def test_a_failed_rollout_an_incident_and_its_repair_are_counted() -> None:
    happened = (
        Happening("r-1", "rollout", ago(48), ok=True),
        Happening("r-2", "rollout", ago(26), ok=False, restored=True),
        Happening("r-1", "incident", ago(25), spec="incident-7"),
        Happening("r-3", "rollout", ago(20), ok=True),
    )
    found = delivery(SHIPPED, happened, NOW)
    assert (found.failed, found.reported) == (2, 3)
    assert found.rolled_back == 1
    assert found.restore_s == 5 * 3600
    assert found.rework == 1


def test_nothing_shipped_is_said() -> None:
    assert delivery((), (), NOW).lead_s is None


def test_the_page_counts_from_the_record(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    fill(bench.store)
    bench.store.change_run(RUN, bench.clock.now(), state=RunState.SHIPPED)
    client = bench.logged_in()
    assert "no deploy and no watch reported" in client.get("/calibration").text
    at = bench.clock.now()
    bench.store.keep_events([
        RunEvent(RUN, "rollout/1", "rollout", at, "deploy", data={"ok": False, "restored": True}),
    ])  # fmt: skip
    page = client.get("/calibration").text
    assert "1 of 1</span> whose fate was reported" in page
    assert "1 rollout went back by itself" in page
