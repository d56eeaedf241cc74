"""A user as a state machine with a persona, both drawn from the trajectory's seed. Pure.

A rule fits when the product said one of its words (`hears`, case does not matter) or its pattern
(`matches`), or when it has neither. The rules of the present state are tried first, then those that
hold always. What a persona changes is how things are said, never the scenario's own values.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from unlit.evaluation.ports import Said, User

LOST: Final = "lost"
GAVE_UP: Final = "gave_up"
PLAIN: Final = "plain"


@dataclass(frozen=True, slots=True)
class Persona:
    """How somebody talks.

    Attributes:
        typos: Chance that two letters of a word change places.
        case: ``lower``, ``upper`` or as written.
        repeats: Chance to send the same thing twice, as a double click does; for servers.
        silent: Chance to answer with an empty line, and properly only when asked again.
        chatter: Words put before what is said, one at random.
        gives_up: After how many answers this person leaves.
    """

    name: str = PLAIN
    typos: float = 0.0
    case: str = "written"
    repeats: float = 0.0
    silent: float = 0.0
    chatter: tuple[str, ...] = ()
    gives_up: int | None = None


def choose_persona(table: Mapping[str, Mapping[str, Any]] | None, source: random.Random) -> Persona:
    """Draw one of the personas by weight; the plain one when there are none."""
    if not table:
        return Persona()
    names = list(table)
    weights = [int((table[name] or {}).get("weight", 1)) for name in names]
    name = source.choices(names, weights)[0]
    options = {key: value for key, value in (table[name] or {}).items() if key != "weight"}
    return Persona(name, **{**options, "chatter": tuple(options.get("chatter", ()))})


def source_of(seed: int, step: int) -> random.Random:
    """Return the stream that decides everything about the user of one step."""
    return random.Random(f"unlit.user/1:{seed}:{step}")  # noqa: S311 # replay, not secrecy


class ScriptedUser(User):
    """Plays the rules of a `user` step.

    Args:
        params: The step, its placeholders filled.
        source: Where everything random comes from.
        values: Words that a persona leaves as they are.
    """

    def __init__(
        self, params: Mapping[str, Any], source: random.Random, values: Sequence[str] = ()
    ) -> None:
        self.persona = choose_persona(params.get("personas"), source)
        self._source = source
        self._values = {word for value in values for word in str(value).split()}
        self._always: Sequence[Mapping[str, Any]] = params.get("answers", ())
        self._states: Mapping[str, Sequence[Mapping[str, Any]]] = params.get("states", {})
        self._state = next(iter(self._states), "")
        self._opens = params.get("opens")
        self._used: dict[int, int] = {}
        self._answers = 0
        self._was_silent = False

    @override
    async def opens(self) -> Said:
        if self._opens is None:
            return Said()
        return Said(self._phrased(self._opens))

    @override
    async def answers(self, heard: str) -> Said:
        self._answers += 1
        if self.persona.gives_up is not None and self._answers > self.persona.gives_up:
            return Said(end=GAVE_UP)
        if not self._was_silent and self._source.random() < self.persona.silent:
            self._was_silent = True
            return Said(("",))
        self._was_silent = False
        for rule in (*self._states.get(self._state, ()), *self._always):
            if self._fits(rule, heard):
                return self._follow(rule)
        return Said(end=LOST)

    def _fits(self, rule: Mapping[str, Any], heard: str) -> bool:
        if self._used.get(id(rule), 0) >= int(rule.get("times", 1_000_000)):
            return False
        if "hears" in rule:
            words = [rule["hears"]] if isinstance(rule["hears"], str) else rule["hears"]
            if not any(str(word).casefold() in heard.casefold() for word in words):
                return False
        return "matches" not in rule or re.search(str(rule["matches"]), heard) is not None

    def _follow(self, rule: Mapping[str, Any]) -> Said:
        self._used[id(rule)] = self._used.get(id(rule), 0) + 1
        if "go" in rule:
            places = [rule["go"]] if isinstance(rule["go"], str) else rule["go"]
            self._state = str(self._source.choice(places))
        text = self._phrased(rule["say"]) if "say" in rule else ()
        return Said(text, rule.get("end"))

    def _phrased(self, say: Any) -> tuple[str, ...]:
        """Return the lines that this person types to say one thing."""
        said = str(self._source.choice(say) if isinstance(say, list | tuple) else say)
        persona, source = self.persona, self._source
        if persona.chatter:
            said = f"{source.choice(persona.chatter)} {said}"
        said = " ".join(self._typed(word) for word in said.split(" "))
        lines = [said]
        if source.random() < persona.repeats:
            lines.append(said)
        return tuple(lines)

    def _typed(self, word: str) -> str:
        if word in self._values or word.strip(".,;:!?") in self._values:
            return word
        if self.persona.case in ("lower", "upper"):
            word = word.lower() if self.persona.case == "lower" else word.upper()
        if len(word) > 3 and word.isalpha() and self._source.random() < self.persona.typos:
            at = self._source.randrange(len(word) - 1)
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word
