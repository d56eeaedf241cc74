"""GitLab, Linear, Azure DevOps, Shortcut and ClickUp over loopback HTTP, responses as documented.

Sources: docs.gitlab.com/api/issues, linear.app/developers/graphql,
learn.microsoft.com/rest/api/azure/devops/wit, developer.shortcut.com/api/rest/v3,
developer.clickup.com/reference (read 2026-03).
"""

from pathlib import Path
from typing import Any

import pytest
from tests.context.served import Answer, Asked, serving

from unlit.context.changes import (
    Assign,
    Comment,
    Create,
    Delete,
    Edit,
    SetField,
    Start,
    Transition,
)
from unlit.context.connectors.azure_devops import AzureDevOps
from unlit.context.connectors.clickup import ClickUp
from unlit.context.connectors.gitlab import GitLab
from unlit.context.connectors.linear import Linear
from unlit.context.connectors.shortcut import Shortcut
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError


def _writes(asked: list[Asked]) -> list[tuple[str, str, Any]]:
    return [(one.method, one.path, one.body) for one in asked if one.method != "GET"]


def _gitlab(asked: Asked) -> Answer:
    root = "/projects/group%2Fapp/issues"
    issue = {
        "iid": 4,
        "title": "Slow",
        "description": "Very.",
        "state": "opened",
        "author": {"username": "ada"},
        "assignees": [],
        "web_url": "https://gitlab.example/group/app/-/issues/4",
        "updated_at": "2026-01-02T03:04:05.000Z",
    }
    notes = [
        {"id": 1, "body": "changed title", "system": True, "author": {"username": "ada"}},
        {"id": 2, "body": "same here", "system": False, "author": {"username": "bob"}},
    ]
    found = {
        root: [issue],
        f"{root}/4": issue,
        f"{root}/4/notes": notes,
        "/user": {"id": 7},
        "/projects": [{"path_with_namespace": "group/app", "name": "App"}],
        "/projects/group%2Fapp/members/all": [{"username": "ada", "name": "Ada"}],
        "/users": [{"id": 8}] if asked.query.get("username") == "bob" else [],
    }
    if asked.method == "GET":
        return (200, found[asked.path]) if asked.path in found else (404, {"message": "404"})
    return 201, {**issue, "iid": 5}


def test_gitlab(tmp_path: Path) -> None:
    ref = Ref("gitlab", "issue", "4")
    with serving(tmp_path, _gitlab, contract="gitlab") as served:
        lab = GitLab(served.api, FakeClock(), project="group/app")
        assert list(lab.search("")) == [ref]
        item = lab.fetch(ref)
        assert item is not None
        assert (item.title, item.status, item.people) == ("Slow", "opened", ("ada",))
        assert [one.body for one in lab.comments(ref)] == ["same here"]
        assert [one.key for one in lab.places()] == ["group/app"]
        assert [one.name for one in lab.people()] == ["Ada"]
        assert lab.apply(Create("", "New", "b", labels=("x", "y"))).key == "5"
        for change in (Edit(ref, body="c"), Transition(ref, "closed"), Assign(ref, "bob")):
            lab.apply(change)
        with pytest.raises(UnlitError) as caught:
            lab.apply(Assign(ref, "nobody"))
        assert caught.value.code == "CTX-212"
        root = "/projects/group%2Fapp/issues"
        assert _writes(served.asked) == [
            ("POST", root, {"title": "New", "description": "b", "labels": "x,y"}),
            ("PUT", f"{root}/4", {"description": "c"}),
            ("PUT", f"{root}/4", {"state_event": "close"}),
            ("PUT", f"{root}/4", {"assignee_ids": [8]}),
        ]
        for other in (Start(ref), Comment(ref, "hm"), Delete(ref)):
            lab.apply(other)
        assert _writes(served.asked)[-3:] == [
            ("PUT", f"{root}/4", {"assignee_ids": [7]}),
            ("POST", f"{root}/4/notes", {"body": "hm"}),
            ("DELETE", f"{root}/4", None),
        ]


LAST = {"pageInfo": {"hasNextPage": False, "endCursor": None}}


