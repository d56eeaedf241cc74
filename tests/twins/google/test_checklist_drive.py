"""The ranked list of what applications use of Drive, point by point, in process."""

import hashlib
import json
from typing import Any

import pytest
from tests.twins.google.calling import Answer, Caller

from unlit.twins.universe import Universe

FILES = "/drive/v3/files"
FOLDER = "application/vnd.google-apps.folder"
DOC = "application/vnd.google-apps.document"
SHEET = "application/vnd.google-apps.spreadsheet"


@pytest.fixture
def drive() -> Caller:
    universe = Universe(["docs", "drive", "sheets"])
    world = universe.create_world({"google": {"users": [{"emailAddress": "bob@example.com"}]}})
    return Caller(universe, world, "drive")


def made(drive: Caller, name: str, kind: str = "text/plain", **more: Any) -> str:
    said = drive("POST", FILES, {"name": name, "mimeType": kind, **more})
    assert said.status == 200, said.body
    return str(said.body["id"])


def uploaded(drive: Caller, name: str, data: bytes, kind: str = "text/plain") -> Answer:
    meta = json.dumps({"name": name}).encode()
    body = (b"--b\r\nContent-Type: application/json\r\n\r\n" + meta + b"\r\n--b\r\nContent-Type: "
            + kind.encode() + b"\r\n\r\n" + data + b"\r\n--b--\r\n")  # fmt: skip
    head = {"content-type": "multipart/related; boundary=b"}
    return drive("POST", "/upload" + FILES, body, head, uploadType="multipart", fields="*")


def names(drive: Caller, q: str, **more: Any) -> list[str]:
    said = drive("GET", FILES, q=q, **more)
    assert said.status == 200, said.body
    return [row["name"] for row in said.body["files"]]


# --- 1: masks
def test_few_fields_come_unasked_and_masks_choose(drive: Caller) -> None:
    said = drive("POST", FILES, {"name": "a"})
    assert set(said.body) == {"kind", "id", "name", "mimeType"}
    key = said.body["id"]
    assert set(drive("GET", f"{FILES}/{key}").body) == {"kind", "id", "name", "mimeType"}
    some = drive("GET", f"{FILES}/{key}", fields="id,owners(emailAddress),capabilities/canEdit")
    assert set(some.body) == {"id", "owners", "capabilities"}
    assert set(some.body["owners"][0]) == {"emailAddress"}
    assert some.body["capabilities"] == {"canEdit": True}
    assert set(drive("GET", FILES, fields="files(id,name)").body) == {"files"}
    every = drive("GET", f"{FILES}/{key}", fields="*").body
    assert {"createdTime", "parents", "permissions", "webViewLink", "version"} <= set(every)
    bad = drive("GET", f"{FILES}/{key}", fields="nothing")
    assert bad.status == 400
    assert bad.body["error"]["errors"][0]["reason"] == "invalidParameter"
    assert bad.body["error"]["message"] == "Invalid field selection nothing"


# --- 2: the query language
def test_queries_choose(drive: Caller) -> None:
    folder = made(drive, "Reports", FOLDER)
    made(drive, "alpha report", parents=[folder], properties={"team": "red"})
    made(drive, "it's beta", description="x")
    gone = made(drive, "gamma")
    drive("PATCH", f"{FILES}/{gone}", {"trashed": True})
    assert names(drive, "name = 'alpha report'") == ["alpha report"]
    assert names(drive, "name contains 'alph'") == ["alpha report"]
    assert names(drive, "name contains 'port'") == []  # the beginning of a word
    assert names(drive, r"name = 'it\'s beta'") == ["it's beta"]
    assert names(drive, f"'{folder}' in parents and trashed = false") == ["alpha report"]
    assert names(drive, "trashed = true") == ["gamma"]
    assert names(drive, f"mimeType = '{FOLDER}'") == ["Reports"]
    assert "Reports" not in names(drive, f"mimeType != '{FOLDER}' and not trashed")
    assert names(drive, "properties has {key='team' and value='red'}") == ["alpha report"]
    assert names(drive, "modifiedTime > '2090-01-01T00:00:00'") == []
    assert len(names(drive, "modifiedTime > '2000-01-01T00:00:00' and trashed = false")) == 3
    assert names(drive, "(name = 'x' or name contains 'beta') and 'me' in owners") == ["it's beta"]
    assert names(drive, "'bob@example.com' in writers") == []
    said = drive("GET", FILES, q="name is 'x'")
    assert (said.status, said.body["error"]["errors"][0]["reason"]) == (400, "invalid")
    assert said.body["error"]["message"] == "Invalid Value"


