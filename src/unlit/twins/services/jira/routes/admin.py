"""Filters, permissions, roles, fields, bulk fetch and other things of the site."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import presets
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands, projects, search
from unlit.twins.services.jira.site import refuse

routes = Routes()


# --- filters
def shown_filter(ask: Ask, row: Row) -> Row:
    """Render a filter."""
    return {
        "expand": "sharedUsers,subscriptions",
        "self": f"{ask.render.api}/filter/{row['id']}",
        "id": row["id"],
        "name": row["name"],
        "description": row.get("description", ""),
        "owner": ask.render.user(row["owner"]),
        "jql": row["jql"],
        "viewUrl": f"{ask.base}/issues/?filter={row['id']}",
        "searchUrl": f"{ask.render.api}/search?jql={row['jql']}",
        "favourite": bool(row.get("favourite")),
        "favouritedCount": int(bool(row.get("favourite"))),
        "sharePermissions": row.get("sharePermissions", []),
        "editPermissions": [],
        "subscriptions": {
            "size": 0,
            "items": [],
            "max-results": 1000,
            "start-index": 0,
            "end-index": 0,
        },
    }


def _filter(ask: Ask) -> Row:
    row = ask.site.table("filters").get(ask.params["id"])
    if row is None:
        raise refuse(
            404,
            "The selected filter is not available to you, perhaps it has been deleted or had "
            "its permissions changed.",
        )
    return dict(row)


def _checked_filter(ask: Ask, sent: Row, old: Row) -> Row:
    texts = ("name", "description", "jql")
    body = {
        k: str(v) if k in texts else v for k, v in sent.items() if k not in texts or v is not None
    }
    if any(isinstance(sent.get(k), dict | list) for k in texts):
        raise refuse(
            400, "Invalid request payload. Refer to the REST API documentation and try again."
        )
    merged: Row = {
        **old,
        **{
            k: body[k]
            for k in ("name", "description", "jql", "favourite", "sharePermissions")
            if k in body
        },
    }
    if not merged.get("name"):
        raise refuse(400, filterName="You must specify a name to save this filter.")
    for row in ask.site.table("filters").values():
        if row["name"] == merged["name"] and row["id"] != merged.get("id"):
            raise refuse(400, filterName="Filter with same name already exists.")
    search.run_query(ask, merged.get("jql", ""))
    return merged


@routes.add("POST", "filter", "createFilter")
def create_filter(ask: Ask) -> Any:
    """Save a query."""
    merged = _checked_filter(ask, ask.body(), {})
    ident = ask.site.fresh("filters")
    row = {"jql": "", **merged, "id": ident, "owner": ask.me}
    return shown_filter(ask, ask.site.table("filters").put(ident, row))


@routes.add("GET", "filter/search", "getFiltersPaginated")
def filters(ask: Ask) -> Any:
    """Return filters in pages."""
    name = ask.arg("filterName").lower()
    rows = [r for r in ask.site.table("filters").values() if name in r["name"].lower()]
    wanted = set(ask.many("expand"))

    def show(row: Row) -> Row:
        whole = shown_filter(ask, row)
        keys = {"expand", "self", "id", "name"} | wanted
        return {k: v for k, v in whole.items() if k in keys}

    return ask.page(rows, "values", show)


@routes.add("GET", "filter/my", "getMyFilters")
def my_filters(ask: Ask) -> Any:
    """Return the caller's filters."""
    return [shown_filter(ask, r) for r in ask.site.of("filters", owner=ask.me)]


@routes.add("GET", "filter/favourite", "getFavouriteFilters")
def favourites(ask: Ask) -> Any:
    """Return the caller's favourites."""
    return [shown_filter(ask, r) for r in ask.site.table("filters").values() if r.get("favourite")]


@routes.add("GET", "filter/{id}", "getFilter")
def read_filter(ask: Ask) -> Any:
    """Return a filter."""
    return shown_filter(ask, _filter(ask))


@routes.add("PUT", "filter/{id}", "updateFilter")
def update_filter(ask: Ask) -> Any:
    """Change a filter."""
    row = _filter(ask)
    return shown_filter(
        ask, ask.site.table("filters").put(row["id"], _checked_filter(ask, ask.body(), row))
    )


@routes.add("DELETE", "filter/{id}", "deleteFilter")
def delete_filter(ask: Ask) -> Any:
    """Delete a filter."""
    ask.site.table("filters").drop(_filter(ask)["id"])
    return Reply(204)