def _linear(asked: Asked) -> Answer:
    query, variables = asked.body["query"], asked.body["variables"]
    states = [
        {"id": "s1", "name": "Todo", "type": "unstarted", "position": 1},
        {"id": "s2", "name": "In Progress", "type": "started", "position": 2},
    ]
    issue = {
        "identifier": "ENG-1",
        "title": "Slow",
        "description": "Very.",
        "url": "https://linear.app/acme/issue/ENG-1",
        "updatedAt": "2026-01-02T03:04:05.000Z",
        "state": states[0],
        "assignee": {"name": "Ada"},
        "creator": None,
        "comments": {"nodes": [{"id": "c", "body": "hm", "createdAt": "2026", "user": None}]},
    }
    if "issues(filter" in query:
        info = {"hasNextPage": False, "endCursor": None}
        return 200, {"data": {"issues": {"nodes": [issue], "pageInfo": info}}}
    if "issue(id" in query:
        if variables["id"] != "ENG-1":  # `issue` cannot be null there
            return 200, {"data": None, "errors": [{"message": "Entity not found: Issue"}]}
        return 200, {"data": {"issue": issue}}
    if "issueDelete" in query:
        if variables["id"] != "ENG-1":
            return 200, {"data": None, "errors": [{"message": "Entity not found: Issue"}]}
        return 200, {"data": {"issueDelete": {"success": True}}}
    answers: dict[str, dict[str, Any]] = {
        "workflowStates": {"nodes": list(reversed(states))},
        "viewer": {"id": "me-id"},
        "teams": {"nodes": [{"id": "t1", "key": "ENG", "name": "Engineering"}], **LAST},
        "users": {
            "nodes": [{"id": "ada-id", "name": "Ada", "email": "ada@example.com"}]
            if variables.get("n") in ("Ada", None)
            else [],
            **LAST,
        },
        "issueCreate": {"issue": {"identifier": "ENG-2"}},
        "issueUpdate": {"success": True},
        "commentCreate": {"success": True},
    }
    (named,) = (name for name in answers if name in query)
    return 200, {"data": {named: answers[named]}}


def test_linear(tmp_path: Path) -> None:
    ref = Ref("linear", "issue", "ENG-1")
    with serving(tmp_path, _linear, contract="linear") as served:
        linear = Linear(served.api, FakeClock(), project="ENG")
        assert list(linear.search("slow")) == [ref]
        item = linear.fetch(ref)
        assert item is not None
        assert (item.status, item.people) == ("Todo", ("Ada",))
        assert linear.fetch(Ref("linear", "issue", "ENG-9")) is None
        assert [one.body for one in linear.comments(ref)] == ["hm"]
        assert linear.statuses(ref) == ("Todo", "In Progress")
        assert [one.key for one in linear.places()] == ["ENG"]
        assert [one.key for one in linear.people()] == ["ada@example.com"]
        assert linear.apply(Create("", "New")).key == "ENG-2"
        linear.apply(Start(ref))
        sent = [one.body["variables"].get("i") for one in served.asked if "issueUpdate" in str(one)]
        assert sent == [{"stateId": "s2"}, {"assigneeId": "me-id"}]
        with pytest.raises(UnlitError, match="Entity not found"):
            linear.apply(Delete(Ref("linear", "issue", "ENG-9")))
        with pytest.raises(UnlitError, match="Todo, In Progress"):
            linear.apply(Transition(ref, "Frozen"))
        before = len(served.asked)
        for change in (
            Edit(ref, title="Fast"),
            Transition(ref, "todo"),
            Assign(ref, "Ada"),
            Comment(ref, "hm"),
            Delete(ref),
        ):
            linear.apply(change)
        sent = [one.body for one in served.asked[before:] if "mutation" in one.body["query"]]
        assert [body["variables"] for body in sent] == [
            {"id": "ENG-1", "i": {"title": "Fast"}},
            {"id": "ENG-1", "i": {"stateId": "s1"}},
            {"id": "ENG-1", "i": {"assigneeId": "ada-id"}},
            {"i": {"issueId": "ENG-1", "body": "hm"}},
            {"id": "ENG-1"},
        ]


def _azure(asked: Asked) -> Answer:
    root = "/My%20App/_apis/wit"
    fields = {
        "System.Title": "Slow",
        "System.Description": "<div>Very <b>slow</b>.</div><ul><li>one</li></ul>",
        "System.State": "Active",
        "System.WorkItemType": "Bug",
        "System.AssignedTo": {"displayName": "Ada"},
        "System.ChangedDate": "2026-01-02T03:04:05.1Z",
    }
    item = {"id": 12, "rev": 3, "fields": fields, "relations": None}
    found: dict[str, Any] = {
        f"{root}/wiql": {"workItems": [{"id": 12}]},
        f"{root}/workitems/12": item,
        f"{root}/workItems/12/comments": {
            "comments": [{"id": 1, "text": "<p>hm</p>", "createdBy": {"displayName": "Bob"}}]
        },
        f"{root}/workitemtypes/Bug/states": {
            "value": [
                {"name": "New", "category": "Proposed"},
                {"name": "Active", "category": "InProgress"},
            ]
        },
        "/_apis/projects": {"value": [{"name": "My App"}]},
        f"{root}/workitemtypes/Bug/fields": {
            "value": [
                {"referenceName": "System.State", "name": "State"},
                {"referenceName": "Custom.Risk", "name": "Risk"},
            ]
        },
        "/_apis/connectionData": {
            "authenticatedUser": {"providerDisplayName": "Me", "properties": {}}
        },
    }
    if asked.path in found and asked.method in ("GET", "POST"):
        return 200, found[asked.path]
    return 200, {**item, "id": 13}


