"""Places and bytes are exact: line endings, tabs, wide letters, fences, comments, front matter."""

from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.core.ids import CriterionId
from unlit.intent import lint, parse_spec, ready
from unlit.intent.model import Example
from unlit.intent.rules.blocks import mark, with_endings
from unlit.intent.rules.edit import add_example, answer_boundary, fixed
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.show import as_text

SPEC = """---
id: x
title: X
owner: a@example.com
---

# X

## Intent

Why.

## Criteria

### AC-1 One

The tool shall print `ok` quickly.

Example: one
- Input: `x`
- Outcome: prints `ok`

### AC-2 Two

The tööl must print 漢字 and\t`é`.

Example: two
- Input: `y`
- Outcome: prints `é`

## Boundaries

| Case | Behaviour |
| --- | --- |
| empty | prints nothing |

## Out of scope

None.
"""
ENDINGS = st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1, max_size=7)


def mixed(text: str, endings: list[str]) -> str:
    lines = text.split("\n")[:-1]
    return "".join(line + endings[n % len(endings)] for n, line in enumerate(lines))


@given(ENDINGS, st.booleans())
def test_line_endings_and_a_byte_order_mark_change_no_place(endings: list[str], bom: bool) -> None:
    text = ("\ufeff" if bom else "") + mixed(SPEC, endings)
    assert [f.to_json() for f in lint(parse_spec(text))] == [
        f.to_json() for f in lint(parse_spec(SPEC))
    ]
    assert parse_spec(text).digest == parse_spec(SPEC).digest


@given(ENDINGS)
def test_an_edit_leaves_every_other_byte_alone(endings: list[str]) -> None:
    text = mixed(SPEC, endings)
    old = with_endings(text)
    for made in (
        add_example(text, CriterionId("AC-1"), Example("more", "`z`", "prints `ok`")),
        answer_boundary(text, "zero", "prints `0`"),
    ):
        new = with_endings(made)
        first = next(n for n, pair in enumerate(zip(old, new, strict=False)) if len(set(pair)) > 1)
        extra = len(new) - len(old)
        assert new[:first] + new[first + extra :] == old
        assert {line[len(line.rstrip("\r\n")) :] for line in new[first : first + extra]} == {
            endings[0]
        }
        assert not read_spec(made).problems
    row = next(line for line in old if line.startswith("| empty"))
    changed = answer_boundary(text, "empty", "exit code 2")
    assert changed == text.replace(row, row.replace("prints nothing", "exit code 2"))


@given(ENDINGS)
@settings(max_examples=20)
def test_a_rewrite_keeps_the_ending_of_its_line(endings: list[str]) -> None:
    text = mixed(SPEC, endings)
    done = fixed(text)
    assert done.rewrites == 1
    assert done.text == text.replace("must print", "shall print")


def test_a_rewrite_that_changes_nothing_gives_the_same_bytes() -> None:
    text = mixed(SPEC.replace("must", "shall"), ["\r\n", "\n"])
    assert fixed(text).text == text


@given(st.text(alphabet="a `\t漢é\u0301\U0001f600<>-!~#|", max_size=30))
def test_a_place_is_a_column_of_the_file_whatever_stands_before_it(before: str) -> None:
    sentence = f"The tool {before} shall quickly print."
    spec = parse_spec(SPEC.replace("The tool shall print `ok` quickly.", sentence))
    for finding in lint(spec):
        if finding.criterion == "AC-1" and finding.span.end_line == finding.span.line:
            line = sentence[finding.span.column - 1 : finding.span.end_column - 1]
            assert line.strip()
            if finding.message == "`quickly` is open.":
                assert line == "quickly"


def test_the_caret_stands_below_wide_letters_and_tabs() -> None:
    text = SPEC.replace("must print 漢字 and\t`é`.", "shall print 漢字 and\tquickly.")
    found = [f for f in lint(parse_spec(text)) if "quickly" in f.message and f.criterion == "AC-2"]
    _, shown, caret, *_ = as_text("x.md", text, found).split("\n")
    at = shown.index("quickly")
    assert caret.index("^") == at + 2  # two letters are two columns wide
    assert caret.strip() == "^" * len("quickly")


def test_no_shown_line_is_wider_than_the_terminal() -> None:
    text = SPEC.replace("quickly", "very " * 40 + "quickly")
    shown = as_text("x.md", text, lint(parse_spec(text)), 60)
    assert all(len(line) <= 60 for line in shown.split("\n") if line.startswith("    "))


def test_a_longer_fence_holds_a_shorter_one_and_other_marks() -> None:
    lines = ["````", "```", "### no", "~~~", "```", "````", "### yes", "~~~ md", "```", "~~~"]
    found = mark(lines)
    assert found.code == (True,) * 6 + (False,) + (True,) * 3
    assert found.unclosed is None
    assert mark(["```", "x"]).unclosed == 1
    assert mark(["```in one line```", "x"]).code == (False, False)


def test_an_example_may_show_a_spec_in_a_fence() -> None:
    held = "````\n  Example: no\n  - Outcome: no\n  ### AC-9 no\n  ````"
    spec = parse_spec(SPEC.replace("- Input: `x`", f"- Input: {held}"))
    (example,) = spec.criteria[0].examples
    assert "AC-9 no" in example.input
    assert example.outcome == "prints `ok`"
    assert [criterion.id for criterion in spec.criteria] == ["AC-1", "AC-2"]


def test_comments_hold_no_criterion_and_move_no_place() -> None:
    text = SPEC.replace("### AC-2 Two", "<!-- later:\n### AC-3 Three\n-->\n\n### AC-2 Two").replace(
        "The tool shall print `ok` quickly.", "The tool <!-- or app --> shall print `ok` quickly."
    )
    spec = parse_spec(text)
    assert [criterion.id for criterion in spec.criteria] == ["AC-1", "AC-2"]
    (found,) = [f for f in lint(spec) if "quickly" in f.message]
    line = text.split("\n")[found.span.line - 1]
    assert line[found.span.column - 1 :].startswith("quickly")
    shown = parse_spec(SPEC.replace("`ok` quickly", "`<!-- ok -->`"))
    assert "<!-- ok -->" in shown.criteria[0].text
    assert "<!-- ok" in parse_spec(SPEC.replace("`ok`", "<!-- ok")).criteria[0].text


def test_a_block_of_text_in_the_front_matter_may_hold_three_dashes() -> None:
    text = SPEC.replace("owner: a@example.com", "owner: |\n  a@example.com\n  ---")
    assert parse_spec(text).owner == "a@example.com\n---"


def test_an_old_macintosh_file_is_read() -> None:
    assert parse_spec(SPEC.replace("\n", "\r")).digest == parse_spec(SPEC).digest


def test_the_same_trouble_at_one_place_is_explained_once() -> None:
    text = SPEC.replace("| empty | prints nothing |\n", "")
    shown = as_text("x.md", text, ready(parse_spec(text)).missing)
    assert shown.count("is not answered") == 9
    assert shown.count("Why:") == 1
