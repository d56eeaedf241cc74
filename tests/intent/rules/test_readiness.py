"""The gate of intent, and the task that an agent is given."""

from unlit.core.ids import CriterionId
from unlit.intent.model import Criterion, Spec
from unlit.intent.rules.brief import brief
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.readiness import readiness
from unlit.intent.rules.show import as_comment

EMPTY = Spec(
    id="", title="", owner="", uses=(), risk=None, product={}, budget={}, intent="",
    criteria=(), boundaries=(), out_of_scope="", metric="",
)  # fmt: skip


def test_an_empty_spec_lacks_everything_and_says_so_at_once() -> None:
    codes = [finding.code for finding in readiness(EMPTY).missing]
    assert codes.count("INT-201") == 3
    assert codes.count("INT-207") == 9
    assert {"INT-202", "INT-203"} <= set(codes)


def test_a_criterion_needs_a_sentence_and_an_example() -> None:
    text = "---\nid: a\ntitle: A\nowner: o\n---\n## Criteria\n\n### AC-1 T\n"
    codes = [finding.code for finding in readiness(read_spec(text).spec).missing]
    assert {"INT-204", "INT-205"} <= set(codes)


def test_a_comment_for_the_ticket_lists_what_is_missing_or_says_ready() -> None:
    verdict = readiness(EMPTY)
    assert "is not ready" in as_comment(EMPTY, verdict)
    assert as_comment(EMPTY, verdict).count("\n- ") == len(verdict.missing)
    ready = type(verdict)(True, ())
    assert "is ready" in as_comment(EMPTY, ready)


def test_the_task_says_words_services_and_boundaries_and_not_who_pays() -> None:
    text = (
        "---\nid: a\ntitle: A\nowner: o@example.com\nuses: [okta]\nbudget: {run_usd: 3}\n---\n"
        "## Intent\nWhy.\n## Criteria\n### AC-1 T\nIt shall run.\n"
        "## Boundaries\n| Case | B |\n| - | - |\n| zero | prints `0` |\n| clock | not relevant |\n"
        "## Glossary\n- member: a person\n## Out of scope\nMore.\n## Metric\nSecret metric.\n"
    )
    said = brief(read_spec(text).spec)
    for words in ("- member: a person", "talks to: okta", "- zero: prints `0`", "More."):
        assert words in said
    for words in ("o@example.com", "clock", "Secret metric", "run_usd"):
        assert words not in said


def test_a_place_in_an_empty_criterion_is_its_heading() -> None:
    criterion = Criterion(CriterionId("AC-1"), "T", "", (), 7)
    assert criterion.span(0, 5).line == 7
