"""jira and atlassian-python-api drive the twin, Cloud and Server."""

import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from atlassian import Jira as Atlassian
from jira import JIRA, JIRAError
from tests.twins.google.calling import Caller
from tests.twins.serving import serving

from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients
SEED = {
    "projects": [
        {"key": "SEC", "name": "Security", "template": "scrum", "components": ["api", "web"]},
        {"key": "OPS", "name": "Operations", "versions": ["1.0", "2.0"]},
    ],
    "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
    "issues": [
        {"count": 3, "project": "OPS", "summary": "Old {n}", "created": "-10d", "labels": ["old"]}
    ],
}


@pytest.fixture
def universe() -> Universe:
    return Universe(["jira"])


@pytest.fixture
def world(universe: Universe) -> str:
    return universe.create_world({"jira": SEED})


@pytest.fixture
def base(universe: Universe) -> Iterator[str]:
    with serving(universe, "jira") as url:
        yield url


@pytest.fixture
def jira(universe: Universe, world: str, base: str) -> JIRA:
    token = universe.tokens(world)["jira"]
    return JIRA(server=base, basic_auth=("admin@example.com", token), max_retries=0)


@pytest.fixture
def third(universe: Universe, world: str, base: str) -> JIRA:
    token = universe.tokens(world)["jira"]
    options = {"server": base, "rest_api_version": "3"}
    return JIRA(options=options, basic_auth=("admin@example.com", token), max_retries=0)


def test_an_issue_lives_through_its_workflow(jira: JIRA) -> None:
    issue = jira.create_issue(project="SEC", summary="Leak", issuetype="Bug", labels=["b", "a"])
    assert (str(issue.fields.status), issue.fields.labels) == ("To Do", ["a", "b"])
    issue.update(summary="Leak found", description="h1. Where\n* here", priority={"name": "High"})
    issue.add_field_value("labels", "c")
    jira.transition_issue(issue, "In Progress")
    jira.transition_issue(issue, "Done", comment="fixed")
    again = jira.issue(issue.key, expand="changelog,renderedFields")
    assert str(again.fields.resolution) == "Done"
    assert [c.body for c in jira.comments(again)] == ["fixed"]
    fields = [i.field for h in again.changelog.histories for i in h.items]
    assert {"summary", "description", "priority", "labels", "status", "resolution"} <= set(fields)
    issue.delete()
    with pytest.raises(JIRAError, match="does not exist"):
        jira.issue(issue.key)


