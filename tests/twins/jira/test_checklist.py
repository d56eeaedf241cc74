"""The ranked list of what applications use of Jira, point by point, in process."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

SEED = {
    "projects": [
        {"key": "SEC", "name": "Security", "template": "scrum", "components": ["api"],
         "versions": ["1.0"]},
        {"key": "OPS", "name": "Operations"},
    ],
    "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
    "fields": [{"name": "Severity", "type": "option", "options": ["low", "high"]}],
}  # fmt: skip


class Jira:
    """A site and a way to call it; `status` and `headers` are the last answer's."""

    def __init__(self, **more: Any) -> None:
        self.universe = Universe(["jira"])
        self.world = self.universe.create_world({"jira": SEED | more})
        self.token = self.universe.tokens(self.world)["jira"]
        self.status = 0
        self.headers: dict[str, str] = {}

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        heads: Any = (),
        **query: Any,
    ) -> Any:
        """Send a request; paths without a leading slash are below ``/rest/api/2``."""
        headers = {"authorization": f"Bearer {token or self.token}", "x-twin-world": self.world,
                   "host": "t.atlassian.net"}  # fmt: skip
        data = b""
        if isinstance(body, bytes):
            data = body
        elif body is not None:
            data = json.dumps(body).encode()
        headers |= {"content-type": "application/json", **dict(heads)}
        where = path if path.startswith("/") else f"/rest/api/2/{path}"
        sent = Request(method, where, urlencode(query, doseq=True), headers, data)
        sent.origin = "https://t.atlassian.net"
        reply = self.universe.answer("jira", sent).reply
        self.status, self.headers = reply.status, dict(reply.headers)
        raw = reply.encoded()
        return json.loads(raw) if raw[:1] in (b"{", b"[", b'"') else raw

    def issue(self, summary: str = "S", project: str = "SEC", **fields: Any) -> str:
        """Make an issue and return its key."""
        given = {"project": {"key": project}, "summary": summary, "issuetype": {"name": "Task"}}
        made = self("POST", "issue", {"fields": given | fields})
        assert self.status == 201, made
        return str(made["key"])


@pytest.fixture
def jira() -> Jira:
    return Jira()


# --- 1: statuses
def test_an_issue_is_201_then_204_then_gone(jira: Jira) -> None:
    fields = {"project": {"key": "SEC"}, "summary": "S", "issuetype": {"name": "Task"}}
    made = jira("POST", "issue", {"fields": fields})
    assert (jira.status, set(made)) == (201, {"id", "key", "self"})
    assert made["self"] == f"https://t.atlassian.net/rest/api/2/issue/{made['id']}"
    key = made["key"]
    assert jira("PUT", f"issue/{key}", {"fields": {"summary": "T"}}, notifyUsers="false") == b""
    assert jira.status == 204
    assert jira("GET", f"issue/{made['id']}")["fields"]["summary"] == "T"
    there = jira("GET", f"issue/{key}/transitions")["transitions"]
    jira("POST", f"issue/{key}/transitions", {"transition": {"id": there[-1]["id"]}})
    assert jira.status == 204
    assert jira("GET", f"issue/{key}")["fields"]["status"]["name"] == there[-1]["to"]["name"]
    jira("DELETE", f"issue/{key}")
    assert jira.status == 204
    gone = jira("GET", f"issue/{key}")
    assert jira.status == 404
    assert gone["errorMessages"] == [
        "Issue does not exist or you do not have permission to see it."
    ]


def test_a_parent_is_not_deleted_with_its_children_unasked(jira: Jira) -> None:
    parent = jira.issue()
    child = jira.issue("C", issuetype={"name": "Sub-task"}, parent={"key": parent})
    jira("DELETE", f"issue/{parent}")
    assert jira.status == 400
    jira("DELETE", f"issue/{parent}", deleteSubtasks="true")
    assert jira.status == 204
    jira("GET", f"issue/{child}")
    assert jira.status == 404


