"""Shrinking: the smallest values that still fail, and never more runs than allowed."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unlit.evaluation.scenarios.model import Scenario, Variable
from unlit.evaluation.shrink import MOST_RUNS, shrink, simpler

Make = Callable[..., Scenario]


async def test_it_finds_the_edge(make: Make) -> None:
    scenario = make(
        "vary: {n: {int: [1, 450]}, k: {choice: [a, b, c]}}\n"
        "when: [{cli: {run: ['{n}', '{k}']}}]\nthen: [{exit: 0}]"
    )
    tried: list[Mapping[str, Any]] = []

    async def fails(values: Mapping[str, Any]) -> bool:
        tried.append(values)
        return bool(values["n"] > 200)

    best, runs = await shrink(scenario, {"n": 437, "k": "c"}, fails)
    assert best == {"n": 201, "k": "a"}
    assert runs == len(tried) <= MOST_RUNS


@given(st.integers(0, 50), st.integers(0, 1000))
def test_simpler_numbers_lie_in_the_range_and_end(low: int, more: int) -> None:
    variable = Variable("n", "int", [low, low + more])
    values = list(simpler(variable, low + more))
    assert all(low <= value < low + more for value in values)
    assert len(values) == len(set(values)) <= 12
