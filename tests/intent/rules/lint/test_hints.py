"""Each hint on a sentence that has the trouble and on one that does not; linting never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.intent.model import Finding
from unlit.intent.rules.lint import lint_spec
from unlit.intent.rules.parse import read_spec

SPEC = """---
id: x
title: X
owner: o
---
## Intent

For one.

## Criteria

### AC-1 One

{sentence}

Example: e
- Input: `run`
- Outcome: prints `ok`

## Boundaries

| Case | Behaviour |
| --- | --- |
| limit | exactly 3 is accepted |
"""


def hints(*sentences: str) -> list[Finding]:
    text = SPEC.format(sentence=sentences[0])
    more = "".join(f"### AC-{n} More\n\n{s}\n\n" for n, s in enumerate(sentences[1:], 2))
    return list(lint_spec(read_spec(text.replace("## Boundaries", f"{more}## Boundaries")).spec))


def codes(*sentences: str) -> set[str]:
    return {finding.code for finding in hints(*sentences)}


@pytest.mark.parametrize(
    ("code", "trouble", "sound"),
    [
        ("INT-301", "The tool should print `ok`.", "The tool shall print `ok`."),
        ("INT-302", "It shall print `a` and the log shall say `b`.", "The tool shall print `a`."),
        ("INT-303", "The tool shall print `ok` when `run` is given.",
         "When `run` is given, the tool shall print `ok`."),
        ("INT-304", "When `run` is given the tool shall print `ok`.",
         "When `run` is given, the tool shall print `ok`."),
        ("INT-305", "When it runs, the file shall be written.",
         "When it runs, the file shall be written by the tool."),
        ("INT-306", "The tool shall not print unless the name is not known.",
         "The tool shall not print a name."),
        ("INT-308", "The tool shall print `a` and should print `b`.",
         "The tool shall print `a`."),
        ("INT-309", "The tool shall print TBD lines.", "The tool shall print 3 lines."),
        ("INT-310", "The tool shall print `ok` quickly.",
         "The tool shall print `ok` in 2 seconds."),
        ("INT-311", "The tool shall print `a`, `b` etc.", "The tool shall print `a` and `b`."),
        ("INT-312", "The tool shall print as fast as possible.", "The tool shall print `ok`."),
        ("INT-313", "The tool shall print `a` and/or `b`.", "The tool shall print `a`."),
        ("INT-314", "The tool shall print `ok` within 5.",
         "The tool shall print `ok` within 5 seconds."),
        ("INT-315", "At 09:00, the tool shall print `ok`.",
         "At 09:00 UTC, the tool shall print `ok`."),
        ("INT-316", "The tool shall print the first 3 MB.", "The tool shall print 3 MiB."),
        ("INT-317", "The tool shall print the ZQX.", "The tool shall print the URL."),
        ("INT-320", "The tool shall print the sum rounded.",
         "The tool shall print the sum rounded half up."),
        ("INT-340", "The tool shall support files.", "The tool shall print the file."),
        ("INT-343", "The tool shall print at most 77 lines.",
         "The tool shall print at most 3 lines."),
        ("INT-345", "The tool shall post one Slack message.", "The tool shall print one message."),
    ],
)  # fmt: skip
def test_each_hint_is_given_where_the_trouble_is_and_only_there(
    code: str, trouble: str, sound: str
) -> None:
    assert code in codes(trouble)
    assert code not in codes(sound)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The service shall accept names of at most 64 characters.",
         "If a name is given, the service shall refuse names longer than 50 characters."),
        ("If the file is missing, then the tool shall exit with code 3.",
         "If the file is missing, then the tool shall exit with code 4."),
        ("The tool shall print a state that is one of `a` or `b`.",
         "When `x` runs, the tool shall set the state to `c`."),
        ("The tool shall copy the file before it deletes the file.",
         "The tool shall delete the file before it copies the file."),
        ("The tool shall print the names in ascending order by code point.",
         "The tool shall print the names in descending order by code point."),
        ("When a guest asks, the service shall show the page to the guest.",
         "When a guest asks, the service shall not show the page to the guest."),
        ("The queue shall hold at most 5 jobs.", "The queue shall hold at least 8 jobs."),
        ("The queue shall hold at most 5 jobs.", "The queue shall accept up to 9 jobs."),
        ("The maximum length of a name shall be 64 characters.",
         "The minimum length of a name shall be 70 characters."),
        ("If it is gone, the service shall answer 404.",
         "If it is gone, the service shall answer 410."),
    ],
)  # fmt: skip
def test_two_criteria_that_exclude_each_other_are_named(one: str, other: str) -> None:
    found = [finding for finding in hints(one, other) if finding.code == "INT-330"]
    assert found
    assert "AC-1" in found[0].message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("If the file is missing, then the tool shall exit with code 3.",
         "If the file is empty, then the tool shall exit with code 4."),
        ("If the input would change, then the tool shall exit with code 1.",
         "If the input would not change, then the tool shall exit with code 0."),
        ("The queue shall hold at most 5 jobs.", "The queue shall hold at least 3 jobs."),
        ("When a guest asks, the service shall show the page.",
         "When a robot asks, the service shall not show the page."),
        ("The tool shall accept names of at most 64 characters.",
         "The tool shall refuse names longer than 64 characters."),
    ],
)  # fmt: skip
def test_criteria_that_go_together_are_not_called_contradictory(one: str, other: str) -> None:
    assert "INT-330" not in codes(one, other)


def test_a_defined_term_is_neither_open_nor_undefined() -> None:
    text = SPEC.format(sentence="The tool shall print each stale ZQX.").replace(
        "## Boundaries",
        "## Glossary\n\n- stale: older than 3 days\n- ZQX: a thing\n\n## Boundaries",
    )
    assert {"INT-310", "INT-317"} & {f.code for f in lint_spec(read_spec(text).spec)} == set()


def test_a_gap_in_brackets_is_one_finding_and_no_term() -> None:
    found = codes("The tool shall [NEEDS CLARIFICATION: may two coupons meet?].")
    assert "INT-309" in found
    assert "INT-317" not in found


def test_a_hint_points_at_its_word_and_offers_a_rewrite() -> None:
    finding = next(f for f in hints("The tool should print `ok`.") if f.code == "INT-301")
    assert (finding.span.line, finding.span.column, finding.span.end_column) == (14, 10, 16)
    assert finding.suggestion == "The tool shall print `ok`."


def test_what_stands_in_backticks_is_data_and_not_prose() -> None:
    assert "INT-310" not in codes("The tool shall print `some quick words`.")


@given(st.text(max_size=200), st.text(max_size=200))
def test_linting_never_raises(one: str, other: str) -> None:
    hints(one, other)


def test_a_sentence_without_end_is_named_and_takes_no_time() -> None:
    assert "INT-307" in codes("The tool shall " * 5000)


def test_examples_of_one_input_that_exclude_each_other_are_named() -> None:
    def example(outcome: str) -> str:
        return f"Example: e\n- Input: `x`\n- Outcome: {outcome}\n"

    def found(one: str, other: str) -> set[str]:
        sentence = f"The tool shall print.\n\n{example(one)}\n{example(other)}"
        return {f.message for f in hints(sentence) if f.code == "INT-330"}

    assert any("`1` against `2`" in message for message in found("prints `1`", "prints `2`"))
    assert any("exit code 1" in message for message in found("exit code 1", "exit code 2"))
    assert found("prints `1`", "one file is written") == set()


def test_two_words_for_one_thing_and_a_definition_nobody_uses_are_named() -> None:
    assert "INT-318" in codes(
        "The tool shall print the customer.", "The tool shall print the user."
    )
    text = SPEC.format(sentence="The tool shall print.").replace(
        "## Boundaries", "## Glossary\n\n- wombat: an animal\n\n## Boundaries"
    )
    assert "INT-319" in {f.code for f in lint_spec(read_spec(text).spec)}
