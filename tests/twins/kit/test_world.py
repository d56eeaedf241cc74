"""Tables, worlds and time: what a fork shares and what it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.twins.kit.seeds import expand, fill, iso, moment
from unlit.twins.kit.world import Table, VirtualClock, World

STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "fork", "swap"]), st.integers(0, 5)),
                 max_size=40)  # fmt: skip


@given(STEPS)
def test_a_forked_table_is_a_copied_dictionary(steps: list[tuple[str, int]]) -> None:
    pairs: list[tuple[Table, dict[int, int]]] = [(Table(), {})]
    for number, (what, key) in enumerate(steps):
        table, model = pairs[-1]
        if what == "put":
            table.put(key, number)
            model[key] = number
        elif what == "drop":
            assert table.drop(key) == model.pop(key, None)
        elif what == "fork":
            pairs.append((table.share(), dict(model)))
        else:
            pairs.insert(0, pairs.pop())
    for table, model in pairs:
        assert dict(table.items()) == model
        assert list(table) == list(model)
        assert list(reversed(table)) == list(reversed(model))


def world(seed: int = 0) -> World:
    return World("w", seed, VirtualClock(lambda: 1000.0, 500.0))


def test_atomic_undoes_everything_and_only_on_failure() -> None:
    place = world()
    place.table("t").put(1, "old")

    def fail() -> None:
        with place.atomic():
            place.table("t").put(1, "new")
            place.text("kind", 4)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert place.table("t")[1] == "old"
    with place.atomic():
        place.table("t").put(1, "new")
    assert place.table("t")[1] == "new"
    other = world()
    other.table("t")
    assert place.text("kind", 4) == other.text("kind", 4)


def test_ids_follow_from_seed_and_order_and_never_repeat() -> None:
    def ids(seed: int) -> list[str]:
        place = world(seed)
        return [place.text("kind", 12) for _ in range(500)]

    assert ids(1) == ids(1)
    assert not set(ids(1)) & set(ids(2))
    assert len(set(ids(1))) == 500


def test_a_standing_clock_moves_by_ticks_and_advances_only() -> None:
    clock = VirtualClock(lambda: 1000.0, 500.0)
    assert [clock.now(), clock.tick(), clock.tick()] == pytest.approx([500.0, 500.001, 500.002])
    clock.advance(10)
    assert clock.base() == 510
    assert VirtualClock(lambda: 1000.0).tick() == 1000


def test_seeds_count_and_times_are_relative() -> None:
    rows = list(expand([{"count": "2", "name": "u{n}", "tags": ["t{n}"]}, "plain"]))
    assert rows == [{"name": "u1", "tags": ["t1"]}, {"name": "u2", "tags": ["t2"]},
                    {"name": "plain"}]  # fmt: skip
    assert iso(moment("-1d", 86_400.0)) == "1970-01-01T00:00:00.000Z"
    assert iso(moment("2026-03-01T09:00Z", 0)) == "2026-03-01T09:00:00.000Z"
    assert moment(None, 0) is None
    nested: Any = fill({"{n}": ["{n}", 1]}, 3)
    assert nested == {"3": ["3", 1]}
