"""Groups and their members; ``Everyone`` is every user."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import events, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import link, mint, since, stamp
from unlit.twins.services.okta.paging import page
from unlit.twins.services.okta.scim import FilterError, parse

LOGO: Final = "https://ok4static.oktacdn.com/assets/img/logos/groups/odyssey/okta-{0}.png"
_EXISTS: Final = "name: An object with this field already exists in the current organization"


def add(world: World, name: str, description: str | None = None, **fields: Any) -> dict[str, Any]:
    """Put a new group into the directory without any check, and return it."""
    at = stamp(world)
    gid = fields.pop("id", None) or mint(world, "00g")
    profile = {"name": name, "description": description, **fields.pop("profile", {})}
    row = {
        "id": gid,
        "created": at,
        "lastUpdated": at,
        "lastMembershipUpdated": at,
        "objectClass": ["okta:user_group"],
        "type": "OKTA_GROUP",
        "profile": profile,
        **fields,
    }
    world.table("okta.groups").put(gid, row)
    return row


def by_name(world: World, name: str) -> dict[str, Any] | None:
    """Return the group called `name`."""
    rows = world.table("okta.groups").values()
    return next((row for row in rows if row["profile"]["name"] == name), None)


def group_of(call: Exchange) -> dict[str, Any]:
    """Return the group that the path names."""
    row = call.table("groups").get(call.params["groupId"])
    if row is None:
        raise missing(call.params["groupId"], "UserGroup")
    return row  # type: ignore[no-any-return] # rows are JSON


def is_everyone(row: dict[str, Any]) -> bool:
    """Whether every user belongs to the group by itself."""
    return bool(row["type"] == "BUILT_IN" and row["profile"]["name"] == "Everyone")


def members(world: World, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the users of a group in the order they joined."""
    everyone = world.table("okta.users")
    if is_everyone(row):
        yield from (user for user in everyone.values() if user["status"] != "DEPROVISIONED")
        return
    for uid in world.table(f"okta.members:{row['id']}"):
        user = everyone.get(uid)
        if user is not None:
            yield user


def of_user(world: World, uid: str) -> Iterator[dict[str, Any]]:
    """Yield the groups of a user."""
    for row in world.table("okta.groups").values():
        if is_everyone(row) or uid in world.table(f"okta.members:{row['id']}"):
            yield row


