"""Links between users, as linked object definitions allow them."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import schemas, users
from unlit.twins.services.okta.errors import missing
from unlit.twins.services.okta.org import link


def _defined(call: Exchange, name: str) -> dict[str, Any]:
    row = schemas.definition(call, name)
    if row is None:
        raise missing(name, "LinkedObject")
    return row


def _values(call: Exchange, row: dict[str, Any]) -> dict[str, str]:
    """Return primary by associated user of a definition."""
    return call.table("linked_values").get(row["primary"]["name"]) or {}


def put(call: Exchange) -> Reply:
    """``PUT …/linkedObjects/{primaryRelationshipName}/{primaryUserId}``."""
    user = users.user_of(call)
    row = _defined(call, call.params["primaryRelationshipName"])
    primary = users.user_of(call, call.params["primaryUserId"])
    values = {**_values(call, row), user["id"]: primary["id"]}
    call.table("linked_values").put(row["primary"]["name"], values)
    return Reply(204)


def get(call: Exchange) -> Reply:
    """``GET …/linkedObjects/{relationshipName}``: the primary, or everyone associated."""
    user, name = users.user_of(call), call.params["relationshipName"]
    row = _defined(call, name)
    values = _values(call, row)
    if name == row["primary"]["name"]:
        found = [values[user["id"]]] if user["id"] in values else []
    else:
        found = [other for other, primary in values.items() if primary == user["id"]]
    reply = Reply(200, [{"_links": {"self": link(call, f"/users/{uid}")}} for uid in found])
    return reply


def delete(call: Exchange) -> Reply:
    """``DELETE …/linkedObjects/{relationshipName}``."""
    user = users.user_of(call)
    row = _defined(call, call.params["relationshipName"])
    values = {key: value for key, value in _values(call, row).items() if key != user["id"]}
    call.table("linked_values").put(row["primary"]["name"], values)
    return Reply(204)


_AT: Final = "/api/v1/users/{userIdOrLogin}/linkedObjects/"
ROUTES: Final = (
    Route("PUT", _AT + "{primaryRelationshipName}/{primaryUserId}", put,
          "assignLinkedObjectValueForPrimary", scopes=("okta.users.manage",)),
    Route("GET", _AT + "{relationshipName}", get, "listLinkedObjectsForUser",
          scopes=("okta.users.read",)),
    Route("DELETE", _AT + "{relationshipName}", delete, "deleteLinkedObjectForUser",
          scopes=("okta.users.manage",)),
)  # fmt: skip
