"""Sampling: the values of one trajectory from a seed, and the fixed order of draws.

The same seed always gives the same world, on any machine: only `random.Random` seeded from a
digest is used, with methods whose results Python keeps stable between versions.
"""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from unlit.evaluation.scenarios.model import Draw, Scenario, Variable

_ONSETS: Final = (
    "b", "br", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v",
)  # fmt: skip
_VOWELS: Final = ("a", "e", "i", "o", "u", "ai", "ea", "io")
_CODAS: Final = ("", "l", "n", "r", "s", "th", "x")
_AWKWARD: Final = (
    "O'Neil & Sons", "Zoë Müller", "名前", "-dash first", "semi;colon", 'double "quote"',
    "trailing space ", "tab\there", "emoji 🦊", "null", "0", "<b>bold</b>", "100%", "$HOME",
)  # fmt: skip

KINDS: Final = ("int", "choice", "from", "float", "bool", "text", "date")
LISTS: Final = ("names", "words", "emails", "awkward")


def draw_seed(run_seed: int, scenario: str, index: int) -> int:
    """Return the 63-bit seed of the `index`-th draw of one scenario in a run."""
    material = f"unlit.draw/1:{run_seed}:{scenario}:{index}".encode()
    return int.from_bytes(hashlib.sha256(material).digest()[:8], "big") >> 1


def sample(
    scenario: Scenario, seed: int, lists: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return the value of each variable of `scenario` for one seed."""
    return {
        variable.name: _value(variable, _source(seed, variable.name), lists or {})
        for variable in scenario.vary
    }


def _source(seed: int, name: str) -> random.Random:
    # One stream per variable, so that adding a variable does not change the others.
    material = hashlib.sha256(f"unlit.value/1:{seed}:{name}".encode()).digest()
    return random.Random(int.from_bytes(material[:16], "big"))  # noqa: S311 # replay, not secrecy


def _value(variable: Variable, source: random.Random, lists: Mapping[str, Sequence[str]]) -> Any:
    options = variable.options
    match variable.kind:
        case "int":
            return source.randrange(options[0], options[1] + 1)
        case "float":
            return round(options[0] + source.random() * (options[1] - options[0]), 6)
        case "bool":
            return source.random() < 0.5
        case "choice":
            return options[int(source.random() * len(options))]
        case "from":
            return _from_list(str(options), source, lists)
        case "text":
            return _text(options, source)
        case "date":
            first, last = date.fromisoformat(options[0]), date.fromisoformat(options[1])
            return str(first + timedelta(days=source.randrange((last - first).days + 1)))
    raise ValueError(f"no sampler named {variable.kind}")  # the parser refuses it first


def _from_list(name: str, source: random.Random, lists: Mapping[str, Sequence[str]]) -> str:
    if name in lists:
        return lists[name][int(source.random() * len(lists[name]))]
    if name == "awkward":
        return _AWKWARD[int(source.random() * len(_AWKWARD))]
    word = _word(source)
    if name == "names":
        return word.capitalize()
    return f"{word}@example.com" if name == "emails" else word


def _word(source: random.Random) -> str:
    def pick(parts: Sequence[str]) -> str:
        return parts[int(source.random() * len(parts))]

    return "".join(pick(_ONSETS) + pick(_VOWELS) for _ in range(3)) + pick(_CODAS)


def _text(options: Mapping[str, Any], source: random.Random) -> str:
    low, high = options.get("length", [1, 20])
    alphabet = str(options.get("alphabet", "abcdefghijklmnopqrstuvwxyz"))
    length = source.randrange(low, high + 1)
    return "".join(alphabet[int(source.random() * len(alphabet))] for _ in range(length))


class Drawing:
    """The fixed order in which trajectories are drawn, by weight, from one seed.

    While one sweep (each scenario as often as its reduced weight says) is no longer than
    `sweep_limit`, draws come as sweeps in random order, so that every scenario is met, and
    evidence is tested at the end of a sweep only. Otherwise each draw is independent, by weight.

    Source: research on nested designs (AM-GM bound for fixed sets, docs/adr/0430).
    """

    def __init__(self, scenarios: Sequence[Scenario], run_seed: int, sweep_limit: int) -> None:
        self._scenarios = sorted(scenarios, key=lambda scenario: scenario.id)
        self._run_seed = run_seed
        self._by_id = {str(scenario.id): scenario for scenario in self._scenarios}
        divisor = math.gcd(*(scenario.effective_weight for scenario in self._scenarios))
        self._weights = [scenario.effective_weight // divisor for scenario in self._scenarios]
        self.sweep: int = sum(self._weights)
        self.by_sweeps: bool = self.sweep <= sweep_limit
        material = hashlib.sha256(f"unlit.order/1:{run_seed}".encode()).digest()
        self._source = random.Random(int.from_bytes(material[:16], "big"))  # noqa: S311 # replay
        self._pending: list[int] = []
        self._drawn = [0] * len(self._scenarios)
        self._index = 0

    def complete(self, count: int) -> bool:
        """Say whether evidence may be tested after `count` draws."""
        return count > 0 and (not self.by_sweeps or count % self.sweep == 0)

    def limit(self, most: int) -> int:
        """Return how many draws to make at most: whole sweeps only, and at least one."""
        if not self.by_sweeps:
            return most
        return max(self.sweep, most - most % self.sweep)

    def scenario(self, name: str) -> Scenario:
        """Return a scenario by id."""
        return self._by_id[name]

    def next(self, lists: Mapping[str, Sequence[str]] | None = None) -> Draw:
        """Return the next draw."""
        which = self._from_sweep() if self.by_sweeps else self._independent()
        scenario = self._scenarios[which]
        seed = draw_seed(self._run_seed, scenario.id, self._drawn[which])
        self._drawn[which] += 1
        self._index += 1
        return Draw(self._index, scenario.id, seed, sample(scenario, seed, lists))

    def _from_sweep(self) -> int:
        if not self._pending:
            self._pending = [n for n, weight in enumerate(self._weights) for _ in range(weight)]
            for n in range(len(self._pending) - 1, 0, -1):
                other = int(self._source.random() * (n + 1))
                self._pending[n], self._pending[other] = self._pending[other], self._pending[n]
        return self._pending.pop()

    def _independent(self) -> int:
        point = self._source.random() * self.sweep
        for which, weight in enumerate(self._weights):
            point -= weight
            if point < 0:
                return which
        return len(self._weights) - 1
