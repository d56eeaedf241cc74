"""Projects: list, search, create, edit, delete, their statuses, components and versions."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import notify, seed
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import meta
from unlit.twins.services.jira.site import refuse

routes = Routes()


def named(ask: Ask, param: str = "projectIdOrKey") -> Row:
    """Return the project that the path names."""
    wanted = ask.params[param]
    found = ask.site.project(wanted) if ask.me is not None else None
    if found is None or (found["name"] == wanted and wanted not in (found["key"], found["id"])):
        word = "id" if wanted.isdigit() else "key"
        raise refuse(404, f"No project could be found with {word} '{wanted}'.")
    return found


def listed(ask: Ask, row: Row, wanted: set[str]) -> Row:
    """Render a project as lists show it."""
    render = ask.render
    out: Row = {
        "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight"
        if ask.site.cloud
        else "description,lead,url,projectKeys",
        "self": f"{render.api}/project/{row['id']}",
        "id": row["id"],
        "key": row["key"],
        "name": row["name"],
        "avatarUrls": render.project_avatars(row),
        "projectTypeKey": row["projectTypeKey"],
    }
    if row.get("category"):
        out["projectCategory"] = render.project_category(row["category"])
    if not ask.site.cloud:
        out["archived"] = bool(row.get("archived"))
    else:
        if row.get("archived"):
            out["archived"] = True
        out |= {
            "simplified": row["simplified"],
            "style": row["style"],
            "isPrivate": False,
            "properties": {},
        }
        if row.get("uuid"):
            out |= {"entityId": row["uuid"], "uuid": row["uuid"]}
    if "description" in wanted:
        out["description"] = row["description"]
    if "lead" in wanted:
        out["lead"] = render.user(row["lead"])
    if "issueTypes" in wanted:
        out["issueTypes"] = [render.issue_type(ident) for ident in row["types"]]
    if "url" in wanted and row.get("url"):
        out["url"] = row["url"]
    if "projectKeys" in wanted:
        out["projectKeys"] = [row["key"]]
    return out


def whole(ask: Ask, row: Row) -> Row:
    """Render a project as its own resource shows it."""
    render = ask.render
    site = ask.site
    base = listed(ask, row, set())
    out: Row = {
        "expand": base["expand"],
        "self": base["self"],
        "id": row["id"],
        "key": row["key"],
        "description": row["description"],
        "lead": render.user(row["lead"]),
        "components": [component(ask, r) for r in site.of("components", project=row["id"])],
        "issueTypes": [render.issue_type(ident) for ident in row["types"]],
        "assigneeType": row["assigneeType"],
        "versions": [version(ask, r) for r in site.of("versions", project=row["id"])],
        "name": row["name"],
        "roles": {
            role["name"]: f"{render.api}/project/{row['id']}/role/{role['id']}"
            for role in site.table("roles").values()
        },
    }
    if row.get("url"):
        out["url"] = row["url"]
    return out | {k: v for k, v in base.items() if k not in out}


def component(ask: Ask, row: Row) -> Row:
    """Render a component."""
    out: Row = {
        "self": f"{ask.render.api}/component/{row['id']}",
        "id": row["id"],
        "name": row["name"],
    }
    if row.get("description"):
        out["description"] = row["description"]
    if row.get("lead"):
        out["lead"] = ask.render.user(row["lead"])
    project = ask.site.table("projects")[row["project"]]
    kind = row.get("assigneeType", "PROJECT_DEFAULT")
    out |= {"assigneeType": kind, "realAssigneeType": kind, "isAssigneeTypeValid": False}
    return out | {"project": project["key"], "projectId": int(project["id"])}


def version(ask: Ask, row: Row) -> Row:
    """Render a version."""
    out: Row = {"self": f"{ask.render.api}/version/{row['id']}", "id": row["id"]}
    if row.get("description"):
        out["description"] = row["description"]
    out |= {"name": row["name"], "archived": row["archived"], "released": row["released"]}
    for name in ("startDate", "releaseDate"):
        if row.get(name):
            out[name] = row[name]
    if row.get("releaseDate"):
        today = ask.site.world.moment().date().isoformat()
        out["overdue"] = not row["released"] and row["releaseDate"] < today
    return out | {"projectId": int(row["project"])}


@routes.add("GET", "project", "getAllProjects")
def every(ask: Ask) -> Any:
    """Return all projects."""
    wanted = set(ask.many("expand"))
    return [listed(ask, row, wanted) for row in _sorted(ask)]


def _sorted(ask: Ask) -> list[Row]:
    if ask.me is None:
        return []
    wanted = ask.many("status") or ["live"]
    rows = [
        row
        for row in ask.site.table("projects").values()
        if ("archived" if row.get("archived") else "live") in wanted
    ]
    return sorted(rows, key=lambda row: row["name"].lower())


@routes.add("GET", "project/search", "searchProjects")
def search(ask: Ask) -> Any:
    """Return projects in pages, filtered and ordered."""
    query = ask.arg("query").lower()
    keys, ids = [k.upper() for k in ask.many("keys")], ask.many("id")
    kinds = ask.many("typeKey")
    rows = [
        row
        for row in _sorted(ask)
        if (not query or query in row["name"].lower() or query in row["key"].lower())
        and (not keys or row["key"].upper() in keys)
        and (not ids or row["id"] in ids)
        and (not kinds or row["projectTypeKey"] in kinds)
    ]
    order = ask.arg("orderBy", "key")
    column = order.lstrip("+-")
    if column in ("key", "name", "id"):
        rows.sort(key=lambda row: str(row[column]).lower(), reverse=order.startswith("-"))
    wanted = set(ask.many("expand"))
    return ask.page(rows, "values", lambda row: listed(ask, row, wanted))


@routes.add("GET", "project/{projectIdOrKey}", "getProject")
def read(ask: Ask) -> Any:
    """Return a project."""
    return whole(ask, named(ask))


@routes.add("POST", "project", "createProject", status=201)
def create(ask: Ask) -> Any:
    """Create a project."""
    body = ask.body()
    errors = _problems(ask, body)
    if errors:
        raise refuse(400, **errors)
    lead = body.get("leadAccountId") or body.get("lead")
    template = str(body.get("projectTemplateKey", ""))
    row = seed.add_project(
        ask.site,
        {
            "key": body["key"],
            "name": body["name"],
            "description": body.get("description", ""),
            "projectTypeKey": body.get("projectTypeKey", "software"),
            "assigneeType": body.get("assigneeType", "UNASSIGNED"),
            "lead": lead or ask.me,
            "template": "scrum" if "scrum" in template else "kanban",
        },
    )
    seed.add_board(ask.site, row)
    if body.get("url"):
        row = ask.site.table("projects").patch(row["id"], url=body["url"])
    notify.other(ask, "project_created", "project", whole(ask, row))
    return {
        "self": f"{ask.render.api}/project/{row['id']}",
        "id": int(row["id"]),
        "key": row["key"],
    }


def _problems(ask: Ask, body: Row) -> dict[str, str]:
    errors: dict[str, str] = {}
    key, name = str(body.get("key") or ""), str(body.get("name") or "")
    if not name:
        errors["projectName"] = "You must specify a valid project name."
    elif ask.site.named("projects", name) is not None:
        errors["projectName"] = "A project with that name already exists."
    if not key:
        errors["projectKey"] = "You must specify a valid project key."
    elif not (key.isalnum() and key[0].isalpha() and key.isupper()) or len(key) < 2:
        errors["projectKey"] = (
            "Project keys must start with an uppercase letter, followed by one or more uppercase "
            "alphanumeric characters."
        )
    elif (other := ask.site.project(key)) is not None and other["key"] == key:
        errors["projectKey"] = f"Project '{other['name']}' uses this project key."
    lead = body.get("leadAccountId") or body.get("lead")
    if lead and ask.site.user(lead) is None:
        errors["projectLead"] = "The user does not exist."
    return errors


@routes.add("PUT", "project/{projectIdOrKey}", "updateProject")
def update(ask: Ask) -> Any:
    """Change a project; a new key moves its issues' keys."""
    row, body = named(ask), ask.body()
    changes: Row = {
        k: body[k] for k in ("name", "description", "url", "assigneeType", "key") if k in body
    }
    if body.get("leadAccountId"):
        changes["lead"] = body["leadAccountId"]
    if "key" in changes and changes["key"] != row["key"]:
        _rekey(ask, row, changes["key"])
    ask.site.table("projects").put(row["id"], {**row, **changes})
    return whole(ask, ask.site.table("projects")[row["id"]])


