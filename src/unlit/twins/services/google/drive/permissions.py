"""Permissions: list, grant, change, revoke."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import files, render

routes = Routes("/drive/v3", "drive.permissions", files.WRITE)
DEFAULT: Final = "kind,id,type,role"
_TYPES: Final = ("user", "group", "domain", "anyone")
_ROLES: Final = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")


def target(ask: Ask, wanted: str = "reader") -> Row:
    """Return the file or shared drive that the path names."""
    drive = ask.table("drives").get(ask.params["fileId"])
    return dict(drive) if drive is not None else files.the_file(ask, wanted)


def _table(ask: Ask, row: Row) -> Any:
    return ask.table("drives" if row["id"] in ask.table("drives") else "files")


def shown(ask: Ask, row: Row) -> list[Row]:
    """Return every permission of a file, inherited ones too."""
    held = row["permissions"] if row["id"] in ask.table("drives") else store.held(ask, row)
    return render.unique(list(held))


def one(ask: Ask, row: Row) -> Row:
    """Return the permission that the path names."""
    wanted = ask.params["permissionId"]
    found = next((p for p in shown(ask, row) if p["id"] == wanted), None)
    if found is None:
        raise errors.drive(
            404, "notFound", f"Permission not found: {wanted}.", location="permissionId"
        )
    return found


@routes.add("GET", "/files/{fileId}/permissions", "list", scopes=files.READ)
def list_permissions(ask: Ask) -> Any:
    """Return a file's permissions; only writers may look."""
    row = target(ask, "writer")
    out = {
        "kind": "drive#permissionList",
        "permissions": [render.permission(p) for p in shown(ask, row)],
    }
    return files.masked(ask, out, f"kind,nextPageToken,permissions({DEFAULT})")


@routes.add("GET", "/files/{fileId}/permissions/{permissionId}", "get", scopes=files.READ)
def get(ask: Ask) -> Any:
    """Return one permission."""
    return files.masked(ask, render.permission(one(ask, target(ask))), DEFAULT)


@routes.add("POST", "/files/{fileId}/permissions", "create")
def create(ask: Ask) -> Any:
    """Grant a permission; who already has one gets the new role."""
    row, body = target(ask, "writer"), ask.body()
    return files.masked(ask, render.permission(add(ask, row, body)), DEFAULT)


def add(ask: Ask, row: Row, body: Row) -> Row:
    """Grant a checked permission and return it."""
    checked(body)
    if body["role"] == "owner":
        return _transferred(ask, row, body)
    new = granted(ask, body)
    held = [p for p in row["permissions"] if p["id"] != new["id"]]
    old = next((p for p in row["permissions"] if p["id"] == new["id"]), None)
    if old is not None and old["role"] == "owner":
        new = old
    _table(ask, row).patch(row["id"], permissions=(*held, new))
    store.changed(ask.world, row["id"])
    return new


def wrong(text: str, name: str, reason: str = "invalid") -> Exception:
    """Return the vendor's error for a part of a permission."""
    return errors.drive(400, reason, text, location=f"permission.{name}", kind="other")


def checked(body: Row) -> None:
    """Check type, role and who a permission is for.

    Raises:
        VendorError: Something is missing or unknown.
    """
    kind, role = body.get("type"), body.get("role")
    for name in ("type", "role"):
        if not body.get(name):
            text = f"The permission {name} field is required."
            raise wrong(text, name, "required")
    if kind not in _TYPES:
        raise wrong("The specified permission type is invalid.", "type")
    public = kind in ("anyone", "domain") and role in ("owner", "organizer", "fileOrganizer")
    if role not in _ROLES or public:
        raise wrong("The specified role is invalid or not supported.", "role")
    needs = {"user": "emailAddress", "group": "emailAddress", "domain": "domain"}.get(str(kind))
    if needs and not body.get(needs):
        text = f"The specified {needs} is invalid or not applicable for the given permission type."
        raise wrong(text, needs)
    if needs == "emailAddress" and "@" not in str(body["emailAddress"]):
        raise errors.drive(
            400,
            "invalidSharingRequest",
            'Bad Request. User message: "Sorry, the items were unable to be shared with '
            f'{body["emailAddress"]}: not a valid email address."',
        )


