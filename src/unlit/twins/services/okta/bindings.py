"""Who has which custom role over which resource set."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table
from unlit.twins.services.okta.errors import invalid, missing
from unlit.twins.services.okta.org import link, mint, stamp

SETS: Final = "/api/v1/iam/resource-sets"
ROLES: Final = "/api/v1/iam/roles"
_ALL: Final = SETS + "/{resourceSetIdOrLabel}/bindings"
_ONE: Final = _ALL + "/{roleIdOrLabel}"
_MEMBERS: Final = _ONE + "/members"


def _found(table: Table, key: str, kind: str) -> dict[str, Any]:
    for row in table.values():
        if key in (row.get("id"), row.get("label")):
            return dict(row)
    raise missing(key, kind)


def _set(call: Exchange) -> str:
    key = call.params["resourceSetIdOrLabel"]
    return str(_found(call.world.table(f"okta.at:{SETS}"), key, "ResourceSet")["id"])


def _role(call: Exchange, key: str) -> str:
    return str(_found(call.world.table(f"okta.at:{ROLES}"), key, "CustomRole")["id"])


def _binding(call: Exchange) -> tuple[str, str, dict[str, Any]]:
    """Return resource set, role and the members by their own ids."""
    place, key = _set(call), call.params["roleIdOrLabel"]
    role = _role(call, key)
    found = call.table("bindings").get((place, role))
    if found is None:
        raise missing(key, "ResourceSetBinding")
    return place, role, found


def _at(place: str, role: str = "") -> str:
    return f"/iam/resource-sets/{place}/bindings" + (f"/{role}" if role else "")


def _whom(call: Exchange, sent: Any, name: str) -> list[dict[str, Any]]:
    """Return new members for URLs of users and groups, which must be there."""
    if not isinstance(sent, list) or not sent:
        raise invalid(name, f"{name}: The field cannot be left blank")
    found, at = [], stamp(call.world)
    for url in sent:
        parts = str(url).split("/api/v1/", 1)[-1].strip("/").split("/")
        kind = parts[0] if len(parts) >= 2 else ""
        if kind not in ("users", "groups") or parts[1] not in call.table(kind):
            raise invalid(name, f"{name}: {url} is no user and no group of this organization")
        found.append({
            "id": mint(call.world, "irb"), "created": at, "lastUpdated": at,
            "_links": {"self": link(call, f"/{kind}/{parts[1]}")},
        })  # fmt: skip
    return found


def _changed(call: Exchange, place: str, role: str) -> Reply:
    return Reply(200, {"_links": {
        "self": link(call, _at(place, role)), "bindings": link(call, _at(place)),
        "resource-set": link(call, f"/iam/resource-sets/{place}"),
    }})  # fmt: skip


def _added(have: dict[str, Any], new: list[dict[str, Any]]) -> dict[str, Any]:
    known = {row["_links"]["self"]["href"] for row in have.values()}
    fresh = [row for row in new if row["_links"]["self"]["href"] not in known]
    return {**have, **{row["id"]: row for row in fresh}}


def create(call: Exchange) -> Reply:
    """``POST …/bindings``: give a role over the set to people and groups."""
    place, body = _set(call), call.fields()
    if not body.get("role"):
        raise invalid("role", "role: The field cannot be left blank")
    role = _role(call, str(body["role"]))
    have = call.table("bindings").get((place, role)) or {}
    new = _whom(call, body.get("members"), "members")
    call.table("bindings").put((place, role), _added(have, new))
    return _changed(call, place, role)


def listed(call: Exchange) -> Reply:
    """``GET …/bindings``: the roles that somebody has over the set."""
    place = _set(call)
    roles = [
        {"id": role, "_links": {"self": link(call, f"/iam/roles/{role}"),
                                "members": link(call, _at(place, role) + "/members")}}
        for where, role in call.table("bindings")
        if where == place
    ]  # fmt: skip
    return Reply(200, {"roles": roles, "_links": {
        "self": link(call, _at(place)), "resource-set": link(call, f"/iam/resource-sets/{place}"),
    }})  # fmt: skip


def get(call: Exchange) -> Reply:
    """``GET …/bindings/{roleIdOrLabel}``."""
    place, role, _ = _binding(call)
    return Reply(200, {"id": role, "_links": {
        "self": link(call, _at(place, role)), "members": link(call, _at(place, role) + "/members"),
        "resource-set": link(call, f"/iam/resource-sets/{place}"),
    }})  # fmt: skip


def delete(call: Exchange) -> Reply:
    """``DELETE …/bindings/{roleIdOrLabel}``: nobody has the role over the set any more."""
    place, role, _ = _binding(call)
    call.table("bindings").drop((place, role))
    return Reply(204)


def members(call: Exchange) -> Reply:
    """``GET …/members``."""
    place, role, have = _binding(call)
    at = _at(place, role)
    return Reply(200, {"members": list(have.values()), "_links": {
        "self": link(call, at + "/members"), "binding": link(call, at)}})  # fmt: skip


def add(call: Exchange) -> Reply:
    """``PATCH …/members`` with ``additions``."""
    place, role, have = _binding(call)
    new = _whom(call, call.fields().get("additions"), "additions")
    call.table("bindings").put((place, role), _added(have, new))
    return _changed(call, place, role)


def _member(call: Exchange) -> tuple[str, str, dict[str, Any], str]:
    place, role, have = _binding(call)
    key = call.params["memberId"]
    if key not in have:
        raise missing(key, "ResourceSetBindingMember")
    return place, role, have, key


def member(call: Exchange) -> Reply:
    """``GET …/members/{memberId}``."""
    _, _, have, key = _member(call)
    return Reply(200, have[key])


def remove(call: Exchange) -> Reply:
    """``DELETE …/members/{memberId}``."""
    place, role, have, key = _member(call)
    left = {name: row for name, row in have.items() if name != key}
    call.table("bindings").put((place, role), left)
    return Reply(204)


_READ, _MANAGE = ("okta.roles.read",), ("okta.roles.manage",)
ROUTES: Final = (
    Route("POST", _ALL, create, "createResourceSetBinding", scopes=_MANAGE),
    Route("GET", _ALL, listed, "listBindings", scopes=_READ),
    Route("GET", _ONE, get, "getBinding", scopes=_READ),
    Route("DELETE", _ONE, delete, "deleteBinding", scopes=_MANAGE),
    Route("GET", _MEMBERS, members, "listMembersOfBinding", scopes=_READ),
    Route("PATCH", _MEMBERS, add, "addMembersToBinding", scopes=_MANAGE),
    Route("GET", _MEMBERS + "/{memberId}", member, "getMemberOfBinding", scopes=_READ),
    Route("DELETE", _MEMBERS + "/{memberId}", remove, "unassignMemberFromBinding", scopes=_MANAGE),
)
