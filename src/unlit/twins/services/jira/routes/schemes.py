"""Schemes and what is in them: pairs, types, levels, notifications; screens, plans, pictures."""

import re
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import inventory, projects
from unlit.twins.services.jira.routes.tending import (
    ids_in,
    put_in_order,
    reordered,
    row_at,
    rows_at,
)
from unlit.twins.services.jira.site import refuse

routes = Routes()


# --- schemes: lists of pairs inside a scheme
def _pairs(
    ask: Ask, path: str, key: str, words: str, name: str, left: str, right: str
) -> tuple[Row, dict[str, Row]]:
    row = row_at(ask, path, key, words)
    return row, {str(one[left]): dict(one) for one in row.get(name) or []}


def _merge(path: str, param: str, words: str, name: str, left: str, right: str, stem: str) -> None:
    """Let pairs be put into a scheme, and taken out of it by their left side."""

    @routes.add("PUT", f"{path}/{{{param}}}/mapping", f"map {stem}")
    def put(ask: Ask) -> Any:
        row, have = _pairs(ask, path, ask.params[param], words, name, left, right)
        given = ask.body().get(name)
        if not isinstance(given, list) or not given:
            raise refuse(400, f"{name} must not be empty.")
        for one in given:
            if not one.get(left) or not one.get(right):
                raise refuse(400, f"{left} and {right} must be given.")
            have[str(one[left])] = {left: str(one[left]), right: str(one[right])}
        rows_at(ask, path).put(ask.params[param], {**row, name: list(have.values())})
        return Reply(204)

    @routes.add("POST", f"{path}/{{{param}}}/mapping/{stem}", f"unmap {stem}")
    def drop(ask: Ask) -> Any:
        row, have = _pairs(ask, path, ask.params[param], words, name, left, right)
        gone = ask.body().get("issueTypeIds")
        if not isinstance(gone, list) or not gone:
            raise refuse(400, "issueTypeIds must not be empty.")
        kept = [one for key, one in have.items() if key not in [str(g) for g in gone]]
        rows_at(ask, path).put(ask.params[param], {**row, name: kept})
        return Reply(204)


_merge("fieldconfigurationscheme", "id", "field configuration scheme", "mappings", "issueTypeId",
       "fieldConfigurationId", "delete")  # fmt: skip
_merge("issuetypescreenscheme", "issueTypeScreenSchemeId", "issue type screen scheme",
       "issueTypeMappings", "issueTypeId", "screenSchemeId", "remove")  # fmt: skip


@routes.add("GET", "fieldconfigurationscheme/mapping", "getFieldConfigurationSchemeMappings")
def field_mappings(ask: Ask) -> Any:
    """Return the pairs of all field configuration schemes."""
    return _all_pairs(ask, "fieldconfigurationscheme", "fieldConfigurationSchemeId", "mappings")


@routes.add("GET", "issuetypescreenscheme/mapping", "getIssueTypeScreenSchemeMappings")
def screen_mappings(ask: Ask) -> Any:
    """Return the pairs of all issue type screen schemes."""
    return _all_pairs(ask, "issuetypescreenscheme", "issueTypeScreenSchemeId", "issueTypeMappings")


def _all_pairs(ask: Ask, path: str, key: str, name: str) -> Any:
    wanted = ask.many(key)
    rows = [
        {key: str(ident), **one}
        for ident, row in rows_at(ask, path).items()
        for one in row.get(name) or []
        if not wanted or str(ident) in wanted
    ]
    return ask.page(rows, "values", lambda row: row)


@routes.add("PUT", "issuetypescreenscheme/{issueTypeScreenSchemeId}/mapping/default",
            "updateDefaultScreenScheme")  # fmt: skip
def default_screens(ask: Ask) -> Any:
    """Choose the screen scheme of all issue types that have none of their own."""
    path, key = "issuetypescreenscheme", ask.params["issueTypeScreenSchemeId"]
    row, have = _pairs(ask, path, key, "issue type screen scheme", "issueTypeMappings",
                       "issueTypeId", "screenSchemeId")  # fmt: skip
    chosen = str(ask.body().get("screenSchemeId") or "")
    if chosen not in rows_at(ask, "screenscheme"):
        raise refuse(404, f"The screen scheme with id '{chosen}' was not found.")
    have["default"] = {"issueTypeId": "default", "screenSchemeId": chosen}
    rows_at(ask, path).put(key, {**row, "issueTypeMappings": list(have.values())})
    return Reply(204)


