"""What a site has from the start, as lists: workflows, events, pictures, schemes' defaults."""

from typing import Any, Final

from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import projects
from unlit.twins.services.jira.site import refuse

routes = Routes()
_EVENTS: Final = (
    "Issue Created", "Issue Updated", "Issue Assigned", "Issue Resolved", "Issue Closed",
    "Issue Commented", "Issue Reopened", "Issue Deleted", "Issue Moved", "Work Logged On Issue",
    "Work Started On Issue", "Work Stopped On Issue", "Generic Event", "Issue Comment Edited",
    "Issue Worklog Updated", "Issue Worklog Deleted", "Issue Comment Deleted",
)  # fmt: skip
_PICTURES: Final = {"project": range(10400, 10426), "issuetype": range(10300, 10323),
                    "user": range(10336, 10354)}  # fmt: skip
_SIZES: Final = {"16x16": "xsmall", "24x24": "small", "32x32": "medium", "48x48": "large"}


@routes.add("GET", "events", "getEvents")
def events(ask: Ask) -> Any:
    """Return the events that a notification scheme may name."""
    return [{"id": number, "name": name} for number, name in enumerate(_EVENTS, 1)]


def event_name(number: str) -> str | None:
    """Return the name of an event by its id."""
    known = {str(at): name for at, name in enumerate(_EVENTS, 1)}
    return known.get(number)


@routes.add("GET", "configuration/timetracking", "getSelectedTimeTrackingImplementation")
def time_tracking(ask: Ask) -> Any:
    """Return what counts time."""
    return {"key": "JIRA", "name": "JIRA provided time tracking"}


@routes.add("GET", "configuration/timetracking/list", "getAvailableTimeTrackingImplementations")
def time_trackings(ask: Ask) -> Any:
    """Return what could count time."""
    return [time_tracking(ask)]


# --- pictures
def _picture(ask: Ask, kind: str, number: int, selected: int | None) -> Row:
    at = f"{ask.render.api}/universal_avatar/view/type/{kind}/avatar/{number}"
    urls = {size: f"{at}?size={word}" for size, word in _SIZES.items()}
    return {
        "id": str(number), "isSystemAvatar": True, "isSelected": number == selected,
        "isDeletable": False, "urls": urls,
    }  # fmt: skip


def _pictures(ask: Ask, kind: str, selected: int | None = None) -> list[Row]:
    return [_picture(ask, kind, number, selected) for number in _PICTURES.get(kind, ())]


@routes.add("GET", "avatar/{type}/system", "getAllSystemAvatars")
def system_pictures(ask: Ask) -> Any:
    """Return the pictures that every site has."""
    return {"system": _pictures(ask, ask.params["type"])}


@routes.add("GET", "project/{projectIdOrKey}/avatars", "getAllProjectAvatars")
def project_pictures(ask: Ask) -> Any:
    """Return the pictures a project may take, its own among them."""
    row = projects.named(ask)
    own = ask.site.table("pictures").get(("project", str(row["id"]))) or ()
    return {
        "system": _pictures(ask, "project", row.get("avatarId")),
        "custom": [own_picture(ask, "project", str(row["id"]), key) for key in own],
    }


def own_picture(ask: Ask, kind: str, owner: str, key: str) -> Row:
    """Render a picture that somebody loaded up."""
    chosen = (ask.site.table("projects").get(owner) or {}).get("avatarId")
    shown = _picture(ask, kind, int(key), chosen)
    return {**shown, "isSystemAvatar": False, "isDeletable": True, "owner": owner}


# --- workflows
def _steps(ask: Ask, flow: Row) -> list[str]:
    return list(dict.fromkeys(str(step["to"]) for step in flow["transitions"]))


@routes.add("GET", "workflow", "getAllWorkflows")
def workflows(ask: Ask) -> Any:
    """Return every workflow, in its short form."""
    wanted = ask.arg("workflowName")
    return [
        {"name": name, "description": "", "steps": len(_steps(ask, flow)), "default": False}
        for name, flow in ask.site.table("workflows").items()
        if wanted in ("", name)
    ]


def _workflow(ask: Ask, name: str, flow: Row) -> Row:
    out: Row = {"id": {"name": name, "entityId": f"{ask.site.world.id}-{name}"}, "description": ""}
    if "transitions" in ask.arg("expand"):
        out["transitions"] = [
            {"id": step["id"], "name": step["name"], "description": "",
             "from": list(step.get("from") or ()), "to": step["to"],
             "type": "directed" if step.get("from") else "global"}
            for step in flow["transitions"]
        ]  # fmt: skip
    if "statuses" in ask.arg("expand"):
        table = ask.site.table("statuses")
        out["statuses"] = [
            {"id": ident, "name": table[ident]["name"]}
            for ident in _steps(ask, flow)
            if ident in table
        ]
    out["isDefault"] = False
    return out


@routes.add("GET", "workflow/search", "getWorkflowsPaginated")
def search_workflows(ask: Ask) -> Any:
    """Find workflows, in pages."""
    wanted, words = ask.many("workflowName"), ask.arg("queryString").lower()
    found = [
        (name, flow)
        for name, flow in ask.site.table("workflows").items()
        if (not wanted or name in wanted) and words in name.lower()
    ]
    return ask.page(found, "values", lambda pair: _workflow(ask, *pair))


# --- the schemes a project has
def _scheme(ask: Ask, stem: str, default: str) -> Row:
    project = projects.named(ask, "projectKeyOrId")
    rows = ask.site.world.table(f"jira.at:/rest/api/3/{stem}")
    row = rows.get(str(project.get(stem, default))) or rows[default]
    return {**row, "self": f"{ask.render.api}/{stem}/{row['id']}"}


@routes.add("GET", "project/{projectKeyOrId}/permissionscheme", "getAssignedPermissionScheme")
def permission_scheme(ask: Ask) -> Any:
    """Return the permission scheme of a project."""
    return _scheme(ask, "permissionscheme", "0")


@routes.add("PUT", "project/{projectKeyOrId}/permissionscheme", "assignPermissionScheme")
def assign_permission_scheme(ask: Ask) -> Any:
    """Give a project another permission scheme."""
    project, ident = projects.named(ask, "projectKeyOrId"), str(ask.body().get("id", ""))
    if ident not in ask.site.world.table("jira.at:/rest/api/3/permissionscheme"):
        raise refuse(404, f"The permission scheme with id '{ident}' does not exist.")
    ask.site.table("projects").patch(project["id"], permissionscheme=ident)
    return _scheme(ask, "permissionscheme", "0")


@routes.add("GET", "project/{projectKeyOrId}/notificationscheme", "getNotificationSchemeForProject")
def notification_scheme(ask: Ask) -> Any:
    """Return the notification scheme of a project."""
    return _scheme(ask, "notificationscheme", "10000")
