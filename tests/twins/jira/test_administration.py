"""Many issues at once, archives, orders, contexts, schemes, workflows, providers: all are kept."""

import json
from typing import Any

import pytest
from tests.twins.jira.calling import Site

from unlit.twins.kit.http import Request


@pytest.fixture
def site() -> Site:
    return Site()


def at(site: Site, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Call a path outside of the platform's own."""
    headers = {"authorization": f"Bearer {site.token}", "x-twin-world": site.world,
               "content-type": "application/json"}  # fmt: skip
    path, _, query = path.partition("?")
    data = b"" if body is None else json.dumps(body).encode()
    return site.answered(Request(method, path, query, headers, data))


def test_issues_are_deleted_and_moved_in_bulk(site: Site) -> None:
    one, two, three = (site.issue(name) for name in ("one", "two", "three"))
    task = site.ask("POST", "bulk/issues/delete", {"selectedIssueIdsOrKeys": [one, "SEC-99"]})
    assert site.ask("GET", f"task/{task['taskId']}")["status"] == "COMPLETE"
    assert site.found("project = SEC") == ["two", "three"]
    kind = site.ask("GET", f"issue/{two}")["fields"]["issuetype"]["id"]
    target = {f"OPS,{kind}": {"issueIdsOrKeys": [two]}}
    site.ask("POST", "bulk/issues/move", {"targetToSourcesMapping": target})
    assert site.ask("GET", f"issue/{two}")["key"] == "OPS-1"  # the old key goes on working
    assert site.found("project = OPS") == ["two"]
    assert site.status("POST", "bulk/issues/move", {"targetToSourcesMapping": {"NO,1": {}}}) == 400
    assert site.status("POST", "bulk/issues/delete", {}) == 400
    assert site.ask("GET", f"issue/{three}")["key"] == three


def test_archived_issues_are_read_but_not_found(site: Site) -> None:
    one = site.issue("one")
    answer = site.ask("PUT", "issue/archive", {"issueIdsOrKeys": [one, "SEC-9"]})
    assert answer["numberOfIssuesUpdated"] == 1
    assert answer["errors"]["issuesNotFound"]["issueIdsOrKeys"] == ["SEC-9"]
    assert site.found("project = SEC") == []
    assert site.ask("GET", f"issue/{one}")["fields"]["summary"] == "one"
    assert site.status("PUT", f"issue/{one}", {"fields": {"summary": "x"}}) == 404
    assert site.ask("PUT", "issue/unarchive", {"issueIdsOrKeys": [one]})["errors"] == {}
    assert site.found("project = SEC") == ["one"]
    assert "/task/" in site.ask("POST", "issue/archive", {"jql": "project = SEC"})
    assert site.found("project = SEC") == []
    assert site.status("PUT", "issue/unarchive", {"issueIdsOrKeys": ["SEC-9"]}) == 400


def test_worklogs_and_properties_in_bulk(site: Site) -> None:
    one, two = site.issue("one"), site.issue("two")
    logs = [int(site.ask("POST", f"issue/{one}/worklog", {"timeSpent": "1h"})["id"])
            for _ in range(2)]  # fmt: skip
    moved = site.status("POST", f"issue/{one}/worklog/move",
                        {"ids": logs[:1], "issueIdOrKey": two})  # fmt: skip
    assert moved == 204
    assert site.ask("GET", f"issue/{two}/worklog")["total"] == 1
    assert site.ask("GET", f"issue/{two}")["fields"]["timespent"] == 3600
    assert site.status("DELETE", f"issue/{one}/worklog", {"ids": logs}) == 200  # one is elsewhere
    assert site.ask("GET", f"issue/{one}/worklog")["total"] == 0
    ident = int(site.ask("GET", f"issue/{one}")["id"])
    given = {"issues": [{"issueID": ident, "properties": {"k": {"v": 1}}}]}
    assert site.status("POST", "issue/properties/multi", given) == 303
    assert site.ask("GET", f"issue/{one}/properties/k")["value"] == {"v": 1}


def test_permissions_and_old_queries(site: Site) -> None:
    project = int(site.ask("GET", "project/SEC")["id"])
    asked = {
        "globalPermissions": ["ADMINISTER"],
        "projectPermissions": [{"projects": [project, 1], "permissions": ["EDIT_ISSUES"]}],
    }
    found = site.ask("POST", "permissions/check", asked)
    assert found["globalPermissions"] == ["ADMINISTER"]
    assert found["projectPermissions"] == [
        {"permission": "EDIT_ISSUES", "issues": [], "projects": [project]}]  # fmt: skip
    assert site.ask("POST", "permissions/check", {**asked, "accountId": "nobody"})[
        "globalPermissions"] == []  # fmt: skip
    keys = [p["key"] for p in site.ask("POST", "permissions/project",
                                       {"permissions": ["EDIT_ISSUES"]})["projects"]]  # fmt: skip
    assert keys == ["SEC", "OPS"]
    assert site.status("POST", "permissions/project", {"permissions": ["NO"]}) == 400
    queries = [{"query": "project = SEC"}, {"query": "project ="}]
    clean = site.ask("POST", "jql/sanitize", {"queries": queries})["queries"]
    assert clean[0]["sanitizedQuery"] == "project = SEC"
    assert clean[1]["errors"]["errorMessages"]
    converted = site.ask(
        "POST", "jql/pdcleaner", {"queryStrings": ["assignee = ada@example.com", "assignee = zz"]}
    )
    ada = site.ask("GET", "user/search", query="ada")[0]["accountId"]
    assert converted["queryStrings"] == [f"assignee = {ada}"]
    assert converted["queriesWithUnknownUsers"][0]["convertedQuery"] == "assignee = unknown"


def test_orders_and_defaults(site: Site) -> None:
    ids = [row["id"] for row in site.ask("GET", "priority")]
    site.ask("PUT", "priority/move", {"ids": [ids[-1]], "position": "First"})
    assert [row["id"] for row in site.ask("GET", "priority")] == [ids[-1], *ids[:-1]]
    site.ask("PUT", "priority/move", {"ids": [ids[-1]], "after": ids[-2]})
    assert [row["id"] for row in site.ask("GET", "priority")] == ids
    site.ask("PUT", "priority/default", {"id": ids[0]})
    key = site.issue("one")
    assert site.ask("GET", f"issue/{key}")["fields"]["priority"]["id"] == ids[0]
    assert site.status("PUT", "priority/default", {"id": "99"}) == 404
    assert site.status("PUT", "priority/move", {"ids": ["99"], "position": "First"}) == 404
    first = site.ask("GET", "resolution")[0]["id"]
    site.ask("PUT", "resolution/default", {"id": first})
    assert site.ask("GET", "resolution/search")["values"][0]["isDefault"] is True


def test_a_field_has_contexts_with_options_and_a_trash(site: Site) -> None:
    kind = "com.atlassian.jira.plugin.system.customfieldtypes:select"
    field = site.ask("POST", "field", {"name": "Shelf", "type": kind})["id"]
    made = site.ask("POST", f"field/{field}/context", {"name": "Ours"})
    path = f"field/{field}/context/{made['id']}"
    project = site.ask("GET", "project/SEC")["id"]
    site.ask("PUT", f"{path}/project", {"projectIds": [project]})
    rows = site.ask("GET", f"field/{field}/context/projectmapping")["values"]
    assert {"contextId": made["id"], "projectId": project} in rows
    site.ask("POST", f"{path}/project/remove", {"projectIds": [project]})
    rows = site.ask("GET", f"field/{field}/context/projectmapping")["values"]
    assert {"contextId": made["id"], "isGlobalContext": True} in rows
    assert site.status("PUT", f"{path}/project", {"projectIds": ["1"]}) == 404
    options = [{"value": name} for name in ("a", "b", "c")]
    ids = [o["id"] for o in site.ask("POST", f"{path}/option", {"options": options})["options"]]
    site.ask("PUT", f"{path}/option", {"options": [{"id": ids[0], "value": "z"}]})
    site.ask("PUT", f"{path}/option/move", {"customFieldOptionIds": ids[:1], "position": "Last"})
    values = [o["value"] for o in site.ask("GET", f"{path}/option")["values"]]
    assert values == ["b", "c", "z"]
    site.ask("DELETE", f"{path}/option/{ids[1]}")
    assert site.status("POST", f"{path}/option", {"options": [{"value": "c"}]}) == 400
    site.ask("POST", f"field/{field}/trash")
    assert field not in [row["id"] for row in site.ask("GET", "field")]
    assert site.status("POST", f"field/{field}/trash") == 400
    site.ask("POST", f"field/{field}/restore")
    assert field in [row["id"] for row in site.ask("GET", "field")]


def test_schemes_hold_pairs_types_levels_and_notifications(site: Site) -> None:
    kinds = [row["id"] for row in site.ask("GET", "issuetype")]
    own = site.ask("POST", "issuetypescheme", {"name": "Own", "issueTypeIds": kinds[:2]})
    path = f"issuetypescheme/{own['issueTypeSchemeId']}/issuetype"
    site.ask("PUT", path, {"issueTypeIds": kinds[2:3]})
    site.ask("PUT", f"{path}/move", {"issueTypeIds": kinds[2:3], "position": "First"})
    site.ask("DELETE", f"{path}/{kinds[1]}")
    rows = site.ask("GET", "issuetypescheme/mapping",
                    issueTypeSchemeId=own["issueTypeSchemeId"])["values"]  # fmt: skip
    assert [row["issueTypeId"] for row in rows] == [kinds[2], kinds[0]]
    assert site.status("PUT", path, {"issueTypeIds": ["99999"]}) == 404
    fields = site.ask("POST", "fieldconfigurationscheme", {"name": "F"})["id"]
    pair = {"issueTypeId": kinds[0], "fieldConfigurationId": "10000"}
    site.ask("PUT", f"fieldconfigurationscheme/{fields}/mapping", {"mappings": [pair]})
    read = site.ask("GET", "fieldconfigurationscheme/mapping", fieldConfigurationSchemeId=fields)
    assert read["values"][0]["issueTypeId"] == kinds[0]
    site.ask(
        "POST", f"fieldconfigurationscheme/{fields}/mapping/delete", {"issueTypeIds": kinds[:1]}
    )
    assert site.ask("GET", "fieldconfigurationscheme/mapping",
                    fieldConfigurationSchemeId=fields)["values"] == []  # fmt: skip
    scheme = site.ask("POST", "issuesecurityschemes", {"name": "S"})["id"]
    level = f"issuesecurityschemes/{scheme}/level"
    site.ask("PUT", level, {"levels": [{"name": "secret"}]})
    found = site.ask("GET", f"issuesecurityschemes/{scheme}")["levels"][0]
    site.ask("PUT", f"{level}/{found['id']}/member", {"members": [{"type": "reporter"}]})
    assert site.status("PUT", f"{level}/7/member", {"members": [{"type": "reporter"}]}) == 404
    event = {"event": {"id": "1"}, "notifications": [{"notificationType": "CurrentAssignee"}]}
    notes = {"notificationSchemeEvents": [event]}
    site.ask("PUT", "notificationscheme/10000/notification", notes)
    shown = site.ask("GET", "notificationscheme/10000")["notificationSchemeEvents"][0]
    assert shown["event"]["name"] == "Issue Created"


def test_a_workflow_is_made_changed_and_read(site: Site) -> None:
    statuses = [
        {"statusReference": "a", "name": "Open it", "statusCategory": "TODO"},
        {"statusReference": "b", "name": "Shut it", "statusCategory": "DONE"},
    ]
    steps: list[dict[str, Any]] = [
             {"id": "1", "type": "INITIAL", "name": "Create", "toStatusReference": "a"},
             {"id": "2", "type": "DIRECTED", "name": "Shut", "toStatusReference": "b",
              "links": [{"fromStatusReference": "a"}]}]  # fmt: skip
    flow = {"name": "Own flow", "statuses": [{"statusReference": "a"}, {"statusReference": "b"}],
            "transitions": steps}  # fmt: skip
    body = {"scope": {"type": "GLOBAL"}, "statuses": statuses, "workflows": [flow]}
    assert site.ask("POST", "workflows/create/validation", {"payload": body})["errors"] == []
    wrong = {**body, "workflows": [{**flow, "transitions": steps[1:]}]}
    assert site.ask("POST", "workflows/create/validation", {"payload": wrong})["errors"]
    assert site.status("POST", "workflows/create", wrong) == 400
    made = site.ask("POST", "workflows/create", body)["workflows"][0]
    assert site.status("POST", "workflows/create", body) == 409
    read = site.ask("POST", "workflows", {"workflowIds": [made["id"]]})
    assert [s["name"] for s in read["statuses"]] == ["Open it", "Shut it"]
    assert [t["type"] for t in read["workflows"][0]["transitions"]] == ["INITIAL", "DIRECTED"]
    renamed = [{**steps[0]}, {**steps[1], "name": "Close"}]
    refs = {s["statusReference"]: i["id"]
            for s, i in zip(statuses, read["statuses"], strict=True)}  # fmt: skip
    change = {"statuses": [{**s, "id": refs[str(s["statusReference"])]} for s in statuses],
              "workflows": [{**flow, "id": made["id"], "version": made["version"],
                             "transitions": renamed}]}  # fmt: skip
    changed = site.ask("POST", "workflows/update", change)["workflows"][0]
    assert changed["version"]["versionNumber"] == 2
    assert changed["transitions"][1]["name"] == "Close"
    assert site.status("POST", "workflows/update", change) == 409
    names = [w["id"]["name"] for w in site.ask("GET", "workflow/search")["values"]]
    assert "Own flow" in names
    scheme = site.ask("POST", "workflowscheme", {"name": "W", "defaultWorkflow": "Own flow"})["id"]
    site.ask("POST", f"workflowscheme/{scheme}/createdraft")
    assert site.status("POST", f"workflowscheme/{scheme}/draft/publish", {}) == 303
    shown = site.ask("POST", "workflowscheme/read", {"workflowSchemeIds": [str(scheme)]})[0]
    assert shown["defaultWorkflow"]["id"] == made["id"]


def test_backlog_epics_and_sprints(site: Site) -> None:
    one, two = site.issue("one"), site.issue("two")
    saved = site.ask("POST", "filter", {"name": "f", "jql": "project = SEC"})["id"]
    stem = "/rest/agile/1.0"
    board = at(
        site, "POST", f"{stem}/board", {"name": "B", "type": "scrum", "filterId": int(saved)}
    )[1]["id"]
    sprints = [at(site, "POST", f"{stem}/sprint", {"name": name, "originBoardId": board})[1]["id"]
               for name in ("s", "t")]  # fmt: skip
    at(site, "POST", f"{stem}/sprint/{sprints[0]}/issue", {"issues": [one]})
    moved = {"issues": [one], "rankAfterIssue": two}
    assert at(site, "POST", f"{stem}/backlog/{board}/issue", moved)[0] == 204
    rows = at(site, "GET", f"{stem}/board/{board}/backlog")[1]["issues"]
    assert [row["key"] for row in rows] == [two, one]
    swapped = {"sprintToSwapWith": sprints[1]}
    assert at(site, "POST", f"{stem}/sprint/{sprints[0]}/swap", swapped)[0] == 204
    shown = at(site, "GET", f"{stem}/board/{board}/sprint")[1]["values"]
    assert [row["id"] for row in shown] == sprints[::-1]
    epics = [site.issue(name, issuetype={"name": "Epic"}) for name in ("e", "f")]
    ranked = at(site, "PUT", f"{stem}/epic/{epics[1]}/rank", {"rankBeforeEpic": epics[0]})
    assert ranked[0] == 204
    assert at(site, "PUT", f"{stem}/epic/{epics[1]}/rank", {})[0] == 400


def test_what_providers_tell_is_kept_by_issue(site: Site) -> None:
    key = site.issue("one")
    build = {"pipelineId": "p", "buildNumber": 1, "updateSequenceNumber": 2, "displayName": "b",
             "url": "https://example.com", "state": "failed", "issueKeys": [key, "SEC-9"],
             "lastUpdated": "2026-01-01T00:00:00Z"}  # fmt: skip
    sent = {
        "properties": {"team": "t"},
        "builds": [build, {**build, "buildNumber": 2, "issueKeys": ["SEC-9"]}],
    }
    status, got = at(site, "POST", "/builds/0.1/bulk", sent)
    assert (status, got["acceptedBuilds"]) == (202, [{"pipelineId": "p", "buildNumber": 1}])
    assert got["rejectedBuilds"][0]["key"]["buildNumber"] == 2
    assert got["unknownIssueKeys"] == ["SEC-9"]
    place = "/builds/0.1/pipelines/p/builds/1"
    older = {**build, "updateSequenceNumber": 1, "state": "successful"}
    at(site, "POST", "/builds/0.1/bulk", {"builds": [older]})
    assert at(site, "GET", place)[1]["state"] == "failed"
    at(site, "DELETE", "/builds/0.1/bulkByProperties?team=t")
    assert at(site, "GET", place)[0] == 404
    flag = {"id": "f", "key": "f", "updateSequenceId": 1, "issueKeys": [key]}
    assert at(site, "POST", "/featureflags/0.1/bulk", {"flags": [flag]})[1][
        "acceptedFeatureFlags"] == ["f"]  # fmt: skip
    commit = {"id": "c", "issueKeys": [key], "message": "m"}
    repository = {"id": "r", "name": "n", "url": "https://example.com", "updateSequenceId": 1,
                  "commits": [commit]}  # fmt: skip
    told = at(site, "POST", "/devinfo/0.10/bulk", {"repositories": [repository]})[1]
    assert told["acceptedDevinfoEntities"] == {"r": {"commits": ["c"]}}
    at(site, "DELETE", "/devinfo/0.10/repository/r/commit/c")
    assert at(site, "GET", "/devinfo/0.10/repository/r")[1]["commits"] == []


def test_pictures_and_dashboards(site: Site) -> None:
    headers = {"authorization": f"Bearer {site.token}", "x-twin-world": site.world,
               "content-type": "image/png"}  # fmt: skip
    status, made = site.answered(
        Request("POST", "/rest/api/3/project/SEC/avatar2", "", headers, b"png")
    )
    assert (status, made["isSystemAvatar"]) == (201, False)
    site.ask("PUT", "project/SEC/avatar", {"id": made["id"]})
    own = site.ask("GET", "project/SEC/avatars")["custom"]
    assert (own[0]["id"], own[0]["isSelected"]) == (made["id"], True)
    assert site.status("PUT", "project/SEC/avatar", {"id": "1"}) == 404
    assert site.status("POST", "project/SEC/delete") == 303
    assert site.status("GET", "project/SEC") == 404
    board = site.ask("POST", "dashboard", {"name": "D", "sharePermissions": []})["id"]
    edit = {"action": "addPermission", "entityIds": [int(board), 9],
            "permissionDetails": {"sharePermissions": [{"type": "global"}],
                                  "editPermissions": []}}  # fmt: skip
    assert list(site.ask("PUT", "dashboard/bulk/edit", edit)["entityErrors"]) == ["9"]
    assert site.ask("GET", f"dashboard/{board}")["sharePermissions"][0]["type"] == "global"
    plan = site.ask("POST", "plans/plan", {"name": "P", "issueSources": [], "scheduling": {}})
    site.ask("PUT", f"plans/plan/{plan}/archive")
    assert site.status("PUT", f"plans/plan/{plan}/trash") == 409