def _set(field: str, value: str) -> dict[str, str]:
    return {"op": "add", "path": f"/fields/System.{field}", "value": value}


def test_azure_devops(tmp_path: Path) -> None:
    ref = Ref("azure", "item", "12")
    with serving(tmp_path, _azure, contract="azure") as served:
        azure = AzureDevOps(served.api, FakeClock(), project="My App")
        assert list(azure.search("it's slow")) == [ref]
        assert "it''s slow" in served.asked[0].body["query"]
        item = azure.fetch(ref)
        assert item is not None
        assert (item.body, item.people) == ("Very slow.\n\n- one", ("Ada",))
        assert [one.body for one in azure.comments(ref)] == ["hm"]
        assert azure.statuses(ref) == ("New", "Active")
        assert [one.name for one in azure.places()] == ["My App"]
        assert next((f.name, f.value) for f in azure.fields(ref)) == ("State", "Active")
        azure.apply(SetField(ref, "risk", "high"))
        assert served.asked[-1].body[0]["path"] == "/fields/Custom.Risk"
        azure.apply(Create("", "Part", parent="12"))
        assert served.asked[-1].body[-1]["value"]["rel"] == "System.LinkTypes.Hierarchy-Reverse"
        assert azure.apply(Create("", "New", kind="Bug")).key == "13"
        azure.apply(Start(ref))
        assert _writes(served.asked)[-1][2] == [
            {"op": "add", "path": "/fields/System.State", "value": "Active"},
            {"op": "add", "path": "/fields/System.AssignedTo", "value": "Me"},
        ]
        for change in (
            Edit(ref, title="Fast"),
            Transition(ref, "New"),
            Assign(ref, "Ada"),
            Comment(ref, "hm"),
            Delete(ref),
        ):
            azure.apply(change)
        root = "/My%20App/_apis/wit"
        fields = [("Title", "Fast"), ("State", "New"), ("AssignedTo", "Ada")]
        patches = [one for one in served.asked if isinstance(one.body, list)]
        assert {one.kind for one in patches} == {"application/json-patch+json"}
        assert _writes(served.asked)[-5:] == [
            *(("PATCH", f"{root}/workitems/12", [_set(field, value)]) for field, value in fields),
            ("POST", f"{root}/workItems/12/comments", {"text": "hm"}),
            ("DELETE", f"{root}/workitems/12", None),
        ]


def _shortcut(asked: Asked) -> Answer:
    states = [
        {"id": 1, "name": "Ready", "type": "unstarted"},
        {"id": 2, "name": "Doing", "type": "started"},
    ]
    story = {"id": 9, "name": "Slow", "description": "Very.", "workflow_state_id": 1}
    found: dict[str, Any] = {
        "/search/stories": {"data": [story], "next": None},
        "/stories/9": story,
        "/stories/9/comments": [{"id": 1, "text": "hm"}, {"id": 2, "text": "x", "deleted": True}],
        "/workflows": [{"states": states}],
        "/member": {"id": "me-id"},
        "/groups": [{"id": "g1", "name": "Core"}],
        "/members": [{"id": "ada-id", "profile": {"name": "Ada", "mention_name": "ada"}}],
    }
    if asked.method == "GET":
        return (200, found[asked.path]) if asked.path in found else (404, {"message": "no"})
    return 201, {**story, "id": 10}


