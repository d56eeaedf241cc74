"""Components and versions of projects, properties, remote links, attachments."""

import mimetypes
from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.kit.multipart import parse_multipart
from unlit.twins.services.jira import notify, objects, seed
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Change, Row
from unlit.twins.services.jira.routes import projects
from unlit.twins.services.jira.site import refuse

routes = Routes()


def _project_for(ask: Ask, body: Row) -> Row:
    found = ask.site.project(body.get("project") or body.get("projectId") or "")
    if found is None:
        name = body.get("project") or body.get("projectId")
        raise (
            refuse(404, f"No project could be found with key '{name}'.")
            if name
            else refuse(400, project="No project specified.")
        )
    return found


def _named(ask: Ask, table: str, word: str) -> Row:
    row = ask.site.table(table).get(ask.params["id"])
    if row is None:
        raise refuse(
            404,
            f"The {word} with id {ask.params['id']} does not exist."
            if word == "component"
            else f"Could not find version for id '{ask.params['id']}'",
        )
    return dict(row)


def _unique(
    ask: Ask, table: str, project: Row, name: str, text: str, ident: str | None = None
) -> None:
    for row in ask.site.of(table, project=project["id"]):
        if row["name"].lower() == name.lower() and row["id"] != ident:
            raise refuse(400, name=text.format(name))


@routes.add("POST", "component", "createComponent", status=201)
def create_component(ask: Ask) -> Any:
    """Make a component."""
    body = ask.body()
    project = _project_for(ask, body)
    if not body.get("name"):
        raise refuse(
            400, name="The component name specified is invalid - cannot be an empty string."
        )
    _unique(
        ask,
        "components",
        project,
        body["name"],
        "A component with the name {} already exists in this project.",
    )
    kept = {k: body[k] for k in ("name", "description", "assigneeType") if body.get(k) is not None}
    row = seed.add_part(
        ask.site, "components", project, {**kept, "lead": body.get("leadAccountId")}
    )
    return projects.component(ask, row)


@routes.add("GET", "component/{id}", "getComponent")
def component(ask: Ask) -> Any:
    """Return a component."""
    return projects.component(ask, _named(ask, "components", "component"))


@routes.add("PUT", "component/{id}", "updateComponent")
def update_component(ask: Ask) -> Any:
    """Change a component."""
    row, body = _named(ask, "components", "component"), ask.body()
    changes: Row = {k: body[k] for k in ("name", "description", "assigneeType") if k in body}
    if "leadAccountId" in body:
        changes["lead"] = body["leadAccountId"]
    return projects.component(ask, ask.site.table("components").put(row["id"], {**row, **changes}))


def _without(ask: Ask, field: str, ident: str, instead: str | None) -> None:
    issues = ask.site.table("issues")
    for issue in [i for i in issues.values() if ident in (i["fields"].get(field) or ())]:
        left = [x for x in issue["fields"][field] if x != ident]
        if instead and instead not in left:
            left.append(instead)
        ask.site.change_issue(issue, {field: left}, ask.me)


@routes.add("DELETE", "component/{id}", "deleteComponent")
def delete_component(ask: Ask) -> Any:
    """Delete a component; its issues lose it or get another."""
    row = _named(ask, "components", "component")
    _without(ask, "components", row["id"], ask.arg("moveIssuesTo") or None)
    ask.site.table("components").drop(row["id"])
    return Reply(204)


@routes.add("GET", "component/{id}/relatedIssueCounts", "getComponentRelatedIssues")
def component_count(ask: Ask) -> Any:
    """Return how many issues have a component."""
    row = _named(ask, "components", "component")
    issues = ask.site.table("issues").values()
    count = sum(row["id"] in (i["fields"].get("components") or ()) for i in issues)
    return {"self": f"{ask.render.api}/component/{row['id']}", "issueCount": count}


_VERSION = ("name", "description", "archived", "released", "startDate", "releaseDate")


