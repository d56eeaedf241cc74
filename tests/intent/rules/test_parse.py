"""Reading and writing a spec: positions, every problem at once, and the round trip."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.ids import CriterionId
from unlit.intent.model import Boundary, Criterion, Example, Section, Spec, Term
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.render import render_spec

DEMO = Path("src/unlit/wiring/demo_product/base/specs/access-review.md")
HEAD = "---\nid: a\ntitle: A\nowner: o\n---\n"


def test_a_canonical_spec_is_written_as_it_was_read() -> None:
    text = DEMO.read_text(encoding="utf-8")
    assert render_spec(read_spec(text).spec) == text


def test_a_place_in_a_sentence_is_a_place_in_the_file() -> None:
    text = HEAD + "## Criteria\n\n### AC-1 T\n\nWhen it runs,\n  the tool shall print.\n"
    criterion = read_spec(text).spec.criteria[0]
    start = criterion.text.index("shall")
    span = criterion.span(start, start + 5)
    line = text.split("\n")[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == "shall"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("# No front matter\n", "INT-101", 1),
        ("---\nid: a\n", "INT-101", 1),
        ("---\nid: [\n---\n", "INT-102", 2),
        ("---\n- a\n---\n", "INT-102", 2),
        ("---\nid: a\nid: b\ntitle: A\nowner: o\n---\n", "INT-103", 3),
        ("---\nid: a\ntitle: A\nowner: o\nbudget: {eur: 3}\n---\n", "INT-103", 5),
        ("---\nid: a\ntitle: A\n---\n", "INT-104", 1),
        ("---\nid: a\ntitle: A\nowner: o\nuses: okta\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\nrisk: huge\n---\n", "INT-105", 5),
        ("---\nid: &a x\ntitle: *a\nowner: o\n---\n", "INT-102", 2),
        ("---\nid: a\ntitle: A\nowner: o\nrisk: [low]\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\norigin: {a: b}\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\nproduct: {port: 2026-01-01}\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\nproduct: {kind: ftp}\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\nbudget: {run_usd: .nan}\n---\n", "INT-105", 5),
        ("---\nid: a\ntitle: A\nowner: o\nproduct: {env: {a: [b]}}\n---\n", "INT-105", 5),
        (HEAD + "## Criteria\n### AC-1 T\nx\n```\n## Metric\n", "INT-115", 9),
        (HEAD + "## Intent\n", "INT-106", 7),
        (HEAD + "## Criteria\n", "INT-106", 6),
        (HEAD + "## Criteria\n\n### AC-1 T\n\n## Criteria\n", "INT-107", 10),
        (HEAD + "## Criteria\n\n### Login\n", "INT-108", 8),
        (HEAD + "## Criteria\n\n### AC-1 T\n\n### AC-1 U\n", "INT-109", 10),
        (HEAD + "## Criteria\n### AC-1 T\nx\n\nExample: e\nwords\n", "INT-110", 11),
        (HEAD + "## Criteria\n### AC-1 T\n## Boundaries\n| Case | B |\n| - | - |\n| a |\n",
         "INT-111", 11),
    ],
)  # fmt: skip
def test_each_problem_of_form_has_its_code_and_line(text: str, code: str, line: int) -> None:
    problems = read_spec(text).problems
    assert (code, line) in [(problem.code, problem.span.line) for problem in problems]


def test_headings_inside_code_are_not_headings() -> None:
    text = (
        HEAD
        + "## Criteria\n### AC-1 T\nIt shall print.\n\nExample: e\n- Input: x\n"
        + "- Outcome:\n  ```\n  ## Criteria\n  ### AC-2\n  ```\n"
    )
    reading = read_spec(text)
    assert reading.problems == ()
    assert reading.spec.criteria[0].examples[0].outcome == "```\n## Criteria\n### AC-2\n```"


def test_layout_does_not_change_the_digest_and_content_does() -> None:
    text = DEMO.read_text(encoding="utf-8")
    spec = read_spec(text).spec
    assert read_spec(text.replace("\n\nExample", "\n\n\nExample")).spec.digest == spec.digest
    assert read_spec(text.replace("90 days", "91 days")).spec.digest != spec.digest


word = (
    st.text("abcXYZ éü|`'\"0123-–%.,()", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: bool(text) and text[0].isalnum())
)
sentence = st.lists(word, min_size=1, max_size=4).map(" ".join)
criteria = st.lists(
    st.builds(
        lambda title, text, examples: (title, text, tuple(examples)),
        word,
        sentence,
        st.lists(st.builds(Example, word, sentence, sentence), max_size=2),
    ),
    min_size=1,
    max_size=3,
)


@given(word, sentence, criteria, st.lists(st.builds(Boundary, word, sentence), max_size=3))
def test_what_is_written_is_read_back(
    title: str,
    intent: str,
    parts: list[tuple[str, str, tuple[Example, ...]]],
    boundaries: list[Boundary],
) -> None:
    spec = Spec(
        id="x-1",
        title=title,
        owner="o@example.com",
        uses=("okta",),
        risk="low",
        product={"port": 8080},
        budget={},
        intent=intent,
        criteria=tuple(
            Criterion(CriterionId(f"AC-{n}"), name, text, examples)
            for n, (name, text, examples) in enumerate(parts, 1)
        ),
        boundaries=tuple(row for row in boundaries if row.case.lower() != "case"),
        out_of_scope="",
        metric=intent,
        terms=(Term("member", "a person"),),
        notes=(Section("Notes", "kept"),),
    )
    reading = read_spec(render_spec(spec))
    assert reading.problems == ()
    assert reading.spec.to_json() == spec.to_json()


@given(st.text(max_size=300))
def test_reading_never_raises(text: str) -> None:
    read_spec(text)
    read_spec("---\n" + text + "\n---\n## Criteria\n### AC-1 x\n" + text)


def test_a_front_matter_made_to_exhaust_the_reader_is_refused_quickly() -> None:
    deep = "---\nid: " + "[" * 20_000 + "\n---\n"
    assert "INT-102" in {problem.code for problem in read_spec(deep).problems}
    bomb = "---\na: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert "INT-102" in {problem.code for problem in read_spec(bomb + "---\n").problems}