def shown(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Render a group."""
    path = f"/groups/{row['id']}"
    logo = [
        {"name": size, "href": LOGO.format(size), "type": "image/png"}
        for size in ("medium", "large")
    ]
    links = {
        "logo": logo,
        **({"owners": link(call, f"{path}/owners")} if since(call.world, "2025-09") else {}),
        "users": link(call, f"{path}/users"),
        "apps": link(call, f"{path}/apps"),
    }
    if row["type"] == "APP_GROUP" and isinstance(row.get("source"), dict):
        links["source"] = link(call, f"/apps/{row['source']['id']}")
    return {**row, "_links": links}


def _checked(call: Exchange, *, of: str | None = None) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise failure("E0000003")
    profile = body.get("profile")
    if not isinstance(profile, dict):
        raise invalid("profile", "profile: The field cannot be left blank")
    name = profile.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name", "name: The field cannot be left blank")
    if len(name) > 255:
        raise invalid("name", "name: The field is too long")
    other = by_name(call.world, name)
    if other is not None and other["id"] != of:
        raise invalid("name", _EXISTS)
    known = call.table("meta").get("group_properties") or {}
    for key in profile:
        if key not in ("name", "description") and key not in known:
            raise invalid("profile", f"Property name '{key}' is not defined in profile for group")
    return profile


def create(call: Exchange) -> Reply:
    """``POST /api/v1/groups``."""
    profile = dict(_checked(call))
    name, description = profile.pop("name"), profile.pop("description", None)
    row = add(call.world, name, description, profile=profile)
    events.record(call, "group.lifecycle.create", events.group_target(row))
    return Reply(200, shown(call, row))


def get(call: Exchange) -> Reply:
    """``GET /api/v1/groups/{groupId}``."""
    return Reply(200, shown(call, group_of(call)))


def listed(call: Exchange) -> Reply:
    """``GET /api/v1/groups`` with `q`, `filter`, `search`, `expand`."""
    rows: Iterable[dict[str, Any]] = call.table("groups").values()
    for name in ("search", "filter"):
        text = call.request.arg(name)
        if text:
            try:
                test = parse(text)
            except FilterError as error:
                raise failure("E0000031", f"Invalid {name} criteria: {error}") from error
            rows = [row for row in rows if test(row)]
    query = call.request.arg("q")
    if query:
        wanted = query.casefold()
        rows = [row for row in rows if row["profile"]["name"].casefold().startswith(wanted)]
    by = call.request.arg("sortBy")
    if by:
        down = (call.request.arg("sortOrder") or "asc").lower() == "desc"
        rows = sorted(rows, key=lambda row: _value(row, by), reverse=down)
    stats = "stats" in (call.request.arg("expand") or "")

    def render(row: dict[str, Any]) -> dict[str, Any]:
        out = shown(call, row)
        if stats:
            out["_embedded"] = {"stats": _stats(call, row)}
        return out

    return page(call, rows, render, usual=10_000, most=10_000)


def _value(row: dict[str, Any], name: str) -> str:
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value).casefold()


def _stats(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    count = sum(1 for _ in members(call.world, row))
    return {
        "usersCount": count,
        "appsCount": 0,
        "groupPushMappingsCount": 0,
        "hasAdminPrivilege": False,
        "_links": {"users": link(call, f"/groups/{row['id']}/users")},
    }


def update(call: Exchange) -> Reply:
    """``PUT /api/v1/groups/{groupId}``."""
    row = group_of(call)
    if row["type"] != "OKTA_GROUP":
        raise failure("E0000006")
    profile = dict(_checked(call, of=row["id"]))
    profile.setdefault("description", None)
    row = call.table("groups").patch(row["id"], profile=profile, lastUpdated=stamp(call.world))
    events.record(call, "group.profile.update", events.group_target(row))
    return Reply(200, shown(call, row))


def delete(call: Exchange) -> Reply:
    """``DELETE /api/v1/groups/{groupId}``."""
    row = group_of(call)
    if row["type"] == "BUILT_IN":
        raise failure("E0000006")
    call.table("groups").drop(row["id"])
    call.world.tables.pop(f"okta.members:{row['id']}", None)
    events.record(call, "group.lifecycle.delete", events.group_target(row))
    return Reply(204)


def users_of(call: Exchange) -> Reply:
    """``GET /api/v1/groups/{groupId}/users``."""
    row = group_of(call)
    return page(
        call,
        members(call.world, row),
        lambda user: users.shown(call, user, full=False),
        usual=1000,
        most=1000,
    )


def of_path_user(call: Exchange) -> Reply:
    """``GET /api/v1/users/{id}/groups``."""
    rows = of_user(call.world, users.user_of(call)["id"])
    return page(call, rows, lambda row: shown(call, row), most=1000)


def join(call: Exchange) -> Reply:
    """``PUT /api/v1/groups/{groupId}/users/{userId}``."""
    row, user = group_of(call), users.user_of(call)
    if row["type"] != "OKTA_GROUP":
        raise failure("E0000006")
    enroll(call.world, row["id"], user["id"])
    target = [*events.group_target(row), *events.user_target(user)]
    events.record(call, "group.user_membership.add", target)
    return Reply(204)


def enroll(world: World, gid: str, uid: str) -> None:
    """Make a user a member of a group."""
    table = world.table(f"okta.members:{gid}")
    if uid not in table:
        at = stamp(world)
        table.put(uid, at)
        world.table("okta.groups").patch(gid, lastMembershipUpdated=at)


def leave(call: Exchange) -> Reply:
    """``DELETE /api/v1/groups/{groupId}/users/{userId}``."""
    row, user = group_of(call), users.user_of(call)
    if row["type"] != "OKTA_GROUP":
        raise failure("E0000006")
    if call.world.table(f"okta.members:{row['id']}").drop(user["id"]) is not None:
        call.table("groups").patch(row["id"], lastMembershipUpdated=stamp(call.world))
    target = [*events.group_target(row), *events.user_target(user)]
    events.record(call, "group.user_membership.remove", target)
    return Reply(204)


_READ: Final = ("okta.groups.read",)
_MANAGE: Final = ("okta.groups.manage",)
ROUTES: Final = (
    Route("POST", "/api/v1/groups", create, "createGroup", scopes=_MANAGE),
    Route("GET", "/api/v1/groups", listed, "listGroups", scopes=_READ),
    Route("GET", "/api/v1/groups/{groupId}", get, "getGroup", scopes=_READ),
    Route("PUT", "/api/v1/groups/{groupId}", update, "replaceGroup", scopes=_MANAGE),
    Route("DELETE", "/api/v1/groups/{groupId}", delete, "deleteGroup", scopes=_MANAGE),
    Route("GET", "/api/v1/groups/{groupId}/users", users_of, "listGroupUsers", scopes=_READ),
    Route("GET", "/api/v1/users/{id}/groups", of_path_user, "listUserGroups",
          scopes=("okta.users.read",)),
    Route("PUT", "/api/v1/groups/{groupId}/users/{userId}", join, "assignUserToGroup",
          scopes=_MANAGE),
    Route("DELETE", "/api/v1/groups/{groupId}/users/{userId}", leave, "unassignUserFromGroup",
          scopes=_MANAGE),
)  # fmt: skip
