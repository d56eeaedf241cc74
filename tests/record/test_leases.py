"""Leases: a dead worker is taken over from, also where the one who reaps it dies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unlit.core.clock import FakeClock
from unlit.core.errors import OutsideFailed
from unlit.core.system import SystemIds
from unlit.record.blobs import Blobs
from unlit.record.engine import sqlite_url
from unlit.record.leases import Leases
from unlit.record.ledger import Ledger
from unlit.record.slots import Slots
from unlit.record.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(sqlite_url(tmp_path / "record.db"))
    yield store
    store.close()


def take(leases: Leases, worker: str = "w-1") -> None:
    assert leases.take(worker, "here", 1, ("lines",), "line-1")


def test_a_worker_in_its_lease_is_left_alone(store: Store) -> None:
    leases = Leases(store, 600)
    take(leases)
    assert leases.reap() == ()
    assert leases.renew("w-1")


def test_a_dead_worker_is_given_to_one_and_its_lease_is_lost(store: Store) -> None:
    leases = Leases(store, 0.0, claim_s=600)
    take(leases)
    assert leases.renew("w-1"), "late, and nobody has its work"
    assert leases.reap() == ("w-1",)
    assert not leases.renew("w-1")
    assert leases.reap() == ()
    assert [row.state for row in leases.workers()] == ["dead"]


def test_what_a_reaper_left_when_it_died_is_given_to_the_next(store: Store) -> None:
    take(Leases(store, 0.0))
    leases = Leases(store, 600, claim_s=0.0)  # who takes over is given up at once
    assert leases.reap() == ("w-1",)
    assert leases.reap() == ("w-1",)


def test_a_dead_worker_is_looked_at_once_more_and_then_never(store: Store) -> None:
    take(Leases(store, 0.0))
    leases = Leases(store, 600, claim_s=0.0)
    for _ in range(2):
        assert leases.reap() == ("w-1",)
        leases.taken_over("w-1")
    assert leases.reap() == ()


def test_the_second_look_waits_and_is_given_to_one(store: Store) -> None:
    take(Leases(store, 0.0))
    patient = Leases(store, 600, claim_s=600)
    assert patient.reap() == ("w-1",)
    patient.taken_over("w-1")
    assert patient.reap() == (), "not yet"
    take(Leases(store, 0.0), "w-2")
    assert patient.reap() == ("w-2",)


def test_a_worker_that_ends_late_is_looked_at_again(store: Store) -> None:
    take(Leases(store, 0.0))
    leases = Leases(store, 600, claim_s=0.0)
    for _ in range(2):
        leases.reap()
        leases.taken_over("w-1")
    leases.end("w-1")
    assert leases.reap() == ("w-1",)


def test_a_lease_given_back_runs_out_at_once(store: Store) -> None:
    leases = Leases(store, 600)
    take(leases)
    leases.end("w-1")
    assert not leases.renew("w-1")
    assert leases.reap() == ("w-1",)


def test_a_database_that_fails_is_something_outside_and_no_bug_of_ours(store: Store) -> None:
    """As while PostgreSQL starts again: a worker ends with 5, and its supervisor tries again."""
    with store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE workers")
        connection.exec_driver_sql("DROP TABLE slots")
        connection.exec_driver_sql("DROP TABLE blobs")
        connection.exec_driver_sql("DROP TABLE budgets")
    acts: list[Callable[[], object]] = [
        lambda: Leases(store).renew("w-1"),
        lambda: Leases(store).workers(),
        lambda: Slots(store).give("h"),
        lambda: Blobs(store).put("k", b""),
        lambda: Ledger(store, FakeClock(), SystemIds(), lambda usage: None).used("day/x"),
    ]
    for act in acts:
        with pytest.raises(OutsideFailed, match="REC-003"):
            act()