# --- issue type schemes
_KIND: Final = "issuetypescheme/{issueTypeSchemeId}/issuetype"


def _types(ask: Ask) -> tuple[str, Row, list[str]]:
    key = ask.params["issueTypeSchemeId"]
    row = row_at(ask, "issuetypescheme", key, "issue type scheme")
    usual = list(ask.site.table("issuetypes")) if row.get("isDefault") else []
    return key, row, [str(one) for one in row.get("issueTypeIds") or usual]


@routes.add("PUT", _KIND, "addIssueTypesToIssueTypeScheme")
def add_types(ask: Ask) -> Any:
    """Add issue types to a scheme."""
    key, row, have = _types(ask)
    more = ids_in(ask, "issueTypeIds", "issuetypes", "issue type")
    if any(one in have for one in more):
        raise refuse(400, "The issue type scheme already has one of the issue types.")
    rows_at(ask, "issuetypescheme").put(key, {**row, "issueTypeIds": [*have, *more]})
    return Reply(204)


@routes.add("PUT", _KIND + "/move", "reorderIssueTypesInIssueTypeScheme")
def move_types(ask: Ask) -> Any:
    """Put the issue types of a scheme in another order."""
    key, row, have = _types(ask)
    order = reordered(ask, have, "issueTypeIds")
    rows_at(ask, "issuetypescheme").put(key, {**row, "issueTypeIds": order})
    return Reply(204)


@routes.add("DELETE", _KIND + "/{issueTypeId}", "removeIssueTypeFromIssueTypeScheme")
def drop_type(ask: Ask) -> Any:
    """Take an issue type out of a scheme; the last one stays."""
    key, row, have = _types(ask)
    gone = ask.params["issueTypeId"]
    if gone not in have:
        raise refuse(404, f"The issue type with id '{gone}' was not found.")
    if len(have) == 1:
        raise refuse(400, "The last issue type of a scheme cannot be removed.")
    left = [one for one in have if one != gone]
    rows_at(ask, "issuetypescheme").put(key, {**row, "issueTypeIds": left})
    return Reply(204)


@routes.add("GET", "issuetypescheme/mapping", "getIssueTypeSchemesMapping")
def type_mappings(ask: Ask) -> Any:
    """Return which issue types each scheme has."""
    wanted = ask.many("issueTypeSchemeId")
    rows = [
        {"issueTypeSchemeId": str(key), "issueTypeId": str(one)}
        for key, row in rows_at(ask, "issuetypescheme").items()
        for one in row.get("issueTypeIds") or ask.site.table("issuetypes")
        if not wanted or str(key) in wanted
    ]
    return ask.page(rows, "values", lambda row: row)


# --- security and notification schemes
_LEVELS: Final = "issuesecurityschemes/{schemeId}/level"


def _security(ask: Ask, key: str) -> Row:
    return row_at(ask, "issuesecurityschemes", key, "issue security scheme")


def _levels(row: Row) -> list[Row]:
    return [dict(one) for one in row.get("levels") or []]


@routes.add("PUT", _LEVELS, "addSecurityLevel")
def add_levels(ask: Ask) -> Any:
    """Add levels to a security scheme."""
    key = ask.params["schemeId"]
    row, have = _security(ask, key), _levels(_security(ask, key))
    for one in ask.body().get("levels") or []:
        if not one.get("name") or any(one["name"] == other.get("name") for other in have):
            raise refuse(400, "The name of a level must be given, and be its own.")
        ident = str(ask.site.world.number("jira.generic", 10100))
        have.append({**one, "id": ident, "issueSecuritySchemeId": key})
    rows_at(ask, "issuesecurityschemes").put(key, {**row, "levels": have})
    return Reply(204)


