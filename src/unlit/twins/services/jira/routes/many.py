"""Many issues at once: deleting, moving, archiving, properties, worklogs; who may; old queries."""

import re
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import edits, objects
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.jql import parse
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import admin, agile, projects, search, shared, sprints
from unlit.twins.services.jira.site import refuse

routes = Routes()
_MOST: Final = 1000
_AGILE: Final = "/rest/agile/1.0"


def _selected(ask: Ask, name: str) -> list[str]:
    found = ask.body().get(name)
    if not isinstance(found, list) or not found:
        raise refuse(400, "At least one issue must be provided.")
    if len(found) > _MOST:
        raise refuse(400, f"Issue limit exceeded, limit is {_MOST}.")
    return [str(one) for one in found]


# --- deleting and moving
@routes.add("POST", "bulk/issues/delete", "submitBulkDelete", status=201)
def delete(ask: Ask) -> Any:
    """Delete issues; the task that does it is done at once."""
    rows = [ask.site.find_issue(name) for name in _selected(ask, "selectedIssueIdsOrKeys")]
    found = [row for row in rows if row is not None]
    for row in found:
        if ask.site.find_issue(row["id"]) is not None:  # not gone with its parent
            edits.delete(ask, row, subtasks=True)
    return {"taskId": shared.task_of(ask, len(found))}


@routes.add("POST", "bulk/issues/move", "submitBulkMove", status=201)
def move(ask: Ask) -> Any:
    """Move issues into other projects and types: they get new keys, the old ones go on working."""
    targets = ask.body().get("targetToSourcesMapping")
    if not isinstance(targets, dict) or not targets:
        raise refuse(400, "targetToSourcesMapping must not be empty.")
    count = 0
    for target, source in targets.items():
        parts = str(target).split(",")
        project = ask.site.project(parts[0].strip())
        kind = ask.site.named("issuetypes", parts[1].strip()) if len(parts) > 1 else None
        if project is None or kind is None or kind["id"] not in project["types"]:
            raise refuse(400, f"Target project or issue type is not valid: {target}")
        for name in (source or {}).get("issueIdsOrKeys") or []:
            _rehome(ask, ask.site.issue(str(name)), project, str(kind["id"]))
            count += 1
    return {"taskId": shared.task_of(ask, count)}


def _rehome(ask: Ask, issue: Row, project: Row, kind: str) -> None:
    site = ask.site
    changes: Row = {}
    if issue["project"] != project["id"]:
        number = site.world.number(f"jira.number.{project['id']}")
        changes = {"project": project["id"], "key": f"{project['key']}-{number}"}
        site.table("keys").put(changes["key"], issue["id"])
    site.table("issues").put(issue["id"], {**issue, **changes})
    fields: Row = {"issuetype": kind}
    flow = site.table("workflows").get(project["workflow"]) or {"transitions": []}
    known = {step["to"] for step in flow["transitions"]}
    if known and issue["fields"]["status"] not in known:
        fields["status"] = site.first_status(project)
    site.change_issue(site.issue(issue["id"]), fields, ask.me)


# --- archiving
_WHY: Final = {
    "issuesNotFound": "Issue doesn't exist or you don't have permission to see it.",
    "issueIsSubtask": "Issue is a subtask and can't be archived or unarchived on its own.",
}


def _reported(done: int, wrong: dict[str, list[str]]) -> Row:
    errors = {
        name: {"count": len(keys), "issueIdsOrKeys": keys, "message": _WHY[name]}
        for name, keys in wrong.items()
    }
    return {"numberOfIssuesUpdated": done, "errors": errors}


def _is_subtask(ask: Ask, row: Row) -> bool:
    kinds = ask.site.table("issuetypes")
    return bool((kinds.get(row["fields"]["issuetype"]) or {}).get("subtask"))


