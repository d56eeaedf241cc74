"""Jira, over the wire against our Jira twin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.changes import Assign, Comment, Create, Delete, Edit, SetField, Start, Transition
from unlit.context.connectors.jira import Jira
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError

SITE = "https://example.atlassian.net"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {
        "jira": {
            "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
            "projects": [{"key": "SEC", "name": "Security"}],
            "issues": [
                {"project": "SEC", "summary": "Paging is wrong", "description": "All of it"}
            ],
        }
    }
    with wired(tmp_path, "jira", SITE, seeds) as wire:
        yield wire


@pytest.fixture
def jira(wire: Wire) -> Jira:
    return Jira(wire.api, FakeClock(), project="SEC")


def _issue(wire: Wire, key: str) -> dict[str, object]:
    return next(one for one in wire.universe.state(wire.world)["jira.issues"] if one["key"] == key)


def test_an_issue_is_read_with_its_text_and_state(jira: Jira) -> None:
    (ref,) = jira.search("")
    item = jira.fetch(ref)
    assert item is not None
    assert (item.title, item.body) == ("Paging is wrong", "All of it")
    assert item.status
    assert item.url == f"{SITE}/browse/{ref.key}"


def test_words_are_searched_and_jql_is_taken_as_it_is(jira: Jira) -> None:
    assert [ref.key for ref in jira.search("paging")] == ["SEC-1"]
    assert list(jira.search("nowhere")) == []
    assert [ref.key for ref in jira.search("project = SEC")] == ["SEC-1"]


def test_what_is_created_keeps_its_markdown(jira: Jira, wire: Wire) -> None:
    body = "# Why\n\nIt is **bold** and `code`.\n\n- one\n- two"
    ref = jira.apply(Create("SEC", "New", body, labels=("unlit",)))
    item = jira.fetch(ref)
    assert item is not None
    assert item.body == body
    assert _issue(wire, ref.key)["labels"] == ["unlit"]


def test_an_issue_is_edited_commented_and_deleted(jira: Jira, wire: Wire) -> None:
    ref = Ref("jira", "issue", "SEC-1")
    jira.apply(Edit(ref, title="Paging was wrong"))
    assert _issue(wire, "SEC-1")["summary"] == "Paging was wrong"
    jira.apply(Comment(ref, "seen *twice*"))
    assert [one.body for one in jira.comments(ref)] == ["seen *twice*"]
    jira.apply(Delete(ref))
    assert jira.fetch(ref) is None


def test_an_issue_moves_along_its_workflow(jira: Jira, wire: Wire) -> None:
    ref = Ref("jira", "issue", "SEC-1")
    states = jira.statuses(ref)
    assert states
    jira.apply(Transition(ref, states[-1].upper()))
    item = jira.fetch(ref)
    assert item is not None
    assert item.status == states[-1]
    with pytest.raises(UnlitError) as caught:
        jira.apply(Transition(ref, "Frobnicated"))
    assert caught.value.code == "CTX-211"


def test_starting_moves_it_and_takes_it(jira: Jira, wire: Wire) -> None:
    ref = Ref("jira", "issue", "SEC-1")
    before = jira.fetch(ref)
    jira.apply(Start(ref))
    after = jira.fetch(ref)
    assert before is not None
    assert after is not None
    assert after.status != before.status
    assert _issue(wire, "SEC-1")["assignee"]


def test_an_issue_is_given_to_a_person(jira: Jira) -> None:
    ref = Ref("jira", "issue", "SEC-1")
    jira.apply(Assign(ref, "ada@example.com"))
    item = jira.fetch(ref)
    assert item is not None
    assert "Ada Person" in item.people


def test_nobody_of_that_name_is_said(jira: Jira) -> None:
    with pytest.raises(UnlitError) as caught:
        jira.apply(Assign(Ref("jira", "issue", "SEC-1"), "nobody@nowhere.example"))
    assert caught.value.code == "CTX-212"


def test_a_project_that_does_not_exist_is_refused_in_jiras_words(jira: Jira) -> None:
    with pytest.raises(UnlitError, match="project"):
        jira.apply(Create("NOPE", "x"))


def test_a_pasted_url_and_a_key_find_their_owner(jira: Jira) -> None:
    assert jira.owns(f"{SITE}/browse/SEC-1") == Ref("jira", "issue", "SEC-1")
    assert jira.owns("SEC-1") == Ref("jira", "issue", "SEC-1")
    assert jira.owns("OPS-1") is None
    assert jira.owns("https://other.atlassian.net/browse/SEC-1") is None


def test_projects_people_and_fields_are_listed_and_a_field_is_set(jira: Jira, wire: Wire) -> None:
    ref = Ref("jira", "issue", "SEC-1")
    assert [(one.key, one.name) for one in jira.places()] == [("SEC", "Security")]
    assert "ada@example.com" in {one.key for one in jira.people()}
    assert "Labels" in {one.name for one in jira.fields(ref)}
    jira.apply(SetField(ref, "labels", "one, two"))
    assert _issue(wire, "SEC-1")["labels"] == ["one", "two"]
    with pytest.raises(UnlitError, match="no editable field"):
        jira.apply(SetField(ref, "colour", "red"))