@routes.add("PUT", "issuesecurityschemes/level/default", "setDefaultLevels")
def default_levels(ask: Ask) -> Any:
    """Choose the default level of security schemes."""
    for one in ask.body().get("defaultValues") or []:
        key, chosen = str(one.get("issueSecuritySchemeId")), one.get("defaultLevelId")
        row = _security(ask, key)
        if chosen is not None and str(chosen) not in [lvl.get("id") for lvl in _levels(row)]:
            raise refuse(404, f"The security level with id '{chosen}' was not found.")
        rows_at(ask, "issuesecurityschemes").put(key, {**row, "defaultLevel": chosen})
    return Reply(204)


@routes.add("PUT", _LEVELS + "/{levelId}/member", "addSecurityLevelMembers")
def add_members(ask: Ask) -> Any:
    """Let more people see what a level hides."""
    key, level = ask.params["schemeId"], ask.params["levelId"]
    row = _security(ask, key)
    have = _levels(row)
    found = next((one for one in have if one.get("id") == level), None)
    if found is None:
        raise refuse(404, f"The security level with id '{level}' was not found.")
    given = ask.body().get("members")
    if not isinstance(given, list) or not given:
        raise refuse(400, "members must not be empty.")
    found["members"] = [*(found.get("members") or []), *given]
    rows_at(ask, "issuesecurityschemes").put(key, {**row, "levels": have})
    return Reply(204)


@routes.add("PUT", "notificationscheme/{id}/notification", "addNotifications")
def add_notifications(ask: Ask) -> Any:
    """Tell more people of events."""
    key = ask.params["id"]
    row = row_at(ask, "notificationscheme", key, "notification scheme")
    events = [dict(one) for one in row.get("notificationSchemeEvents") or []]
    given = ask.body().get("notificationSchemeEvents")
    if not isinstance(given, list) or not given:
        raise refuse(400, "notificationSchemeEvents must not be empty.")
    for one in given:
        number = str((one.get("event") or {}).get("id") or "")
        name = inventory.event_name(number)
        if name is None:
            raise refuse(400, f"The event with id '{number}' does not exist.")
        more = [{"id": ask.site.world.number("jira.generic", 10100), **n}
                for n in one.get("notifications") or []]  # fmt: skip
        found = next((e for e in events if str(e["event"]["id"]) == number), None)
        if found is None:
            events.append({"event": {"id": int(number), "name": name}, "notifications": more})
        else:
            found["notifications"] = [*found["notifications"], *more]
    rows_at(ask, "notificationscheme").put(key, {**row, "notificationSchemeEvents": events})
    return Reply(204)


# --- screens
@routes.add("POST", "screens/{screenId}/tabs/{tabId}/fields/{id}/move", "moveScreenTabField")
def move_field(ask: Ask) -> Any:
    """Put a field of a screen's tab in another place."""
    table = rows_at(ask, f"screens/{ask.params['screenId']}/tabs/{ask.params['tabId']}/fields")
    have, name = [str(key) for key in table], ask.params["id"]
    if name not in have:
        raise refuse(404, f"The field with id '{name}' was not found.")
    place, after = str(ask.body().get("position") or "").lower(), ask.body().get("after")
    now = have.index(name)
    have.remove(name)
    places = {"first": 0, "last": len(have), "earlier": max(0, now - 1), "later": now + 1}
    if after is not None:
        at = have.index(re.sub(r".*/", "", str(after))) + 1 if str(after) in have else now
    elif place in places:
        at = places[place]
    else:
        raise refuse(400, "Either 'after' or 'position' must be given.")
    have.insert(at, name)
    put_in_order(table, have)
    return Reply(204)


# --- plans
@routes.add("POST", "plans/plan", "createPlan", status=201)
def make_plan(ask: Ask) -> Any:
    """Make a plan; the answer is its id."""
    body = ask.body()
    if not body.get("name"):
        raise refuse(400, "The name of the plan must be given.")
    number = ask.site.world.number("jira.generic", 10100)
    more = {"id": str(number), "status": "Active", "scenarioId": str(number)}
    rows_at(ask, "plans/plan").put(str(number), {**body, **more})
    return number


