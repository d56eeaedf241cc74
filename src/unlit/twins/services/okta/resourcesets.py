"""Resource sets: what custom roles are given over, each resource a row of its own."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table
from unlit.twins.services.okta.errors import invalid, missing
from unlit.twins.services.okta.org import API, link, mint, org_id, stamp

KIND: Final = "/api/v1/iam/resource-sets"
_ONE: Final = KIND + "/{resourceSetIdOrLabel}"
_RESOURCES: Final = _ONE + "/resources"
_SERVICES: Final = {"apps": "idp", "users": "directory", "groups": "directory"}


def settle(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Make rows of the resources that a create names; the set itself does not show them."""
    sent = row.pop("resources", None)
    if call.request.method == "POST" and "resourceSetIdOrLabel" not in call.params:
        _add(call, row["id"], sent or [])
    return row


def found(call: Exchange) -> dict[str, Any]:
    """Return the set that the path names, by id or by label."""
    key = call.params["resourceSetIdOrLabel"]
    for row in call.world.table(f"okta.at:{KIND}").values():
        if key in (row["id"], row.get("label")):
            return dict(row)
    raise missing(key, "ResourceSet")


def _table(call: Exchange, place: str) -> Table:
    return call.world.table(f"okta.at:{KIND}/{place}/resources")


def _add(call: Exchange, place: str, sent: Any) -> list[dict[str, Any]]:
    """Add rows for URLs and ORNs that are not there yet."""
    if not isinstance(sent, list):
        raise invalid("resources", "resources: The field must be a list")
    have, new = _table(call, place), []
    for text in sent:
        if not isinstance(text, str) or not text.startswith(("http://", "https://", "orn:")):
            raise invalid("resources", f"resources: {text} is neither a URL nor an ORN")
        orn, target = _named(call, text)
        if any(row["orn"] == orn for row in have.values()):
            continue
        at, key = stamp(call.world), mint(call.world, "ire")
        new.append({
            "id": key, "orn": orn, "created": at, "lastUpdated": at,
            "_links": {"self": {"href": target}},
        })  # fmt: skip
        have.put(key, new[-1])
    return new


def _named(call: Exchange, text: str) -> tuple[str, str]:
    """Return the ORN and the URL of a resource that is told as one of them."""
    if text.startswith("orn:"):
        path = "/".join(text.split(":")[4:])
        return text, f"{call.request.origin}{API}/{path}"
    path = text.split(API + "/", 1)[-1].strip("/")
    service = _SERVICES.get(path.split("/")[0], "idp")
    return f"orn:okta:{service}:{org_id(call.world)}:{path.replace('/', ':')}", text


def _shown(call: Exchange, place: str) -> dict[str, Any]:
    return link(call, f"/iam/resource-sets/{place}")


def get(call: Exchange) -> Reply:
    """``GET …/{resourceSetIdOrLabel}``."""
    return Reply(200, found(call))


def delete(call: Exchange) -> Reply:
    """``DELETE …/{resourceSetIdOrLabel}``."""
    row = found(call)
    call.world.table(f"okta.at:{KIND}").drop(row["id"])
    _table(call, row["id"]).clear()
    bindings = call.table("bindings")
    for place, role in [key for key in bindings if key[0] == row["id"]]:
        bindings.drop((place, role))
    return Reply(204)


def listed(call: Exchange) -> Reply:
    """``GET …/resources``."""
    place = found(call)["id"]
    rows = list(_table(call, place).values())
    return Reply(200, {"resources": rows, "_links": {"resource-set": _shown(call, place)}})


def added(call: Exchange) -> Reply:
    """``PATCH …/resources`` with ``additions``."""
    row = found(call)
    _add(call, row["id"], call.fields().get("additions"))
    return Reply(200, row)


def create(call: Exchange) -> Reply:
    """``POST …/resources`` with ``resourceOrnOrUrl`` and ``conditions``."""
    place, body = found(call)["id"], call.fields()
    if not body.get("resourceOrnOrUrl"):
        raise invalid("resourceOrnOrUrl", "resourceOrnOrUrl: The field cannot be left blank")
    new = _add(call, place, [body["resourceOrnOrUrl"]])
    if not new:
        raise invalid("resourceOrnOrUrl", "The resource is already part of the resource set")
    if isinstance(body.get("conditions"), dict):
        new = [_table(call, place).put(new[0]["id"], {**new[0], "conditions": body["conditions"]})]
    return Reply(200, new[0])


def _resource(call: Exchange) -> tuple[Table, dict[str, Any]]:
    table = _table(call, found(call)["id"])
    row = table.get(call.params["resourceId"])
    if row is None:
        raise missing(call.params["resourceId"], "ResourceSetResource")
    return table, dict(row)


def one(call: Exchange) -> Reply:
    """``GET``, ``PUT`` and ``DELETE …/resources/{resourceId}``."""
    table, row = _resource(call)
    if call.request.method == "DELETE":
        table.drop(row["id"])
        return Reply(204)
    if call.request.method == "PUT":
        row["conditions"] = call.fields().get("conditions")
        row = table.put(row["id"], {**row, "lastUpdated": stamp(call.world)})
    return Reply(200, row)


_READ, _MANAGE = ("okta.roles.read",), ("okta.roles.manage",)
ROUTES: Final = (
    Route("GET", _ONE, get, "getResourceSet", scopes=_READ),
    Route("DELETE", _ONE, delete, "deleteResourceSet", scopes=_MANAGE),
    Route("GET", _RESOURCES, listed, "listResourceSetResources", scopes=_READ),
    Route("PATCH", _RESOURCES, added, "addResourceSetResources", scopes=_MANAGE),
    Route("POST", _RESOURCES, create, "addResourceSetResource", scopes=_MANAGE),
    *(
        Route(method, _RESOURCES + "/{resourceId}", one, f"{op}ResourceSetResource", scopes=scopes)
        for method, op, scopes in (
            ("GET", "get", _READ), ("PUT", "replace", _MANAGE), ("DELETE", "delete", _MANAGE),
        )
    ),
)  # fmt: skip
