"""Dashboards, and what people do with filters, projects, versions and many issues at once."""

import re
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import admin, projects
from unlit.twins.services.jira.site import refuse, stamp

routes = Routes()


# --- filters
def _filter(ask: Ask) -> Row:
    row = ask.site.table("filters").get(ask.params["id"])
    if row is None:
        raise refuse(
            404,
            "The selected filter is not available to you, perhaps it has been deleted or had "
            "its permissions changed.",
        )
    return dict(row)


def _favourite(method: str, *, chosen: bool) -> None:
    @routes.add(method, "filter/{id}/favourite", f"favourite {method}")
    def choose(ask: Ask) -> Any:
        row = ask.site.table("filters").patch(_filter(ask)["id"], favourite=chosen)
        return admin.shown_filter(ask, row)


_favourite("PUT", chosen=True)
_favourite("DELETE", chosen=False)


@routes.add("PUT", "filter/{id}/owner", "changeFilterOwner")
def owner(ask: Ask) -> Any:
    """Give a filter to another person."""
    row, account = _filter(ask), ask.body().get("accountId")
    if account not in ask.site.table("users"):
        raise refuse(400, "The user does not exist.")
    ask.site.table("filters").patch(row["id"], owner=account)
    return Reply(204)


@routes.add("GET", "filter/{id}/permission", "getSharePermissions")
def permissions(ask: Ask) -> Any:
    """Return whom a filter is shared with."""
    return list(_filter(ask).get("sharePermissions") or [])


@routes.add("POST", "filter/{id}/permission", "addSharePermission", status=201)
def share(ask: Ask) -> Any:
    """Share a filter."""
    row, body = _filter(ask), ask.body()
    kind = body.get("type")
    if kind not in ("user", "project", "group", "projectRole", "global", "authenticated"):
        raise refuse(400, type="The type of the share permission is not valid.")
    new: Row = {"id": int(ask.site.fresh("shares", 10000)), "type": kind}
    if kind in ("project", "projectRole"):
        project = ask.site.project(str(body.get("projectId")))
        if project is None:
            raise refuse(400, projectId="The project does not exist.")
        new["project"] = projects.whole(ask, project)
    if kind == "group":
        name = body.get("groupname") or body.get("groupId")
        found = ask.site.named("groups", name)
        if found is None:
            raise refuse(400, groupname="The group does not exist.")
        new["group"] = {"name": found["name"], "groupId": found["groupId"]}
    shared = [*(row.get("sharePermissions") or []), new]
    ask.site.table("filters").patch(row["id"], sharePermissions=shared)
    return shared


def _shared(ask: Ask) -> tuple[Row, Row]:
    row, wanted = _filter(ask), ask.params["permissionId"]
    for one in row.get("sharePermissions") or []:
        if str(one.get("id")) == wanted:
            return row, one
    raise refuse(404, f"The share permission with id '{wanted}' does not exist.")


@routes.add("GET", "filter/{id}/permission/{permissionId}", "getSharePermission")
def permission(ask: Ask) -> Any:
    """Return one of those a filter is shared with."""
    return _shared(ask)[1]


@routes.add("DELETE", "filter/{id}/permission/{permissionId}", "deleteSharePermission")
def unshare(ask: Ask) -> Any:
    """Share a filter no longer."""
    row, one = _shared(ask)
    left = [other for other in row["sharePermissions"] if other is not one]
    ask.site.table("filters").patch(row["id"], sharePermissions=left)
    return Reply(204)


# --- dashboards
def _board(ask: Ask) -> Row:
    wanted = ask.params["id"]
    row = ask.site.table("dashboards").get(wanted)
    if row is None:
        raise refuse(404, f"The dashboard with id '{wanted}' does not exist.")
    return dict(row)


def _shown(ask: Ask, row: Row) -> Row:
    return {
        "id": row["id"],
        "isFavourite": row["favourite"],
        "name": row["name"],
        "description": row["description"],
        "owner": ask.render.user(row["owner"]),
        "popularity": int(row["favourite"]),
        "rank": 0,
        "self": f"{ask.render.api}/dashboard/{row['id']}",
        "sharePermissions": row["sharePermissions"],
        "editPermissions": row["editPermissions"],
        "view": f"{ask.base}/jira/dashboards/{row['id']}",
        "isWritable": row["owner"] == ask.me,
        "systemDashboard": False,
    }


