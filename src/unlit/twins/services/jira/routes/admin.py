"""Webhooks, filters, groups, permissions, roles, bulk fetch and other things of the site."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.kit.seeds import iso
from unlit.twins.services.jira import presets, seed
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.jql import parse
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands, projects, search, users
from unlit.twins.services.jira.site import refuse

routes = Routes()
_MONTH = 30 * 86400


# --- dynamic webhooks (OAuth and Connect apps)
@routes.add("POST", "webhook", "registerDynamicWebhooks")
def register(ask: Ask) -> Any:
    """Register webhooks; each is accepted or refused by itself."""
    body = ask.body()
    if not body.get("url"):
        raise refuse(400, "The webhook URL must be specified.")
    out: list[Row] = []
    for one in body.get("webhooks") or []:
        problem = _wrong_hook(one)
        if problem is not None:
            out.append({"errors": [problem]})
            continue
        number = ask.site.world.number("jira.webhook")
        ask.site.table("webhooks").put(
            number,
            {
                "id": number,
                "url": body["url"],
                "jql": one.get("jqlFilter"),
                "events": tuple(one["events"]),
                "dynamic": True,
                "expires": ask.site.world.now() + _MONTH,
                "fieldIdsFilter": one.get("fieldIdsFilter"),
            },
        )
        out.append({"createdWebhookId": number})
    return {"webhookRegistrationResult": out}


def _wrong_hook(one: Row) -> str | None:
    if not one.get("events"):
        return "At least one event must be specified."
    if not one.get("jqlFilter"):
        return "The clause of the JQL filter must be specified."
    try:
        parse.parse(str(one["jqlFilter"]))
    except JqlError as error:
        return str(error)
    return None


@routes.add("GET", "webhook", "getDynamicWebhooksForApp")
def hooks(ask: Ask) -> Any:
    """Return the registered webhooks."""
    rows = [row for row in ask.site.table("webhooks").values() if row.get("dynamic")]
    return ask.page(
        rows,
        "values",
        lambda row: {
            "id": row["id"],
            "jqlFilter": row["jql"],
            "events": list(row["events"]),
            "expirationDate": iso(row["expires"]),
        },
        size=100,
    )


@routes.add("DELETE", "webhook", "deleteWebhookById", status=202)
def unregister(ask: Ask) -> Any:
    """Remove webhooks by id."""
    for number in ask.body().get("webhookIds") or []:
        ask.site.table("webhooks").drop(number)
    return Reply(202)


@routes.add("PUT", "webhook/refresh", "refreshWebhooks")
def refresh(ask: Ask) -> Any:
    """Extend the life of webhooks."""
    until = ask.site.world.now() + _MONTH
    for number in ask.body().get("webhookIds") or []:
        if number in ask.site.table("webhooks"):
            ask.site.table("webhooks").patch(number, expires=until)
    return {"expirationDate": iso(until)}


# --- webhooks of administrators
@routes.add("GET", "webhook", "listWebhooks", stem="/rest/webhooks/1.0")
def admin_hooks(ask: Ask) -> Any:
    """Return the site's webhooks."""
    return [
        _admin_hook(ask, r) for r in ask.site.table("webhooks").values() if not r.get("dynamic")
    ]


def _admin_hook(ask: Ask, row: Row) -> Row:
    user = ask.site.table("users").get(row.get("by")) or {}
    return {
        "name": row["name"],
        "url": row["url"],
        "excludeBody": False,
        "filters": {"issue-related-events-section": row.get("jql") or ""},
        "events": list(row["events"]),
        "enabled": row["enabled"],
        "self": f"{ask.base}/rest/webhooks/1.0/webhook/{row['id']}",
        "lastUpdatedUser": row.get("by"),
        "lastUpdatedDisplayName": user.get("displayName"),
        "lastUpdated": int(row["at"] * 1000),
        "isSigned": bool(row.get("secret")),
    }


def _hook_from(ask: Ask, number: int, body: Row, old: Row) -> Row:
    filters = body.get("filters") or {}
    return {
        "id": number,
        "name": body.get("name", old.get("name")),
        "url": body.get("url", old.get("url")),
        "events": tuple(body.get("events") or old.get("events") or ()),
        "jql": filters.get("issue-related-events-section", old.get("jql")),
        "enabled": bool(body.get("enabled", old.get("enabled", True))),
        "secret": body.get("secret", old.get("secret")),
        "by": ask.me,
        "at": ask.site.now(),
    }


@routes.add("POST", "webhook", "createWebhook", status=201, stem="/rest/webhooks/1.0")
def create_admin_hook(ask: Ask) -> Any:
    """Make a webhook of the site."""
    body = ask.body()
    if not body.get("name") or not body.get("url"):
        raise refuse(400, "Webhook name and url are required." if body else "No content.")
    number = ask.site.world.number("jira.webhook")
    row = ask.site.table("webhooks").put(number, _hook_from(ask, number, body, {}))
    return _admin_hook(ask, row)


def _one_hook(ask: Ask) -> Row:
    wanted = ask.params["id"]
    row = ask.site.table("webhooks").get(int(wanted)) if wanted.isdigit() else None
    if row is None or row.get("dynamic"):
        raise refuse(404, f"There is no webhook with id {wanted}.")
    return dict(row)


@routes.add("GET", "webhook/{id}", "readWebhook", stem="/rest/webhooks/1.0")
def read_admin_hook(ask: Ask) -> Any:
    """Return a webhook of the site."""
    return _admin_hook(ask, _one_hook(ask))


