"""What a site is made of: server info, fields, statuses, priorities, types, createmeta."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import presets
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands
from unlit.twins.services.jira.site import refuse, stamp

routes = Routes()
_LATE = (
    "The issue create meta endpoint has been deprecated. (Deprecation start date: June 03, 2024)"
)


@routes.add("GET", "serverInfo", "getServerInfo", public=True)
def server_info(ask: Ask) -> Any:
    """Return what the site says of itself."""
    about = ask.site.about
    if not ask.site.cloud and ask.version == "3":
        path = ask.request.raw_path
        return Reply(302, None, [("location", f"/login.jsp?os_destination={path}")])
    shown = about.get("shown")
    if not ask.site.cloud:
        out = {
            "baseUrl": ask.base,
            "version": about.get("version", "9.12.5"),
            "versionNumbers": about.get("versionNumbers", [9, 12, 5]),
            "deploymentType": "Server",
            "buildNumber": about.get("buildNumber", 9120005),
            "buildDate": about.get("buildDate", "2024-02-26T00:00:00.000+0000"),
            "databaseBuildNumber": about.get("buildNumber", 9120005),
            "scmInfo": about.get("scmInfo", "c9a3d81fb2a9f2a1e5b0b3c6c79f1f0ecf9ad01e"),
            "serverTitle": about.get("serverTitle", "Jira"),
            **({"serverTime": stamp(ask.site.world.now())} if ask.exchange.token else {}),
        }
        return {key: value for key, value in out.items() if shown is None or key in shown}
    out = {
        "baseUrl": ask.base,
        "displayUrl": ask.base,
        "displayUrlServicedeskHelpCenter": ask.base,
        "displayUrlConfluence": ask.base,
        "displayUrlCSMHelpSeeker": ask.base,
        "version": "1001.0.0-SNAPSHOT",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": about.get("buildNumber", 100300),
        "buildDate": stamp(ask.site.world.now() - 86400),
        "serverTime": stamp(ask.site.world.now()),
        "scmInfo": about.get("scmInfo", "c9a3d81fb2a9f2a1e5b0b3c6c79f1f0ecf9ad01e"),
        "serverTitle": about.get("serverTitle", "Jira"),
        "defaultLocale": about.get("defaultLocale", {"locale": "en_US"}),
        "serverTimeZone": about.get("serverTimeZone", "Etc/UTC"),
    }
    return {key: value for key, value in out.items() if shown is None or key in shown}


@routes.add("GET", "field", "getFields")
def fields(ask: Ask) -> Any:
    """Return all fields."""
    hidden = {"onScreen", "empty", "hidden", "required"}
    rows = ask.site.table("fields").values()
    return [
        {k: v for k, v in row.items() if k not in hidden} for row in rows if not row.get("trashed")
    ]


@routes.add("GET", "status", "getStatuses")
def statuses(ask: Ask) -> Any:
    """Return all statuses."""
    return [ask.render.status(ident) for ident in ask.site.table("statuses")]


@routes.add("GET", "status/{idOrName}", "getStatus")
def status(ask: Ask) -> Any:
    """Return a status by id or name."""
    name = ask.params["idOrName"]
    row = ask.site.named("statuses", name)
    if row is None:
        raise refuse(404, f"The status with id '{name}' does not exist")
    return ask.render.status(row["id"])


@routes.add("GET", "statuscategory", "getStatusCategories")
def categories(ask: Ask) -> Any:
    """Return the status categories."""
    return [ask.render.category(row["id"]) for row in presets.CATEGORIES]


@routes.add("GET", "statuscategory/{idOrKey}", "getStatusCategory")
def category(ask: Ask) -> Any:
    """Return a status category by id or key."""
    wanted = ask.params["idOrKey"]
    for row in presets.CATEGORIES:
        if wanted in (str(row["id"]), row["key"]):
            return ask.render.category(row["id"])
    raise refuse(404, f"Status category with id '{wanted}' could not be found")


@routes.add("GET", "priority", "getPriorities")
def priorities(ask: Ask) -> Any:
    """Return all priorities."""
    return [ask.render.priority(ident, full=True) for ident in ask.site.table("priorities")]


@routes.add("GET", "priority/search", "searchPriorities")
def search_priorities(ask: Ask) -> Any:
    """Find priorities, in pages."""
    ids, name = set(ask.many("id")), ask.arg("priorityName").lower()
    rows = [
        shown
        for ident in ask.site.table("priorities")
        if (shown := ask.render.priority(ident, full=True))
        and (not ids or shown["id"] in ids)
        and name in shown["name"].lower()
    ]
    return ask.page(rows, "values", lambda row: row)


@routes.add("GET", "priority/{id}", "getPriority")
def priority(ask: Ask) -> Any:
    """Return a priority."""
    found = ask.render.priority(ask.params["id"], full=True)
    if found is None:
        raise refuse(404, f"The priority with id '{ask.params['id']}' does not exist.")
    return found


@routes.add("GET", "resolution", "getResolutions")
def resolutions(ask: Ask) -> Any:
    """Return all resolutions."""
    return [ask.render.resolution(ident) for ident in ask.site.table("resolutions")]


@routes.add("GET", "resolution/search", "searchResolutions")
def search_resolutions(ask: Ask) -> Any:
    """Find resolutions, in pages."""
    ids = set(ask.many("id"))
    table = ask.site.table("resolutions")
    rows = [ask.render.resolution(ident, full=True) for ident in table]
    found = [r for r in rows if r and (not ids or r["id"] in ids)]
    return ask.page(found, "values", lambda r: r)


@routes.add("GET", "resolution/{id}", "getResolution")
def resolution(ask: Ask) -> Any:
    """Return a resolution."""
    found = ask.render.resolution(ask.params["id"])
    if found is None:
        raise refuse(404, f"The resolution with id '{ask.params['id']}' does not exist.")
    return found


@routes.add("GET", "issuetype", "getIssueAllTypes")
def issue_types(ask: Ask) -> Any:
    """Return all issue types."""
    table = ask.site.table("issuetypes")
    return [typed(ask, ident) for ident in table]


def typed(ask: Ask, ident: str) -> Row:
    """Render an issue type as its own resource shows it."""
    row = ask.site.table("issuetypes")[ident]
    shown = ask.render.issue_type(ident) or {}
    if ask.site.cloud:
        shown = {**shown, "untranslatedName": row.get("untranslatedName", row["name"])}
    return shown


@routes.add("GET", "issuetype/{id}", "getIssueType")
def issue_type(ask: Ask) -> Any:
    """Return an issue type."""
    if ask.params["id"] not in ask.site.table("issuetypes"):
        raise refuse(404, f"The issue type with id '{ask.params['id']}' does not exist")
    return typed(ask, ask.params["id"])


@routes.add("GET", "issueLinkType", "getIssueLinkTypes")
def link_types(ask: Ask) -> Any:
    """Return all link types."""
    table = ask.site.table("linktypes")
    return {"issueLinkTypes": [ask.render.link_type(ident) for ident in table]}


@routes.add("GET", "issueLinkType/{issueLinkTypeId}", "getIssueLinkType")
def link_type(ask: Ask) -> Any:
    """Return a link type."""
    ident = ask.params["issueLinkTypeId"]
    if ident not in ask.site.table("linktypes"):
        raise refuse(404, f"No issue link type with id '{ident}' found.")
    return ask.render.link_type(ident)


@routes.add("GET", "issue/createmeta", "getCreateIssueMeta")
def createmeta(ask: Ask) -> Any:
    """Return projects, issue types and, when expanded, fields that a new issue may have.

    Server lost this in version 9: there ``createmeta`` is taken for an issue's key.
    """
    if not ask.site.cloud:
        raise refuse(404, "Issue Does Not Exist")
    site = ask.site
    keys = [k.upper() for k in ask.many("projectKeys")]
    ids = ask.many("projectIds")
    wanted = ask.many("expand")
    full = "projects.issuetypes.fields" in wanted
    out: list[Row] = []
    for project in site.table("projects").values():
        if (keys or ids) and project["key"].upper() not in keys and project["id"] not in ids:
            continue
        out.append(
            {
                "expand": "issuetypes",
                "self": f"{ask.render.api}/project/{project['id']}",
                "id": project["id"],
                "key": project["key"],
                "name": project["name"],
                "avatarUrls": ask.render.project_avatars(project),
                "issuetypes": [
                    _creatable(ask, project, kind, full=full) for kind in _kinds(ask, project)
                ],
            }
        )
    return Reply(200, {"expand": "projects", "projects": out}, [("warning", _LATE)])


def _kinds(ask: Ask, project: Row) -> list[Row]:
    names = [n.lower() for n in ask.request.args("issuetypeNames")]
    ids = ask.many("issuetypeIds")
    return [
        kind
        for kind in ask.site.types(project)
        if not (names or ids) or kind["name"].lower() in names or kind["id"] in ids
    ]


def _creatable(ask: Ask, project: Row, kind: Row, *, full: bool) -> Row:
    shown = ask.render.issue_type(kind["id"]) or {}
    out: Row = {
        "self": shown["self"],
        "id": kind["id"],
        "description": shown["description"],
        "iconUrl": shown["iconUrl"],
        "name": kind["name"],
        "untranslatedName": kind.get("untranslatedName", kind["name"]),
        "subtask": shown["subtask"],
    }
    if not ask.site.cloud:
        out.pop("untranslatedName")
    if "hierarchyLevel" in shown:
        out["hierarchyLevel"] = shown["hierarchyLevel"]
    if full:
        out |= {"expand": "fields", "fields": expands.screen(ask, project, kind)}
    return out


@routes.add("GET", "issue/createmeta/{projectIdOrKey}/issuetypes", "getCreateIssueMetaIssueTypes")
def createmeta_types(ask: Ask) -> Any:
    """Return the issue types a project can create, in pages."""
    project = _project(ask)
    name = "issueTypes" if ask.site.cloud else "values"
    rows = ask.site.types(project)
    return ask.page(rows, name, lambda kind: _creatable(ask, project, kind, full=False), last=False)


@routes.add(
    "GET",
    "issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
    "getCreateIssueMetaIssueTypeId",
)
def createmeta_fields(ask: Ask) -> Any:
    """Return the fields of a project's issue type, in pages."""
    project = _project(ask)
    kind = next((k for k in ask.site.types(project) if k["id"] == ask.params["issueTypeId"]), None)
    if kind is None:
        raise refuse(404, "Issue type not found")
    name = "fields" if ask.site.cloud else "values"
    rows = [{**f, "fieldId": key} for key, f in expands.screen(ask, project, kind).items()]
    return ask.page(rows, name, lambda row: row, last=False)