def _rekey(ask: Ask, row: Row, key: str) -> None:
    if ask.site.project(key) is not None:
        raise refuse(400, projectKey=f"Project '{key}' uses this project key.")
    issues, keys = ask.site.table("issues"), ask.site.table("keys")
    for issue in [i for i in issues.values() if i["project"] == row["id"]]:
        new = f"{key}-{issue['key'].rpartition('-')[2]}"
        issues.put(issue["id"], {**issue, "key": new})
        keys.put(new, issue["id"])


@routes.add("DELETE", "project/{projectIdOrKey}", "deleteProject")
def delete(ask: Ask) -> Any:
    """Delete a project and its issues."""
    row = named(ask)
    site = ask.site
    for issue in [i for i in site.table("issues").values() if i["project"] == row["id"]]:
        site.table("issues").drop(issue["id"])
        site.table("keys").drop(issue["key"])
    for board in [b for b in site.table("boards").values() if b["project"] == row["id"]]:
        site.table("boards").drop(board["id"])
    site.table("projects").drop(row["id"])
    notify.other(ask, "project_deleted", "project", {"id": int(row["id"]), "key": row["key"]})
    return Reply(204)


@routes.add("GET", "project/{projectIdOrKey}/statuses", "getAllStatuses")
def statuses(ask: Ask) -> Any:
    """Return the statuses of each issue type."""
    row = named(ask)
    flow = ask.site.table("workflows").get(row["workflow"]) or {"transitions": []}
    idents = list(dict.fromkeys(t["to"] for t in flow["transitions"]))
    shown = [ask.render.status(ident) for ident in idents]
    out: list[Row] = []
    for kind in ask.site.types(row):
        one = meta.typed(ask, kind["id"])
        keys = ("self", "id", "name", "subtask")
        out.append({k: one[k] for k in keys} | {"statuses": shown})
    return out


