"""Changes to a spec are deltas that say what they make worthless."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from unlit.core.ids import CriterionId, ScenarioId
from unlit.intent import parse_spec, reading_of
from unlit.intent.model import Example
from unlit.intent.rules.delta import delta
from unlit.intent.rules.edit import add_example, answer_boundary, apply_suggestion
from unlit.intent.rules.lint import lint_spec

DEMO = Path("src/unlit/wiring/demo_product/base/specs/access-review.md")
TEXT = DEMO.read_text(encoding="utf-8")
SCENARIOS = {
    ScenarioId("s1"): [CriterionId("AC-1")],
    ScenarioId("s2"): [CriterionId("AC-2"), CriterionId("AC-3")],
}
VERDICTS = {"e1": [CriterionId("AC-1")], "e2": [CriterionId("AC-2")]}


def changed(old: str, new: str) -> dict[str, Any]:
    found = delta(
        parse_spec(TEXT), parse_spec(TEXT.replace(old, new)),
        scenarios=SCENARIOS, verdicts=VERDICTS,
    )  # fmt: skip
    form = found.to_json()
    json.dumps(form)
    return {**form, "empty": found.is_empty}


def test_a_reworded_criterion_invalidates_its_scenarios_and_verdicts() -> None:
    form = changed("open one Jira issue for each member", "open one Jira ticket for each member")
    assert form["criteria"] == [
        {"id": "AC-1", "change": "reworded",
         "old": parse_spec(TEXT).criteria[0].text,
         "new": parse_spec(TEXT).criteria[0].text.replace("issue", "ticket")}
    ]  # fmt: skip
    assert form["invalid_scenarios"] == ["s1"]
    assert form["invalid_verdicts"] == ["e1"]


def test_a_changed_example_invalidates_verdicts_and_leaves_scenarios() -> None:
    form = changed("120 days ago; `run", "121 days ago; `run")
    assert form["criteria"][0]["change"] == "examples"
    assert (form["invalid_scenarios"], form["invalid_verdicts"]) == ([], ["e1"])


def test_a_boundary_may_bear_on_everything() -> None:
    form = changed("times are UTC", "times are local")
    assert form["boundaries"] == ["clock"]
    assert form["invalid_verdicts"] == ["e1", "e2"]


def test_a_title_and_the_layout_invalidate_nothing() -> None:
    form = changed("### AC-1 Every inactive member gets a ticket", "### AC-1 Tickets")
    assert (form["invalid_scenarios"], form["invalid_verdicts"]) == ([], [])
    assert changed("\n\nExample", "\n\n\nExample")["empty"]


def test_added_and_removed_criteria_are_named() -> None:
    renumbered = changed("### AC-8 ", "### AC-9 ")
    assert [(c["id"], c["change"]) for c in renumbered["criteria"]] == [
        ("AC-8", "removed"),
        ("AC-9", "added"),
    ]


def test_an_example_is_added_and_no_other_byte_changes() -> None:
    example = Example("late", "`run`", "exit code 0\nand more", source="answer")
    new = add_example(TEXT, CriterionId("AC-3"), example)
    assert parse_spec(new).criteria[2].examples[-1] == example
    head, _, tail = new.partition("\nExample: late")
    assert TEXT.startswith(head)
    assert TEXT.endswith(tail.partition("### AC-4")[2])
    assert add_example(new, CriterionId("AC-3"), example) == new
    assert add_example(TEXT, CriterionId("AC-99"), example) == TEXT
    windows = add_example(TEXT.replace("\n", "\r\n"), CriterionId("AC-8"), example)
    assert "\n" not in windows.replace("\r\n", "")
    assert parse_spec(windows).criteria[7].examples[-1].title == "late"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("| zero | no inactive member: no issue, one summary |\n", ""),
        TEXT[: TEXT.index("## Boundaries")],
        TEXT[: TEXT.index("| Case")] + "\n",
        TEXT[: TEXT.index("| empty")] + "\n",
    ],
)
def test_a_boundary_is_answered_wherever_its_row_is_missing(text: str) -> None:
    new = answer_boundary(text, "zero", "a | b")
    rows = {row.case: row.behaviour for row in reading_of(new).spec.boundaries}
    assert rows["zero"] == "a | b"
    assert reading_of(new).problems == ()


def test_a_rewrite_is_applied_to_the_sentence_alone() -> None:
    text = TEXT.replace("the tool shall open one Jira issue", "the tool should open one Jira issue")
    finding = next(f for f in lint_spec(parse_spec(text)) if f.code == "INT-301")
    assert apply_suggestion(text, finding) == TEXT
    other = next(f for f in lint_spec(parse_spec(text)) if f.code == "INT-302")
    assert apply_suggestion(text, other) is None


def test_the_parsed_form_holds_to_its_published_schema() -> None:
    schema = json.loads(Path("src/unlit/intent/spec.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    form = parse_spec(TEXT).to_json()
    assert list(validator.iter_errors(form)) == []
    assert list(validator.iter_errors({**form, "surprise": 1})) != []