def _put_away(ask: Ask, row: Row) -> None:
    """Take an issue, and its subtasks, out of everything that lists issues."""
    site = ask.site
    for child in site.table("children").get(row["id"]) or ():
        below = site.table("issues").get(child)
        if below is not None and _is_subtask(ask, below):
            _put_away(ask, below)
    kept = {**row, "archived_by": ask.me, "archived_at": site.now()}
    site.table("archived").put(row["id"], kept)
    site.table("issues").drop(row["id"])


@routes.add("PUT", "issue/archive", "archiveIssues")
def archive(ask: Ask) -> Any:
    """Archive issues: searches and boards do not show them any longer."""
    done = 0
    wrong: dict[str, list[str]] = {}
    for name in _selected(ask, "issueIdsOrKeys"):
        row = ask.site.find_issue(name)
        if row is None:
            wrong.setdefault("issuesNotFound", []).append(name)
        elif _is_subtask(ask, row):
            wrong.setdefault("issueIsSubtask", []).append(name)
        else:
            _put_away(ask, row)
            done += 1
    return Reply(200 if done else 400, _reported(done, wrong))


@routes.add("POST", "issue/archive", "archiveIssuesAsync", status=202)
def archive_found(ask: Ask) -> Any:
    """Archive what a query finds; the answer is where the task stands."""
    jql = ask.body().get("jql")
    if not isinstance(jql, str) or not jql.strip():
        raise refuse(400, "The JQL query must not be empty.")
    rows = [row for row in search.run_query(ask, jql)[1] if not _is_subtask(ask, row)]
    for row in rows:
        _put_away(ask, row)
    return f"{ask.render.api}/task/{shared.task_of(ask, len(rows))}"


@routes.add("PUT", "issue/unarchive", "unarchiveIssues")
def unarchive(ask: Ask) -> Any:
    """Bring archived issues back, with their subtasks."""
    site, done = ask.site, 0
    wrong: dict[str, list[str]] = {}
    for name in _selected(ask, "issueIdsOrKeys"):
        ident = site.table("keys").get(name.upper(), name)
        row = site.table("archived").get(ident)
        if row is None:
            wrong.setdefault("issuesNotFound", []).append(name)
            continue
        for child in (ident, *(site.table("children").get(ident) or ())):
            kept = site.table("archived").drop(child)
            if kept is not None:
                site.table("issues").put(child, kept)
        done += 1
    return Reply(200 if done else 400, _reported(done, wrong))


@routes.add("PUT", "issues/archive/export", "exportArchivedIssues", status=202)
def export_archived(ask: Ask) -> Any:
    """Ask for the archived issues; the task that writes them is done at once."""
    count = len(ask.site.table("archived"))
    task = shared.task_of(ask, count)
    row = ask.site.table("tasks")[task]
    return {
        "taskId": task, "payload": "{}", "progress": 100, "status": "COMPLETE",
        "submittedTime": row["created"], "fileUrl": "",
    }  # fmt: skip


# --- properties and worklogs
def _see_other(ask: Ask, count: int) -> Reply:
    place = f"{ask.render.api}/task/{shared.task_of(ask, count)}"
    return Reply(303, None, [("location", place)])


@routes.add("POST", "issue/properties/multi", "bulkSetIssuePropertiesByIssue")
def set_properties(ask: Ask) -> Any:
    """Set several properties of several issues."""
    given = ask.body().get("issues")
    if not isinstance(given, list) or not given:
        raise refuse(400, "At least one issue must be provided.")
    table, count = ask.site.table("properties"), 0
    for one in given:
        row = ask.site.find_issue(str(one.get("issueID")))
        if row is None:
            continue
        count += 1
        kept = one.get("properties") or {}
        if not isinstance(kept, dict):
            raise refuse(400, "The properties of an issue must be an object.")
        for key, value in kept.items():
            table.put((row["id"], str(key)), value)
    return _see_other(ask, count)


def _worklogs(ask: Ask, issue: Row) -> list[Row]:
    wanted = [str(one) for one in ask.body().get("ids") or []]
    if not wanted:
        raise refuse(400, "The list of worklog ids must not be empty.")
    table = ask.site.table("worklogs")
    return [table[key] for key in wanted if key in table and table[key]["issue"] == issue["id"]]