def _plan_state(word: str, state: str) -> None:
    @routes.add("PUT", f"plans/plan/{{planId}}/{word}", f"{word}Plan")
    def turn(ask: Ask) -> Any:
        row = row_at(ask, "plans/plan", ask.params["planId"], "plan")
        if row.get("status", "Active") != "Active":
            raise refuse(409, f"The plan is {str(row['status']).lower()}.")
        rows_at(ask, "plans/plan").put(ask.params["planId"], {**row, "status": state})
        return Reply(204)


_plan_state("archive", "Archived")
_plan_state("trash", "Trashed")


@routes.add("POST", "plans/plan/{planId}/duplicate", "duplicatePlan", status=201)
def copy_plan(ask: Ask) -> Any:
    """Copy a plan under another name."""
    row, name = row_at(ask, "plans/plan", ask.params["planId"], "plan"), ask.body().get("name")
    if not name:
        raise refuse(400, "The name of the plan must be given.")
    number = ask.site.world.number("jira.generic", 10100)
    kept = {**row, "name": name, "status": "Active"}
    rows_at(ask, "plans/plan").put(str(number), {**kept, "id": str(number)})
    return number


# --- pictures
@routes.add("PUT", "project/{projectIdOrKey}/avatar", "updateProjectAvatar")
def choose_picture(ask: Ask) -> Any:
    """Give a project another of its pictures."""
    row, chosen = projects.named(ask), str(ask.body().get("id") or "")
    known = inventory.project_pictures(ask)
    if chosen not in [one["id"] for one in (*known["system"], *known["custom"])]:
        raise refuse(404, f"The avatar with id '{chosen}' does not exist.")
    ask.site.table("projects").patch(row["id"], avatarId=int(chosen))
    return Reply(204)


def _upload(ask: Ask, kind: str, owner: str) -> Reply:
    if not ask.request.body or not ask.request.content_type.startswith("image/"):
        raise refuse(400, "The image to upload must be given, with its content type.")
    key = str(ask.site.world.number("jira.picture", 10900))
    table = ask.site.table("pictures")
    table.put((kind, owner), (*(table.get((kind, owner)) or ()), key))
    return Reply(201, inventory.own_picture(ask, kind, owner, key))


@routes.add("POST", "project/{projectIdOrKey}/avatar2", "createProjectAvatar")
def add_picture(ask: Ask) -> Any:
    """Load up a picture for a project."""
    return _upload(ask, "project", str(projects.named(ask)["id"]))


@routes.add("POST", "issuetype/{id}/avatar2", "createIssueTypeAvatar")
def add_type_picture(ask: Ask) -> Any:
    """Load up a picture for an issue type."""
    if ask.params["id"] not in ask.site.table("issuetypes"):
        raise refuse(404, f"The issue type with id '{ask.params['id']}' does not exist")
    return _upload(ask, "issuetype", ask.params["id"])


# --- dashboards
@routes.add("PUT", "dashboard/bulk/edit", "bulkEditDashboards")
def edit_dashboards(ask: Ask) -> Any:
    """Change owner or sharing of several dashboards."""
    body, table = ask.body(), ask.site.table("dashboards")
    action, errors = body.get("action"), {}
    if action not in ("changeOwner", "changePermission", "addPermission", "removePermission"):
        raise refuse(400, "The action is not valid.")
    given = (body.get("permissionDetails") or {}).get("sharePermissions") or []
    owner = ask.site.user((body.get("changeOwnerDetails") or {}).get("newOwner"))
    if action == "changeOwner" and owner is None:
        raise refuse(400, "The new owner does not exist.")
    for ident in map(str, body.get("entityIds") or []):
        row = table.get(ident)
        if row is None:
            text = f"The dashboard with id '{ident}' does not exist."
            errors[ident] = {"errorMessages": [text], "errors": {}}
            continue
        have = row["sharePermissions"]
        if action == "changeOwner" and owner is not None:
            table.patch(ident, owner=owner["accountId"])
        elif action == "changePermission":
            table.patch(ident, sharePermissions=given)
        elif action == "addPermission":
            table.patch(ident, sharePermissions=[*have, *given])
        else:
            kinds = [one.get("type") for one in given]
            table.patch(ident, sharePermissions=[p for p in have if p.get("type") not in kinds])
    return {"action": action, "entityErrors": errors}
