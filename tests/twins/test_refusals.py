"""Wrong calls of Jira, Slack, Drive, Sheets and Docs: the vendor's status and own words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

SEEDS: dict[str, Any] = {
    "jira": {"projects": [{"key": "SEC", "name": "Security"}],
             "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
             "issues": [{"project": "SEC", "summary": "first"}]},
    "slack": {"channels": [{"name": "general"}]},
}  # fmt: skip
TASK = {"project": {"key": "SEC"}, "summary": "s", "issuetype": {"name": "Task"}}
JIRA_3 = "/rest/api/3"
HIDDEN = "Issue does not exist or you do not have permission to see it."
BOARD = "Requested board cannot be viewed because it either does not exist"
BROKEN = "Invalid request payload."


def _fields(**change: Any) -> Any:
    return {"fields": {**TASK, **change}}


JIRA: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/issue", _fields(project={"key": "NO"}), 400, "valid project is required"),
    ("POST", "/issue", _fields(summary=None), 400, "You must specify a summary of the issue."),
    ("POST", "/issue", _fields(summary=7), 400, "Operation value must be a string"),
    ("POST", "/issue", _fields(summary="x" * 300), 400, "must be less than 255 characters."),
    ("POST", "/issue", _fields(summary="a\nb"), 400, "contains newline characters"),
    ("POST", "/issue", _fields(issuetype=None), 400, "Specify an issue type"),
    ("POST", "/issue", _fields(issuetype={"name": "Nope"}), 400, "Specify a valid issue type"),
    ("POST", "/issue", _fields(bogus=1), 400, "Field 'bogus' cannot be set."),
    ("POST", "/issue", _fields(description="text"), 400, "must be an Atlassian Document"),
    ("POST", "/issue", _fields(assignee={"accountId": "zz"}), 400, "assignee"),
    ("POST", "/issue", _fields(priority={"name": "zz"}), 400, "The priority selected is invalid."),
    ("POST", "/issue", _fields(labels=["a b"]), 400, "contains spaces which is invalid."),
    ("POST", "/issue", _fields(duedate="soon"), 400, "Error parsing date string: soon"),
    ("POST", "/issue", b"{bad", 400, BROKEN),
    ("POST", "/permissions/check", {"projectPermissions": [None]}, 400, BROKEN),
    ("POST", "/workflows", {"projectAndIssueTypes": [None]}, 400, BROKEN),
    ("POST", "/issue/properties/multi", {"issues": [None]}, 400, BROKEN),
    ("POST", "/issue", b"a=1", 400, BROKEN),
    ("POST", "/issue", {}, 400, "valid project is required"),
    ("PUT", "/issue/SEC-1", {"fields": {"status": {"name": "Done"}}}, 400, "status"),
    ("PUT", "/issue/SEC-1/assignee", {"accountId": "zz"}, 404, "does not exist"),
    ("GET", "/issue/SEC-99", None, 404, HIDDEN),
    ("DELETE", "/issue/SEC-99", None, 404, HIDDEN),
    ("PATCH", "/issue/SEC-1", None, 405, "Method Not Allowed"),
    ("GET", "/nothing", None, 404, "null for uri"),
    ("GET", "/search/jql?jql=project%20=%20NO", None, 400,
     "The value 'NO' does not exist for the field 'project'."),
    ("GET", "/search/jql?jql=bogus%20=%201", None, 400, "Field 'bogus' does not exist"),
    ("GET", "/search/jql?jql=project%20=", None, 400, "Error in the JQL Query: Expecting either"),
    ("GET", "/search/jql", None, 400, "Unbounded JQL queries are not allowed here."),
    ("GET", "/search/jql?jql=project=SEC&nextPageToken=zz", None, 400, "nextPageToken"),
    ("POST", "/issue/SEC-1/transitions", {"transition": {"id": "999"}}, 400, "'999' is not valid"),
    ("POST", "/issue/SEC-1/transitions", {}, 400, "Missing 'transition' identifier"),
    ("POST", "/issue/SEC-1/comment", {}, 400, "Comment body can not be empty!"),
    ("POST", "/issue/SEC-1/worklog", {"timeSpent": "zz"}, 400, "Invalid time duration entered: zz"),
    ("POST", "/issueLink", {"type": {"name": "zz"}}, 404, "No issue link type with name 'zz'"),
    ("POST", "/project", {"key": "SEC", "name": "d"}, 400, "uses this project key."),
    ("POST", "/project", {"key": "se c", "name": "e"}, 400, "must start with an uppercase letter"),
    ("GET", "/user?accountId=zz", None, 404, "Specified user does not exist"),
    ("GET", "/project/NO", None, 404, "No project could be found with key 'NO'."),
]  # fmt: skip
SLACK: list[tuple[str, Any, str]] = [
    ("chat.postMessage", {"channel": "#general"}, "no_text"),
    ("chat.postMessage", {"text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "CNONE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "#general", "text": "x" * 50000}, "msg_too_long"),
    ("chat.postMessage", {"channel": "#general", "blocks": "zz"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "#general", "blocks": [{"type": "zz"}]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "#general", "text": "x", "thread_ts": "zz"},
     "invalid_thread_ts"),
    ("chat.postMessage", b"{bad", "invalid_json"),
    ("chat.postMessage", b"[]", "json_not_object"),
    ("no.such", {}, "unknown_method"),
    ("conversations.list", {"types": "zz"}, "invalid_types"),
    ("conversations.list", {"cursor": "zz"}, "invalid_cursor"),
    ("conversations.list", {"limit": "zz"}, "invalid_limit"),
    ("conversations.info", {"channel": "CZZ"}, "channel_not_found"),
    ("conversations.history", {}, "invalid_arguments"),
    ("conversations.create", {}, "invalid_name_required"),
    ("conversations.create", {"name": "general"}, "name_taken"),
    ("conversations.create", {"name": "Bad Name!"}, "invalid_name_specials"),
    ("conversations.create", {"name": "x" * 90}, "invalid_name_maxlength"),
    ("conversations.join", {"channel": "CZZ"}, "channel_not_found"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("users.info", {"user": "UZZ"}, "user_not_found"),
    ("users.lookupByEmail", {"email": "no@example.com"}, "users_not_found"),
    ("reactions.add", {"name": "thumbsup"}, "no_item_specified"),
    ("views.open", {"trigger_id": "zz", "view": {}}, "invalid_arguments"),
    ("files.info", {"file": "FZZ"}, "file_not_found"),
    ("files.remote.list", {"ts_from": "zz"}, "invalid_arguments"),
    ("calls.participants.add", {"id": "RZZ", "users": []}, "invalid_call_id"),
    ("slackLists.items.list", {"list_id": "FZZ"}, "list_not_found"),
    ("files.getUploadURLExternal", {"filename": "a"}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": [{"id": "FZZ"}]}, "file_not_found"),
    ("search.messages", {}, "no_query"),
    ("oauth.v2.access", {}, "invalid_client_id"),
    ("team.info", {"team": "TZZ"}, "team_not_found"),
    ("usergroups.create", {}, "invalid_arguments"),
    ("reminders.add", {"text": "x"}, "invalid_arguments"),
]  # fmt: skip
UNKNOWN = 'Unknown name "zz"'
DRIVE: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/files/zz", None, 404, "File not found: zz."),
    ("GET", "/files?fields=zz", None, 400, "Invalid field selection zz"),
    ("GET", "/files?q=zz", None, 400, "Invalid Value"),
    ("GET", "/files?q=name%20is%20x", None, 400, "Invalid Value"),
    ("GET", "/files?pageToken=zz", None, 400, "Invalid Value"),
    ("GET", "/files?pageSize=abc", None, 400, "within the range: [1, 1000]"),
    ("GET", "/files?pageSize=5000", None, 400, "within the range: [1, 1000]"),
    ("GET", "/files?orderBy=zz", None, 400, "Invalid Value"),
    ("GET", "/files?corpora=zz", None, 400, "Invalid Value"),
    ("POST", "/files", b"{bad", 400, "Parse Error"),
    ("POST", "/files", {"name": "x", "parents": ["zz"]}, 404, "File not found: zz."),
    ("POST", "/files", {"name": "x", "parents": "zz"}, 400, "Invalid Value"),
    ("GET", "/nothing", None, 404, "Not Found"),
    ("POST", "/files/ID/permissions", {}, 400, "permission type field is required"),
    ("POST", "/files/ID/permissions", {"type": "zz", "role": "reader"}, 400, "type is invalid"),
    ("POST", "/files/ID/permissions", {"type": "user", "role": "zz", "emailAddress": "a@b.c"},
     400, "role is invalid"),
    ("POST", "/files/ID/permissions", {"type": "user", "role": "reader"}, 400, "emailAddress"),
    ("DELETE", "/files/ID/permissions/zz", None, 404, "Permission not found: zz."),
    ("GET", "/files/ID/export?mimeType=application/pdf", None, 403, "only supports Docs Editors"),
    ("GET", "/changes", None, 400, "Required parameter: pageToken"),
    ("GET", "/changes?pageToken=zz", None, 400, "Invalid Value"),
    ("POST", "/files/zz/copy", {}, 404, "File not found: zz."),
    ("GET", "/about", None, 400, "The 'fields' parameter is required"),
    ("POST", "/files/ID/comments?fields=id", {}, 400, "comment content is required"),
]  # fmt: skip
SHEETS: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/values/Nope!A1", None, 400, "Unable to parse range: Nope!A1"),
    ("GET", "/values/A1?majorDimension=zz", None, 400, "Invalid value at 'major_dimension'"),
    ("GET", "/values/A1?valueRenderOption=zz", None, 400, "Invalid value at 'value_render_option'"),
    ("PUT", "/values/A1", {"values": [[1]]}, 400, "'valueInputOption' is required"),
    ("PUT", "/values/A1?valueInputOption=RAW", {"values": 1}, 400, "Invalid value at 'values'"),
    ("PUT", "/values/A1?valueInputOption=RAW", {"values": [[{"a": 1}]]}, 400, "struct_value"),
    ("PUT", "/values/A1?valueInputOption=RAW", {"range": "B1", "values": [[1]]}, 400,
     "Requested writing within range"),
    ("POST", ":batchUpdate", {}, 400, "Must specify at least one request."),
    ("POST", ":batchUpdate", {"requests": [{"zz": {}}]}, 400, UNKNOWN),
    ("POST", ":batchUpdate", {"requests": [{"deleteSheet": {"sheetId": 99}}]}, 400,
     "Invalid requests[0].deleteSheet"),
    ("POST", ":batchUpdate", {"requests": [{"deleteSheet": {"sheetId": 0}}]}, 400,
     "Invalid requests[0].deleteSheet"),
    ("GET", "?fields=zz", None, 400, "Request contains an invalid argument."),
]  # fmt: skip
RANGE = {"startIndex": 1, "endIndex": 1}
DOCS: list[tuple[Any, str]] = [
    ([{"insertText": {"text": "x", "location": {"index": 5}}}], "Index 5 must be less than"),
    ([{"insertText": {"text": "x", "location": {"index": 0}}}], "insertText"),
    ([{"deleteContentRange": {"range": {"startIndex": 2, "endIndex": 1}}}], "not be empty"),
    ([{"zz": {}}], UNKNOWN),
    ([{}], "No request set."),
    ([], "Must specify at least one request."),
    ([{"updateTextStyle": {"range": RANGE, "textStyle": {"bold": True}, "fields": "bold"}}],
     "The range should not be empty."),
    ([{"insertTable": {"rows": 0, "columns": 2, "endOfSegmentLocation": {}}}], "rows"),
    ([{"replaceAllText": {"replaceText": "x"}}], "search text cannot be empty"),
    ([{"deleteNamedRange": {"namedRangeId": "zz"}}], "named range with ID zz was not found"),
    ([{"deleteHeader": {"headerId": "zz"}}], "Segment with ID zz was not found"),
    ([{"insertText": {"text": "x", "location": {"index": 1, "tabId": "zz"}}}], "tab with ID zz"),
    ([{"insertText": {"text": 7, "location": {"index": 1}}}], "(TYPE_STRING), 7"),
]  # fmt: skip

Call = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def call() -> Call:
    """One world of all five, called in process."""
    universe = Universe(["jira", "slack", "google"])
    world = universe.create_world(SEEDS)
    tokens = universe.tokens(world)

    def send(
        service: str, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        own = token if token is not None else tokens.get(service) or tokens["google"]
        path, _, asked = path.partition("?")
        headers = {"authorization": f"Bearer {own}", "x-twin-world": world, "host": "x.example",
                   "content-type": "application/json"}  # fmt: skip
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        asking = Request(method, path, asked, headers, data, "http://x.example")
        reply = universe.answer(service, asking).reply
        raw = reply.encoded()
        return reply.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode()

    return send


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), JIRA)
def test_jira(call: Call, method: str, path: str, body: Any, status: int, text: str) -> None:
    said, told = call("jira", method, JIRA_3 + path, body)
    assert (said, text in json.dumps(told)) == (status, True), told
    assert {"errorMessages"} <= set(told)


@pytest.mark.parametrize(("name", "body", "error"), SLACK)
def test_slack(call: Call, name: str, body: Any, error: str) -> None:
    status, told = call("slack", "POST", f"/api/{name}", body)
    assert (status, told["ok"], told["error"]) == (200, False, error)


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), DRIVE)
def test_drive(call: Call, method: str, path: str, body: Any, status: int, text: str) -> None:
    if "/ID" in path:
        made = call("drive", "POST", "/drive/v3/files", {"name": "a"})[1]
        path = path.replace("/ID", f"/{made['id']}")
    _google(call("drive", method, f"/drive/v3{path}", body), status, text)


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), SHEETS)
def test_sheets(call: Call, method: str, path: str, body: Any, status: int, text: str) -> None:
    made = call("sheets", "POST", "/v4/spreadsheets", {"properties": {"title": "t"}})[1]
    own = f"/v4/spreadsheets/{made['spreadsheetId']}"
    _google(call("sheets", method, own + path, body), status, text)


@pytest.mark.parametrize(("requests", "text"), DOCS)
def test_docs(call: Call, requests: Any, text: str) -> None:
    made = call("docs", "POST", "/v1/documents", {"title": "t"})[1]
    own = f"/v1/documents/{made['documentId']}"
    _google(call("docs", "POST", f"{own}:batchUpdate", {"requests": requests}), 400, text)
    assert call("docs", "GET", own)[1]["body"] == made["body"]


def _google(said: tuple[int, Any], status: int, text: str) -> None:
    assert (said[0], said[1]["error"]["code"]) == (status, status)
    assert text in said[1]["error"]["message"], said[1]


@pytest.mark.parametrize(
    ("service", "path", "status", "text"),
    [
        ("jira", "/rest/api/3/myself", 401, "Client must be authenticated"),
        ("slack", "/api/auth.test", 200, "invalid_auth"),
        ("drive", "/drive/v3/files", 401, "invalid authentication credentials"),
        ("sheets", "/v4/spreadsheets/x", 401, "invalid authentication credentials"),
        ("docs", "/v1/documents/x", 401, "invalid authentication credentials"),
    ],
)
def test_a_token_that_nobody_gave(
    call: Call, service: str, path: str, status: int, text: str
) -> None:
    said, told = call(service, "GET", path, token="fake-unknown")  # a wrong one
    assert (said, text in json.dumps(told)) == (status, True), told
