"""Folders of spec-kit, OpenSpec and Kiro as their tools lay them out, and issues as exported."""

from typing import Any

import pytest

from unlit.intent.rules.imports import import_text, joined, specs_in
from unlit.intent.rules.imports.detect import import_issue
from unlit.intent.rules.imports.issues import read_issue

TREE = (
    "sk/.specify/templates/spec.md",
    "sk/specs/001-albums/spec.md",
    "os/openspec/specs/auth/spec.md",
    "os/openspec/changes/add-2fa/proposal.md",
    "os/openspec/changes/add-2fa/specs/auth/spec.md",
    "os/openspec/changes/add-2fa/specs/mail/spec.md",
    "os/openspec/changes/archive/2025-01-01-old/proposal.md",
    "os/openspec/changes/archive/2025-01-01-old/specs/auth/spec.md",
    "ki/.kiro/specs/checkout/requirements.md",
)


def test_each_tools_layout_is_known_and_what_is_archived_is_not_a_spec() -> None:
    found = {entry.folder: entry for entry in specs_in(TREE)}
    assert set(found) == {
        "sk/specs/001-albums",
        "os/openspec/specs/auth",
        "os/openspec/changes/add-2fa",
        "ki/.kiro/specs/checkout",
    }
    assert found["sk/specs/001-albums"].name == "albums"
    change = found["os/openspec/changes/add-2fa"]
    assert [name.rsplit("/", 3)[-2] for name in change.files] == ["add-2fa", "auth", "mail"]


def test_a_folders_own_spec_goes_before_those_below_it() -> None:
    assert [entry.files for entry in specs_in(["spec.md", "deep/spec.md"])] == [("spec.md",)]
    assert specs_in(["README.md", "docs/design.md"]) == ()


def test_a_change_says_what_it_is_for() -> None:
    (found,) = specs_in(["c/proposal.md", "c/specs/auth/spec.md"])
    text = joined(
        {
            "c/proposal.md": "# Change: Second factor\n\n## Why\nPasswords leak.\n\n"
            "## Impact\n- x\n",
            "c/specs/auth/spec.md": "## ADDED Requirements\n### Requirement: Code\n"
            "The system SHALL ask for a code.\n\n#### Scenario: Asked\n"
            "- **WHEN** a user logs in\n- **THEN** a code is asked for\n",
        },
        found,
    )
    spec = import_text(text).spec
    assert (spec.title, spec.intent) == ("Second factor", "Passwords leak.")
    assert spec.criteria[0].text == "The system shall ask for a code."
    assert spec.criteria[0].examples[0].outcome == "a code is asked for"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1. WHEN a card is sent THE SYSTEM SHALL make an order",
         "When a card is sent, the system shall make an order."),
        ("2.1 WHEN a card is sent, THE System SHALL show `ok`",
         "When a card is sent, the system shall show `ok`."),
        ("2.1. THE System SHALL NOT keep the CVC", "The System shall not keep the CVC."),
    ],
)  # fmt: skip
def test_lines_as_kiro_writes_them_are_read(line: str, expected: str) -> None:
    text = f"# R\n\n### Requirement 1\n\n#### Acceptance Criteria\n\n{line}\n"
    assert [c.text for c in import_text(text).spec.criteria] == [expected]


def test_text_among_kiros_criteria_that_has_no_number_is_named() -> None:
    text = "### Requirement 1\n\n#### Acceptance Criteria\n\nLoose words.\n\n1. THE A SHALL b\n"
    assert any("Loose words." in entry for entry in import_text(text).unmapped)


def test_edge_cases_of_spec_kit_with_answers_are_kept_and_gaps_stay_gaps() -> None:
    text = (
        "# Feature Specification: Albums\n\n### User Story 1 - Make (Priority: P1)\n\nTold.\n\n"
        "**Why this priority**: It is first.\n\n### Edge Cases\n\n"
        "- What of a long name? The app refuses it.\n- When the disk is full, system MUST stop.\n"
        "- What of none?\n\n### Functional Requirements\n\n"
        "- **FR-001**: System MUST keep it [NEEDS CLARIFICATION: how long].\n"
    )
    made = import_text(text)
    assert [(row.case, row.behaviour) for row in made.spec.boundaries] == [
        ("What of a long name", "The app refuses it.")
    ]
    assert [c.text for c in made.spec.criteria] == [
        "System shall keep it [NEEDS CLARIFICATION: how long].",
        "When the disk is full, system shall stop.",
    ]
    assert any("What of none" in entry for entry in made.unmapped)
    assert any("It is first." in entry for entry in made.unmapped)


ADF = {
    "type": "doc",
    "content": [
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Needs"}]},
        {
            "type": "bulletList",
            "content": [
                {
                    "type": "listItem",
                    "content": [
                        {
                            "type": "paragraph",
                            "content": [
                                {"type": "text", "text": "print "},
                                {"type": "text", "text": "ok", "marks": [{"type": "code"}]},
                            ],
                        }
                    ],
                }
            ],
        },
    ],
}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"number": 7, "title": "T", "body": "B", "html_url": "u", "user": {"login": "ada"}},
         ("7", "T", "B", "u", "ada")),
        ({"iid": 3, "title": "T", "description": "B", "web_url": "u",
          "author": {"username": "eve"}}, ("3", "T", "B", "u", "eve")),
        ({"key": "A-1", "fields": {"summary": "T", "description": ADF,
          "assignee": {"emailAddress": "a@b.c"}}}, ("A-1", "T", "## Needs\n\n- print `ok`", "",
                                                    "a@b.c")),
        ({"data": {"issue": {"identifier": "L-1", "title": "T", "description": "B"}}},
         ("L-1", "T", "B", "", "")),
        ({"id": 5, "fields": {"System.Title": "T",
          "System.Description": "<p>Why</p><ul><li>one</li><li>a &lt; b</li></ul>"}},
         ("5", "T", "Why\n\n- one\n- a < b", "", "")),
        ({"name": "T", "description": "B", "app_url": "u", "id": 9}, ("9", "T", "B", "u", "")),
        ({"title": None, "body": 4.5, "user": []}, ("", "", "", "", "")),
    ],
)  # fmt: skip
def test_issues_are_read_as_trackers_export_them(
    raw: dict[str, Any], expected: tuple[str, ...]
) -> None:
    read = read_issue(raw)
    assert (read.key, read.title, read.body, read.url, read.owner) == expected


def test_an_exported_issue_of_jira_becomes_a_spec() -> None:
    body = "## Requirements\n\n- The tool shall print `ok`.\n"
    raw = {"key": "A-1", "fields": {"summary": "Print", "description": body}}
    made = import_issue(raw, owner="a@b.c")
    assert made.spec.criteria[0].text == "The tool shall print `ok`."
    assert "From A-1." in made.spec.intent