# --- 2: refusals
def test_a_wrong_field_is_named_in_errors(jira: Jira) -> None:
    said = jira("POST", "issue", {"fields": {"project": {"key": "SEC"}}})
    assert jira.status == 400
    assert set(said) == {"errorMessages", "errors"}
    assert set(said["errors"]) == {"issuetype"}
    said = jira("POST", "issue", {"fields": {
        "project": {"key": "SEC"}, "issuetype": {"name": "Task"}}})  # fmt: skip
    assert set(said["errors"]) == {"summary"}
    said = jira("POST", "issue", {"fields": {
        "project": {"key": "NOPE"}, "summary": "S", "issuetype": {"name": "Task"}}})  # fmt: skip
    assert "project" in said["errors"]
    key = jira.issue()
    said = jira("PUT", f"issue/{key}", {"fields": {"nothing": 1}})
    assert (jira.status, set(said["errors"])) == (400, {"nothing"})
    said = jira("PUT", f"issue/{key}", {"fields": {"priority": {"name": "Enormous"}}})
    assert (jira.status, set(said["errors"])) == (400, {"priority"})
    said = jira("PUT", f"issue/{key}", {"fields": {"summary": ""}})
    assert said["errors"]["summary"]
    said = jira("PUT", f"issue/{key}", {"fields": {"summary": "x" * 256}})
    assert "255" in said["errors"]["summary"]


def test_a_wrong_query_says_so(jira: Jira) -> None:
    said = jira("GET", "search", jql="project = NOPE")
    assert jira.status == 400
    assert said["errorMessages"] == ["The value 'NOPE' does not exist for the field 'project'."]
    assert "warningMessages" in said
    jira("GET", "search", jql="summary ~")
    assert jira.status == 400
    said = jira("GET", "search", jql="nofield = 1")
    assert "nofield" in said["errorMessages"][0]
    jira("POST", "issue", b"{")
    assert jira.status == 400


def test_strangers_are_turned_away(jira: Jira) -> None:
    jira("GET", "myself", token="fake-wrong")  # no secret
    assert jira.status == 401
    key = jira.issue()
    jira("GET", f"issue/{key}", token="fake-wrong")  # no secret
    assert jira.status == 404


# --- 3: the body of an issue
def test_an_issue_shows_every_field_and_only_those_asked_for(jira: Jira) -> None:
    key = jira.issue(description="*bold*", components=[{"name": "api"}], labels=["b", "a"])
    shown = jira("GET", f"issue/{key}")
    assert {"expand", "id", "self", "key", "fields"} == set(shown)
    fields = shown["fields"]
    assert fields["resolution"] is None
    assert fields["assignee"] is None
    assert any(name.startswith("customfield_") and fields[name] is None for name in fields)
    assert fields["created"].endswith("+0000")
    assert {"accountId", "avatarUrls", "displayName", "active", "self"} <= set(fields["reporter"])
    assert set(fields["reporter"]["avatarUrls"]) == {"16x16", "24x24", "32x32", "48x48"}
    assert fields["description"] == "*bold*"
    few = jira("GET", f"issue/{key}", fields="summary,status")["fields"]
    assert set(few) == {"summary", "status"}
    most = jira("GET", f"issue/{key}", fields="*all,-comment")["fields"]
    assert "comment" not in most
    named = jira("GET", f"issue/{key}", expand="names,schema,transitions,changelog")
    assert named["names"]["summary"] == "Summary"
    assert named["schema"]["summary"] == {"type": "string", "system": "summary"}
    assert named["transitions"]
    assert "histories" in named["changelog"]
    third = jira("GET", f"/rest/api/3/issue/{key}")["fields"]["description"]
    assert (third["type"], third["version"]) == ("doc", 1)
    assert third["content"][0]["content"][0]["marks"] == [{"type": "strong"}]


def test_every_change_is_a_history(jira: Jira) -> None:
    key = jira.issue()
    jira("PUT", f"issue/{key}", {"fields": {"summary": "T"}})
    jira("PUT", f"issue/{key}", {"update": {"labels": [{"add": "x"}, {"add": "y"}]}})
    jira("PUT", f"issue/{key}", {"update": {"labels": [{"remove": "x"}]}})
    assert jira("GET", f"issue/{key}")["fields"]["labels"] == ["y"]
    page = jira("GET", f"issue/{key}/changelog")
    items = [item for row in page["values"] for item in row["items"]]
    assert {"field", "fieldtype", "from", "fromString", "to", "toString"} <= set(items[0])
    assert [item["field"] for item in items] == ["summary", "labels", "labels"]
    assert (items[0]["fromString"], items[0]["toString"]) == ("S", "T")