@routes.add("DELETE", "issue/{issueIdOrKey}/worklog", "bulkDeleteWorklogs")
def delete_worklogs(ask: Ask) -> Any:
    """Delete worklogs of an issue; the time goes back to its estimate."""
    issue = ask.issue()
    rows = _worklogs(ask, issue)
    for row in rows:
        objects.detach(ask, "worklogs", row)
        mode = ask.arg("adjustEstimate", "auto")
        objects.estimate(ask, ask.site.issue(issue["id"]), -row["seconds"], mode)
    return Reply(204 if len(rows) == len(ask.body()["ids"]) else 200)


@routes.add("POST", "issue/{issueIdOrKey}/worklog/move", "bulkMoveWorklogs")
def move_worklogs(ask: Ask) -> Any:
    """Move worklogs to another issue."""
    issue, target = ask.issue(), ask.site.issue(str(ask.body().get("issueIdOrKey") or ""))
    rows = _worklogs(ask, issue)
    for row in rows:
        objects.detach(ask, "worklogs", row)
        objects.attach(ask, "worklogs", target, {**row, "issue": target["id"]})
        for one, seconds in ((issue, -row["seconds"]), (target, row["seconds"])):
            objects.estimate(ask, ask.site.issue(one["id"]), seconds, "leave")
    return Reply(204 if len(rows) == len(ask.body()["ids"]) else 200)


# --- who may
def _named(names: Any) -> list[str]:
    found = [str(one) for one in names or []]
    unknown = [one for one in found if one not in admin.PERMISSIONS]
    if unknown:
        raise refuse(400, f"Unrecognized permission: {unknown[0]}")
    return found


@routes.add("POST", "permissions/check", "getBulkPermissions")
def check(ask: Ask) -> Any:
    """Say which of these permissions somebody has; in a twin every person of the site has all."""
    body = ask.body()
    who = body.get("accountId") or ask.me
    is_there = ask.site.user(who) is not None
    out = []
    for one in body.get("projectPermissions") or []:
        idents = [str(i) for i in one.get("projects") or [] if ask.site.project(str(i))]
        issues = [str(i) for i in one.get("issues") or [] if ask.site.find_issue(str(i))]
        out += [
            {
                "permission": name,
                "issues": [int(i) for i in issues] if is_there else [],
                "projects": [int(i) for i in idents] if is_there else [],
            }
            for name in _named(one.get("permissions"))
        ]
    wide = _named(body.get("globalPermissions"))
    return {"projectPermissions": out, "globalPermissions": wide if is_there else []}


@routes.add("POST", "permissions/project", "getPermittedProjects")
def permitted(ask: Ask) -> Any:
    """Return the projects in which the caller has these permissions."""
    _named(ask.body().get("permissions"))
    rows = ask.site.table("projects").values() if ask.me else ()
    return {"projects": [{"id": int(row["id"]), "key": row["key"]} for row in rows]}


# --- queries


@routes.add("POST", "jql/sanitize", "sanitiseJqlQueries")
def sanitise(ask: Ask) -> Any:
    """Replace what the person may not see by ids; here everybody sees everything."""
    out = []
    for one in ask.body().get("queries") or []:
        text, account = str(one.get("query") or ""), one.get("accountId")
        row: Row = {"initialQuery": text}
        try:
            if account is not None and ask.site.user(account) is None:
                raise JqlError(f"The user with account ID '{account}' does not exist.")
            parse.parse(text)
            row["sanitizedQuery"] = text
        except JqlError as error:
            row["errors"] = {"errorMessages": str(error).split("\n"), "errors": {}}
        out.append({**row, **({"accountId": account} if account is not None else {})})
    return {"queries": out}


_PERSON: Final = re.compile(
    r"(?P<head>\b(?:assignee|reporter|creator|voter|watcher)\s*(?:=|!=)\s*)"
    r"(?P<quote>[\"']?)(?P<name>[^\s\"'()]+)(?P=quote)",
    re.IGNORECASE,
)


