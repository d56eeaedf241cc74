"""Identity sources: sessions that collect people and groups, and imports that take them over."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import mint, scopes_for, stamp

_ONE: Final = "/api/v1/identity-sources/{identitySourceId}"
_SESSION: Final = _ONE + "/sessions/{sessionId}"
_MOST: Final = 200
_PERSON: Final = (
    "userName", "firstName", "lastName", "email", "secondEmail", "mobilePhone", "homeAddress",
)  # fmt: skip


def _table(call: Exchange, what: str) -> Table:
    return call.world.table(f"okta.identity:{call.params['identitySourceId']}:{what}")


# --- sessions
def start(call: Exchange) -> Reply:
    """``POST …/sessions``: one session at a time collects."""
    table, at = _table(call, "sessions"), stamp(call.world)
    if any(row["status"] == "CREATED" for row in table.values()):
        raise failure("E0000001", "There is already an active session for this source.",
                      about="identitySourceSession")  # fmt: skip
    key = mint(call.world, "uij")
    source = call.params["identitySourceId"]
    row = {"id": key, "identitySourceId": source, "status": "CREATED", "importType": "INCREMENTAL",
           "created": at, "lastUpdated": at}  # fmt: skip
    return Reply(200, table.put(key, row))


def sessions(call: Exchange) -> Reply:
    """``GET …/sessions``."""
    return Reply(200, list(_table(call, "sessions").values()))


def _session(call: Exchange) -> dict[str, Any]:
    key = call.params["sessionId"]
    row = _table(call, "sessions").get(key)
    if row is None:
        raise missing(key, "IdentitySourceSession")
    return dict(row)


def session(call: Exchange) -> Reply:
    """``GET`` and ``DELETE …/sessions/{sessionId}``."""
    row = _session(call)
    if call.request.method == "DELETE":
        _table(call, "sessions").drop(row["id"])
        _table(call, "staged").drop(row["id"])
        return Reply(204)
    return Reply(200, row)


def bulk(call: Exchange) -> Reply:
    """``POST …/bulk-…``: kept until the import."""
    row, body = _session(call), call.fields()
    if row["status"] != "CREATED":
        raise failure("E0000001", "The session no longer takes data.", about="sessionId")
    lists = [value for value in body.values() if isinstance(value, list)]
    if len(lists) != 1 or not lists[0]:
        raise invalid("profiles", "profiles: The field cannot be left blank")
    if len(lists[0]) > _MOST:
        raise invalid("profiles", f"profiles: must have at most {_MOST} items")
    word = call.request.raw_path.rsplit("/", 1)[-1]
    staged = _table(call, "staged")
    staged.put(row["id"], (*(staged.get(row["id"]) or ()), (word, tuple(lists[0]))))
    return Reply(202)


def run(call: Exchange) -> Reply:
    """``POST …/start-import``: what was collected is taken over; the session is done after it."""
    row = _session(call)
    if row["status"] != "CREATED":
        raise failure("E0000001", "The session was already started.", about="sessionId")
    for word, items in _table(call, "staged").drop(row["id"]) or ():
        for item in items:
            _take(call, word, item)
    at = stamp(call.world)
    _table(call, "sessions").put(row["id"], {**row, "status": "COMPLETED", "lastUpdated": at})
    return Reply(200, {**row, "status": "TRIGGERED", "lastUpdated": at})


def _take(call: Exchange, word: str, item: Any) -> None:
    key = str(item.get("externalId") if isinstance(item, dict) else item)
    if word == "bulk-upsert":
        _person(call, key, item.get("profile"))
    elif word == "bulk-delete":
        _table(call, "users").drop(key)
    elif word == "bulk-groups-upsert":
        _group(call, key, item.get("profile"))
    elif word == "bulk-groups-delete":
        _table(call, "groups").drop(key)
        _members(call, key).clear()
    else:
        members = _members(call, str(item.get("groupExternalId")))
        for member in item.get("memberExternalIds") or ():
            if word.endswith("upsert"):
                members.put(str(member), True)
            else:
                members.drop(str(member))


# --- people
def _person(call: Exchange, key: str, profile: Any) -> dict[str, Any]:
    table, at = _table(call, "users"), stamp(call.world)
    old = table.get(key)
    given = profile if isinstance(profile, dict) else {}
    have = old["profile"] if old else dict.fromkeys(_PERSON)
    row = {
        "id": old["id"] if old else mint(call.world, "00u"), "externalId": key,
        "created": old["created"] if old else at, "lastUpdated": at, "profile": {**have, **given},
    }  # fmt: skip
    table.put(key, row)
    return row


def add_person(call: Exchange) -> Reply:
    """``POST …/users``."""
    body = call.fields()
    if not body.get("externalId"):
        raise invalid("externalId", "externalId: The field cannot be left blank")
    if body["externalId"] in _table(call, "users"):
        raise invalid("externalId", "externalId: An object with this field already exists")
    return Reply(200, _person(call, str(body["externalId"]), body.get("profile")))


def person(call: Exchange) -> Reply:
    """``GET``, ``PUT``, ``PATCH`` and ``DELETE …/users/{externalId}``."""
    key, table = call.params["externalId"], _table(call, "users")
    row, method = table.get(key), call.request.method
    if row is None:
        raise missing(key, "IdentitySourceUser")
    if method == "DELETE":
        table.drop(key)
        return Reply(204)
    if method == "PUT":
        table.put(key, {**row, "profile": dict.fromkeys(_PERSON)})
    if method in ("PUT", "PATCH"):
        row = _person(call, key, call.fields().get("profile"))
    return Reply(200, row)


# --- groups
def _group(call: Exchange, key: str, profile: Any) -> dict[str, Any]:
    table = _table(call, "groups")
    old = table.get(key)
    inside = {**(old["profile"] if old else {}), **(profile if isinstance(profile, dict) else {})}
    ident = old["id"] if old else mint(call.world, "00g")
    return dict(table.put(key, {"id": ident, "externalId": key, "profile": inside}))


def _members(call: Exchange, group: str) -> Table:
    return _table(call, f"members:{group}")


def add_group(call: Exchange) -> Reply:
    """``POST …/groups``."""
    body = call.fields()
    if not body.get("externalId"):
        raise invalid("externalId", "externalId: The field cannot be left blank")
    return Reply(200, _group(call, str(body["externalId"]), body.get("profile")))


def _group_of(call: Exchange) -> dict[str, Any]:
    key = call.params["groupOrExternalId"]
    for row in _table(call, "groups").values():
        if key in (row["id"], row["externalId"]):
            return dict(row)
    raise missing(key, "IdentitySourceGroup")


def group(call: Exchange) -> Reply:
    """``GET``, ``POST`` and ``DELETE …/groups/{groupOrExternalId}``."""
    row = _group_of(call)
    if call.request.method == "DELETE":
        _table(call, "groups").drop(row["externalId"])
        _members(call, row["externalId"]).clear()
        return Reply(204)
    if call.request.method == "POST":
        row = _group(call, row["externalId"], call.fields().get("profile"))
    return Reply(200, row)


def membership(call: Exchange) -> Reply:
    """``GET`` and ``POST …/membership``, ``DELETE …/membership/{memberExternalId}``."""
    table = _members(call, _group_of(call)["externalId"])
    if call.request.method == "GET":
        return Reply(200, {"memberExternalIds": list(table)})
    if call.request.method == "DELETE":
        key = call.params["memberExternalId"]
        if key not in table:
            raise missing(key, "IdentitySourceGroupMembership")
        table.drop(key)
        return Reply(204)
    key = str(call.fields().get("memberExternalId") or "")
    if not key:
        raise invalid("memberExternalId", "memberExternalId: The field cannot be left blank")
    if key not in _table(call, "users"):
        raise missing(key, "IdentitySourceUser")
    table.put(key, True)
    return Reply(204)


_GROUP: Final = _ONE + "/groups/{groupOrExternalId}"
_BULK: Final = (
    "upsert", "delete", "groups-upsert", "groups-delete", "group-memberships-upsert",
    "group-memberships-delete",
)  # fmt: skip
_ROWS: Final = (
    ("POST", _ONE + "/sessions", start), ("GET", _ONE + "/sessions", sessions),
    ("GET", _SESSION, session), ("DELETE", _SESSION, session),
    ("POST", _SESSION + "/start-import", run),
    *(("POST", f"{_SESSION}/bulk-{word}", bulk) for word in _BULK),
    ("POST", _ONE + "/users", add_person),
    *((method, _ONE + "/users/{externalId}", person)
      for method in ("GET", "PUT", "PATCH", "DELETE")),
    ("POST", _ONE + "/groups", add_group),
    *((method, _GROUP, group) for method in ("GET", "POST", "DELETE")),
    *((method, _GROUP + "/membership", membership) for method in ("GET", "POST")),
    ("DELETE", _GROUP + "/membership/{memberExternalId}", membership),
)  # fmt: skip
ROUTES: Final = tuple(
    Route(
        method, path, rule, f"{method} {path}",
        scopes=scopes_for(method, "identitySources"),
    )
    for method, path, rule in _ROWS
)  # fmt: skip