def test_shortcut(tmp_path: Path) -> None:
    ref = Ref("shortcut", "story", "9")
    with serving(tmp_path, _shortcut, contract="shortcut") as served:
        shortcut = Shortcut(served.api, FakeClock())
        assert list(shortcut.search("")) == [ref]
        item = shortcut.fetch(ref)
        assert item is not None
        assert item.status == "Ready"
        assert [one.name for one in shortcut.places()] == ["Core"]
        assert [one.key for one in shortcut.people()] == ["ada"]
        assert [one.body for one in shortcut.comments(ref)] == ["hm"]
        assert shortcut.apply(Create("", "New")).key == "10"
        for change in (Start(ref), Assign(ref, "ada"), Transition(ref, "doing")):
            shortcut.apply(change)
        assert [body for _, _, body in _writes(served.asked)[1:]] == [
            {"workflow_state_id": 2, "owner_ids": ["me-id"]},
            {"owner_ids": ["ada-id"]},
            {"workflow_state_id": 2},
        ]
        for other in (Edit(ref, body="c"), Comment(ref, "hm"), Delete(ref)):
            shortcut.apply(other)
        assert _writes(served.asked)[-3:] == [
            ("PUT", "/stories/9", {"description": "c"}),
            ("POST", "/stories/9/comments", {"text": "hm"}),
            ("DELETE", "/stories/9", None),
        ]


def _clickup(asked: Asked) -> Answer:
    task = {
        "id": "86c",
        "name": "Slow",
        "text_content": "Very.",
        "markdown_description": "**Very.**",
        "status": {"status": "to do"},
        "assignees": [{"username": "Ada"}],
        "date_updated": "1767323045000",
        "custom_fields": [{"id": "cf1", "name": "Risk", "type": "number", "value": 2}],
    }
    statuses = [{"status": "to do", "type": "open"}, {"status": "doing", "type": "custom"}]
    found: dict[str, Any] = {
        "/list/l1": {"statuses": statuses},
        "/list/l1/task": {"tasks": [task], "last_page": True},
        "/list/l1/member": {"members": [{"id": 5, "username": "Bob", "email": "bob@x"}]},
        "/task/86c": task,
        "/task/86c/comment": {
            "comments": [
                {"id": "2", "comment_text": "second", "date": "2"},
                {"id": "1", "comment_text": "first", "date": "1"},
            ]
        },
        "/user": {"user": {"id": 4}},
        "/team": {"teams": [{"id": "t1"}]},
        "/team/t1/space": {"spaces": [{"id": "s1", "name": "Space"}]},
        "/space/s1/list": {"lists": [{"id": "l0", "name": "Loose"}]},
        "/space/s1/folder": {
            "folders": [{"id": "f1", "name": "Folder", "lists": [{"id": "l1", "name": "Tasks"}]}]
        },
    }
    if asked.method == "GET":
        return (200, found[asked.path]) if asked.path in found else (404, {"err": "no"})
    return 200, {**task, "id": "86d"}


def test_clickup(tmp_path: Path) -> None:
    ref = Ref("clickup", "task", "86c")
    with serving(tmp_path, _clickup, contract="clickup") as served:
        clickup = ClickUp(served.api, FakeClock(), project="l1")
        assert list(clickup.search("very")) == [ref]
        item = clickup.fetch(ref)
        assert item is not None
        assert (item.body, item.status) == ("**Very.**", "to do")
        assert item.time is not None
        assert item.time.year == 2026
        assert [one.body for one in clickup.comments(ref)] == ["first", "second"]
        assert [(one.kind, one.key) for one in clickup.places()] == [
            ("space", "s1"),
            ("list", "l0"),
            ("folder", "f1"),
            ("list", "l1"),
        ]
        assert [one.key for one in clickup.people()] == ["bob@x"]
        assert [(one.name, one.value) for one in clickup.fields(ref)] == [("Risk", "2")]
        clickup.apply(SetField(ref, "risk", "3"))
        assert _writes(served.asked).pop() == ("POST", "/task/86c/field/cf1", {"value": 3.0})
        with pytest.raises(UnlitError, match="use one of: Risk"):
            clickup.apply(SetField(ref, "colour", "red"))
        served.asked.clear()
        clickup.apply(Start(ref))
        clickup.apply(Comment(ref, "done"))
        clickup.apply(Assign(ref, "bob@x"))
        assert [body for _, _, body in _writes(served.asked)] == [
            {"status": "doing"},
            {"assignees": {"add": [4]}},
            {"comment_text": "done", "notify_all": False},
            {"assignees": {"add": [5]}},
        ]
        assert clickup.apply(Create("", "New", "b", labels=("x",))).key == "86d"
        for change in (Edit(ref, title="Fast"), Transition(ref, "DOING"), Delete(ref)):
            clickup.apply(change)
        assert _writes(served.asked)[-4:] == [
            ("POST", "/list/l1/task", {"name": "New", "markdown_content": "b", "tags": ["x"]}),
            ("PUT", "/task/86c", {"name": "Fast"}),
            ("PUT", "/task/86c", {"status": "doing"}),
            ("DELETE", "/task/86c", None),
        ]
        with pytest.raises(UnlitError, match="to do, doing"):
            clickup.apply(Transition(ref, "frozen"))
