"""The entry points of intent: read, lint, ready, brief."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.intent import parse_spec, reading_of, ready, visible_brief

DEMO = Path("src/unlit/wiring/demo_product/base/specs/access-review.md")

SMALL = """---
id: small
title: Small
owner: a@example.com
---

## Intent

For one.

## Criteria

### AC-1 It answers

When it runs, the tool shall print `ok`.

Example: once
- Input: `run`
- Outcome: prints `ok`

## Boundaries

| Case | Behaviour |
| --- | --- |
| empty | not relevant: no input |
| zero | not relevant: no numbers |
| limit | not relevant |
| limit+1 | not relevant |
| duplicate | prints `ok` again |
| concurrent | not relevant |
| unauthorised | not relevant |
| clock | not relevant |
| service down | not relevant |

## Out of scope

Everything else.

## Metric

Runs.
"""


def test_the_built_in_spec_is_read_with_its_criteria_and_is_ready() -> None:
    spec = parse_spec(DEMO.read_text(encoding="utf-8"), DEMO)
    assert [criterion.id for criterion in spec.criteria] == [f"AC-{n}" for n in range(1, 9)]
    assert spec.criteria[0].examples[1].title == "nobody is inactive"
    assert spec.uses == ("okta", "jira", "slack", "google")
    assert spec.digest.startswith("sha256:")
    assert ready(spec).ready


def test_a_broken_spec_is_refused_with_its_place_and_a_count_of_the_rest() -> None:
    broken = SMALL.replace("owner: a@example.com", "ownr: a@example.com")
    with pytest.raises(InvalidInput) as caught:
        parse_spec(broken, "specs/small.md")
    assert caught.value.code == "INT-103"
    assert "specs/small.md:4" in caught.value.what
    assert "ownr" in caught.value.what
    assert "1 more" in caught.value.remedy


def test_everything_that_is_missing_is_named_at_once() -> None:
    spec = parse_spec(
        SMALL.replace("| clock | not relevant |\n", "")
        .replace("prints `ok` again", "TBD")
        .replace("- Outcome: prints `ok`\n", "")
    )
    missing = ready(spec).missing
    assert [finding.code for finding in missing] == ["INT-206", "INT-207", "INT-207"]
    assert {finding.message.split("`")[1] for finding in missing[1:]} == {"clock", "duplicate"}


def test_an_observed_spec_is_never_ready() -> None:
    spec = parse_spec(
        SMALL.replace("owner: a@example.com", "owner: a@example.com\norigin: observed")
    )
    assert [finding.code for finding in ready(spec).missing] == ["INT-208"]


def test_the_brief_holds_what_an_agent_needs_and_not_what_is_for_people() -> None:
    text = visible_brief(parse_spec(SMALL))
    assert "the tool shall print `ok`" in text
    assert "Outcome: prints `ok`" in text
    assert "duplicate: prints `ok` again" in text
    assert "a@example.com" not in text
    assert "Runs." not in text


def test_a_spec_of_megabytes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="INT-112"):
        reading_of("x" * 3_000_000)
