"""Drive v2 shows the same world as v3: what one writes, the other reads."""

from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.universe import Universe


@pytest.fixture
def drive() -> Caller:
    universe = Universe(["drive"])
    return Caller(universe, universe.create_world({}), "drive")


@pytest.fixture
def file(drive: Caller) -> str:
    return str(drive("POST", "/drive/v3/files", {"name": "a"}).body["id"])


def good(answer: Any, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return answer.body


def test_comments_and_replies(drive: Caller, file: str) -> None:
    at, newer = f"/drive/v2/files/{file}/comments", f"/drive/v3/files/{file}/comments"
    made = good(drive("POST", at, {"content": "why?", "context": {"type": "text", "value": "x"}}))
    assert (made["status"], made["context"]["value"]) == ("open", "x")
    one = f"{at}/{made['commentId']}"
    reply = good(drive("POST", f"{one}/replies", {"content": "so", "verb": "resolve"}))
    assert good(drive("GET", one))["status"] == "resolved"
    seen = good(drive("GET", newer, fields="*"))["comments"][0]
    assert (seen["content"], seen["resolved"], seen["replies"][0]["id"]) == (
        "why?", True, reply["replyId"])  # fmt: skip
    good(drive("PATCH", one, {"content": "because"}))
    assert good(drive("GET", at))["items"][0]["content"] == "because"
    good(drive("PUT", f"{one}/replies/{reply['replyId']}", {"content": "done"}))
    assert good(drive("GET", f"{one}/replies"))["items"][0]["content"] == "done"
    good(drive("DELETE", f"{one}/replies/{reply['replyId']}"), 204)
    assert good(drive("GET", f"{one}/replies"))["items"] == []
    good(drive("DELETE", one), 204)
    assert drive("GET", one).status == 404


def test_revisions(drive: Caller, file: str) -> None:
    for text in (b"one", b"two!"):
        path = f"/upload/drive/v3/files/{file}"
        kind = {"content-type": "text/plain"}
        good(drive("PATCH", path, text, kind, uploadType="media"))
    items = good(drive("GET", f"/drive/v2/files/{file}/revisions"))["items"]
    one = f"/drive/v2/files/{file}/revisions/{items[-1]['id']}"
    assert good(drive("PATCH", one, {"pinned": True}))["pinned"] is True
    newer = f"/drive/v3/files/{file}/revisions/{items[-1]['id']}"
    assert good(drive("GET", newer, fields="keepForever"))["keepForever"] is True
    assert items[-1]["fileSize"] == "4"


def test_changes_and_channels(drive: Caller, file: str) -> None:
    token = good(drive("GET", "/drive/v2/changes/startPageToken"))["startPageToken"]
    good(drive("PATCH", f"/drive/v3/files/{file}", {"name": "b"}))
    found = good(drive("GET", "/drive/v2/changes", pageToken=token))
    assert found["items"][-1]["file"]["title"] == "b"
    last = found["items"][-1]
    assert good(drive("GET", f"/drive/v2/changes/{last['id']}"))["fileId"] == file
    assert found["largestChangeId"] == last["id"]
    sent = {"id": "c1", "type": "web_hook", "address": "https://app.example.com/hook"}
    channel = good(drive("POST", f"/drive/v2/files/{file}/watch", sent))
    stop = {"id": "c1", "resourceId": channel["resourceId"]}
    good(drive("POST", "/drive/v2/channels/stop", stop), 204)
    assert drive("POST", "/drive/v2/channels/stop", stop).status == 404


def test_properties(drive: Caller, file: str) -> None:
    at = f"/drive/v2/files/{file}/properties"
    good(drive("POST", at, {"key": "k", "value": "1", "visibility": "PUBLIC"}))
    good(drive("PUT", f"{at}/k", {"value": "2"}))
    assert good(drive("GET", f"{at}/k"))["value"] == "2"
    newer = good(drive("GET", f"/drive/v3/files/{file}", fields="properties"))
    assert newer["properties"] == {"k": "2"}
    good(drive("DELETE", f"{at}/k"), 204)
    assert good(drive("GET", at))["items"] == []
    assert drive("GET", f"{at}/k").status == 404


def test_parents_and_children(drive: Caller, file: str) -> None:
    sent = {"name": "F", "mimeType": "application/vnd.google-apps.folder"}
    folder = good(drive("POST", "/drive/v3/files", sent))["id"]
    good(drive("POST", f"/drive/v2/files/{folder}/children", {"id": file}))
    assert good(drive("GET", f"/drive/v3/files/{file}", fields="parents"))["parents"] == [folder]
    assert good(drive("GET", f"/drive/v2/files/{folder}/children/{file}"))["id"] == file
    good(drive("POST", f"/drive/v2/files/{file}/parents", {"id": "root"}))
    assert drive("GET", f"/drive/v2/files/{folder}/children/{file}").status == 404
    root = good(drive("GET", f"/drive/v2/files/{file}/parents"))["items"][0]
    assert root["isRoot"] is True
    assert good(drive("GET", f"/drive/v2/files/{file}/parents/{root['id']}"))["id"] == root["id"]
    good(drive("DELETE", f"/drive/v2/files/{file}/parents/{root['id']}"), 204)
    assert good(drive("GET", f"/drive/v2/files/{file}/parents"))["items"] == []


def test_permissions(drive: Caller, file: str) -> None:
    at = f"/drive/v2/files/{file}/permissions"
    sent = {"type": "user", "role": "reader", "value": "b@example.com"}
    made = good(drive("POST", at, sent))
    found = good(drive("GET", "/drive/v2/permissionIds/b@example.com"))
    assert found["id"] == made["id"]
    good(drive("PATCH", f"{at}/{made['id']}", {"role": "writer"}))
    newer = good(drive("GET", f"/drive/v3/files/{file}/permissions/{made['id']}"))
    assert newer["role"] == "writer"
    assert good(drive("GET", f"{at}/{made['id']}"))["role"] == "writer"


@pytest.mark.parametrize("stem", ["drives", "teamdrives"])
def test_shared_drives(drive: Caller, stem: str) -> None:
    made = good(drive("POST", f"/drive/v2/{stem}", {"name": "D"}, requestId="r"))
    one = f"/drive/v2/{stem}/{made['id']}"
    good(drive("PUT", one, {"name": "E"}))
    assert good(drive("GET", one))["name"] == "E"
    assert good(drive("GET", f"/drive/v3/drives/{made['id']}"))["name"] == "E"
    assert [row["id"] for row in good(drive("GET", f"/drive/v2/{stem}"))["items"]] == [made["id"]]
    good(drive("DELETE", one), 204)
    assert drive("GET", one).status == 404


def test_trash_and_ids(drive: Caller, file: str) -> None:
    good(drive("POST", f"/drive/v2/files/{file}/trash"))
    assert drive("DELETE", "/drive/v2/files/trash").status in (200, 204)
    assert drive("GET", f"/drive/v2/files/{file}").status == 404
    ids = good(drive("GET", "/drive/v2/files/generateIds", maxResults=3))["ids"]
    assert len(set(ids)) == 3
    assert drive("GET", "/drive/v2/files/generateIds", maxResults="x").status == 400
