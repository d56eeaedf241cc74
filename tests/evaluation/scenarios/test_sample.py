"""Sampling: the same seed is the same world; draws follow the weights and can be replayed."""

from collections import Counter

from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.evaluation.scenarios.sample import Drawing, sample


def scenario(name: str, weight: int = 1, vary: str = "{a: {int: [1, 450]}}") -> Scenario:
    result = parse_scenario(
        f"id: {name}\nstory: s\ncriterion: [AC-1]\npartition: validation\nweight: {weight}\n"
        "oracle: twin\nauthor: {by: person}\nowner: o\nbecause: b\n"
        f"vary: {vary}\nwhen: [{{cli: {{run: []}}}}]\nthen: [{{exit: 0}}]\n",
        f"{name}.yaml",
    )
    assert isinstance(result, Scenario), result
    return result


def test_one_seed_gives_one_world_for_ever() -> None:
    drawn = sample(
        scenario(
            "x", vary="{a: {int: [1, 450]}, b: {from: names}, c: {date: [2026-01-01, 2026-12-31]}}"
        ),
        42,
    )
    assert drawn == {"a": 4, "b": "Gururul", "c": "2026-06-07"}


def test_a_new_variable_does_not_change_the_others() -> None:
    alone = sample(scenario("x", vary="{a: {int: [1, 1000000]}}"), 7)
    both = sample(scenario("x", vary="{b: {bool: true}, a: {int: [1, 1000000]}}"), 7)
    assert alone["a"] == both["a"]


def test_a_sweep_meets_each_scenario_as_often_as_its_weight_says() -> None:
    drawing = Drawing([scenario("a", 2), scenario("b", 4), scenario("c", 6)], 1, sweep_limit=30)
    assert (drawing.sweep, drawing.by_sweeps) == (6, True)
    first = Counter(drawing.next().scenario for _ in range(6))
    assert first == {"a": 1, "b": 2, "c": 3}
    assert [drawing.complete(n) for n in (0, 5, 6, 11, 12)] == [False, False, True, False, True]


def test_many_scenarios_are_drawn_independently_by_weight() -> None:
    drawing = Drawing([scenario("a", 1), scenario("b", 99)], 1, sweep_limit=30)
    assert not drawing.by_sweeps
    share = sum(drawing.next().scenario == "a" for _ in range(4000)) / 4000
    assert 0.004 < share < 0.02
    assert drawing.complete(1)


def test_the_order_is_fixed_by_the_seed() -> None:
    def order(seed: int) -> list[tuple[str, int]]:
        drawing = Drawing([scenario("a"), scenario("b"), scenario("c")], seed, 30)
        return [(draw.scenario, draw.seed) for draw in (drawing.next() for _ in range(12))]

    assert order(5) == order(5)
    assert order(5) != order(6)