def test_lists_are_ordered_and_paged(drive: Caller) -> None:
    for word in ("b", "c", "a"):
        made(drive, word)
    assert names(drive, "trashed=false", orderBy="name desc") == ["c", "b", "a"]
    page = drive("GET", FILES, pageSize=2, orderBy="name", q="trashed=false").body
    assert [row["name"] for row in page["files"]] == ["a", "b"]
    more = drive("GET", FILES, pageSize=2, orderBy="name", q="trashed=false",
                 pageToken=page["nextPageToken"]).body  # fmt: skip
    assert [row["name"] for row in more["files"]] == ["c"]
    assert "nextPageToken" not in more
    assert drive("GET", FILES, orderBy="nonsense").status == 400
    assert drive("GET", FILES, pageToken="wrong").status == 400  # no secret


# --- 3: uploads, downloads, exports
def test_simple_multipart_and_resumable_uploads(drive: Caller) -> None:
    simple = drive("POST", "/upload" + FILES, b"hello", {"content-type": "text/plain"},
                   uploadType="media", fields="*")  # fmt: skip
    assert (simple.body["name"], simple.body["size"]) == ("Untitled", "5")
    both = uploaded(drive, "a.txt", b"hello").body
    assert both["md5Checksum"] == hashlib.md5(b"hello").hexdigest()  # noqa: S324 # Drive's own
    assert (both["name"], both["fileExtension"]) == ("a.txt", "txt")
    begin = drive("POST", "/upload" + FILES, {"name": "big.bin"},
                  {"x-upload-content-type": "application/octet-stream"},
                  uploadType="resumable")  # fmt: skip
    where = begin.headers["location"]
    query = dict(part.split("=", 1) for part in where.split("?")[1].split("&"))
    head = {"content-type": "application/octet-stream"}
    part = drive("PUT", "/upload" + FILES, b"x" * 262_144,
                 head | {"content-range": "bytes 0-262143/262150"}, **query)  # fmt: skip
    assert (part.status, part.headers["range"]) == (308, "bytes=0-262143")
    asked = drive("PUT", "/upload" + FILES, b"", {"content-range": "bytes */262150"}, **query)
    assert (asked.status, asked.headers["range"]) == (308, "bytes=0-262143")
    last = drive("PUT", "/upload" + FILES, b"y" * 6,
                 head | {"content-range": "bytes 262144-262149/262150"}, **query)  # fmt: skip
    assert last.status == 200
    key = last.body["id"]
    assert drive("GET", f"{FILES}/{key}", fields="size").body == {"size": "262150"}
    data = drive("GET", f"{FILES}/{key}", None, {"range": "bytes=262143-262145"}, alt="media")
    assert (data.status, data.body) == (206, b"xyy")
    assert data.headers["content-range"] == "bytes 262143-262145/262150"


def test_exports_of_googles_own_kinds(drive: Caller) -> None:
    doc = made(drive, "Plan", DOC)
    text = drive("GET", f"{FILES}/{doc}/export", mimeType="text/plain")
    assert (text.status, text.headers["content-type"]) == (200, "text/plain")
    sheet = made(drive, "Table", SHEET)
    assert drive("GET", f"{FILES}/{sheet}/export", mimeType="text/csv").status == 200
    plain = uploaded(drive, "a.txt", b"hello").body["id"]
    refused = drive("GET", f"{FILES}/{plain}/export", mimeType="text/plain")
    assert refused.status == 403
    assert refused.body["error"]["errors"][0]["reason"] == "fileNotExportable"
    direct = drive("GET", f"{FILES}/{doc}", alt="media")
    assert direct.status == 403
    assert direct.body["error"]["errors"][0]["reason"] == "fileNotDownloadable"
    turned = drive("POST", "/upload" + FILES, b"a,b\n1,2\n", {"content-type": "text/csv"},
                   uploadType="media", fields="mimeType")  # fmt: skip
    assert turned.body["mimeType"] == "text/csv"