# --- permissions and roles
PERMISSIONS = [
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "DELETE_ISSUES",
    "ASSIGN_ISSUES",
    "ASSIGNABLE_USER",
    "TRANSITION_ISSUES",
    "RESOLVE_ISSUES",
    "CLOSE_ISSUES",
    "LINK_ISSUES",
    "MOVE_ISSUES",
    "SCHEDULE_ISSUES",
    "ADD_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "CREATE_ATTACHMENTS",
    "DELETE_ALL_ATTACHMENTS",
    "DELETE_OWN_ATTACHMENTS",
    "WORK_ON_ISSUES",
    "EDIT_ALL_WORKLOGS",
    "EDIT_OWN_WORKLOGS",
    "DELETE_ALL_WORKLOGS",
    "DELETE_OWN_WORKLOGS",
    "MANAGE_WATCHERS",
    "VIEW_VOTERS_AND_WATCHERS",
    "MODIFY_REPORTER",
    "ADMINISTER_PROJECTS",
    "MANAGE_SPRINTS_PERMISSION",
    "ADMINISTER",
    "SYSTEM_ADMIN",
    "USER_PICKER",
    "BULK_CHANGE",
    "CREATE_SHARED_OBJECTS",
]
_GLOBAL = ("ADMINISTER", "SYSTEM_ADMIN", "USER_PICKER", "BULK_CHANGE", "CREATE_SHARED_OBJECTS")


def described(name: str) -> Row:
    """Render a permission, whoever has it."""
    return {
        "key": name,
        "name": name.replace("_", " ").capitalize(),
        "type": "GLOBAL" if name in _GLOBAL else "PROJECT",
        "description": "",
    }


@routes.add("GET", "permissions", "getAllPermissions")
def permissions(ask: Ask) -> Any:
    """Return every permission that the site knows."""
    return {"permissions": {name: described(name) for name in PERMISSIONS}}


@routes.add("GET", "mypermissions", "getMyPermissions")
def my_permissions(ask: Ask) -> Any:
    """Return which permissions the caller has."""
    wanted = ask.many("permissions") or (PERMISSIONS if not ask.site.cloud else [])
    if not wanted:
        raise refuse(400, "The 'permissions' query parameter is required.")
    unknown = [p for p in wanted if p not in PERMISSIONS]
    if unknown:
        raise refuse(
            400,
            f"Unrecognized permission keys: {', '.join(unknown)}"
            if len(unknown) > 1
            else f"Unrecognized permission: {unknown[0]}",
        )
    return {
        "permissions": {
            name: {
                "id": str(PERMISSIONS.index(name)),
                **described(name),
                "havePermission": ask.me is not None,
            }
            for name in wanted
        }
    }


def shown_role(ask: Ask, project: Row, role: Row) -> Row:
    """Render a project role with its actors."""
    actors: list[Row] = []
    for account in project["roles"].get(str(role["id"]), ()):
        user = ask.site.table("users").get(account) or {}
        actors.append(
            {
                "id": 10000 + len(actors),
                "displayName": user.get("displayName"),
                "type": "atlassian-user-role-actor",
                "actorUser": {"accountId": account},
            }
        )
    return {
        "self": f"{ask.render.api}/project/{project['id']}/role/{role['id']}",
        "name": role["name"],
        "id": role["id"],
        "description": role.get("description", ""),
        "actors": actors,
    }


def _role(ask: Ask) -> Row:
    wanted = ask.params["id"]
    found = ask.site.table("roles").get(int(wanted)) if wanted.isdigit() else None
    if found is None:
        raise refuse(404, f"Can not retrieve project role with id '{wanted}'.")
    return dict(found)


@routes.add("GET", "project/{projectIdOrKey}/role", "getProjectRoles")
def project_roles(ask: Ask) -> Any:
    """Return links to a project's roles."""
    return projects.whole(ask, projects.named(ask))["roles"]


@routes.add("GET", "project/{projectIdOrKey}/role/{id}", "getProjectRole")
def project_role(ask: Ask) -> Any:
    """Return a project role with its actors."""
    return shown_role(ask, projects.named(ask), _role(ask))


@routes.add("POST", "project/{projectIdOrKey}/role/{id}", "addActorUsers")
def add_actors(ask: Ask) -> Any:
    """Give people a role in a project."""
    project, role = projects.named(ask), _role(ask)
    have = list(project["roles"].get(str(role["id"]), ()))
    for account in ask.body().get("user") or []:
        user = ask.site.user(account)
        if user is None:
            raise refuse(
                404,
                f"We can't find '{account}' in any accessible user directory. Check they're "
                f"still active and available, and try again.",
            )
        have.append(user["accountId"])
    roles = {**project["roles"], str(role["id"]): tuple(dict.fromkeys(have))}
    return shown_role(ask, ask.site.table("projects").patch(project["id"], roles=roles), role)


