"""Make a failing case smaller: the same failure with simpler values."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from unlit.evaluation.scenarios.model import Scenario, Variable

MOST_RUNS: Final = 60

Values = Mapping[str, Any]


def simpler(variable: Variable, value: Any) -> Iterator[Any]:
    """Yield simpler values of one variable, the simplest first; each could have been drawn."""
    options = variable.options
    if variable.kind == "int":
        yield from _smaller(int(options[0]), int(value))
    elif variable.kind == "choice":
        for option in options:
            if option == value:
                return
            yield option
    elif variable.kind == "bool" and value:
        yield False
    elif variable.kind == "text":
        low = int(options.get("length", [1, 20])[0])
        for length in _smaller(low, len(value)):
            yield value[:length]
    elif variable.kind == "date" and value != options[0]:
        yield options[0]


def _smaller(low: int, value: int) -> Iterator[int]:
    step = value - low
    seen: set[int] = set()
    while step > 0:
        found = value - step
        if found not in seen:
            seen.add(found)
            yield found
        step //= 2


async def shrink(
    scenario: Scenario, values: Values, fails: Callable[[Values], Awaitable[bool]]
) -> tuple[dict[str, Any], int]:
    """Return the simplest values found that still fail in the same way, and how many were tried.

    Args:
        scenario: Whose variables these are.
        values: Values that fail.
        fails: Says whether other values fail in the same way.
    """
    best = dict(values)
    runs = 0
    improved = True
    while improved and runs < MOST_RUNS:
        improved = False
        for variable in scenario.vary:
            for value in simpler(variable, best[variable.name]):
                if runs >= MOST_RUNS:
                    return best, runs
                runs += 1
                tried = {**best, variable.name: value}
                if await fails(tried):
                    best, improved = tried, True
                    break
    return best, runs
