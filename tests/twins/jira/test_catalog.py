"""What administrators and people keep: each write is seen by reads, lists, searches and issues."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.twins.jira.calling import Site

from unlit.twins.services.jira.routes import oauth

KINDS = {
    "issuetype": ("issuetype", {"type": "standard"}),
    "priority": ("priority", {"statusColor": "#fff"}),
    "resolution": ("resolution", {}),
    "role": ("role", {}),
    "issueLinkType": ("issueLinkType", {"inward": "in", "outward": "out"}),
    "projectCategory": ("projectCategory", {}),
}
NAMES = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=9),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@pytest.fixture
def site() -> Site:
    return Site()


def names(site: Site, stem: str) -> list[str]:
    found = site.ask("GET", stem)
    rows = found["issueLinkTypes"] if isinstance(found, dict) else found
    return [row["name"] for row in rows]


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=8, deadline=None, derandomize=True)
@given(words=NAMES, victim=st.integers(0, 4))
def test_a_kind_is_kept(kind: str, words: list[str], victim: int) -> None:
    site = Site()
    stem, more = KINDS[kind]
    before, model = names(site, stem), dict[str, str]()
    for word in words:
        made = site.ask("POST", stem, {"name": f"x {word}", "description": word, **more})
        model[str(made["id"])] = f"x {word}"
        assert site.status("POST", stem, {"name": f"X {word.upper()}", **more}) == 409
    for ident, name in model.items():
        assert site.ask("GET", f"{stem}/{ident}")["name"] == name
    gone = list(model)[victim % len(model)]
    for ident in model:
        model[ident] = f"y {model[ident]}"
        site.ask("PUT", f"{stem}/{ident}", {"name": model[ident], **more})
    site.ask("DELETE", f"{stem}/{gone}")
    del model[gone]
    assert sorted(names(site, stem)) == sorted([*before, *model.values()])
    assert site.status("GET", f"{stem}/{gone}") == 404
    assert site.status("DELETE", f"{stem}/{gone}") == 404


def test_a_new_type_and_priority_can_be_used_and_replaced(site: Site) -> None:
    kind = site.ask("POST", "issuetype", {"name": "Incident"})["id"]
    urgent = site.ask("POST", "priority", {"name": "Urgent", "statusColor": "#f00"})["id"]
    key = site.issue("down", issuetype={"id": kind}, priority={"id": urgent})
    assert site.found('issuetype = Incident and priority = "Urgent"') == ["down"]
    assert site.status("DELETE", f"issuetype/{kind}") == 409
    task = next(t["id"] for t in site.ask("GET", "issuetype") if t["name"] == "Task")
    site.ask("DELETE", f"issuetype/{kind}", alternativeIssueTypeId=task)
    site.ask("DELETE", f"priority/{urgent}", replaceWith="3")
    fields = site.ask("GET", f"issue/{key}")["fields"]
    assert (fields["issuetype"]["name"], fields["priority"]["name"]) == ("Task", "Medium")


def test_statuses_by_the_many(site: Site) -> None:
    sent = {"statuses": [{"name": "Waiting", "statusCategory": "IN_PROGRESS"}],
            "scope": {"type": "GLOBAL"}}  # fmt: skip
    made = site.ask("POST", "statuses", sent)[0]
    assert site.ask("GET", "statuses", id=made["id"]) == [made]
    assert made["id"] in {row["id"] for row in site.ask("GET", "status")}
    change = {"statuses": [{"id": made["id"], "name": "On hold", "statusCategory": "TODO"}]}
    site.ask("PUT", "statuses", change)
    found = site.ask("GET", "statuses/search", searchString="on h")["values"]
    assert [(row["name"], row["statusCategory"]) for row in found] == [("On hold", "TODO")]
    used = site.ask("GET", "status/Done")["id"]
    assert site.status("DELETE", "statuses", id=used) == 400
    site.ask("DELETE", "statuses", id=made["id"])
    assert site.status("GET", f"status/{made['id']}") == 404


def test_a_person_is_added_found_and_taken_away(site: Site) -> None:
    sent = {"emailAddress": "new@example.com", "displayName": "New Person", "products": []}
    made = site.ask("POST", "user", sent)
    who = made["accountId"]
    assert site.ask("GET", "user", accountId=who)["emailAddress"] == "new@example.com"
    assert [u["accountId"] for u in site.ask("GET", "user/search", query="new")] == [who]
    picked = site.ask("GET", "user/picker", query="new")
    assert picked["users"][0]["html"].startswith("<strong>New</strong> Person")
    both = site.ask("GET", "groupuserpicker", query="new")
    assert both["users"]["total"] == 1
    assert site.status("GET", "user/email", accountId=who) == 401  # addresses are for apps
    app = oauth.issue(site.universe.world(site.world), site.me,
                      frozenset(("read:email-address:jira",)))  # fmt: skip
    site.token, person = app, site.token
    assert site.ask("GET", "user/email", accountId=who)["email"] == "new@example.com"
    emails = site.ask("GET", "user/email/bulk", accountId=who)
    assert emails == [{"accountId": who, "email": "new@example.com"}]
    site.token = person
    key = site.issue("hers", assignee={"accountId": who})
    site.ask("DELETE", "user", accountId=who)
    assert site.ask("GET", "user/search", query="new") == []
    assert site.ask("GET", f"issue/{key}")["fields"]["assignee"]["active"] is False
    assert site.status("POST", "user", {"emailAddress": "none"}) == 400
    assert site.status("DELETE", "user", accountId=site.me) == 400


def test_preferences(site: Site) -> None:
    assert site.status("GET", "mypreferences", key="a") == 404
    site.ask("PUT", "mypreferences", "on", key="a")
    assert site.ask("GET", "mypreferences", key="a") == "on"
    site.ask("DELETE", "mypreferences", key="a")
    assert site.status("GET", "mypreferences", key="a") == 404


def test_dashboards(site: Site) -> None:
    sent: dict[str, Any] = {"name": "D", "sharePermissions": [], "editPermissions": []}
    made = site.ask("POST", "dashboard", sent)
    assert site.status("POST", "dashboard", sent) == 400
    other = site.ask("POST", f"dashboard/{made['id']}/copy", {**sent, "name": "E"})
    site.ask("PUT", f"dashboard/{made['id']}", {**sent, "name": "F"})
    shown = [row["name"] for row in site.ask("GET", "dashboard")["dashboards"]]
    assert sorted(shown) == ["E", "F"]
    found = site.ask("GET", "dashboard/search", dashboardName="f")["values"]
    assert [row["id"] for row in found] == [made["id"]]
    site.ask("DELETE", f"dashboard/{other['id']}")
    assert site.status("GET", f"dashboard/{other['id']}") == 404


def test_filters_are_shared_liked_and_given_away(site: Site) -> None:
    made = site.ask("POST", "filter", {"name": "F", "jql": "project = SEC"})
    one = f"filter/{made['id']}"
    assert site.ask("PUT", f"{one}/favourite")["favourite"] is True
    assert [row["id"] for row in site.ask("GET", "filter/favourite")] == [made["id"]]
    assert site.ask("DELETE", f"{one}/favourite")["favourite"] is False
    group = {"type": "group", "groupname": "jira-users"}
    shared = site.ask("POST", f"{one}/permission", group)
    assert site.ask("GET", f"{one}/permission") == shared
    assert site.ask("GET", one)["sharePermissions"] == shared
    site.ask("DELETE", f"{one}/permission/{shared[0]['id']}")
    assert site.ask("GET", f"{one}/permission") == []
    ada = site.ask("GET", "user/search", query="ada")[0]["accountId"]
    site.ask("PUT", f"{one}/owner", {"accountId": ada})
    assert site.ask("GET", one)["owner"]["accountId"] == ada


def test_versions_are_merged_swapped_and_moved(site: Site) -> None:
    project = int(site.ask("GET", "project/SEC")["id"])
    ids = [site.ask("POST", "version", {"name": n, "projectId": project})["id"] for n in ("a", "b")]
    key = site.issue("x", fixVersions=[{"id": ids[0]}], versions=[{"id": ids[1]}])
    site.ask("POST", f"version/{ids[1]}/move", {"position": "First"})
    assert [v["name"] for v in site.ask("GET", "project/SEC/versions")] == ["b", "a"]
    site.ask("PUT", f"version/{ids[0]}/mergeto/{ids[1]}")
    fields = site.ask("GET", f"issue/{key}")["fields"]
    assert [v["id"] for v in fields["fixVersions"]] == [ids[1]]
    assert site.status("GET", f"version/{ids[0]}") == 404
    site.ask("POST", f"version/{ids[1]}/removeAndSwap", {})
    fields = site.ask("GET", f"issue/{key}")["fields"]
    assert (fields["fixVersions"], fields["versions"]) == ([], [])


def test_many_at_once(site: Site) -> None:
    keys = [site.issue("a"), site.issue("b")]
    ids = [site.ask("GET", f"issue/{key}")["id"] for key in keys]
    site.ask("POST", "bulk/issues/unwatch", {"selectedIssueIdsOrKeys": keys})
    task = site.ask("POST", "bulk/issues/watch", {"selectedIssueIdsOrKeys": keys[:1]})["taskId"]
    assert site.ask("GET", f"bulk/queue/{task}")["status"] == "COMPLETE"
    said = site.ask("POST", "issue/watching", {"issueIds": ids})["issuesIsWatching"]
    assert said == {ids[0]: True, ids[1]: False}
    body = {"type": "doc", "version": 1, "content": []}
    note = site.ask("POST", f"issue/{keys[0]}/comment", {"body": body})["id"]
    found = site.ask("POST", "comment/list", {"ids": [int(note)]})["values"]
    assert [row["id"] for row in found] == [note]
    work = site.ask("POST", f"issue/{keys[0]}/worklog", {"timeSpentSeconds": 3600})["id"]
    assert site.ask("POST", "worklog/list", {"ids": [int(work)]})[0]["id"] == work
    assert [w["worklogId"] for w in site.ask("GET", "worklog/updated")["values"]] == [int(work)]


def test_mail_about_an_issue_is_kept(site: Site) -> None:
    key = site.issue("x")
    assert site.status("POST", f"issue/{key}/notify", {"subject": "s"}) == 400
    site.ask("POST", f"issue/{key}/notify", {"subject": "s", "to": {"reporter": True}})
    mails = site.universe.state(site.world)["jira.mails"]
    assert [(m["issue"], m["subject"], m["to"]) for m in mails] == [(key, "s", [site.me])]


def test_projects_are_archived_and_names_proposed(site: Site) -> None:
    site.ask("POST", "project/OPS/archive")
    assert [p["key"] for p in site.ask("GET", "project/search")["values"]] == ["SEC"]
    site.ask("POST", "project/OPS/restore")
    assert {p["key"] for p in site.ask("GET", "project/search")["values"]} == {"OPS", "SEC"}
    assert "projectKey" in site.ask("GET", "projectvalidate/key", key="SEC")["errors"]
    assert site.ask("GET", "projectvalidate/validProjectKey", key="SEC") == "SEC1"
    assert site.ask("GET", "projectvalidate/validProjectName", name="Security") == "Security 2"
