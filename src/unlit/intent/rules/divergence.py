"""Ask about the input on which the readings of a spec differ most.

Several programs written from one spec are several readings of it. Where their outputs agree there
is nothing to ask. Each family of authors has the same mass, whatever the number of its programs.
The best question is the input that maximises 1 - sum of squared shares of its output clusters; the
next one is looked for inside the groups that the first leaves together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.core.ids import CriterionId
from unlit.intent.model import Spec
from unlit.intent.rules.examples import Input, Observed, input_of, violation
from unlit.intent.rules.inputs import Probe

MIN_SPLIT: Final = 0.1
MAX_QUESTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """One program written from the spec, and the family of its author."""

    name: str
    family: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the competing outputs, and which readings produce it."""

    observed: Observed
    readings: tuple[str, ...]
    share: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "outcome": str(self.observed),
            "exit_code": self.observed.exit_code,
            "stdout": self.observed.stdout,
            "answers": [{"status": s, "body": body} for s, body in self.observed.answers],
            "files": dict(self.observed.files),
            "effects": list(self.observed.effects),
            "readings": list(self.readings),
            "share": self.share,
        }


@dataclass(frozen=True, slots=True)
class Question:
    """One input, the outputs that compete for it, and how evenly they split the readings."""

    criterion: CriterionId
    input: Input
    choices: tuple[Choice, ...]
    split: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "criterion": self.criterion,
            "input": str(self.input),
            "args": list(self.input.args),
            "stdin": self.input.stdin,
            "files": dict(self.input.files),
            "requests": [str(call) for call in self.input.calls],
            "choices": [choice.to_json() for choice in self.choices],
            "split": self.split,
        }


Runs = Mapping[str, Mapping[Input, Observed]]
"""Reading's name to what it did with each input."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A reading, or an existing program, that breaks an example of the spec."""

    reading: str
    criterion: CriterionId
    example: str
    input: str
    expected: str
    what: str

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "reading": self.reading,
            "criterion": self.criterion,
            "example": self.example,
            "input": self.input,
            "expected": self.expected,
            "observed": self.what,
        }


def disagreements(
    spec: Spec, runs: Runs, *, program: str | None = None
) -> tuple[Disagreement, ...]:
    """Return the examples that programs break: a bug, or an intent that the spec got wrong."""
    found = []
    for criterion in spec.criteria:
        for example in criterion.examples:
            made = input_of(example, program)
            for name, outputs in runs.items():
                if made is None or made not in outputs:
                    continue
                what = violation(example, outputs[made])
                if what is not None:
                    found.append(
                        Disagreement(
                            name,
                            criterion.id,
                            example.title,
                            str(made),
                            example.outcome,
                            what,
                        )
                    )
    return tuple(found)


def masses(readings: Sequence[Reading]) -> dict[str, float]:
    """Return each reading's share, so that families weigh the same."""
    families: dict[str, int] = {}
    for reading in readings:
        families[reading.family] = families.get(reading.family, 0) + 1
    return {r.name: 1 / len(families) / families[r.family] for r in readings}


def clusters(outputs: Mapping[str, Observed], mass: Mapping[str, float]) -> tuple[Choice, ...]:
    """Group readings that do the same with one input, heaviest first."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(outputs):
        groups.setdefault(outputs[name].key, []).append(name)
    total = sum(mass[name] for name in outputs)
    choices = [
        Choice(outputs[names[0]], tuple(names), sum(mass[name] for name in names) / total)
        for names in groups.values()
    ]
    return tuple(sorted(choices, key=lambda choice: (-choice.share, choice.readings)))


def split(choices: Sequence[Choice]) -> float:
    """Return 1 - sum of squared shares: 0 when all readings agree."""
    return max(0.0, 1 - sum(choice.share**2 for choice in choices))


def best_question(
    readings: Sequence[Reading], probes: Sequence[Probe], runs: Runs
) -> Question | None:
    """Return the question that splits `readings` best; the simplest input at a tie."""
    mass = masses(readings)
    best: Question | None = None
    best_rank: tuple[float, int, int, int] | None = None
    for index, probe in enumerate(probes):
        outputs = {
            r.name: runs[r.name][probe.input] for r in readings if probe.input in runs[r.name]
        }
        if len(outputs) < 2:
            continue
        choices = clusters(outputs, mass)
        value = split(choices)
        if value < MIN_SPLIT:
            continue
        rank = (-round(value, 9), probe.changes, len(str(probe.input)), index)
        if best_rank is None or rank < best_rank:
            best_rank = rank
            best = Question(probe.criterion, probe.input, choices, value)
    return best


def questions(
    readings: Sequence[Reading],
    probes: Sequence[Probe],
    runs: Runs,
    *,
    limit: int = MAX_QUESTIONS,
) -> tuple[Question, ...]:
    """Return the questions whose answers together tell the readings apart, best first.

    Readings that no probe tells apart are one reading. After each question the next is looked for
    in the largest group that its answers leave together.
    """
    asked: list[Question] = []
    groups: list[tuple[Reading, ...]] = [tuple(readings)]
    while groups and len(asked) < limit:
        groups.sort(key=lambda group: (-len(group), [reading.name for reading in group]))
        group = groups.pop(0)
        if len(group) < 2:
            break
        question = best_question(group, probes, runs)
        if question is None:
            continue
        asked.append(question)
        parts: list[tuple[Reading, ...]] = []
        for whole in [group, *groups]:
            parts += _parted(whole, question.input, runs)
        groups = parts
    return tuple(asked)


def _parted(group: Sequence[Reading], made: Input, runs: Runs) -> list[tuple[Reading, ...]]:
    found: dict[object, list[Reading]] = {}
    for reading in group:
        observed = runs[reading.name].get(made)
        found.setdefault(None if observed is None else observed.key, []).append(reading)
    return [tuple(part) for part in found.values()]


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the readings are apart over all probes.

    Attributes:
        agree_within: Chance that two programs of one family do the same with a probe.
        agree_pool: The same for two programs drawn family by family.
        interpretations: 1 / agree_pool, the effective number of interpretations.
    """

    probes: int
    split_probes: int
    agree_within: float | None
    agree_pool: float
    interpretations: float


def spread(readings: Sequence[Reading], probes: Sequence[Probe], runs: Runs) -> Spread | None:
    """Measure the spread; None without two readings or without a probe that all ran."""
    mass = masses(readings)
    pool: list[float] = []
    within: list[float] = []
    parted = 0
    for probe in probes:
        outputs = {
            r.name: runs[r.name][probe.input] for r in readings if probe.input in runs[r.name]
        }
        if len(outputs) < max(2, len(readings)):
            continue
        agree = 1 - split(clusters(outputs, mass))
        parted += agree < 1 - 1e-9
        pool.append(agree)
        pairs = [
            outputs[a.name].key == outputs[b.name].key
            for i, a in enumerate(readings)
            for b in readings[i + 1 :]
            if a.family == b.family
        ]
        if pairs:
            within.append(sum(pairs) / len(pairs))
    if not pool:
        return None
    mean = sum(pool) / len(pool)
    return Spread(len(pool), parted, sum(within) / len(within) if within else None, mean, 1 / mean)