def granted(ask: Ask, body: Row) -> Row:
    """Return the stored form of a new permission."""
    kind = body["type"]
    new: Row = {"type": kind, "role": body["role"]}
    if kind == "anyone":
        new["id"] = "anyoneWithLink" if not body.get("allowFileDiscovery") else "anyone"
        new["allowFileDiscovery"] = bool(body.get("allowFileDiscovery", False))
    elif kind == "domain":
        new |= {
            "id": render.permission_id(body["domain"]) + "k",
            "domain": body["domain"],
            "displayName": body["domain"],
        }
        new["allowFileDiscovery"] = bool(body.get("allowFileDiscovery", False))
    else:
        mail = str(body["emailAddress"])
        person = render.user(ask, mail)
        new |= {
            "id": person["permissionId"],
            "emailAddress": mail,
            "displayName": person["displayName"],
        }
    if body.get("expirationTime"):
        new["expirationTime"] = body["expirationTime"]
    return new


def _transferred(ask: Ask, row: Row, body: Row) -> Row:
    if not ask.flag("transferOwnership"):
        raise errors.drive(
            403,
            "forbidden",
            "The transferOwnership parameter must be enabled when the permission role is 'owner'.",
            location="transferOwnership",
        )
    if not store.may(ask, row, "owner"):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    new = granted(ask, body)
    held = [
        {**p, "role": "writer"} if p["role"] == "owner" else p
        for p in row["permissions"]
        if p["id"] != new["id"]
    ]
    ask.table("files").patch(row["id"], permissions=(*held, new), owner=new["emailAddress"])
    store.changed(ask.world, row["id"])
    return new


@routes.add("PATCH", "/files/{fileId}/permissions/{permissionId}", "update")
def update(ask: Ask) -> Any:
    """Change the role of a permission."""
    row, body = target(ask, "writer"), ask.body()
    old = one(ask, row)
    if body.get("role") == "owner":
        moved = _transferred(ask, row, {**old, **body})
        return files.masked(ask, render.permission(moved), DEFAULT)
    if old["role"] == "owner":
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    if body.get("role") not in _ROLES and "role" in body:
        raise errors.drive(
            400,
            "invalid",
            "The specified role is invalid or not supported.",
            location="permission.role",
            kind="other",
        )
    new: Row = {**old, **{k: body[k] for k in ("role", "expirationTime") if k in body}}
    if ask.flag("removeExpiration"):
        new.pop("expirationTime", None)
    held = [new if p["id"] == old["id"] else p for p in row["permissions"]]
    if new not in held:
        held.append(new)
    _table(ask, row).patch(row["id"], permissions=tuple(held))
    store.changed(ask.world, row["id"])
    return files.masked(ask, render.permission(new), DEFAULT)


@routes.add("DELETE", "/files/{fileId}/permissions/{permissionId}", "delete")
def delete(ask: Ask) -> Any:
    """Revoke a permission; the owner's and inherited ones stay."""
    row = target(ask)
    old = one(ask, row)
    mine = old.get("emailAddress") == ask.me.get("emailAddress")
    if old["role"] == "owner" or not (mine or store.may(ask, row, "writer")):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    if all(p["id"] != old["id"] for p in row["permissions"]):
        raise errors.drive(
            403,
            "cannotDeletePermission" if row.get("driveId") else "cannotRemoveInheritedPermission",
            "Cannot remove an inherited permission.",
        )
    _table(ask, row).patch(
        row["id"], permissions=tuple(p for p in row["permissions"] if p["id"] != old["id"])
    )
    store.changed(ask.world, row["id"])
    return Reply(204)
