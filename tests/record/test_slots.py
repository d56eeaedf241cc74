"""Limits over all workers of a record."""

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