def _given(ask: Ask, old: Row) -> Row:
    body = ask.body()
    kept = ("name", "description", "sharePermissions", "editPermissions")
    merged: Row = {**old, **{key: body[key] for key in kept if key in body}}
    if not merged.get("name"):
        raise refuse(400, name="You must specify a name.")
    for other in ask.site.table("dashboards").values():
        if other["name"] == merged["name"] and other["id"] != old.get("id"):
            raise refuse(400, dashboardName="A dashboard with this name already exists.")
    return merged


def _made(ask: Ask, given: Row) -> Row:
    ident = ask.site.fresh("dashboards")
    blank = {"description": "", "sharePermissions": [], "editPermissions": []}
    row = {**blank, **given, "id": ident, "owner": ask.me, "favourite": False}
    return dict(ask.site.table("dashboards").put(ident, row))


@routes.add("GET", "dashboard", "getAllDashboards")
def dashboards(ask: Ask) -> Any:
    """Return dashboards, in pages."""
    rows = list(ask.site.table("dashboards").values())
    if ask.arg("filter") == "favourite":
        rows = [row for row in rows if row["favourite"]]
    start, count = max(0, ask.whole("startAt", 0)), max(0, ask.whole("maxResults", 20))
    part = [_shown(ask, row) for row in rows[start : start + count]]
    return {"startAt": start, "maxResults": count, "total": len(rows), "dashboards": part}


@routes.add("GET", "dashboard/search", "getDashboardsPaginated")
def search(ask: Ask) -> Any:
    """Find dashboards by name."""
    words = ask.arg("dashboardName").lower()
    rows = [r for r in ask.site.table("dashboards").values() if words in r["name"].lower()]
    return ask.page(rows, "values", lambda row: _shown(ask, row))


@routes.add("POST", "dashboard", "createDashboard")
def create(ask: Ask) -> Any:
    """Add a dashboard."""
    return _shown(ask, _made(ask, _given(ask, {})))


@routes.add("GET", "dashboard/{id}", "getDashboard")
def read(ask: Ask) -> Any:
    """Return a dashboard."""
    return _shown(ask, _board(ask))


@routes.add("PUT", "dashboard/{id}", "updateDashboard")
def update(ask: Ask) -> Any:
    """Change a dashboard."""
    row = _board(ask)
    return _shown(ask, ask.site.table("dashboards").put(row["id"], _given(ask, row)))


@routes.add("DELETE", "dashboard/{id}", "deleteDashboard")
def delete(ask: Ask) -> Any:
    """Remove a dashboard with its gadgets."""
    row = _board(ask)
    ask.site.table("dashboards").drop(row["id"])
    return Reply(204)


@routes.add("POST", "dashboard/{id}/copy", "copyDashboard")
def copy(ask: Ask) -> Any:
    """Copy a dashboard."""
    old = _board(ask)
    return _shown(ask, _made(ask, _given(ask, {**old, "id": None})))


# --- projects
@routes.add("GET", "project/recent", "getRecent")
def recent(ask: Ask) -> Any:
    """Return the projects of late."""
    rows = list(ask.site.table("projects").values())
    return [projects.whole(ask, row) for row in rows[-20:]]


@routes.add("POST", "project/{projectIdOrKey}/archive", "archiveProject")
def archive(ask: Ask) -> Any:
    """Archive a project."""
    row = projects.named(ask)
    ask.site.table("projects").patch(row["id"], archived=True)
    return Reply(204)


@routes.add("POST", "project/{projectIdOrKey}/restore", "restore")
def restore(ask: Ask) -> Any:
    """Take a project back from the archive."""
    row = projects.named(ask)
    return projects.whole(ask, ask.site.table("projects").patch(row["id"], archived=False))


_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{1,9}")


@routes.add("GET", "projectvalidate/key", "validateProjectKey")
def validate_key(ask: Ask) -> Any:
    """Say what is wrong with a project key."""
    key, errors = ask.arg("key"), {}
    if not _KEY.fullmatch(key):
        errors["projectKey"] = (
            "Project keys must start with an uppercase letter, followed by one or more uppercase "
            "alphanumeric characters."
        )
    elif (found := ask.site.project(key)) is not None and found["key"] == key:
        errors["projectKey"] = f"Project '{found['name']}' uses this project key."
    return {"errorMessages": [], "errors": errors}