@routes.add("GET", "project/{projectIdOrKey}/components", "getProjectComponents")
def components(ask: Ask) -> Any:
    """Return a project's components."""
    row = named(ask)
    return [component(ask, r) for r in ask.site.of("components", project=row["id"])]


@routes.add("GET", "project/{projectIdOrKey}/component", "getProjectComponentsPaginated")
def component_page(ask: Ask) -> Any:
    """Return a project's components in pages."""
    row = named(ask)
    query = ask.arg("query").lower()
    rows = [r for r in ask.site.of("components", project=row["id"]) if query in r["name"].lower()]
    return ask.page(rows, "values", lambda r: component(ask, r))


@routes.add("GET", "project/{projectIdOrKey}/versions", "getProjectVersions")
def versions(ask: Ask) -> Any:
    """Return a project's versions."""
    row = named(ask)
    return [version(ask, r) for r in ask.site.of("versions", project=row["id"])]


@routes.add("GET", "project/{projectIdOrKey}/version", "getProjectVersionsPaginated")
def version_page(ask: Ask) -> Any:
    """Return a project's versions in pages."""
    row = named(ask)
    query = ask.arg("query").lower()
    rows = [r for r in ask.site.of("versions", project=row["id"]) if query in r["name"].lower()]
    return ask.page(rows, "values", lambda r: version(ask, r))
