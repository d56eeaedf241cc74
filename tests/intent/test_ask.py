"""Questions come from programs that differ: found where planted, none where the spec is sound."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.intent.corpus import Entry, entries, run

from unlit.core.errors import UsageError
from unlit.intent import parse_spec
from unlit.intent.ask import Answer, Asked, Runner, ask
from unlit.intent.rules.divergence import Question, Reading
from unlit.intent.rules.examples import Input, Observed


def readings(entry: Entry) -> list[Reading]:
    """Three programs of one family and two of another."""
    return [
        Reading(program.stem, "first" if int(program.stem) <= 3 else "second")
        for program in entry.programs
    ]


def runner(entry: Entry) -> Runner:
    programs = {program.stem: program for program in entry.programs}

    async def execute(reading: Reading, inputs: Sequence[Input]) -> Mapping[Input, Observed]:
        found = {}
        for made in inputs:
            ran = run(programs[reading.name], made.args)
            found[made] = Observed(ran.exit_code, ran.stdout)
        return found

    return execute


async def asked(entry: Entry, inputs: int = 400) -> Asked:
    return await ask(entry.text, entry.name, readings(entry), runner(entry), inputs=inputs)


async def test_the_splitting_input_is_found_in_nine_of_ten_ambiguous_specs() -> None:
    rows = [entry for entry in entries() if entry.ambiguous]
    found = [bool((await asked(entry, inputs=200)).questions) for entry in rows]
    assert len(rows) >= 20
    assert sum(found) / len(found) >= 0.9


async def test_sound_specs_are_asked_nothing() -> None:
    rows = [entry for entry in entries() if entry.ambiguous is False]
    assert len(rows) >= 10
    for entry in rows:
        result = await asked(entry, inputs=200)
        assert (entry.name, result.questions, result.dropped) == (entry.name, (), ())
        assert result.before is not None
        assert result.before.interpretations == pytest.approx(1)


async def test_no_program_of_the_corpus_breaks_an_example() -> None:
    for entry in entries():
        if entry.programs:
            assert (await asked(entry, inputs=60)).dropped == ()


async def test_an_answer_becomes_an_example_and_ends_the_disagreement() -> None:
    entry = next(entries("between"))
    seen: list[Question] = []

    def both_ends(question: Question) -> Answer:
        seen.append(question)
        wanted = next(
            index
            for index, choice in enumerate(question.choices)
            if choice.observed.stdout.strip() == "yes"
        )
        return Answer(wanted)

    result = await ask(entry.text, entry.name, readings(entry), runner(entry), both_ends)
    assert result.changed == len(seen) == 1
    assert not result.still_open
    assert result.before is not None
    assert result.before.interpretations > 1
    spec = parse_spec(result.text)
    added = [example for example in spec.criteria[0].examples if example.source == "answer"]
    assert [example.input for example in added] == ["`10`"]
    assert all(example.outcome == "prints `yes`" for example in added)
    assert result.text.replace("\n", "") != entry.text.replace("\n", "")
    again = await ask(result.text, entry.name, readings(entry), runner(entry))
    assert {row.reading for row in again.dropped} == {"2", "4"}
    assert again.questions == ()


async def test_a_person_may_want_what_no_program_does_or_leave_it_open() -> None:
    entry = next(entries("stock"))
    result = await ask(
        entry.text, entry.name, readings(entry), runner(entry),
        lambda question: Answer(outcome="exit code 4"), limit=1,
    )  # fmt: skip
    assert result.changed == 1
    assert "- Outcome: exit code 4" in result.text
    assert result.still_open
    skipped = await ask(
        entry.text, entry.name, readings(entry), runner(entry), lambda question: None, limit=2
    )
    assert skipped.changed == 0
    assert skipped.text == entry.text


async def test_a_program_that_breaks_an_example_is_a_bug_and_not_a_reading(tmp_path: Path) -> None:
    entry = next(entries("sound-add"))

    async def wrong(reading: Reading, inputs: Sequence[Input]) -> Mapping[Input, Observed]:
        if reading.name == "1":
            return {made: Observed(0, "7\n") for made in inputs}
        return await runner(entry)(reading, inputs)

    result = await ask(entry.text, entry.name, readings(entry), wrong)
    assert {row.reading for row in result.dropped} == {"1"}
    assert result.questions == ()
    assert "prints `7`" in result.dropped[0].what


async def test_an_existing_program_alone_is_compared_with_the_examples() -> None:
    entry = next(entries("between"))
    sound = await ask(entry.text, entry.name, readings(entry)[:1], runner(entry))
    assert (sound.questions, sound.dropped, sound.probes) == ((), (), 2)
    text = entry.text.replace("- Outcome: prints `no`", "- Outcome: exit code 1")
    wrong = await ask(text, entry.name, readings(entry)[:1], runner(entry))
    assert [row.expected for row in wrong.dropped] == ["exit code 1"]


async def test_no_program_or_no_example_that_can_be_typed_is_refused() -> None:
    entry = next(entries("between"))
    with pytest.raises(UsageError, match="INT-120"):
        await ask(entry.text, entry.name, [], runner(entry))
    words = entry.text.replace("`5`", "five").replace("`20`", "twenty")
    with pytest.raises(UsageError, match="INT-121"):
        await ask(words, entry.name, readings(entry), runner(entry))


async def test_the_json_form_says_what_was_asked() -> None:
    entry = next(entries("between"))
    form = (await asked(entry)).to_json()
    assert form["schema"] == "unlit.asked/1"
    assert form["questions"][0]["choices"][0]["outcome"].startswith("prints")
    assert form["interpretations_before"] > 1
    assert form["still_open"]
