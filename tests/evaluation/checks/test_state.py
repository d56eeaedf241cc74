"""Closed world: what happened and was not declared is a failure."""

from typing import Any

import pytest

from unlit.evaluation.checks.state import check_state

TICKET = {"key": "SEC-1", "project": "SEC", "summary": "a"}
SECOND = {"key": "SEC-2", "project": "SEC", "summary": "b"}
OTHER = {"key": "OPS-1", "project": "OPS", "summary": "c"}


def check(expected: dict[str, Any], *after: dict[str, Any]) -> dict[str, list[str]]:
    return check_state([expected], {"jira.issues": []}, {"jira.issues": list(after)})


def test_a_declared_count_holds_and_nothing_else_happened() -> None:
    assert check({"jira.issues": {"count": 2, "project": "SEC"}}, TICKET, SECOND) == {}


@pytest.mark.parametrize(
    ("expected", "after", "words"),
    [
        ({"jira.issues": {"count": 1, "project": "SEC"}}, [TICKET, SECOND], "2, not 1"),
        ({"jira.issues": {"count": 1, "project": "SEC"}}, [TICKET, OTHER], "1 undeclared"),
        ({}, [TICKET], "1 undeclared"),
        ({"jira.issues": {"count": 1, "project": "OPS"}}, [TICKET], "project is `SEC`"),
        ({"jira.issues": [{"summary": "a"}]}, [TICKET, SECOND], "1 undeclared"),
        ({"jira.issues": [{"summary": "z"}]}, [TICKET], "1 missing"),
        ({"jira.issues": {"count": 1, "summary": {"contains": "q"}}}, [TICKET], "does not contain"),
        ({"jira.issues": {"count": {"min": 3}}}, [TICKET], "1, not 3 or more"),
    ],
)
def test_a_difference_is_named(
    expected: dict[str, Any], after: list[dict[str, Any]], words: str
) -> None:
    found = check(expected, *after)
    assert words in "; ".join(found["jira.issues"])


@pytest.mark.parametrize(
    "expected",
    [
        {"jira.issues": "any"},
        {"jira.issues": [{"key": "SEC-2"}, {"key": "SEC-1"}]},
        {"jira.issues": {"count": 1, "where": {"key": "SEC-1"}, "others": "any"}},
        {"jira.issues": {"count": {"min": 1, "max": 2}}},
    ],
)
def test_what_is_declared_may_happen(expected: dict[str, Any]) -> None:
    assert check(expected, TICKET, SECOND) == {}


def test_a_change_is_an_effect_and_not_a_removal() -> None:
    before = {"jira.issues": [TICKET]}
    after = {"jira.issues": [{**TICKET, "summary": "new"}]}
    assert check_state([{"jira.issues": {"count": 1, "summary": "new"}}], before, after) == {}
    assert "1 undeclared" in check_state([{}], before, after)["jira.issues"][0]


def test_an_undeclared_removal_is_a_failure() -> None:
    before = {"jira.issues": [TICKET, SECOND]}
    found = check_state([{}], before, {"jira.issues": [TICKET]})
    assert found == {"jira.issues": ["1 undeclared removals"]}
    assert check_state([{"jira.issues": {"removed": 1}}], before, {"jira.issues": [TICKET]}) == {}


def test_an_owner_is_implied_by_the_file_and_a_reader_is_not() -> None:
    owner = {"file": "f", "emailAddress": "me@example.com", "role": "owner"}
    reader = {"file": "f", "emailAddress": "you@example.com", "role": "reader"}
    expected = {"drive.permissions": {"count": 1, "where": {"role": "reader"}}}
    assert check_state([expected], {}, {"drive.permissions": [owner, reader]}) == {}
    assert check_state([{}], {}, {"drive.permissions": [owner]}) == {}
    assert check_state([{}], {}, {"drive.permissions": [reader]}) != {}