def _project(ask: Ask) -> Row:
    found = ask.site.project(ask.params["projectIdOrKey"])
    if found is None:
        raise refuse(404, f"No project could be found with key '{ask.params['projectIdOrKey']}'.")
    return found


@routes.add("GET", "configuration", "getConfiguration")
def configuration(ask: Ask) -> Any:
    """Return the site's switches."""
    return {
        "votingEnabled": True,
        "watchingEnabled": True,
        "unassignedIssuesAllowed": True,
        "subTasksEnabled": True,
        "issueLinkingEnabled": True,
        "timeTrackingEnabled": True,
        "attachmentsEnabled": True,
        "timeTrackingConfiguration": {
            "workingHoursPerDay": 8.0,
            "workingDaysPerWeek": 5.0,
            "timeFormat": "pretty",
            "defaultUnit": "minute",
        },
    }


@routes.add("GET", "label", "getAllLabels")
def labels(ask: Ask) -> Any:
    """Return every label in use."""
    found = {
        label
        for issue in ask.site.table("issues").values()
        for label in issue["fields"].get("labels") or ()
    }
    return ask.page(sorted(found), "values", lambda label: label, size=1000, most=1000)


@routes.add("GET", "latest/listApplicationlinks", "listApplicationLinks", stem="/rest/applinks")
@routes.add("GET", "1.0/listApplicationlinks", "listApplicationLinks", stem="/rest/applinks")
def application_links(ask: Ask) -> Any:
    """Return the links to other applications: a twin has none."""
    return {"list": []}