@routes.add("POST", "version", "createVersion", status=201)
def create_version(ask: Ask) -> Any:
    """Make a version."""
    body = ask.body()
    project = _project_for(ask, body)
    if not body.get("name"):
        raise refuse(400, name="You must specify a valid version name")
    _unique(
        ask,
        "versions",
        project,
        body["name"],
        "A version with this name already exists in this project.",
    )
    kept = {k: body[k] for k in _VERSION if body.get(k) is not None}
    row = seed.add_part(ask.site, "versions", project, kept)
    shown = projects.version(ask, row)
    notify.other(ask, "jira:version_created", "version", shown)
    return shown


@routes.add("GET", "version/{id}", "getVersion")
def version(ask: Ask) -> Any:
    """Return a version."""
    return projects.version(ask, _named(ask, "versions", "version"))


@routes.add("PUT", "version/{id}", "updateVersion")
def update_version(ask: Ask) -> Any:
    """Change a version: release, archive, rename."""
    row, body = _named(ask, "versions", "version"), ask.body()
    project = ask.site.table("projects")[row["project"]]
    if body.get("name"):
        _unique(
            ask,
            "versions",
            project,
            body["name"],
            "A version with this name already exists in this project.",
            row["id"],
        )
    new = ask.site.table("versions").put(
        row["id"], {**row, **{k: body[k] for k in _VERSION if k in body}}
    )
    shown = projects.version(ask, new)
    event = (
        "jira:version_released"
        if new["released"] and not row["released"]
        else "jira:version_updated"
    )
    notify.other(ask, event, "version", shown)
    return shown


@routes.add("DELETE", "version/{id}", "deleteVersion")
def delete_version(ask: Ask) -> Any:
    """Delete a version; its issues lose it or get another."""
    row = _named(ask, "versions", "version")
    _without(ask, "fixVersions", row["id"], ask.arg("moveFixIssuesTo") or None)
    _without(ask, "versions", row["id"], ask.arg("moveAffectedIssuesTo") or None)
    ask.site.table("versions").drop(row["id"])
    notify.other(ask, "jira:version_deleted", "version", projects.version(ask, row))
    return Reply(204)


@routes.add("GET", "version/{id}/relatedIssueCounts", "getVersionRelatedIssues")
def version_counts(ask: Ask) -> Any:
    """Return how many issues a version fixes or affects."""
    row = _named(ask, "versions", "version")
    issues = list(ask.site.table("issues").values())
    return {
        "self": f"{ask.render.api}/version/{row['id']}",
        "issuesFixedCount": sum(
            row["id"] in (i["fields"].get("fixVersions") or ()) for i in issues
        ),
        "issuesAffectedCount": sum(
            row["id"] in (i["fields"].get("versions") or ()) for i in issues
        ),
        "issueCountWithCustomFieldsShowingVersion": 0,
        "customFieldUsage": [],
    }


@routes.add("GET", "version/{id}/unresolvedIssueCount", "getVersionUnresolvedIssues")
def unresolved(ask: Ask) -> Any:
    """Return how many issues of a version are unresolved."""
    row = _named(ask, "versions", "version")
    mine = [
        i
        for i in ask.site.table("issues").values()
        if row["id"] in (i["fields"].get("fixVersions") or ())
    ]
    return {
        "self": f"{ask.render.api}/version/{row['id']}",
        "issuesUnresolvedCount": sum(not i["fields"].get("resolution") for i in mine),
        "issuesCount": len(mine),
    }


# --- properties of issues, projects, users, comments
def _owner(ask: Ask) -> Any:
    if "issueIdOrKey" in ask.params:
        return ask.issue()["id"]
    if "projectIdOrKey" in ask.params:
        return "project " + projects.named(ask)["id"]
    if "commentId" in ask.params:
        return "comment " + ask.params["commentId"]
    return "user " + (ask.arg("accountId") or str(ask.me))