# --- 4: two families of pages
def test_pages_by_number_and_by_token(jira: Jira) -> None:
    for number in range(7):
        jira.issue(f"N{number}")
    first = jira("GET", "search", jql="project = SEC order by key", maxResults=3)
    assert (first["startAt"], first["maxResults"], first["total"]) == (0, 3, 7)
    last = jira("GET", "search", jql="project = SEC order by key", maxResults=3, startAt=6)
    assert [row["fields"]["summary"] for row in last["issues"]] == ["N6"]
    seen: list[str] = []
    query: dict[str, Any] = {
        "jql": "project = SEC order by key",
        "maxResults": 3,
        "fields": "summary",
    }
    page = jira("GET", "/rest/api/3/search/jql", **query)
    assert "total" not in page
    while True:
        seen += [row["fields"]["summary"] for row in page["issues"]]
        if page.get("isLast", "nextPageToken" not in page):
            break
        page = jira("GET", "/rest/api/3/search/jql", **query, nextPageToken=page["nextPageToken"])
    assert seen == [f"N{number}" for number in range(7)]
    jira("GET", "/rest/api/3/search/jql", jql="")
    assert jira.status == 400
    projects = jira("GET", "project/search", maxResults=1)
    assert (projects["total"], projects["isLast"], len(projects["values"])) == (2, False, 1)


# --- 5: JQL (see test_jql_functions for functions)
@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ('summary ~ "alpha"', ["alpha one"]),
        ("labels in (red, blue)", ["alpha one", "beta two"]),
        ("labels is EMPTY", ["gamma three"]),
        ("labels is not EMPTY and labels != red", ["beta two"]),
        ('"Severity" = high', ["beta two"]),
        ("cf[{field}] is EMPTY", ["alpha one", "gamma three"]),
        ("status was 'To Do' and status changed", ["alpha one"]),
        ("assignee = currentUser()", ["beta two"]),
        ("NOT (labels = red OR labels = blue)", ["gamma three"]),
        ("key in ('{first}')", ["alpha one"]),
        ("created >= -1d and created <= now()", ["alpha one", "beta two", "gamma three"]),
        ("statusCategory = Done", ["alpha one"]),
    ],
)
def test_a_query_selects(jira: Jira, jql: str, found: list[str]) -> None:
    fields = jira("GET", "field")
    field = next(row["id"] for row in fields if row["name"] == "Severity")
    me = jira("GET", "myself")["accountId"]
    first = jira.issue("alpha one", labels=["red"])
    more: dict[str, Any] = {field: {"value": "high"}}
    jira.issue("beta two", labels=["blue"], assignee={"accountId": me}, **more)
    jira.issue("gamma three")
    moves = jira("GET", f"issue/{first}/transitions")["transitions"]
    done = next(move["id"] for move in moves if move["to"]["statusCategory"]["key"] == "done")
    jira("POST", f"issue/{first}/transitions", {"transition": {"id": done}})
    text = jql.replace("{field}", field.removeprefix("customfield_")).replace("{first}", first)
    rows = jira("GET", "search", jql=text + " order by key", fields="summary")
    assert [row["fields"]["summary"] for row in rows["issues"]] == found


def test_order_and_quotes(jira: Jira) -> None:
    for word in ("b", "a", 'with "quotes"'):
        jira.issue(word)
    rows = jira("GET", "search", jql="project = SEC order by summary desc", fields="summary")
    assert [r["fields"]["summary"] for r in rows["issues"]] == ['with "quotes"', "b", "a"]
    count = jira("POST", "/rest/api/3/search/approximate-count", {"jql": "project = SEC"})
    assert count == {"count": 3}
    parsed = jira("POST", "/rest/api/3/jql/parse", {"queries": ["project = SEC", "x ="]})
    assert parsed["queries"][0]["structure"]
    assert parsed["queries"][1]["errors"]