@routes.add("PUT", "webhook/{id}", "updateWebhook", stem="/rest/webhooks/1.0")
def update_admin_hook(ask: Ask) -> Any:
    """Change a webhook of the site."""
    old = _one_hook(ask)
    row = ask.site.table("webhooks").put(old["id"], _hook_from(ask, old["id"], ask.body(), old))
    return _admin_hook(ask, row)


@routes.add("DELETE", "webhook/{id}", "deleteWebhook", stem="/rest/webhooks/1.0")
def delete_admin_hook(ask: Ask) -> Any:
    """Delete a webhook of the site."""
    ask.site.table("webhooks").drop(_one_hook(ask)["id"])
    return Reply(204)


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
            "The selected filter is not available to you, perhaps it has been deleted or had its permissions changed.",
        )
    return dict(row)


def _checked_filter(ask: Ask, body: Row, old: Row) -> Row:
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


# --- groups
def shown_group(ask: Ask, row: Row) -> Row:
    """Render a group's name and id."""
    link = f"{ask.render.api}/group?groupId={row['groupId']}"
    return {"name": row["name"], "groupId": row["groupId"], "self": link}


def _group(ask: Ask) -> Row:
    name, ident = ask.arg("groupname"), ask.arg("groupId")
    for row in ask.site.table("groups").values():
        if (name and row["name"] == name) or (ident and row["groupId"] == ident):
            return dict(row)
    raise refuse(404, f"The group named '{name or ident}' does not exist.")


@routes.add("POST", "group", "createGroup", status=201)
def create_group(ask: Ask) -> Any:
    """Make a group."""
    name = str(ask.body().get("name") or "")
    if any(row["name"] == name for row in ask.site.table("groups").values()):
        raise refuse(400, f"A group with the name '{name}' already exists." if name else "")
    row = seed.add_group(ask.site, name, [])
    return {
        **shown_group(ask, row),
        "users": {"size": 0, "items": [], "max-results": 50, "start-index": 0, "end-index": 0},
        "expand": "users",
    }


@routes.add("DELETE", "group", "removeGroup")
def delete_group(ask: Ask) -> Any:
    """Delete a group."""
    ask.site.table("groups").drop(_group(ask)["groupId"])
    return Reply(200)


@routes.add("GET", "group/member", "getUsersFromGroup")
def members(ask: Ask) -> Any:
    """Return a group's members in pages."""
    return ask.page(_group(ask)["members"], "values", lambda x: ask.render.user(x), size=50)


@routes.add("POST", "group/user", "addUserToGroup", status=201)
def add_member(ask: Ask) -> Any:
    """Put a user into a group."""
    row, body = _group(ask), ask.body()
    user = ask.site.user(body.get("accountId") or body.get("name"))
    if user is None:
        raise refuse(404, "The user does not exist.")
    if user["accountId"] in row["members"]:
        raise refuse(
            400,
            "Cannot add user. User is already a member of the group."
            if ask.site.cloud
            else "User is already a member.",
        )
    new = ask.site.table("groups").patch(
        row["groupId"], members=(*row["members"], user["accountId"])
    )
    return {**shown_group(ask, new), "expand": "users"}


@routes.add("DELETE", "group/user", "removeUserFromGroup")
def remove_member(ask: Ask) -> Any:
    """Take a user out of a group."""
    row = _group(ask)
    user = ask.site.user(ask.arg("accountId") or ask.arg("username"))
    if user is None or user["accountId"] not in row["members"]:
        raise refuse(404, "The user is not a member of the group.")
    left = tuple(x for x in row["members"] if x != user["accountId"])
    ask.site.table("groups").patch(row["groupId"], members=left)
    return Reply(200)


@routes.add("GET", "group/bulk", "bulkGetGroups")
def groups(ask: Ask) -> Any:
    """Return groups in pages."""
    rows = ask.site.table("groups").values()
    return ask.page(rows, "values", lambda r: {"name": r["name"], "groupId": r["groupId"]})


@routes.add("GET", "groups/picker", "findGroups")
def group_picker(ask: Ask) -> Any:
    """Find groups by a part of their name."""
    query = ask.arg("query").lower()
    rows = [r for r in ask.site.table("groups").values() if query in r["name"].lower()]
    shown = [
        {"name": r["name"], "html": r["name"], "labels": [], "groupId": r["groupId"]}
        for r in rows[:20]
    ]
    return {
        "header": f"Showing {len(shown)} of {len(rows)} matching groups",
        "total": len(rows),
        "groups": shown,
    }


@routes.add("GET", "user/groups", "getUserGroups")
def groups_of(ask: Ask) -> Any:
    """Return a user's groups."""
    row = users.asked(ask)
    return [
        shown_group(ask, g)
        for g in ask.site.table("groups").values()
        if row["accountId"] in g["members"]
    ]


# --- permissions and roles
_PERMISSIONS = [
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


@routes.add("GET", "mypermissions", "getMyPermissions")
def my_permissions(ask: Ask) -> Any:
    """Return which permissions the caller has."""
    wanted = ask.many("permissions") or (_PERMISSIONS if not ask.site.cloud else [])
    if not wanted:
        raise refuse(400, "The 'permissions' query parameter is required.")
    unknown = [p for p in wanted if p not in _PERMISSIONS]
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
                "id": str(_PERMISSIONS.index(name)),
                "key": name,
                "name": name.replace("_", " ").capitalize(),
                "type": "GLOBAL" if name in _GLOBAL else "PROJECT",
                "description": "",
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
        "description": role["description"],
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
                f"We can't find '{account}' in any accessible user directory. Check they're still active and available, and try again.",
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
        {"id": r["id"], "name": r["name"], "schema": r.get("schema", {}), "description": ""}
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