def _property_routes(stem: str, word: str) -> None:
    @routes.add(
        "GET",
        f"{stem}/properties",
        f"get{word}PropertyKeys" if word != "User" else "getUserPropertyKeys",
    )
    def keys(ask: Ask) -> Any:
        owner = _owner(ask)
        base = ask.base + ask.request.raw_path
        names = [key for ident, key in ask.site.table("properties") if ident == owner]
        return {"keys": [{"self": f"{base}/{key}", "key": key} for key in names]}

    @routes.add("GET", f"{stem}/properties/{{propertyKey}}", f"get{word}Property")
    def read(ask: Ask) -> Any:
        table, spot = ask.site.table("properties"), (_owner(ask), ask.params["propertyKey"])
        if spot not in table:
            raise refuse(404, "The property with key '" + spot[1] + "' does not exist.")
        return {"key": spot[1], "value": table[spot]}

    @routes.add("PUT", f"{stem}/properties/{{propertyKey}}", f"set{word}Property")
    def write(ask: Ask) -> Any:
        table, spot = ask.site.table("properties"), (_owner(ask), ask.params["propertyKey"])
        status = 200 if spot in table else 201
        table.put(spot, ask.exchange.json())
        return Reply(status, {})

    @routes.add("DELETE", f"{stem}/properties/{{propertyKey}}", f"delete{word}Property")
    def remove(ask: Ask) -> Any:
        spot = (_owner(ask), ask.params["propertyKey"])
        if ask.site.table("properties").drop(spot) is None:
            raise refuse(404, "The property with key '" + spot[1] + "' does not exist.")
        return Reply(204)


_property_routes("issue/{issueIdOrKey}", "Issue")
_property_routes("project/{projectIdOrKey}", "Project")
_property_routes("user", "User")
_property_routes("comment/{commentId}", "Comment")


# --- remote links
def shown_remote(ask: Ask, issue: Row, row: Row) -> Row:
    """Render a remote link."""
    link = f"{ask.render.api}/issue/{issue['key']}/remotelink/{row['id']}"
    return {
        "id": row["id"],
        "self": link,
        **{k: v for k, v in row.items() if k not in ("id", "issue")},
    }


@routes.add("GET", "issue/{issueIdOrKey}/remotelink", "getRemoteIssueLinks")
def remote_links(ask: Ask) -> Any:
    """Return an issue's remote links, or the one with a global id."""
    issue = ask.issue()
    rows = [shown_remote(ask, issue, r) for r in ask.site.of("remotelinks", issue=issue["id"])]
    wanted = ask.arg("globalId")
    if wanted:
        found = next((r for r in rows if r.get("globalId") == wanted), None)
        if found is None:
            raise refuse(404, "No remote link with that global id.")
        return found
    return rows


@routes.add("POST", "issue/{issueIdOrKey}/remotelink", "createOrUpdateRemoteIssueLink", status=201)
def add_remote(ask: Ask) -> Any:
    """Add a remote link, or replace the one with its global id."""
    issue, body = ask.issue(), ask.body()
    target = body.get("object") or {}
    problems = {f"object.{k}": f"'{k}' is required" for k in ("url", "title") if not target.get(k)}
    if problems:
        raise refuse(400, **problems)
    table = ask.site.table("remotelinks")
    wanted = body.get("globalId")
    old = next(
        (
            r
            for r in ask.site.of("remotelinks", issue=issue["id"])
            if wanted and r.get("globalId") == wanted
        ),
        None,
    )
    number = old["id"] if old else ask.site.world.number("jira.remotelink", 10000)
    row = table.put(number, {"id": number, "issue": issue["id"], **body})
    if old is None:
        text = f'This issue links to "{target["title"]}"'
        ask.site.history(
            issue["id"],
            [Change("RemoteIssueLink", "", "jira", None, None, str(number), text)],
            ask.me,
            ask.site.now(),
        )
    link = shown_remote(ask, issue, row)["self"]
    return Reply(200 if old else 201, {"id": number, "self": link})


def _remote(ask: Ask, issue: Row) -> Row:
    wanted = ask.params["linkId"]
    row = ask.site.table("remotelinks").get(int(wanted)) if wanted.isdigit() else None
    if row is None or row["issue"] != issue["id"]:
        raise refuse(404, f"The remote issue link with id '{wanted}' does not exist.")
    return dict(row)


@routes.add("GET", "issue/{issueIdOrKey}/remotelink/{linkId}", "getRemoteIssueLinkById")
def remote_link(ask: Ask) -> Any:
    """Return a remote link."""
    issue = ask.issue()
    return shown_remote(ask, issue, _remote(ask, issue))