@routes.add("GET", "projectvalidate/validProjectKey", "getValidProjectKey")
def valid_key(ask: Ask) -> Any:
    """Return a key, or one like it, that is free."""
    stem = re.sub(r"[^A-Z0-9]", "", ask.arg("key").upper())[:8] or "PRJ"
    taken = {row["key"] for row in ask.site.table("projects").values()}
    free = (key for key in (stem, *(f"{stem}{n}" for n in range(1, 1000))) if key not in taken)
    return next(free)


@routes.add("GET", "projectvalidate/validProjectName", "getValidProjectName")
def valid_name(ask: Ask) -> Any:
    """Return a name, or one like it, that is free."""
    name = ask.arg("name")
    if not name:
        raise refuse(400, "The name query parameter must be provided.")
    taken = {row["name"].lower() for row in ask.site.table("projects").values()}
    free = (n for n in (name, *(f"{name} {i}" for i in range(2, 1000))) if n.lower() not in taken)
    return next(free)


# --- versions
def _version(ask: Ask, ident: Any) -> Row:
    row = ask.site.table("versions").get(str(ident).rstrip("/").rpartition("/")[2])
    if row is None:
        raise refuse(404, f"Could not find version for id '{ident}'")
    return dict(row)


def _replace(ask: Ask, name: str, old: str, new: str | None) -> None:
    issues = ask.site.table("issues")
    for issue in list(issues.values()):
        have = issue["fields"].get(name) or ()
        if old in have:
            left = [one for one in have if one not in (old, new)] + ([new] if new else [])
            issues.put(issue["id"], {**issue, "fields": {**issue["fields"], name: left}})


@routes.add("PUT", "version/{id}/mergeto/{moveIssuesTo}", "mergeVersions")
def merge(ask: Ask) -> Any:
    """Put a version into another."""
    old, new = _version(ask, ask.params["id"]), _version(ask, ask.params["moveIssuesTo"])
    for name in ("fixVersions", "versions"):
        _replace(ask, name, old["id"], new["id"])
    ask.site.table("versions").drop(old["id"])
    return Reply(204)


@routes.add("POST", "version/{id}/removeAndSwap", "deleteAndReplaceVersion")
def swap(ask: Ask) -> Any:
    """Remove a version; issues get others, or none."""
    old, body = _version(ask, ask.params["id"]), ask.body() if ask.request.body else {}
    pairs = (("fixVersions", "moveFixIssuesTo"), ("versions", "moveAffectedIssuesTo"))
    for name, word in pairs:
        new = _version(ask, body[word])["id"] if body.get(word) else None
        _replace(ask, name, old["id"], new)
    ask.site.table("versions").drop(old["id"])
    return Reply(204)


@routes.add("POST", "version/{id}/move", "moveVersion")
def move(ask: Ask) -> Any:
    """Put a version first, last, earlier, later or after another."""
    row, body = _version(ask, ask.params["id"]), ask.body()
    table = ask.site.table("versions")
    keys = [key for key in table if key != row["id"]]
    mine = [key for key in keys if table[key]["project"] == row["project"]]
    where, at = body.get("position"), [*table].index(row["id"])
    if body.get("after"):
        other = _version(ask, body["after"])["id"]
        if other not in mine:
            raise refuse(400, "The version to place it after must be another of its project.")
        at = keys.index(other) + 1
    elif where in ("First", "Last"):
        edge = (mine[0] if where == "First" else mine[-1]) if mine else None
        at = 0 if edge is None else keys.index(edge) + (where == "Last")
    elif where in ("Earlier", "Later"):
        at = max(0, at - 1) if where == "Earlier" else min(len(keys), at + 1)
    else:
        raise refuse(400, "Either after or position must be given.")
    keys.insert(at, row["id"])
    table.reorder(keys)
    shown = ask.render.version_ref(row["id"]) or {}
    return {**shown, "projectId": int(row["project"])}


# --- comments, worklogs and issues by the many
@routes.add("POST", "comment/list", "getCommentsByIds")
def comments(ask: Ask) -> Any:
    """Return comments by id."""
    wanted = [str(ident) for ident in ask.body().get("ids") or []]
    table = ask.site.table("comments")
    rows = [table[ident] for ident in wanted if ident in table]
    return ask.page(rows, "values", ask.render.comment, size=1000, most=1000)


