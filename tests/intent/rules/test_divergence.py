"""Clusters, splits and questions, on tables small enough to check by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.ids import CriterionId
from unlit.intent.model import Example
from unlit.intent.rules.divergence import (
    Reading,
    best_question,
    clusters,
    disagreements,
    masses,
    questions,
    split,
    spread,
)
from unlit.intent.rules.examples import Input, Observed, input_of, violation
from unlit.intent.rules.inputs import Probe, probes
from unlit.intent.rules.parse import read_spec

READINGS = [Reading("a", "x"), Reading("b", "x"), Reading("c", "y")]
A = CriterionId("AC-1")


def says(text: str, code: int = 0) -> Observed:
    return Observed(code, text)


def test_families_weigh_the_same_whatever_their_number() -> None:
    assert masses(READINGS) == {"a": 0.25, "b": 0.25, "c": 0.5}
    found = clusters({"a": says("1"), "b": says("1"), "c": says("2")}, masses(READINGS))
    assert [choice.share for choice in found] == [0.5, 0.5]
    assert split(found) == 0.5


def test_blanks_at_line_ends_and_words_on_standard_error_are_no_difference() -> None:
    assert says("x \n").key == says("x").key
    assert Observed(2, "", stderr="no").key == Observed(3, "", stderr="bad").key
    assert says("x").key != says("X").key
    assert says("").key != Observed(0, "", ended=False).key


def test_the_simplest_of_the_best_inputs_is_asked() -> None:
    long, short, agreed = Input(("a long one",)), Input(("b",)), Input(("c",))
    probes = [Probe(long, A, 1), Probe(short, A, 1), Probe(agreed, A, 0)]
    runs = {
        "a": {long: says("1"), short: says("1"), agreed: says("0")},
        "b": {long: says("1"), short: says("1"), agreed: says("0")},
        "c": {long: says("2"), short: says("2"), agreed: says("0")},
    }
    question = best_question(READINGS, probes, runs)
    assert question is not None
    assert question.input == short
    assert len(questions(READINGS, probes, runs)) == 1
    measured = spread(READINGS, probes, runs)
    assert measured is not None
    assert (measured.probes, measured.split_probes) == (3, 2)
    assert measured.agree_within == 1
    assert measured.interpretations == pytest.approx(3 / 2)


def test_the_next_question_parts_what_the_first_left_together() -> None:
    first, second = Input(("1",)), Input(("2",))
    runs = {
        "a": {first: says("p"), second: says("p")},
        "b": {first: says("p"), second: says("q")},
        "c": {first: says("r"), second: says("p")},
    }
    probes = [Probe(first, A, 0), Probe(second, A, 0)]
    assert [q.input for q in questions(READINGS, probes, runs)] == [first, second]
    assert len(questions(READINGS, probes, runs, limit=1)) == 1


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8))
def test_a_split_is_zero_exactly_when_all_agree(outputs: list[int]) -> None:
    rows = [Reading(str(n), "f") for n in range(len(outputs))]
    found = clusters({r.name: says(str(o)) for r, o in zip(rows, outputs, strict=True)},
                     masses(rows))  # fmt: skip
    assert (split(found) < 1e-9) == (len(set(outputs)) == 1)
    assert sum(choice.share for choice in found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`sort b 'a c'`", Input(("sort", "b", "a c"))),
        ("`tool sort b`", Input(("sort", "b"))),
        ("`--check -` with `select 1` on standard input", Input(("--check", "-"), "select 1")),
        ("`''`", Input(("",))),
        ("no arguments", Input(())),
        ("a valid file", None),
        ("`it's`", None),
    ],
)
def test_an_example_is_read_as_a_call(text: str, expected: Input | None) -> None:
    assert input_of(Example("", text, ""), "tool") == expected


@pytest.mark.parametrize(
    ("outcome", "observed", "breaks"),
    [
        ("prints `5`", says("5\n"), False),
        ("prints `5`", says("6\n"), True),
        ("prints `a\\nb`", says("a\nb\n"), False),
        ("`5`", says("5", code=1), True),
        ("exit code 3", says("", code=3), False),
        ("exit code 3", says("", code=4), True),
        ("exit code 3 and empty standard output", says("x", code=3), True),
        ("prints nothing", says(""), False),
        ("standard output contains `usage`", says("the usage"), False),
        ("standard error contains `usage`", Observed(0, "", stderr=""), True),
        ("one issue in project SEC", says("anything"), False),
        ("prints `5`", Observed(0, "5", ended=False), True),
    ],
)
def test_what_an_outcome_says_literally_is_checked(
    outcome: str, observed: Observed, breaks: bool
) -> None:
    assert (violation(Example("", "", outcome), observed) is not None) == breaks


def test_an_input_is_shown_as_it_would_be_typed() -> None:
    assert str(Input(("a b", ""))) == "'a b' ''"
    assert str(Input(())) == "(no arguments)"
    assert Input((), "x").as_text() == "no arguments with `x` on standard input"


def test_a_program_that_breaks_an_example_is_reported_with_what_was_expected() -> None:
    text = (
        "---\nid: a\ntitle: A\nowner: o\n---\n## Criteria\n### AC-1 T\nIt shall print.\n\n"
        "Example: e\n- Input: `x`\n- Outcome: prints `1`\n"
    )
    runs = {"old": {Input(("x",)): says("2\n")}}
    found = disagreements(read_spec(text).spec, runs)
    assert found[0].to_json() == {
        "reading": "old",
        "criterion": "AC-1",
        "example": "e",
        "input": "x",
        "expected": "prints `1`",
        "observed": "prints `2`, not `1`",
    }
    assert disagreements(read_spec(text).spec, {"old": {}}) == ()


def test_piped_input_is_varied_too() -> None:
    text = (
        "---\nid: a\ntitle: A\nowner: o\n---\n## Criteria\n### AC-1 T\nIt shall print.\n\n"
        "Example: e\n- Input: `-` with `1.5 b` on standard input\n- Outcome: prints `1`\n"
    )
    made = {probe.input for probe in probes(read_spec(text).spec)}
    assert Input(("-",), "1.5 b") in made
    assert Input(("-",), "") in made
    assert any("é" in entry.stdin for entry in made)
