"""Specs of other formats: what is kept, where it goes, and that nothing is dropped in silence."""

import pytest

from unlit.core.errors import InvalidInput
from unlit.intent.rules.imports import import_text
from unlit.intent.rules.imports.detect import detect, import_issue
from unlit.intent.rules.imports.outline import sentence
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.render import render_spec

SPECKIT = """# Feature Specification: Photo Albums

**Feature Branch**: `001-photo-albums`
**Status**: Draft
**Input**: User description: "albums"

## User Scenarios & Testing *(mandatory)*

### User Story 1 - Make an album (Priority: P1)

A person groups photos by date.

**Acceptance Scenarios**:

1. **Given** photos of two dates, **When** the person opens the page, **Then** two albums are shown
2. **Given** an empty library, **When** the person opens the page, **Then** a hint is displayed

### Edge Cases

- What happens when a photo has no date?

## Requirements *(mandatory)*

### Functional Requirements

- **FR-001**: System MUST show albums grouped by the date of their photos
- **FR-002**: System MUST keep photos for [NEEDS CLARIFICATION: retention period not specified]
- **FR-003**: The page MUST display a hint when the library is empty

### Key Entities *(include if data is involved)*

- **Album**: a group of photos of one date

## Success Criteria *(mandatory)*

- **SC-001**: People find a photo in under 10 seconds
"""

OPENSPEC = """# cli-list Specification

## Purpose

List active changes.

## Requirements

### Requirement: Command Execution

The command SHALL scan the changes directory.

#### Scenario: Scanning for changes

- **WHEN** `openspec list` is executed
- **THEN** scan the directory
- **AND** exclude the archive

#### Scenario: Broken

- **WHEN** nothing follows
"""

KIRO = """# Requirements Document

## Introduction

Sign people in.

## Glossary

- **Session**: what a cookie names

## Requirements

### Requirement 1: Signing in

**User Story:** As a person, I want to sign in, so that I see my data.

#### Acceptance Criteria

1. WHEN a person sends the right password, THE Service SHALL answer with a session
2. IF the password is wrong THEN the system SHALL answer 401
3. Passwords are never logged
"""

PRD = """# Export of orders

## Problem

Finance copies orders by hand.

## Requirements

- The tool must write one line per order
- **Exit code**: The tool must exit with 0

Given two orders
When the export runs
Then the file has two lines

## Non-goals

- Import

## Success metrics

Hours per month.

## Edge cases

- No orders? An empty file.
- A broken order?

## Rollout plan

In May.
"""


def test_spec_kit_requirements_become_criteria_with_the_scenarios_that_fit() -> None:
    imported = import_text(SPECKIT, owner="o@example.com")
    spec = imported.spec
    assert spec.title == "Photo Albums"
    assert [c.title for c in spec.criteria] == ["FR-001", "FR-002", "FR-003"]
    assert spec.criteria[0].text == "System shall show albums grouped by the date of their photos."
    assert spec.criteria[0].examples[0].outcome == "two albums are shown"
    assert spec.criteria[2].examples[0].outcome == "a hint is displayed"
    assert spec.terms[0].name == "Album"
    assert "under 10 seconds" in spec.metric
    assert "A person groups photos by date." in spec.intent
    text = "\n".join(imported.unmapped)
    for words in ("needs clarification: retention", ["no date", " has no answer"][0],
                  "Feature Branch"):  # fmt: skip
        assert words in text


def test_requirements_inside_a_story_are_kept_and_comments_are_not() -> None:
    text = (
        "# Feature Specification: Albums\n\n<!--\n- **FR-009**: comment\n-->\n\n"
        "### User Story 1 - Make (Priority: P1)\n\nSomebody makes an album.\n\n"
        "**Acceptance Scenarios**:\n\n1. **Given** photos, **When** made, **Then** the album is "
        "made and shown\n\n- **FR-001**: System MUST make an album of photos\n"
        "- What happens without a photo?\n"
    )
    imported = import_text(text)
    assert [c.title for c in imported.spec.criteria] == ["FR-001"]
    assert imported.spec.criteria[0].examples[0].outcome == "the album is made and shown"
    assert imported.spec.intent == "Somebody makes an album."
    assert any("without a photo" in line for line in imported.unmapped)


def test_openspec_scenarios_become_examples_of_their_requirement() -> None:
    imported = import_text(OPENSPEC)
    criterion = imported.spec.criteria[0]
    assert imported.spec.intent == "List active changes."
    assert criterion.text == "The command shall scan the changes directory."
    assert criterion.examples[0].input == "`openspec list` is executed"
    assert criterion.examples[0].outcome == "scan the directory; exclude the archive"
    assert any("`Broken` has no THEN" in line for line in imported.unmapped)


def test_a_change_of_openspec_keeps_what_it_removes_out() -> None:
    change = (
        "## ADDED Requirements\n### Requirement: New\nIt SHALL be new.\n"
        "## REMOVED Requirements\n### Requirement: Old\nIt SHALL be old.\n"
    )
    imported = import_text(change, name="change")
    assert [c.title for c in imported.spec.criteria] == ["New"]
    assert "removed: Old" in imported.spec.out_of_scope