@routes.add("PUT", "issue/{issueIdOrKey}/remotelink/{linkId}", "updateRemoteIssueLink")
def update_remote(ask: Ask) -> Any:
    """Replace a remote link."""
    row = _remote(ask, ask.issue())
    ask.site.table("remotelinks").put(
        row["id"], {"id": row["id"], "issue": row["issue"], **ask.body()}
    )
    return Reply(204)


@routes.add("DELETE", "issue/{issueIdOrKey}/remotelink/{linkId}", "deleteRemoteIssueLinkById")
def delete_remote(ask: Ask) -> Any:
    """Delete a remote link."""
    ask.site.table("remotelinks").drop(_remote(ask, ask.issue())["id"])
    return Reply(204)


@routes.add("DELETE", "issue/{issueIdOrKey}/remotelink", "deleteRemoteIssueLinkByGlobalId")
def delete_remote_global(ask: Ask) -> Any:
    """Delete a remote link by its global id."""
    issue, wanted = ask.issue(), ask.arg("globalId")
    row = next(
        (r for r in ask.site.of("remotelinks", issue=issue["id"]) if r.get("globalId") == wanted),
        None,
    )
    if row is None:
        raise refuse(404, "No remote link with that global id.")
    ask.site.table("remotelinks").drop(row["id"])
    return Reply(204)


# --- attachments
@routes.add("POST", "issue/{issueIdOrKey}/attachments", "addAttachment")
def attach(ask: Ask) -> Any:
    """Add files; the header that guards against forgery must be there."""
    issue = ask.issue()
    if ask.request.headers.get("x-atlassian-token", "").lower() not in ("no-check", "nocheck"):
        return Reply(403, b"XSRF check failed", [("content-type", "text/html;charset=UTF-8")])
    out: list[Row] = []
    changes: list[Change] = []
    for part in parse_multipart(ask.request) or []:
        if not part.filename:
            continue
        kind = part.headers.get("content-type") or mimetypes.guess_type(part.filename)[0]
        row: Row = {
            "id": ask.site.fresh("attachments"),
            "issue": issue["id"],
            "filename": part.filename,
            "author": ask.me,
            "created": ask.site.now(),
            "size": len(part.data),
            "mimeType": kind or "application/octet-stream",
            "content": part.data,
        }
        objects.attach(ask, "attachments", issue, row)
        changes.append(
            Change("Attachment", "attachment", "jira", None, None, row["id"], row["filename"])
        )
        out.append(ask.render.attachment(row))
    if not out:
        raise refuse(400, "No attachment was found in the request.")
    ask.site.history(issue["id"], changes, ask.me, ask.site.now())
    ask.site.touch(issue)
    for shown in out:
        notify.other(ask, "attachment_created", "attachment", shown)
    return out


def _attachment(ask: Ask) -> Row:
    row = ask.site.table("attachments").get(ask.params["id"])
    if row is None:
        raise refuse(404, f"The attachment with id '{ask.params['id']}' does not exist")
    return dict(row)


@routes.add("GET", "attachment/{id}", "getAttachment")
def attachment(ask: Ask) -> Any:
    """Return an attachment's metadata."""
    return ask.render.attachment(_attachment(ask), within=False)


@routes.add("GET", "attachment/content/{id}", "getAttachmentContent")
def content(ask: Ask) -> Any:
    """Return an attachment's bytes."""
    row = _attachment(ask)
    shown = f'attachment; filename="{row["filename"]}"'
    return Reply(
        200, row["content"], [("content-type", row["mimeType"]), ("content-disposition", shown)]
    )


@routes.add("DELETE", "attachment/{id}", "removeAttachment")
def delete_attachment(ask: Ask) -> Any:
    """Delete an attachment."""
    row = _attachment(ask)
    objects.detach(ask, "attachments", row)
    change = Change("Attachment", "attachment", "jira", row["id"], row["filename"], None, None)
    ask.site.history(row["issue"], [change], ask.me, ask.site.now())
    notify.other(ask, "attachment_deleted", "attachment", ask.render.attachment(row))
    return Reply(204)


@routes.add("GET", "attachment/meta", "getAttachmentMeta")
def attachment_meta(ask: Ask) -> Any:
    """Return whether attachments are on, and how large they may be."""
    return {"enabled": True, "uploadLimit": 1_000_000_000}
