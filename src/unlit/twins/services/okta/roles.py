"""Administrator roles: standard and custom ones, who has them, and on what."""

import base64
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import apps, groups, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import href, link, mint, stamp
from unlit.twins.services.okta.paging import page

LABELS: Final = {
    "API_ACCESS_MANAGEMENT_ADMIN": "API Access Management Administrator",
    "API_ADMIN": "API Access Management Administrator",
    "APP_ADMIN": "Application Administrator",
    "GROUP_MEMBERSHIP_ADMIN": "Group Membership Administrator",
    "HELP_DESK_ADMIN": "Help Desk Administrator",
    "MOBILE_ADMIN": "Mobile Administrator",
    "ORG_ADMIN": "Organization Administrator",
    "READ_ONLY_ADMIN": "Read-only Administrator",
    "REPORT_ADMIN": "Report Administrator",
    "SUPER_ADMIN": "Super Administrator",
    "USER_ADMIN": "Group Administrator",
    "WORKFLOWS_ADMIN": "Workflows Administrator",
    "ACCESS_CERTIFICATIONS_ADMIN": "Access Certifications Administrator",
    "ACCESS_REQUESTS_ADMIN": "Access Requests Administrator",
}
_PARTS: Final = {"users": "userId", "groups": "groupId", "clients": "clientId"}


def _holder(call: Exchange) -> tuple[str, str]:
    """Return kind and id of who has the role."""
    for kind, name in _PARTS.items():
        if name in call.params and f"/{kind}/" in call.route.template:
            key = call.params[name]
            if kind == "users":
                return kind, str(users.user_of(call, key)["id"])
            if kind == "groups":
                return kind, str(groups.group_of(call)["id"])
            return kind, key
    raise failure("E0000008")


def _assigned(call: Exchange) -> tuple[str, dict[str, Any]]:
    kind, holder = _holder(call)
    table = f"okta.roles:{kind}/{holder}"
    key = call.params["roleAssignmentId"]
    row = call.world.table(table).get(key)
    if row is None:
        raise missing(key, "RoleAssignment")
    return table, row


def assign(call: Exchange) -> Reply:
    """``POST …/roles``: a standard role by `type`, or a custom one by `role`."""
    kind, holder = _holder(call)
    body = call.fields()
    name = str(body.get("type") or "")
    if name not in LABELS and name != "CUSTOM":
        raise invalid(
            "type",
            "type: The field cannot be left blank"
            if not name
            else f"type: '{name}' is not a valid role type",
        )
    table = call.world.table(f"okta.roles:{kind}/{holder}")
    if name != "CUSTOM" and any(row["type"] == name for row in table.values()):
        raise failure("E0000090", "The role specified is already assigned to the user.")
    at = stamp(call.world)
    if name == "CUSTOM":
        key = "irb" + mint(call.world, "ra1")[3:]
        custom = call.world.table("okta.at:/api/v1/iam/roles").get(body.get("role"))
        label = custom["label"] if custom else ""
    else:
        key = base64.b32encode(name.encode()).decode().rstrip("=")  # so Okta names them
        label = LABELS[name]
    path = f"/users/{holder}" if kind == "users" else f"/{kind}/{holder}"
    row = {
        "id": key, "label": label, "type": name, "status": "ACTIVE", "created": at,
        "lastUpdated": at, "assignmentType": kind[:-1].upper(),
        "_links": {"assignee": link(call, path)},
    }  # fmt: skip
    if name == "CUSTOM":
        row |= {"role": body.get("role"), "resource-set": body.get("resource-set")}
    table.put(key, row)
    return Reply(201, row)


def listed(call: Exchange) -> Reply:
    """``GET …/roles``."""
    kind, holder = _holder(call)
    return Reply(200, list(call.world.table(f"okta.roles:{kind}/{holder}").values()))


def get(call: Exchange) -> Reply:
    """``GET …/roles/{roleAssignmentId}``."""
    return Reply(200, _assigned(call)[1])


def unassign(call: Exchange) -> Reply:
    """``DELETE …/roles/{roleAssignmentId}``."""
    table, row = _assigned(call)
    call.world.table(table).drop(row["id"])
    return Reply(204)