def test_kiro_lines_become_sentences_in_ears_shape() -> None:
    imported = import_text(KIRO, name="login")
    assert [c.text for c in imported.spec.criteria] == [
        "When a person sends the right password, the Service shall answer with a session.",
        "If the password is wrong, then the system shall answer 401.",
        "Passwords are never logged.",
    ]
    assert imported.spec.terms[0].meaning == "what a cookie names"
    assert "As a person" in imported.spec.intent
    assert any("has no SHALL" in line for line in imported.unmapped)


def test_a_plain_document_is_sorted_by_what_people_call_its_sections() -> None:
    imported = import_text(PRD)
    spec = imported.spec
    assert spec.intent == "Finance copies orders by hand."
    assert [c.title for c in spec.criteria][1] == "Exit code"
    assert spec.out_of_scope == "- Import"
    assert spec.metric == "Hours per month."
    assert [(row.case, row.behaviour) for row in spec.boundaries] == [
        ("No orders", "An empty file.")
    ]
    assert [note.title for note in spec.notes if note.title == "Rollout plan"]
    text = "\n".join(imported.unmapped)
    assert "Rollout plan" in text
    assert "A broken order" in text


def test_a_trackers_issue_becomes_a_spec_that_names_its_source() -> None:
    imported = import_issue(
        {
            "key": "SEC-1",
            "title": "Lock accounts",
            "body": "Too many guesses.\n\n## Acceptance criteria\n\n- [ ] The service must lock "
            "after 5 failures\n- [x] The service must unlock after 10 minutes\n",
            "url": "https://example.com/SEC-1",
            "owner": "a@example.com",
        }
    )
    spec = imported.spec
    assert spec.id == "lock-accounts"
    assert spec.owner == "a@example.com"
    assert spec.criteria[0].text == "The service must lock after 5 failures."
    assert spec.intent.startswith("Too many guesses.")
    assert "From SEC-1 https://example.com/SEC-1" in spec.intent


@pytest.mark.parametrize(
    ("text", "form"),
    [(SPECKIT, "spec-kit"), (OPENSPEC, "openspec"), (KIRO, "kiro"), (PRD, "prd")],
)
def test_the_format_is_found_out_and_the_spec_can_be_written(text: str, form: str) -> None:
    assert detect(text) == form
    spec = import_text(text, name="n", owner="o@example.com").spec
    reading = read_spec(render_spec(spec))
    assert reading.problems == ()
    assert [c.text for c in reading.spec.criteria] == [c.text for c in spec.criteria]


def test_a_text_without_any_demand_is_refused() -> None:
    with pytest.raises(InvalidInput, match="INT-130"):
        import_text("# Title\n\nNothing here.\n", name="empty")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WHILE idle, the pump SHALL stop", "While idle, the pump shall stop."),
        (
            "WHEN asked, IF nobody answers, THEN THE System SHALL wait",
            "When asked, if nobody answers, then the System shall wait.",
        ),
        ("System MUST NOT print", "System shall not print."),
        ("The tool should print.", "The tool should print."),
    ],
)
def test_keywords_in_capitals_become_words_of_a_sentence(text: str, expected: str) -> None:
    assert sentence(text) == expected


def test_given_when_then_lines_become_examples_of_the_criterion_before() -> None:
    text = (
        "# T\n\n## Acceptance criteria\n\n- The tool shall sort\n"
        "- Given two names, when it runs, then they are sorted\n\n"
        "### Scenario: empty\n\nGiven no name\nWhen it runs\nThen it prints nothing\n\n"
        "## Requirements\n\nThe tool shall end.\n"
    )
    spec = import_text(text).spec
    assert [criterion.text for criterion in spec.criteria] == [
        "The tool shall sort.", "The tool shall end.",
    ]  # fmt: skip
    assert [example.outcome for example in spec.criteria[0].examples] == [
        "they are sorted", "it prints nothing",
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["Acceptance criteria:", "**Acceptance Criteria**",
                                   "__Requirements__:", "**Definition of done:**"])  # fmt: skip
def test_a_label_as_people_write_it_in_tickets_is_a_heading(label: str) -> None:
    """Trackers' descriptions have labels, seldom headings."""
    body = f"It dies when hours is empty.\n\n{label}\n- The line is skipped.\n- It ends with 2.\n"
    spec = import_text(body, name="Crash").spec
    assert len(spec.criteria) == 2
    assert "skipped" in spec.criteria[0].text
    assert "It dies" in spec.intent


@pytest.mark.parametrize(
    "line", ["Note that this holds:", "Acceptance criteria are below", "Careful:"]
)
def test_an_ordinary_line_is_no_heading(line: str) -> None:
    with pytest.raises(InvalidInput, match="INT-130"):
        import_text(f"It dies.\n\n{line}\n- The line is skipped.\n", name="Crash")