# --- 6: create and edit metadata, workflow
def test_metadata_say_what_is_required_and_allowed(jira: Jira) -> None:
    meta = jira("GET", "issue/createmeta", projectKeys="SEC",
                expand="projects.issuetypes.fields")["projects"][0]  # fmt: skip
    task = next(kind for kind in meta["issuetypes"] if kind["name"] == "Task")
    assert task["fields"]["summary"]["required"] is True
    assert task["fields"]["priority"]["allowedValues"]
    kinds = jira("GET", "issue/createmeta/SEC/issuetypes")
    rows = kinds.get("issueTypes") or kinds.get("values")
    kind = next(row["id"] for row in rows if row["name"] == "Task")
    page = jira("GET", f"issue/createmeta/SEC/issuetypes/{kind}")
    fields = page.get("fields") or page.get("values")
    assert {row["fieldId"] for row in fields} >= {"summary", "project", "issuetype"}
    edit = jira("GET", f"issue/{jira.issue()}/editmeta")["fields"]
    assert "set" in edit["summary"]["operations"]


def test_a_resolution_is_set_by_done_and_taken_back(jira: Jira) -> None:
    key = jira.issue()

    def move(category: str) -> None:
        moves = jira("GET", f"issue/{key}/transitions", expand="transitions.fields")["transitions"]
        assert all("fields" in move for move in moves)
        one = next(m["id"] for m in moves if m["to"]["statusCategory"]["key"] == category)
        jira("POST", f"issue/{key}/transitions", {"transition": {"id": one}})
        assert jira.status == 204

    move("done")
    fields = jira("GET", f"issue/{key}")["fields"]
    assert fields["resolution"]["name"] == "Done"
    assert fields["resolutiondate"]
    move("new")
    assert jira("GET", f"issue/{key}")["fields"]["resolution"] is None
    said = jira("POST", f"issue/{key}/transitions", {"transition": {"id": "99999"}})
    assert jira.status == 400
    assert said["errorMessages"]


# --- 7: boards and sprints
def test_boards_sprints_backlog_and_rank(jira: Jira) -> None:
    board = jira("GET", "/rest/agile/1.0/board", projectKeyOrId="SEC")["values"][0]
    keys = [jira.issue(f"N{number}") for number in range(3)]
    at = f"/rest/agile/1.0/board/{board['id']}"
    sprint = jira("POST", "/rest/agile/1.0/sprint", {"name": "One", "originBoardId": board["id"]})
    assert (jira.status, sprint["state"]) == (201, "future")
    jira("POST", f"/rest/agile/1.0/sprint/{sprint['id']}/issue", {"issues": keys[:1]})
    assert jira.status == 204
    left = jira("GET", f"{at}/backlog")["issues"]
    assert [row["key"] for row in left] == keys[1:]
    jira("PUT", "/rest/agile/1.0/issue/rank", {"issues": [keys[2]], "rankBeforeIssue": keys[1]})
    assert jira.status == 204
    left = jira("GET", f"{at}/backlog")["issues"]
    assert [row["key"] for row in left] == [keys[2], keys[1]]
    jira("POST", f"/rest/agile/1.0/sprint/{sprint['id']}", {
        "state": "active", "startDate": "2026-03-01T00:00:00.000Z",
        "endDate": "2026-03-14T00:00:00.000Z"})  # fmt: skip
    assert jira.status == 200
    assert [r["key"] for r in jira("GET", "search", jql="sprint in openSprints()")["issues"]] == [
        keys[0]
    ]
    jira("POST", f"/rest/agile/1.0/sprint/{sprint['id']}", {"state": "closed"})
    assert jira("GET", f"{at}/sprint", state="closed")["values"][0]["name"] == "One"


# --- 8: rate limits
def test_limits_say_when_to_come_back(jira: Jira) -> None:
    jira.universe.world(jira.world).limits = True
    for _ in range(2000):
        jira("GET", "myself")
        if jira.status == 429:
            break
    assert jira.status == 429
    assert int(jira.headers["retry-after"]) > 0
    assert jira.headers["x-ratelimit-remaining"] == "0"
    assert jira.headers["ratelimit-reason"]