def _targets(call: Exchange, kind: str) -> Any:
    table, row = _assigned(call)
    return call.world.table(f"{table}/{row['id']}:{kind}")


def group_targets(call: Exchange) -> Reply:
    """``…/targets/groups[/{groupId}]``."""
    table = _targets(call, "groups")
    if call.request.method == "GET":
        rows = (call.table("groups").get(key) for key in table)
        return page(call, (row for row in rows if row), lambda row: groups.shown(call, row))
    key = call.params.get("targetGroupId") or call.params["groupId"]
    if key not in call.table("groups"):
        raise missing(key, "UserGroup")
    if call.request.method == "PUT":
        table.put(key, True)
    else:
        table.drop(key)
    return Reply(204)


def app_targets(call: Exchange) -> Reply:
    """``…/targets/catalog/apps[/{appName}[/{appId}]]``."""
    table = _targets(call, "apps")
    if call.request.method == "GET":
        return page(call, list(table.values()), lambda row: row)
    name, key = call.params.get("appName", ""), call.params.get("appId")
    row = None
    if key is not None:
        app = call.world.table(f"okta.at:{apps.KIND}").get(key)
        if app is None:
            raise missing(key, "AppInstance")
        row = {
            "name": app["label"],
            "status": app["status"],
            "id": key,
            "_links": {"self": link(call, f"/apps/{key}")},
        }
    mark = f"{name}/{key or ''}"
    if call.request.method == "PUT":
        table.put(mark, row or {"name": name, "displayName": name, "status": "ACTIVE"})
    else:
        table.drop(mark)
    return Reply(204)


def untarget_apps(call: Exchange) -> None:
    """Let a role count for every application: it names none."""
    _targets(call, "apps").clear()


# --- custom roles
_ROLES: Final = "okta.at:/api/v1/iam/roles"


def _custom(call: Exchange) -> dict[str, Any]:
    key = call.params["roleIdOrLabel"]
    table = call.world.table(_ROLES)
    row = table.get(key) or next((r for r in table.values() if r.get("label") == key), None)
    if row is None:
        raise missing(key, "CustomRole")
    return row  # type: ignore[no-any-return] # JSON


def create_custom(call: Exchange) -> Reply:
    """``POST /api/v1/iam/roles``."""
    body = call.fields()
    label = body.get("label")
    if not label:
        raise invalid("label", "label: The field cannot be left blank")
    if any(row.get("label") == label for row in call.world.table(_ROLES).values()):
        raise invalid("label", "label: There is already an admin role with this name.")
    at, key = stamp(call.world), mint(call.world, "cr0")
    row = {
        "id": key, "label": label, "isCloneable": False, "description": body.get("description"),
        "created": at, "lastUpdated": at,
        "_links": {"permissions": link(call, f"/iam/roles/{key}/permissions"),
                   "self": link(call, f"/iam/roles/{key}")},
    }  # fmt: skip
    call.world.table(_ROLES).put(key, row)
    for name in body.get("permissions") or ():
        _grant(call, key, str(name), None)
    return Reply(200, row)


def _grant(call: Exchange, role: str, name: str, conditions: Any) -> None:
    at = stamp(call.world)
    call.world.table(f"okta.permissions:{role}").put(name, {
        "label": name, "created": at, "lastUpdated": at, "conditions": conditions,
        "_links": {"role": link(call, f"/iam/roles/{role}"),
                   "self": link(call, f"/iam/roles/{role}/permissions/{name}")},
    })  # fmt: skip


def get_custom(call: Exchange) -> Reply:
    """``GET /api/v1/iam/roles/{roleIdOrLabel}``."""
    return Reply(200, _custom(call))


def list_custom(call: Exchange) -> Reply:
    """``GET /api/v1/iam/roles``."""
    rows = list(call.world.table(_ROLES).values())
    return Reply(200, {"roles": rows, "_links": {"next": {"href": href(call, "/iam/roles")}}})


def replace_custom(call: Exchange) -> Reply:
    """``PUT /api/v1/iam/roles/{roleIdOrLabel}``."""
    row, body = _custom(call), call.fields()
    row = call.world.table(_ROLES).patch(
        row["id"],
        label=body.get("label", row["label"]),
        description=body.get("description"),
        lastUpdated=stamp(call.world),
    )
    return Reply(200, row)