# --- 4: errors
def test_refusals_have_code_message_and_reasons(drive: Caller) -> None:
    said = drive("GET", f"{FILES}/none").body["error"]
    assert said["code"] == 404
    assert said["message"] == "File not found: none."
    assert said["errors"][0] == {
        "message": "File not found: none.", "domain": "global", "reason": "notFound",
        "location": "fileId", "locationType": "parameter",
    }  # fmt: skip
    key = made(drive, "a")
    drive("POST", f"{FILES}/{key}/permissions",
          {"type": "user", "role": "reader", "emailAddress": "bob@example.com"})  # fmt: skip
    token = "fake-bob"  # no secret
    drive.universe.seed(drive.world, {"google": {"tokens": [
        {"token": token, "user": "bob@example.com",
         "scopes": ["https://www.googleapis.com/auth/drive"]}]}})  # fmt: skip
    bob = Caller(drive.universe, drive.world, "drive", token)
    assert bob("GET", f"{FILES}/{key}").status == 200
    refused = bob("PATCH", f"{FILES}/{key}", {"name": "b"})
    assert refused.status == 403
    assert refused.body["error"]["errors"][0]["reason"] == "insufficientFilePermissions"
    assert bob("GET", f"{FILES}/{made(drive, 'mine')}").status == 404
    stranger = Caller(drive.universe, drive.world, "drive", "wrong")("GET", FILES)
    assert (stranger.status, stranger.body["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert stranger.headers["www-authenticate"].startswith("Bearer")


# --- 5: trash, parents, shortcuts
def test_deleting_trashing_moving_and_shortcuts(drive: Caller) -> None:
    folder, key = made(drive, "F", FOLDER), made(drive, "a")
    moved = drive("PATCH", f"{FILES}/{key}", {}, addParents=folder, removeParents="root",
                  fields="parents")  # fmt: skip
    assert moved.body == {"parents": [folder]}
    way = made(drive, "S", "application/vnd.google-apps.shortcut",
               shortcutDetails={"targetId": key})  # fmt: skip
    shown = drive("GET", f"{FILES}/{way}", fields="shortcutDetails").body["shortcutDetails"]
    assert (shown["targetId"], shown["targetMimeType"]) == (key, "text/plain")
    drive("PATCH", f"{FILES}/{folder}", {"trashed": True})
    assert drive("GET", f"{FILES}/{key}", fields="trashed,explicitlyTrashed").body == {
        "trashed": True, "explicitlyTrashed": False,
    }  # fmt: skip
    assert drive("DELETE", f"{FILES}/trash").status == 204
    assert drive("GET", f"{FILES}/{key}").status == 404
    assert drive("DELETE", f"{FILES}/{way}").status == 204


def test_a_copy_has_a_life_of_its_own(drive: Caller) -> None:
    key = uploaded(drive, "a.txt", b"hello").body["id"]
    copy = drive("POST", f"{FILES}/{key}/copy", {"name": "b.txt"}, fields="*").body
    assert (copy["name"], copy["size"]) == ("b.txt", "5")
    drive("DELETE", f"{FILES}/{key}")
    assert drive("GET", f"{FILES}/{copy['id']}", alt="media").body == b"hello"


# --- 6: permissions and shared drives
def test_permissions_are_given_inherited_and_taken(drive: Caller) -> None:
    folder = made(drive, "F", FOLDER)
    key = made(drive, "a", parents=[folder])
    given = drive("POST", f"{FILES}/{folder}/permissions", {
        "type": "user", "role": "writer", "emailAddress": "bob@example.com"})  # fmt: skip
    assert given.status == 200
    assert set(given.body) == {"kind", "id", "type", "role"}
    below = drive("GET", f"{FILES}/{key}/permissions", fields="permissions(id,role)").body
    assert {row["role"] for row in below["permissions"]} == {"owner", "writer"}
    path = f"{FILES}/{folder}/permissions/{given.body['id']}"
    assert drive("PATCH", path, {"role": "reader"}).body["role"] == "reader"
    assert drive("DELETE", path).status == 204
    assert drive("GET", path).status == 404
    anyone = drive("POST", f"{FILES}/{key}/permissions", {"type": "anyone", "role": "reader"})
    assert anyone.body["id"] == "anyoneWithLink"
    assert drive("GET", f"{FILES}/{key}", fields="shared").body == {"shared": True}
    wrong = drive("POST", f"{FILES}/{key}/permissions", {"type": "user", "role": "king",
                  "emailAddress": "bob@example.com"})  # fmt: skip
    assert wrong.status == 400
    owner = drive("POST", f"{FILES}/{key}/permissions", {"type": "user", "role": "owner",
                  "emailAddress": "bob@example.com"})  # fmt: skip
    assert owner.status == 403
    assert "transferOwnership" in owner.body["error"]["message"]


def test_a_shared_drive_holds_files(drive: Caller) -> None:
    one = drive("POST", "/drive/v3/drives", {"name": "Team"}, requestId="r1").body
    again = drive("POST", "/drive/v3/drives", {"name": "Team"}, requestId="r1")
    assert again.status == 409
    key = drive("POST", FILES, {"name": "a", "parents": [one["id"]]},
                supportsAllDrives="true").body["id"]  # fmt: skip
    assert names(drive, "name = 'a'") == []
    found = drive("GET", FILES, corpora="drive", driveId=one["id"], supportsAllDrives="true",
                  includeItemsFromAllDrives="true").body["files"]  # fmt: skip
    assert [row["id"] for row in found] == [key]
    assert drive("DELETE", f"/drive/v3/drives/{one['id']}").status == 403


# --- 7: changes, revisions, channels
def test_changes_revisions_and_channels(drive: Caller) -> None:
    token = drive("GET", "/drive/v3/changes/startPageToken").body["startPageToken"]
    key = uploaded(drive, "a.txt", b"one").body["id"]
    drive("PATCH", f"/upload{FILES}/{key}", b"two!", {"content-type": "text/plain"},
          uploadType="media")  # fmt: skip
    page = drive("GET", "/drive/v3/changes", pageToken=token).body
    assert {row["fileId"] for row in page["changes"]} == {key}
    assert page["newStartPageToken"] != token
    rows = drive("GET", f"{FILES}/{key}/revisions", fields="revisions(id,size)").body["revisions"]
    assert [row["size"] for row in rows] == ["3", "4"]
    old = drive("GET", f"{FILES}/{key}/revisions/{rows[0]['id']}", alt="media")
    assert old.body == b"one"
    head = drive("GET", f"{FILES}/{key}", fields="headRevisionId").body["headRevisionId"]
    assert head == rows[-1]["id"]
    watch = drive(
        "POST",
        f"{FILES}/{key}/watch",
        {"id": "c1", "type": "web_hook", "address": "https://127.0.0.1:1/x", "token": "t"},
    )
    assert watch.status == 200, watch.body
    sent = drive.universe.world(drive.world).outbox
    assert dict(sent[0].headers)["X-Goog-Resource-State".lower()] == "sync"
    drive("PATCH", f"{FILES}/{key}", {"name": "b"})
    heads = {name.lower(): value for name, value in sent[-1].headers}
    assert (heads["x-goog-channel-id"], heads["x-goog-resource-state"]) == ("c1", "update")
    stop = {"id": "c1", "resourceId": watch.body["resourceId"]}
    assert drive("POST", "/drive/v3/channels/stop", stop).status == 204
    count = len(sent)
    drive("PATCH", f"{FILES}/{key}", {"name": "c"})
    assert len(sent) == count


# --- 8, 9: versions, and one world for three services
def test_every_change_is_a_version_and_v2_has_etags(drive: Caller) -> None:
    key = made(drive, "a")
    before = int(drive("GET", f"{FILES}/{key}", fields="version").body["version"])
    drive("PATCH", f"{FILES}/{key}", {"name": "b"})
    assert int(drive("GET", f"{FILES}/{key}", fields="version").body["version"]) > before
    older = drive("GET", f"/drive/v2/files/{key}").body
    assert older["title"] == "b"
    assert older["etag"]


def test_a_spreadsheet_and_a_document_are_files(drive: Caller) -> None:
    sheets = Caller(drive.universe, drive.world, "sheets")
    docs = Caller(drive.universe, drive.world, "docs")
    one = sheets("POST", "/v4/spreadsheets", {"properties": {"title": "T"}}).body
    two = docs("POST", "/v1/documents", {"title": "D"}).body
    assert names(drive, f"mimeType = '{SHEET}'") == ["T"]
    assert names(drive, f"mimeType = '{DOC}'") == ["D"]
    drive("PATCH", f"{FILES}/{one['spreadsheetId']}", {"name": "U"})
    read = sheets("GET", f"/v4/spreadsheets/{one['spreadsheetId']}").body
    assert read["properties"]["title"] == "U"
    drive("DELETE", f"{FILES}/{two['documentId']}")
    assert docs("GET", f"/v1/documents/{two['documentId']}").status == 404
    third = made(drive, "New", SHEET)
    assert sheets("GET", f"/v4/spreadsheets/{third}").body["sheets"][0]["properties"]["title"]
