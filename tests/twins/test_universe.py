"""Worlds: made, forked, restored, found; and what strikes their calls."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.twins.kit import example

from unlit.core.errors import InvalidInput
from unlit.twins import registry
from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

SEEDS = {"notes": {"notes": [{"count": 3, "text": "note {n}"}]}}


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch) -> Universe:
    registry.load_twin.cache_clear()
    monkeypatch.setitem(registry.TWINS, "notes", f"{example.__name__}:twin")
    return Universe(["notes"])


def ask(universe: Universe, world: str, method: str, path: str, body: str = "") -> tuple[int, Any]:
    headers = {"x-twin-world": world, "authorization": f"Bearer fake-notes-{world}"}
    answered = universe.answer("notes", Request(method, path, "", headers, body.encode()))
    import json

    raw = answered.reply.encoded()
    return answered.reply.status, json.loads(raw) if raw else None


def texts(universe: Universe, world: str) -> list[str]:
    return [row["text"] for row in universe.state(world)["notes.notes"]]


def test_a_seed_with_a_count_makes_that_many(universe: Universe) -> None:
    assert texts(universe, universe.create_world(SEEDS)) == ["note 1", "note 2", "note 3"]


def test_equal_seeds_make_equal_worlds_and_others_do_not(universe: Universe) -> None:
    now = datetime(2026, 3, 1, 9, tzinfo=UTC)
    one, two = (universe.create_world(SEEDS, seed=7, now=now) for _ in range(2))
    assert universe.diff(one, two) == {}
    assert universe.diff(one, universe.create_world(SEEDS, seed=8, now=now)) != {}


def test_a_fork_and_its_origin_do_not_see_each_others_writes(universe: Universe) -> None:
    old = universe.create_world(SEEDS)
    new = universe.fork(old)
    ask(universe, new, "POST", "/notes", '{"text": "in the fork"}')
    ask(universe, old, "POST", "/notes", '{"text": "in the origin"}')
    assert texts(universe, new)[-1] == "in the fork"
    assert texts(universe, old)[-1] == "in the origin"
    assert len(texts(universe, old)) == len(texts(universe, new)) == 4


def test_restore_and_reset_undo_writes(universe: Universe) -> None:
    world = universe.create_world(SEEDS)
    ask(universe, world, "POST", "/notes", '{"text": "kept"}')
    snap = universe.snapshot(world)
    ask(universe, world, "POST", "/notes", '{"text": "lost"}')
    universe.restore(world, snap)
    assert texts(universe, world)[-1] == "kept"
    universe.reset(world)
    assert len(texts(universe, world)) == 3


def test_a_fault_strikes_as_often_as_told(universe: Universe) -> None:
    rule = {"on": "GET /notes/{id}", "status": 503, "retry_after": 2, "times": 1, "after": 1}
    world = universe.create_world(SEEDS, faults={"notes": [rule]})
    key = universe.state(world)["notes.notes"][0]["id"]
    got = [ask(universe, world, "GET", f"/notes/{key}")[0] for _ in range(4)]
    assert got == [200, 503, 200, 200]
    assert [call.fault for call in universe.calls(world)] == [None, "status", None, None]


@pytest.mark.parametrize("rule", [{}, {"on": "*", "statuss": 1}, {"on": "*", "times": "x"}, 3])
def test_a_wrong_fault_is_refused(universe: Universe, rule: Any) -> None:
    with pytest.raises(InvalidInput, match="TWN-101"):
        universe.create_world(faults={"notes": [rule]})
    assert universe.worlds() == ()


def test_a_token_finds_its_world_and_an_unknown_one_is_refused(universe: Universe) -> None:
    world = universe.create_world(SEEDS)
    universe.default = universe.create_world()
    token = universe.tokens(world)["notes"]
    found = universe.answer(
        "notes", Request("GET", "/notes", "", {"authorization": f"Bearer {token}"})
    )
    assert found.world is not None
    assert found.world.id == world
    stranger = universe.answer("notes", Request("GET", "/notes", "", {"authorization": "Bearer x"}))
    assert stranger.reply.status == 401


def test_any_token_gives_each_stranger_a_world(universe: Universe) -> None:
    universe.any_token = True
    universe.default = universe.create_world(SEEDS)

    def count(token: str, method: str) -> int:
        request = Request(
            method, "/notes", "", {"authorization": f"Bearer {token}"}, b'{"text": "x"}'
        )
        answered = universe.answer("notes", request)
        assert answered.world is not None
        return len(answered.world.table("notes.notes"))

    assert count("a", "POST") == 4
    assert count("b", "GET") == 3
    assert count("a", "GET") == 4
    universe.reset_all()
    assert count("a", "GET") == 3


def test_an_alias_means_the_world_last_bound_and_no_other(universe: Universe) -> None:
    one, two = universe.create_world(SEEDS), universe.create_world()
    universe.default = two

    def count(alias: str, world: str) -> int:
        token = universe.tokens(world)["notes"]
        headers = {"x-twin-world": alias, "authorization": f"Bearer {token}"}
        answered = universe.answer("notes", Request("GET", "/notes", "", headers))
        return (
            answered.reply.status
            if answered.world is None
            else len(answered.world.table("notes.notes"))
        )

    universe.bind("slot-1", one)
    assert count("slot-1", one) == 3
    universe.bind("slot-1", two)
    assert count("slot-1", two) == 0
    assert count("slot-2", two) == 503
    universe.drop(two)
    assert count("slot-1", one) == 503