def delete_custom(call: Exchange) -> Reply:
    """``DELETE /api/v1/iam/roles/{roleIdOrLabel}``."""
    row = _custom(call)
    call.world.table(_ROLES).drop(row["id"])
    call.world.tables.pop(f"okta.permissions:{row['id']}", None)
    return Reply(204)


def permissions(call: Exchange) -> Reply:
    """``GET …/permissions``."""
    row = _custom(call)
    found = call.world.table(f"okta.permissions:{row['id']}").values()
    return Reply(200, {"permissions": list(found)})


def permission(call: Exchange) -> Reply:
    """``GET``/``POST``/``PUT``/``DELETE …/permissions/{permissionType}``."""
    row, name = _custom(call), call.params["permissionType"]
    table = call.world.table(f"okta.permissions:{row['id']}")
    if call.request.method == "POST":
        _grant(call, row["id"], name, call.fields().get("conditions"))
        return Reply(204)
    if name not in table:
        raise missing(name, "Permission")
    if call.request.method == "DELETE":
        table.drop(name)
        return Reply(204)
    if call.request.method == "PUT":
        conditions = call.fields().get("conditions")
        return Reply(200, table.patch(name, conditions=conditions, lastUpdated=stamp(call.world)))
    return Reply(200, table[name])


def _routes() -> tuple[Route, ...]:
    out = []
    for base in (
        "/api/v1/users/{userId}",
        "/api/v1/groups/{groupId}",
        "/oauth2/v1/clients/{clientId}",
        "/api/v1/clients/{clientId}",
    ):
        kind = base.split("/")[-2]
        one = f"{base}/roles/{{roleAssignmentId}}"
        target = "{targetGroupId}" if kind == "groups" else "{groupId}"
        catalog = f"{one}/targets/catalog/apps"
        rows = (
            ("POST", f"{base}/roles", assign, "assignRole"),
            ("GET", f"{base}/roles", listed, "listRoles"),
            ("GET", one, get, "getRole"),
            ("DELETE", one, unassign, "unassignRole"),
            ("GET", f"{one}/targets/groups", group_targets, "listGroupTargets"),
            ("PUT", f"{one}/targets/groups/{target}", group_targets, "assignGroupTarget"),
            ("DELETE", f"{one}/targets/groups/{target}", group_targets, "unassignGroupTarget"),
            ("GET", catalog, app_targets, "listAppTargets"),
            ("PUT", f"{catalog}/{{appName}}", app_targets, "assignAppTarget"),
            ("DELETE", f"{catalog}/{{appName}}", app_targets, "unassignAppTarget"),
            ("PUT", f"{catalog}/{{appName}}/{{appId}}", app_targets, "assignAppInstanceTarget"),
            (
                "DELETE",
                f"{catalog}/{{appName}}/{{appId}}",
                app_targets,
                "unassignAppInstanceTarget",
            ),
        )
        for method, path, handler, op in rows:
            scope = "okta.roles.read" if method == "GET" else "okta.roles.manage"
            out.append(Route(method, path, handler, f"{op}For{kind.title()}", scopes=(scope,)))
    return tuple(out)


_IAM: Final = "/api/v1/iam/roles"
_ONE: Final = _IAM + "/{roleIdOrLabel}"
_PERMISSION: Final = _ONE + "/permissions/{permissionType}"
ROUTES: Final = (
    *_routes(),
    Route("POST", _IAM, create_custom, "createRole"),
    Route("GET", _IAM, list_custom, "listRoles"),
    Route("GET", _ONE, get_custom, "getRole"),
    Route("PUT", _ONE, replace_custom, "replaceRole"),
    Route("DELETE", _ONE, delete_custom, "deleteRole"),
    Route("GET", _ONE + "/permissions", permissions, "listRolePermissions"),
    Route("GET", _PERMISSION, permission, "getRolePermission"),
    Route("POST", _PERMISSION, permission, "createRolePermission"),
    Route("PUT", _PERMISSION, permission, "replaceRolePermission"),
    Route("DELETE", _PERMISSION, permission, "deleteRolePermission"),
)  # fmt: skip
