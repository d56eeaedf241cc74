"""Events from outside: a person acts, webhooks hear of it, and reads show it."""

import json

import pytest
from tests.twins.google.calling import Caller

from unlit.core.errors import InvalidInput
from unlit.twins.universe import Universe


def test_a_person_transitions_and_comments() -> None:
    universe = Universe(["jira"])
    world = universe.create_world({"jira": {"projects": [{"key": "PRJ"}]}})
    call = Caller(universe, world, "jira")
    hook = {"name": "h", "url": "http://127.0.0.1:9/", "events": ["jira:issue_updated"]}
    call("POST", "/rest/webhooks/1.0/webhook", hook)
    universe.emit(world, "jira", "issue_created", {"project": "PRJ", "summary": "by hand"})
    universe.emit(world, "jira", "issue_transitioned", {"issue": "PRJ-1", "to": "Done"})
    said = {"issue": "PRJ-1", "body": "so", "user": "Ada Person"}
    universe.emit(world, "jira", "comment_created", said)
    fields = call("GET", "/rest/api/2/issue/PRJ-1").body["fields"]
    assert fields["status"]["name"] == "Done"
    assert fields["comment"]["comments"][0]["author"]["displayName"] == "Ada Person"
    bodies = [json.loads(item.body) for item in universe.world(world).outbox]
    kinds = [body["issue_event_type_name"] for body in bodies]
    assert kinds == ["issue_generic", "issue_commented"]
    with pytest.raises(InvalidInput, match="cannot happen"):
        universe.emit(world, "jira", "coffee", {})


def test_a_person_writes_into_a_sheet_and_a_document() -> None:
    universe = Universe(["docs", "drive", "sheets"])
    seed = {"spreadsheets": [{"title": "T", "rows": [["a"]]}], "documents": [{"title": "D"}]}
    world = universe.create_world({"google": seed})
    universe.emit(world, "sheets", "rows_appended", {"file": "T", "values": [["b"]]})
    universe.emit(world, "docs", "text_appended", {"file": "D", "text": "hello"})
    state = universe.state(world)
    assert [row["values"] for row in state["sheets.rows"]] == [["a"], ["b"]]
    assert state["docs.documents"][0]["text"] == "hello\n"