@routes.add("POST", "jql/pdcleaner", "migrateQueries")
def without_names(ask: Ask) -> Any:
    """Replace names of people in queries by their account ids."""
    good: list[str] = []
    unsure: list[Row] = []
    for text in map(str, ask.body().get("queryStrings") or []):
        missing = False

        def account(found: "re.Match[str]") -> str:
            nonlocal missing
            name = found["name"]
            if name.lower() in ("empty", "null") or name.endswith("("):
                return found[0]
            person = ask.site.user(name)
            missing = missing or person is None
            return f"{found['head']}{person['accountId'] if person else 'unknown'}"

        made = _PERSON.sub(account, text) if "currentUser" not in text else text
        if missing:
            unsure.append({"originalQuery": text, "convertedQuery": made})
        else:
            good.append(made)
    return {"queryStrings": good, "queriesWithUnknownUsers": unsure}


# --- projects, tasks
@routes.add("POST", "project/{projectIdOrKey}/delete", "deleteProjectAsynchronously")
def delete_project(ask: Ask) -> Any:
    """Delete a project; the answer leads to the task that did it."""
    projects.delete(ask)
    return _see_other(ask, 1)


def _task(ask: Ask) -> Row:
    row: Row | None = ask.site.table("tasks").get(ask.params["taskId"])
    if row is None:
        raise refuse(404, f"The task with id '{ask.params['taskId']}' does not exist.")
    return row


@routes.add("GET", "task/{taskId}", "getTask")
def task(ask: Ask) -> Any:
    """Return a task: what the twin was asked to do is done."""
    row = _task(ask)
    at = int(ask.site.world.now() * 1000)
    return {
        "self": f"{ask.render.api}/task/{row['taskId']}", "id": row["taskId"], "description": "",
        "status": "COMPLETE", "result": None, "submittedBy": 10000, "progress": 100,
        "elapsedRuntime": 1, "submitted": at, "started": at, "finished": at, "lastUpdate": at,
    }  # fmt: skip


@routes.add("POST", "task/{taskId}/cancel", "cancelTask")
def cancel(ask: Ask) -> Any:
    """Cancel a task: too late for one that is done."""
    _task(ask)
    raise refuse(400, "The task cannot be cancelled because it is already finished.")


# --- agile
def _agile(method: str, path: str, op: str) -> Callable[[Any], Any]:
    return routes.add(method, path, op, stem=_AGILE)


@_agile("POST", "backlog/{boardId}/issue", "moveIssuesToBacklogForBoard")
def into_backlog_of(ask: Ask) -> Any:
    """Move issues to a board's backlog, in a place of it when one is named."""
    agile.board_of(ask)
    sprints.into_backlog(ask)
    if ask.body().get("rankBeforeIssue") or ask.body().get("rankAfterIssue"):
        sprints.rank(ask)
    return Reply(204)


@_agile("PUT", "epic/{epicIdOrKey}/rank", "rankEpics")
def rank_epic(ask: Ask) -> Any:
    """Put an epic before or after another."""
    body, epic = ask.body(), ask.site.issue(ask.params["epicIdOrKey"])
    before, after = body.get("rankBeforeEpic"), body.get("rankAfterEpic")
    if not before and not after:
        raise refuse(400, "Either rankBeforeEpic or rankAfterEpic must be provided.")
    anchor = ask.site.issue(str(before or after))
    sprints.place(ask, [epic], anchor, before=bool(before))
    return Reply(204)


@_agile("POST", "sprint/{sprintId}/swap", "swapSprint")
def swap(ask: Ask) -> Any:
    """Let two sprints change places."""
    row = agile.sprint_of(ask)
    wanted = ask.body().get("sprintToSwapWith")
    table = ask.site.table("sprints")
    other = table.get(wanted)
    if other is None:
        raise refuse(404, "Sprint does not exist.")
    mine, theirs = row.get("place", row["id"]), other.get("place", other["id"])
    table.patch(row["id"], place=theirs)
    table.patch(other["id"], place=mine)
    return Reply(204)
