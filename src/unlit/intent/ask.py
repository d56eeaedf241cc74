"""Ask a person about the inputs on which programs written from one spec differ.

Running programs is not this room's business: whoever calls hands in `Runner`, which executes them
in fences, and `Answerer`, which shows a question to a person.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from unlit.core.errors import UnlitError, UsageError
from unlit.intent.model import Example, Spec
from unlit.intent.rules.divergence import (
    MAX_QUESTIONS,
    Disagreement,
    Question,
    Reading,
    Spread,
    best_question,
    disagreements,
    questions,
    spread,
)
from unlit.intent.rules.edit import add_example
from unlit.intent.rules.examples import Input, Observed
from unlit.intent.rules.inputs import LIMIT, Probe, probes
from unlit.intent.service import parse_spec

_PARALLEL: Final = 3

Runner = Callable[[Reading, Sequence[Input]], Awaitable[Mapping[Input, Observed]]]
"""Execute one reading with each input; an input that could not be run is left out."""

Answerer = Callable[[Question], "Answer | None"]
"""Show a question to a person; None leaves it open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person wants: one of the choices by number from 0, or an outcome in words."""

    choice: int | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How it went.

    Attributes:
        text: The spec, with the answers as examples.
        changed: How many questions changed the spec.
        dropped: Readings that break an example of the spec: bugs, not readings.
        still_open: Whether readings were left that differ.
    """

    text: str
    questions: tuple[Question, ...]
    changed: int
    dropped: tuple[Disagreement, ...] = ()
    before: Spread | None = None
    after: Spread | None = None
    still_open: bool = False
    probes: int = 0
    readings: int = 0
    families: int = 0
    answers: tuple[Answer | None, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.asked/1`."""
        return {
            "schema": "unlit.asked/1",
            "readings": self.readings,
            "families": self.families,
            "probes": self.probes,
            "questions": [question.to_json() for question in self.questions],
            "changed": self.changed,
            "dropped": [entry.to_json() for entry in self.dropped],
            "interpretations_before": self.before.interpretations if self.before else None,
            "interpretations_after": self.after.interpretations if self.after else None,
            "still_open": self.still_open,
        }


async def ask(
    text: str,
    path: PurePath | str,
    readings: Sequence[Reading],
    run: Runner,
    answer: Answerer | None = None,
    *,
    program: str | None = None,
    limit: int = MAX_QUESTIONS,
    inputs: int = LIMIT,
) -> Asked:
    """Find the inputs that split `readings` and turn a person's answers into examples.

    Without `answer` the questions are only reported, all of them. One reading alone, such as an
    existing program, is compared with the examples of the spec.

    Raises:
        InvalidInput: The spec cannot be read.
        UsageError: No reading, or no example that can be typed in.
    """
    spec = parse_spec(text, path)
    chosen = probes(spec, program=program, limit=inputs)
    if not readings:
        raise UsageError(
            "INT-120",
            "There is no program to look at.",
            "A spec is misread by somebody: two readings are needed, or one existing program.",
            "Give two or more programs, best from different agents or models.",
        )
    if not chosen:
        raise UsageError(
            "INT-121", f"No example of {path} can be typed in.",
            "Inputs are made from examples whose input has its arguments in backticks.",
            "Write for instance: - Input: `sort b a`.",
        )  # fmt: skip
    if len(readings) == 1:
        chosen = tuple(probe for probe in chosen if probe.changes == 0)
    runs = await _run_all(readings, [probe.input for probe in chosen], run)
    dropped = disagreements(spec, runs, program=program)
    families = {reading.family for reading in readings}
    faulty = {entry.reading for entry in dropped}
    sound = [reading for reading in readings if reading.name not in faulty]
    state = _State(text, spec, tuple(sound), chosen, runs)
    before = spread(sound, chosen, runs)
    if answer is None:
        found = questions(sound, chosen, runs, limit=limit)
        return Asked(
            text=text,
            questions=found,
            changed=0,
            dropped=dropped,
            before=before,
            still_open=bool(found),
            probes=len(chosen),
            readings=len(readings),
            families=len(families),
        )
    done = _converse(state, answer, limit)
    left = best_question(done.readings, chosen, runs)
    return Asked(
        text=done.text,
        questions=done.asked,
        changed=done.changed,
        dropped=dropped,
        before=before,
        after=spread(done.readings, chosen, runs) if len(done.readings) > 1 else None,
        still_open=left is not None,
        probes=len(chosen),
        readings=len(readings),
        families=len(families),
        answers=done.answers,
    )


async def _run_all(
    readings: Sequence[Reading], inputs: Sequence[Input], run: Runner
) -> dict[str, Mapping[Input, Observed]]:
    """Execute all readings, a few at a time."""
    gate = asyncio.Semaphore(_PARALLEL)

    async def one(reading: Reading) -> Mapping[Input, Observed]:
        async with gate:
            return await run(reading, inputs)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {reading.name: group.create_task(one(reading)) for reading in readings}
    except* UnlitError as several:
        raise several.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}


@dataclass(frozen=True, slots=True)
class _State:
    text: str
    spec: Spec
    readings: tuple[Reading, ...]
    probes: tuple[Probe, ...]
    runs: Mapping[str, Mapping[Input, Observed]]
    asked: tuple[Question, ...] = ()
    answers: tuple[Answer | None, ...] = ()
    changed: int = 0


def _converse(state: _State, answer: Answerer, limit: int) -> _State:
    """Ask until the readings that are left agree; each answer removes the readings it refutes."""
    probes_left = state.probes
    while len(state.asked) < limit and len(state.readings) > 1:
        question = best_question(state.readings, probes_left, state.runs)
        if question is None:
            break
        said = answer(question)
        text = state.text
        readings = state.readings
        if said is not None:
            text = _answered(state.text, question, said)
            readings = _kept(state, question, said)
        probes_left = tuple(probe for probe in probes_left if probe.input != question.input)
        state = _State(
            text,
            state.spec,
            readings,
            state.probes,
            state.runs,
            (*state.asked, question),
            (*state.answers, said),
            state.changed + (text != state.text),
        )
    return state


def _kept(state: _State, question: Question, said: Answer) -> tuple[Reading, ...]:
    if said.choice is None:
        # nobody read it that way: every reading may still be right about other inputs
        return state.readings
    names = set(question.choices[said.choice].readings)
    return tuple(reading for reading in state.readings if reading.name in names)


def _answered(text: str, question: Question, said: Answer) -> str:
    """Return the spec with the answer as an example."""
    if said.choice is not None:
        observed = question.choices[said.choice].observed
        outcome = str(observed).replace("\n", "\\n")
    else:
        outcome = (said.outcome or "").strip()
    if not outcome:
        return text
    example = Example("asked and answered", question.input.as_text(), outcome, source="answer")
    return add_example(text, question.criterion, example)