@routes.add("DELETE", "project/{projectIdOrKey}/role/{id}", "deleteActor")
def delete_actor(ask: Ask) -> Any:
    """Take a role away from a person."""
    project, role = projects.named(ask), _role(ask)
    left = tuple(x for x in project["roles"].get(str(role["id"]), ()) if x != ask.arg("user"))
    ask.site.table("projects").patch(
        project["id"], roles={**project["roles"], str(role["id"]): left}
    )
    return Reply(204)


@routes.add("GET", "role", "getAllProjectRoles")
def roles(ask: Ask) -> Any:
    """Return every project role."""
    return [
        {"self": f"{ask.render.api}/role/{r['id']}", **r} for r in ask.site.table("roles").values()
    ]


@routes.add("GET", "role/{id}", "getProjectRoleById")
def role(ask: Ask) -> Any:
    """Return a project role with its default actors."""
    row = _role(ask)
    about = {"description": "", **row, "actors": []}
    return {"self": f"{ask.render.api}/role/{row['id']}", **about}


# --- fields, issue types, priorities: create and search
@routes.add("POST", "field", "createCustomField", status=201)
def create_field(ask: Ask) -> Any:
    """Make a custom field."""
    body = ask.body()
    if not body.get("name") or not body.get("type"):
        raise refuse(400, **{k: f"{k} is required" for k in ("name", "type") if not body.get(k)})
    number = ask.site.world.number("jira.customfield", 10067)
    suffix = str(body["type"]).rpartition(":")[2]
    kind = {
        "float": "number",
        "datepicker": "date",
        "datetime": "datetime",
        "select": "option",
        "userpicker": "user",
        "multiselect": "array",
        "multiuserpicker": "array",
        "labels": "array",
        "multicheckboxes": "array",
    }.get(suffix, "string")
    items = (
        {"multiuserpicker": "user", "labels": "string"}.get(suffix, "option")
        if kind == "array"
        else ""
    )
    row = presets.custom_field(number, str(body["name"]), kind, items, str(body["type"]))
    ask.site.table("fields").put(row["id"], {**row, "onScreen": True})
    return row


@routes.add("GET", "field/search", "getFieldsPaginated")
def field_search(ask: Ask) -> Any:
    """Find fields, in pages."""
    kinds, query = ask.many("type"), ask.arg("query").lower()
    rows = [
        {
            "id": r["id"],
            "name": r["name"],
            "schema": r.get("schema") or {"type": "any", "system": r["id"]},
            "description": "",
        }
        for r in ask.site.table("fields").values()
        if query in r["name"].lower()
        and (not kinds or ("custom" if r["custom"] else "system") in kinds)
    ]
    return ask.page(rows, "values", lambda row: row)


@routes.add("POST", "issue/bulkfetch", "bulkFetchIssues")
def bulk_fetch(ask: Ask) -> Any:
    """Return many issues by id or key; unknown ones are listed."""
    body = ask.body()
    out: list[Row] = []
    errors: list[str] = []
    for name in body.get("issueIdsOrKeys") or []:
        issue = ask.site.find_issue(str(name))
        if issue is None:
            errors.append(str(name))
            continue
        names = expands.selected(
            body.get("fields") or [], ask.render.all_fields(issue), default="*navigable"
        )
        one = ask.render.issue(issue, names)
        expands.expand(ask, issue, one, set(body.get("expand") or ()))
        out.append(one)
    missing = (
        [{"issueIdsOrKeys": errors, "errorMessage": "Issue not found or not visible"}]
        if errors
        else []
    )
    return {"expand": "names,schema", "issues": out, "issueErrors": missing}


@routes.add("GET", "issue/picker", "getIssuePickerResource")
def picker(ask: Ask) -> Any:
    """Suggest issues by key or words of the summary."""
    query = ask.arg("query").lower()
    rows = [
        i
        for i in ask.site.table("issues").values()
        if query and (query in i["key"].lower() or query in i["fields"]["summary"].lower())
    ][:20]
    issues = [
        {
            "id": int(i["id"]),
            "key": i["key"],
            "keyHtml": i["key"],
            "img": "/images/icons/issuetypes/task.svg",
            "summary": i["fields"]["summary"],
            "summaryText": i["fields"]["summary"],
        }
        for i in rows
    ]
    return {
        "sections": [
            {
                "label": "Current Search",
                "sub": f"Showing {len(issues)} of {len(rows)} matching issues",
                "id": "cs",
                "issues": issues,
            }
        ]
    }
