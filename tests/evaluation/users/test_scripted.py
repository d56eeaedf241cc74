"""The scripted user: a state machine with a persona, the same for the same seed."""

import asyncio
from typing import Any

import pytest

from unlit.evaluation.ports import Said
from unlit.evaluation.users.scripted import (
    GAVE_UP,
    LOST,
    ScriptedUser,
    choose_persona,
    source_of,
)


def talk(params: dict[str, Any], heard: list[str], seed: int = 1, **values: str) -> list[Said]:
    user = ScriptedUser(params, source_of(seed, 1), list(values.values()))

    async def run() -> list[Said]:
        return [await user.opens(), *[await user.answers(text) for text in heard]]

    return asyncio.run(run())


def test_rules_of_the_state_come_before_those_that_hold_always() -> None:
    params = {
        "opens": "hello",
        "states": {
            "start": [{"hears": "name", "say": "Ada", "go": "named"}],
            "named": [{"hears": ["how many", "number"], "say": "3"}],
        },
        "answers": [{"hears": "name", "say": "I said so"}, {"matches": "^booked \\d", "end": "ok"}],
    }
    heard = ["Your NAME?", "Number please", "your name?", "booked 3", "what?"]
    assert talk(params, heard) == [
        Said(("hello",)), Said(("Ada",)), Said(("3",)), Said(("I said so",)), Said((), "ok"),
        Said((), LOST),
    ]  # fmt: skip


def test_a_rule_may_be_used_a_number_of_times() -> None:
    params = {"answers": [{"say": "no", "times": 2}, {"say": "yes", "end": "satisfied"}]}
    said = talk(params, ["?", "?", "?"])
    assert said[1:] == [Said(("no",)), Said(("no",)), Said(("yes",), "satisfied")]


def test_what_is_drawn_follows_from_the_seed_alone() -> None:
    params = {
        "opens": ["a", "b", "c"],
        "personas": {"calm": None, "hasty": {"weight": 3, "repeats": 0.5, "silent": 0.5}},
        "answers": [{"say": ["one", "two", "three"]}],
    }
    heard = ["x"] * 6
    assert talk(params, heard, 5) == talk(params, heard, 5)
    assert len({tuple(talk(params, heard, seed)) for seed in range(20)}) > 10


def test_personas_are_drawn_by_weight() -> None:
    table: dict[str, dict[str, Any]] = {"rare": {"weight": 1}, "often": {"weight": 9}}
    names = [choose_persona(table, source_of(seed, 1)).name for seed in range(2000)]
    assert 0.06 < names.count("rare") / len(names) < 0.14


def test_a_persona_changes_words_but_never_the_scenarios_own_values() -> None:
    params = {
        "personas": {"sloppy": {"typos": 1.0, "case": "upper", "chatter": ["well"]}},
        "answers": [{"say": "reserve something for Brumaix."}],
    }
    (line,) = talk(params, ["?"], who="Brumaix")[1].lines
    words = line.split()
    assert words[0] != "well"  # typos and capitals reach it too
    assert sorted(words[0]) == sorted("WELL")
    assert "Brumaix." in words
    assert "reserve" not in line
    assert sorted(words[1]) == sorted("RESERVE")


@pytest.mark.parametrize("patience", [1, 3])
def test_an_impatient_person_leaves(patience: int) -> None:
    params = {"personas": {"p": {"gives_up": patience}}, "answers": [{"say": "again"}]}
    said = talk(params, ["?"] * (patience + 1))
    assert [entry.end for entry in said[1:]] == [None] * patience + [GAVE_UP]