# --- 9: webhooks (see test_clients for deliveries over HTTP)
def test_a_change_is_told_with_its_changelog(jira: Jira) -> None:
    hook = {"name": "H", "url": "http://127.0.0.1:1/hook",
            "events": ["jira:issue_created", "jira:issue_updated", "comment_created"]}  # fmt: skip
    jira("POST", "/rest/webhooks/1.0/webhook", hook)
    assert jira.status == 201
    key = jira.issue()
    jira("PUT", f"issue/{key}", {"fields": {"summary": "T"}})
    jira("POST", f"issue/{key}/comment", {"body": "hello"})
    sent = [json.loads(row.body) for row in jira.universe.world(jira.world).outbox]
    assert [row["webhookEvent"] for row in sent] == [
        "jira:issue_created", "jira:issue_updated", "comment_created", "jira:issue_updated",
    ]  # fmt: skip
    assert sent[3]["issue_event_type_name"] == "issue_commented"
    assert sent[1]["issue_event_type_name"] == "issue_updated"
    assert sent[1]["changelog"]["items"][0]["toString"] == "T"
    assert {"timestamp", "user", "issue"} <= set(sent[0])


# --- 10: what hangs on an issue
def test_what_hangs_on_an_issue_is_read_back(jira: Jira) -> None:
    key, other = jira.issue(), jira.issue("O")
    part = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n")  # fmt: skip
    kind = ("content-type", "multipart/form-data; boundary=b")
    jira("POST", f"issue/{key}/attachments", part, heads=[kind])
    assert jira.status == 403
    made = jira("POST", f"issue/{key}/attachments", part,
                heads=[kind, ("x-atlassian-token", "no-check")])  # fmt: skip
    assert (made[0]["filename"], made[0]["size"]) == ("a.txt", 5)
    comment = jira("POST", f"issue/{key}/comment", {"body": "hi"})
    assert jira.status == 201
    jira("PUT", f"issue/{key}/comment/{comment['id']}", {"body": "ho"})
    log = jira("POST", f"issue/{key}/worklog", {"timeSpent": "1h 30m"})
    assert log["timeSpentSeconds"] == 5400
    jira("POST", f"issue/{key}/watchers", json.dumps(jira("GET", "myself")["accountId"]).encode())
    assert jira.status == 204
    jira("POST", "issueLink", {"type": {"name": "Blocks"}, "inwardIssue": {"key": key},
                               "outwardIssue": {"key": other}})  # fmt: skip
    assert jira.status == 201
    fields = jira("GET", f"issue/{key}")["fields"]
    assert fields["attachment"][0]["filename"] == "a.txt"
    assert fields["comment"]["comments"][0]["body"] == "ho"
    assert fields["worklog"]["total"] == 1
    assert fields["timetracking"]["timeSpent"] == "1h 30m"
    assert fields["issuelinks"][0]["outwardIssue"]["key"] == other
    assert fields["watches"]["watchCount"] >= 1
    version = jira("POST", "version", {"name": "2.0", "project": "SEC"})
    jira("PUT", f"issue/{key}", {"fields": {"fixVersions": [{"id": version["id"]}]}})
    counts = jira("GET", f"version/{version['id']}/relatedIssueCounts")
    assert counts["issuesFixedCount"] == 1
    part_of = jira("POST", "component", {"name": "web", "project": "SEC"})
    jira("DELETE", f"component/{part_of['id']}")
    assert jira.status == 204


# --- 11: Cloud and Server
@pytest.mark.parametrize(("kind", "person"), [("Cloud", "accountId"), ("Server", "name")])
def test_both_deployments(kind: str, person: str) -> None:
    jira = Jira(deployment=kind)
    assert jira("GET", "serverInfo")["deploymentType"] == kind
    me = jira("GET", "myself")
    assert person in me
    assert ("accountId" in me) == (kind == "Cloud")
    key = jira.issue()
    jira("PUT", f"issue/{key}/assignee", {person: me[person]})
    assert jira.status == 204
    assert jira("GET", f"issue/{key}")["fields"]["assignee"][person] == me[person]


def test_bulk_creation_tells_what_failed(jira: Jira) -> None:
    good = {"fields": {"project": {"key": "SEC"}, "summary": "S", "issuetype": {"name": "Task"}}}
    said = jira("POST", "issue/bulk", {"issueUpdates": [good, {"fields": {"summary": "x"}}]})
    assert jira.status == 201
    assert len(said["issues"]) == 1
    assert said["errors"][0]["failedElementNumber"] == 1
    jira("POST", "issue/bulk", {"issueUpdates": [{"fields": {}}]})
    assert jira.status == 400