def test_both_paging_families_find_all(jira: JIRA) -> None:
    fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}}
    made = jira.create_issues([{**fields, "summary": f"n{n}"} for n in range(60)], prefetch=False)
    assert {row["status"] for row in made} == {"Success"}
    jql = "project = SEC ORDER BY key ASC"
    old = jira.search_issues(jql, maxResults=False)
    new = jira.enhanced_search_issues(jql, maxResults=0, fields="summary")
    assert [i.key for i in old] == [i.key for i in new] == [f"SEC-{n}" for n in range(1, 61)]
    assert jira.approximate_issue_count("project = SEC") == 60


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ("labels = old AND created < -5d", 3),
        ("project in (OPS, SEC) AND summary ~ 'old'", 3),
        ('summary ~ "Old 2"', 1),
        ("assignee is EMPTY AND reporter = currentUser()", 3),
        ("status was Backlog AND status != Done", 3),
        ("statusCategory = 'To Do' AND priority >= Low", 3),
        ("created >= startOfDay()", 0),
        ("NOT labels in (old, new) OR key = OPS-2", 1),
        ("fixVersion in unreleasedVersions(OPS)", 0),
        ("issuetype = Bug", 0),
    ],
)
def test_jql_selects(jira: JIRA, jql: str, found: int) -> None:
    assert len(jira.search_issues(jql)) == found


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("colour = red", "Field 'colour' does not exist or you do not have permission to view it."),
        ("summary = x", "The operator '=' is not supported by the 'summary' field."),
        ("project = SEC AND", "before the end of the query"),
        ("project SEC", "Expecting operator but got 'SEC'"),
        ("created > soon", "Date value 'soon' for field 'created' is invalid"),
        ("project = 'SEC", "has not been completed"),
        ("assignee = nobodyKnows()", "Unable to find JQL function 'nobodyKnows()'"),
        ("order = 1", "Error in the JQL Query"),
    ],
)
def test_jql_says_what_is_wrong(jira: JIRA, jql: str, message: str) -> None:
    with pytest.raises(JIRAError) as caught:
        jira.search_issues(jql)
    assert caught.value.status_code == 400
    assert message in str(caught.value.text)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"summary": ""}, "You must specify a summary of the issue."),
        ({"summary": "a\nb"}, "newline"),
        ({"summary": "x", "labels": ["a b"]}, "contains spaces"),
        ({"summary": "x", "priority": {"name": "Urgent"}}, "The priority selected is invalid."),
        ({"summary": "x", "nonsense": 1}, "cannot be set"),
        ({"summary": "x", "components": [{"name": "db"}]}, "Component name 'db' is not valid"),
    ],
)
def test_a_wrong_field_is_named(jira: JIRA, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(JIRAError) as caught:
        jira.create_issue(
            fields={"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, **fields}
        )
    assert caught.value.status_code == 400
    assert wrong in str(caught.value.text)


def test_version_three_speaks_atlassian_document_format(jira: JIRA, third: JIRA) -> None:
    text = {"type": "text", "text": "bold", "marks": [{"type": "strong"}]}
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    issue = third.create_issue(
        fields={
            "project": {"key": "SEC"},
            "issuetype": {"name": "Task"},
            "summary": "rich",
            "description": body,
        }
    )
    assert third.issue(issue.key).raw["fields"]["description"] == body
    assert jira.issue(issue.key).fields.description == "*bold*"
    with pytest.raises(JIRAError, match="Atlassian Document"):
        issue.update(fields={"description": "plain"})


def test_sprints_move_issues(jira: JIRA) -> None:
    saved = jira.create_filter("all", jql="project = SEC")
    body = {"name": "Board", "type": "scrum", "filterId": int(saved.id)}
    answer = jira._session.post(jira._options["server"] + "/rest/agile/1.0/board", json=body)
    board = answer.json()["id"]
    sprint = jira.create_sprint("One", board)
    issue = jira.create_issue(project="SEC", summary="work", issuetype="Story")
    jira.add_issues_to_sprint(sprint.id, [issue.key])
    when = {"startDate": "2026-03-01T09:00:00.000Z", "endDate": "2026-03-14T09:00:00.000Z"}
    jira.update_sprint(sprint.id, state="active", **when)
    assert [s.name for s in jira.sprints(board, state="active")] == ["One"]
    assert [i.key for i in jira.search_issues("sprint in openSprints()")] == [issue.key]
    with pytest.raises(JIRAError, match="not allowed"):
        jira.update_sprint(sprint.id, state="future")


def test_files_links_watchers_and_work_hang_on_an_issue(jira: JIRA) -> None:
    one = jira.create_issue(project="SEC", summary="one", issuetype="Task")
    two = jira.create_issue(project="SEC", summary="two", issuetype="Task")
    jira.add_attachment(one, io.BytesIO(b"hello"), filename="a.txt")
    jira.create_issue_link("Blocks", one, two)
    jira.add_worklog(one, timeSpent="1h 30m", comment="done")
    jira.add_remote_link(one.key, {"url": "https://example.com", "title": "there"})
    seen = jira.issue(one.key)
    assert seen.fields.attachment[0].get() == b"hello"
    assert seen.fields.issuelinks[0].outwardIssue.key == two.key
    assert jira.issue(two.key).fields.issuelinks[0].inwardIssue.key == one.key
    assert seen.fields.timetracking.timeSpentSeconds == 5400
    assert jira.remote_links(one)[0].object.title == "there"
    assert jira.watchers(one).watchCount == 1


def test_versions_components_and_people(jira: JIRA) -> None:
    jira.create_version("3.0", "OPS")
    assert [v.name for v in jira.project_versions("OPS")] == ["1.0", "2.0", "3.0"]
    jira.create_component("db", "SEC")
    assert {c.name for c in jira.project_components("SEC")} == {"api", "web", "db"}
    (ada,) = jira.search_users(query="ada")
    issue = jira.create_issue(project="SEC", summary="x", issuetype="Task")
    jira.assign_issue(issue, "ada@example.com")
    assert jira.issue(issue.key).fields.assignee.accountId == ada.accountId
    assert jira.myself()["emailAddress"] == "admin@example.com"
    assert "Sub-task" in [kind.name for kind in jira.issue_types()]


def test_a_webhook_hears_of_changes(universe: Universe, world: str) -> None:
    call = Caller(universe, world, "jira")
    hook = {
        "name": "h",
        "url": "http://127.0.0.1:9/hook",
        "events": ["jira:issue_created", "jira:issue_updated"],
        "filters": {"issue-related-events-section": "project = SEC"},
        "secret": "fake-secret",
    }
    assert call("POST", "/rest/webhooks/1.0/webhook", hook).status == 201
    keys: list[str] = []
    for project in ("OPS", "SEC"):
        fields = {"project": {"key": project}, "issuetype": {"name": "Task"}, "summary": "mine"}
        keys.append(call("POST", "/rest/api/2/issue", {"fields": fields}).body["key"])
    call("PUT", f"/rest/api/2/issue/{keys[1]}", {"fields": {"summary": "mine too"}})
    sent = universe.world(world).outbox
    bodies = [json.loads(item.body) for item in sent]
    assert [b["webhookEvent"] for b in bodies] == ["jira:issue_created", "jira:issue_updated"]
    item = bodies[1]["changelog"]["items"][0]
    assert (item["field"], item["fromString"], item["toString"]) == ("summary", "mine", "mine too")
    digest = hmac.new(b"fake-secret", sent[0].body, hashlib.sha256).hexdigest()
    assert dict(sent[0].headers)["x-hub-signature"] == f"sha256={digest}"


def test_a_server_names_people_by_name(base: str, universe: Universe) -> None:
    seed = {**SEED, "deployment": "Server", "users": [{"name": "ada", "displayName": "Ada"}]}
    world = universe.create_world({"jira": seed})
    jira = JIRA(server=base, token_auth=universe.tokens(world)["jira"], max_retries=0)
    assert jira.server_info()["deploymentType"] == "Server"
    issue = jira.create_issue(
        project="OPS", summary="x", issuetype="Task", assignee={"name": "ada"}
    )
    shown = jira.issue(issue.key).raw["fields"]["assignee"]
    assert shown["name"] == "ada"
    assert "accountId" not in shown
    assert [u.name for u in jira.search_users(user="ada")] == ["ada"]


def test_an_unknown_caller_sees_nothing(base: str, world: str) -> None:
    options = {"server": base, "headers": {"x-twin-world": world}}
    jira = JIRA(
        options=options,
        basic_auth=("a@example.com", "fake-wrong"),
        max_retries=0,
        get_server_info=False,
    )
    with pytest.raises(JIRAError) as caught:
        jira.myself()
    assert caught.value.status_code == 401


def test_atlassian_python_api_works_too(base: str, universe: Universe, world: str) -> None:
    token = universe.tokens(world)["jira"]
    jira = Atlassian(url=base, username="admin@example.com", password=token, cloud=True)
    made = jira.issue_create(
        {
            "project": {"key": "SEC"},
            "issuetype": {"name": "Task"},
            "summary": "from the other client",
        }
    )
    key = made["key"]
    jira.issue_add_comment(key, "a word")
    jira.set_issue_status(key, "Done")
    assert jira.get_issue_status(key) == "Done"
    assert jira.issue_field_value(key, "summary") == "from the other client"
    assert {p["key"] for p in jira.projects()} == {"SEC", "OPS"}
    assert jira.get_issue_labels("OPS-1") == ["old"]