@routes.add("POST", "worklog/list", "getWorklogsForIds")
def worklogs(ask: Ask) -> Any:
    """Return worklogs by id."""
    wanted = [str(ident) for ident in ask.body().get("ids") or []]
    table = ask.site.table("worklogs")
    return [ask.render.worklog(table[ident]) for ident in wanted if ident in table]


@routes.add("GET", "worklog/updated", "getIdsOfWorklogsModifiedSince")
def updated(ask: Ask) -> Any:
    """Return which worklogs changed since a moment, in milliseconds."""
    since = ask.whole("since", 0) / 1000
    rows = [r for r in ask.site.table("worklogs").values() if r["updated"] >= since]
    rows.sort(key=lambda row: float(row["updated"]))
    until = int((rows[-1]["updated"] if rows else ask.site.world.now()) * 1000)
    stem = f"{ask.render.api}/worklog/updated?since="
    return {
        "values": [
            {"worklogId": int(r["id"]), "updatedTime": int(r["updated"] * 1000), "properties": []}
            for r in rows[:1000]
        ],
        "since": int(since * 1000),
        "until": until,
        "self": f"{stem}{int(since * 1000)}",
        "nextPage": f"{stem}{until}",
        "lastPage": len(rows) <= 1000,
    }


@routes.add("POST", "issue/watching", "getIsWatchingIssueBulk")
def watching(ask: Ask) -> Any:
    """Say which issues the caller watches."""
    table, out = ask.site.table("issues"), {}
    for ident in ask.body().get("issueIds") or []:
        row = table.get(str(ident))
        out[str(ident)] = row is not None and ask.me in row["watchers"]
    return {"issuesIsWatching": out}


def _watch(word: str, *, add: bool) -> None:
    @routes.add("POST", f"bulk/issues/{word}", f"submitBulk{word.title()}", status=201)
    def watch(ask: Ask) -> Any:
        named = ask.body().get("selectedIssueIdsOrKeys") or []
        rows = [ask.site.issue(str(name)) for name in named]
        for row in rows:
            left = [one for one in row["watchers"] if one != ask.me]
            watchers = (*left, ask.me) if add else tuple(left)
            ask.site.table("issues").patch(row["id"], watchers=watchers)
        return {"taskId": task_of(ask, len(rows))}


def task_of(ask: Ask, count: int) -> str:
    """Keep a task that is done, and return its id."""
    ident = ask.site.fresh("tasks")
    now = stamp(ask.site.now())
    ask.site.table("tasks").put(ident, {
        "taskId": ident, "status": "COMPLETE", "progressPercent": 100, "totalIssueCount": count,
        "processedAccessibleIssues": [], "invalidOrInaccessibleIssueCount": 0,
        "created": now, "started": now, "updated": now,
    })  # fmt: skip
    return ident


_watch("watch", add=True)
_watch("unwatch", add=False)


@routes.add("GET", "bulk/queue/{taskId}", "getBulkOperationProgress")
def progress(ask: Ask) -> Any:
    """Return how far work on many issues is: it is done at once."""
    row = ask.site.table("tasks").get(ask.params["taskId"])
    if row is None:
        raise refuse(404, f"The task with id '{ask.params['taskId']}' does not exist.")
    return row


@routes.add("POST", "issue/{issueIdOrKey}/notify", "notify")
def notify(ask: Ask) -> Any:
    """Send mail about an issue; it stands in the collection ``jira.mails``."""
    issue, body = ask.issue(), ask.body()
    to = body.get("to") or {}
    if not isinstance(to, dict) or not any(to.values()):
        raise refuse(400, "No recipients were defined for notification.")
    who = {str(u.get("accountId") or u.get("name")) for u in to.get("users") or []}
    for word, field in (("assignee", "assignee"), ("reporter", "reporter")):
        if to.get(word) and issue["fields"].get(field):
            who.add(issue["fields"][field])
    if to.get("watchers"):
        who |= set(issue["watchers"])
    mail = {
        "issue": issue["key"],
        "subject": body.get("subject") or f"({issue['key']}) {issue['fields']['summary']}",
        "text": body.get("textBody") or "",
        "to": sorted(who),
    }
    ask.site.table("mails").put(ask.site.world.number("jira.mail"), mail)
    return Reply(204)
