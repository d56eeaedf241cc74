"""Groups and who is in them."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import seed
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import users
from unlit.twins.services.jira.site import refuse

routes = Routes()


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
