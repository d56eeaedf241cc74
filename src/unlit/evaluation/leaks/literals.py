"""Rare literals of hidden scenarios that stand in the candidate's code: answers learnt by heart.

One is a question for a person, two are a leak: on honest programs two hidden rare literals were
found in none of 3,610 (95 %: below 0.0009), one in 1.6 %.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from unlit.core.ids import ScenarioId

_STRING: Final = re.compile(r"\"((?:[^\"\\\n]|\\.){4,200})\"|'((?:[^'\\\n]|\\.){4,200})'")
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d{2,15}(?:\.\d+)?(?![\w.])")
_PLACEHOLDER: Final = re.compile(r"\{[a-z][a-z0-9_]*\}")
_ROUND: Final = re.compile(r"-?[1-9]0*\Z")
_KNOWN_NUMBERS: Final = frozenset(
    {16, 24, 32, 60, 64, 128, 255, 256, 365, 512, 1024, 2048, 3600, 4096, 8080, 8192, 65535, 65536,
     86400, *range(100, 104), *range(200, 209), *range(300, 309), *range(400, 452),
     *range(500, 512), *range(1990, 2040)}
)  # fmt: skip

Literal = str | float


def is_rare(value: Any) -> bool:
    """Say whether nobody would write this literal by chance."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        known = value in _KNOWN_NUMBERS or bool(_ROUND.match(str(value)))
        return abs(value) > 10 and not known
    return isinstance(value, str) and len(value.strip()) >= 4 and not _PLACEHOLDER.search(value)


def literals_of(value: Any) -> Iterator[Literal]:
    """Yield each rare literal in a scenario's plain data; keys are ours, not the scenario's."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from literals_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from literals_of(item)
    elif is_rare(value):
        yield value


def literals_in_code(text: str, name: str) -> set[Literal]:
    """Return the literals of a source file: by its syntax for Python, by quotes elsewhere."""
    if name.endswith(".py"):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return _by_quotes(text)
        constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        return {value for value in constants if isinstance(value, str | int | float)}
    return _by_quotes(text)


def _by_quotes(text: str) -> set[Literal]:
    found: set[Literal] = {first or second for first, second in _STRING.findall(text)}
    for number in _NUMBER.findall(text):
        found.add(float(number) if "." in number else int(number))
    return found


def learnt_by_heart(
    hidden: Mapping[ScenarioId, Iterable[Literal]], code: Iterable[tuple[str, str]], visible: str
) -> dict[ScenarioId, int]:
    """Return how many rare hidden literals of each scenario stand in the code.

    Args:
        hidden: Rare literals by scenario.
        code: Name and text of each source file of the candidate.
        visible: Everything that the agent may see: what stands there is no secret.
    """
    seen = {
        scenario: {
            value for value in values
            if str(value) not in visible and not (isinstance(value, str) and value == scenario)
        }
        for scenario, values in hidden.items()
    }  # fmt: skip
    used: set[Literal] = set()
    for name, text in code:
        used |= literals_in_code(text, name)
    counts = {scenario: len(values & used) for scenario, values in seen.items()}
    return {scenario: count for scenario, count in counts.items() if count}
