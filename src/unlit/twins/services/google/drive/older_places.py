"""Drive v2 beyond files: properties, parents, children, permissions, shared drives."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import drives, files, older, permissions
from unlit.twins.services.google.drive.newer import ETAG, STEM, Newer, listed, shown

routes = Routes("/drive/v2", "drive.v2", files.WRITE)


# --- properties
def _property(row: Row, key: str) -> Row:
    return {
        "kind": "drive#property",
        "etag": ETAG,
        "selfLink": f"{STEM}/files/{row['id']}/properties/{key}",
        "key": key,
        "value": row["properties"][key],
        "visibility": "PUBLIC",
    }


def _property_of(ask: Ask, wanted: str = "reader") -> tuple[Row, str]:
    row, key = files.the_file(ask, wanted), ask.params["propertyKey"]
    if key not in (row.get("properties") or {}):
        text = f"Property not found: key = {key} and visibility = PRIVATE"
        raise errors.drive(404, "notFound", text)
    return row, key


_PROPERTIES: Final = "/files/{fileId}/properties"
_PROPERTY: Final = _PROPERTIES + "/{propertyKey}"


@routes.add("GET", _PROPERTIES, "properties.list", scopes=files.READ)
def list_properties(ask: Ask) -> Any:
    """Return a file's properties."""
    row = files.the_file(ask)
    items = [_property(row, key) for key in row.get("properties") or {}]
    return listed(ask, "drive#propertyList", items, f"/files/{row['id']}/properties")


@routes.add("POST", _PROPERTIES, "properties.insert")
def insert_property(ask: Ask) -> Any:
    """Add a property, or set it again."""
    row, body = files.the_file(ask, "writer"), ask.body()
    if not body.get("key"):
        raise errors.drive(400, "required", "Required: key", location="property.key", kind="other")
    return _set_property(ask, row, str(body["key"]), body.get("value"))


def _set_property(ask: Ask, row: Row, key: str, value: Any) -> Any:
    row = files.changed(ask, row, {"properties": {key: "" if value is None else str(value)}})
    return shown(ask, _property(row, key))


@routes.add("GET", _PROPERTY, "properties.get", scopes=files.READ)
def get_property(ask: Ask) -> Any:
    """Return a property."""
    return shown(ask, _property(*_property_of(ask)))


@routes.add("PUT", _PROPERTY, "properties.update")
@routes.add("PATCH", _PROPERTY, "properties.patch")
def update_property(ask: Ask) -> Any:
    """Change a property."""
    row, key = _property_of(ask, "writer")
    return _set_property(ask, row, key, ask.body().get("value"))


@routes.add("DELETE", _PROPERTY, "properties.delete")
def delete_property(ask: Ask) -> Any:
    """Take a property away."""
    row, key = _property_of(ask, "writer")
    files.changed(ask, row, {"properties": {key: None}})
    return Reply(204)


# --- parents and children
def _placed(ask: Ask, child: str, folder: str, *, within: bool) -> Row:
    """Put a file into a folder, or out of it; return it."""
    row = store.visible(ask, child)
    if row is None:
        raise store.not_found(child)
    held = [folder] if within else [at for at in row["parents"] if at != folder]
    if not within and folder not in row["parents"]:
        raise store.not_found(folder)
    before = list(row["parents"])
    parents = files.parents_of(ask, {"parents": held}) if held else []
    store.refuse_circle(ask, row, parents)
    row = store.change(ask, row, parents=parents)
    store.index(ask.world, row, list(row["parents"]), before)
    return row


@routes.add("POST", "/files/{fileId}/parents", "parents.insert")
def insert_parent(ask: Ask) -> Any:
    """Put a file into a folder."""
    row, folder = files.the_file(ask, "writer"), str(ask.body().get("id") or "root")
    row = _placed(ask, row["id"], folder, within=True)
    return shown(ask, older.parent(ask, row, row["parents"][0]))


@routes.add("GET", "/files/{fileId}/parents/{parentId}", "parents.get", scopes=files.READ)
def get_parent(ask: Ask) -> Any:
    """Return a parent of a file."""
    row, wanted = files.the_file(ask), ask.params["parentId"]
    if wanted not in row["parents"]:
        raise errors.drive(404, "notFound", f"Parent not found: {wanted}", location="parentId")
    return shown(ask, older.parent(ask, row, wanted))


@routes.add("DELETE", "/files/{fileId}/parents/{parentId}", "parents.delete")
def delete_parent(ask: Ask) -> Any:
    """Take a file out of a folder."""
    row = files.the_file(ask, "writer")
    _placed(ask, row["id"], ask.params["parentId"], within=False)
    return Reply(204)


def _child(folder: str, ident: str) -> Row:
    return {
        "kind": "drive#childReference",
        "id": ident,
        "selfLink": f"{STEM}/files/{folder}/children/{ident}",
        "childLink": f"{STEM}/files/{ident}",
    }


@routes.add("POST", "/files/{folderId}/children", "children.insert")
def insert_child(ask: Ask) -> Any:
    """Put a file into a folder."""
    folder = files.the_file(ask, "writer", "folderId")
    row = _placed(ask, str(ask.body().get("id") or ""), folder["id"], within=True)
    return shown(ask, _child(folder["id"], row["id"]))


@routes.add("GET", "/files/{folderId}/children/{childId}", "children.get", scopes=files.READ)
def get_child(ask: Ask) -> Any:
    """Return a child of a folder."""
    folder = files.the_file(ask, param="folderId")
    row = store.visible(ask, ask.params["childId"])
    if row is None or folder["id"] not in row["parents"]:
        raise store.not_found(ask.params["childId"])
    return shown(ask, _child(folder["id"], row["id"]))


@routes.add("DELETE", "/files/{folderId}/children/{childId}", "children.delete")
def delete_child(ask: Ask) -> Any:
    """Take a file out of a folder."""
    folder = files.the_file(ask, "writer", "folderId")
    _placed(ask, ask.params["childId"], folder["id"], within=False)
    return Reply(204)


# --- permissions
@routes.add("GET", "/files/{fileId}/permissions/{permissionId}", "permissions.get",
            scopes=files.READ)  # fmt: skip
def get_permission(ask: Ask) -> Any:
    """Return a permission."""
    row = permissions.target(ask)
    return shown(ask, older.older_permission(ask, row, permissions.one(ask, row)))


@routes.add("PUT", "/files/{fileId}/permissions/{permissionId}", "permissions.update")
@routes.add("PATCH", "/files/{fileId}/permissions/{permissionId}", "permissions.patch")
def update_permission(ask: Ask) -> Any:
    """Change the role of a permission."""
    body = ask.body()
    sent: Row = {k: body[k] for k in ("role",) if k in body}
    if "commenter" in (body.get("additionalRoles") or ()):
        sent["role"] = "commenter"
    given = {"transferOwnership": ask.arg("transferOwnership")}
    permissions.update(Newer(ask, sent, **given))
    return get_permission(ask)


@routes.add("GET", "/permissionIds/{email}", "permissions.getIdForEmail", scopes=files.READ)
def permission_id(ask: Ask) -> Any:
    """Return the permission id of a mail address."""
    mail = ask.params["email"]
    if "@" not in mail:
        raise errors.drive(400, "invalid", "Invalid Value", location="email")
    held = permissions.granted(ask, {"type": "user", "role": "reader", "emailAddress": mail})
    return shown(ask, {"kind": "drive#permissionId", "id": held["id"]})


# --- drives
def _drive(new: Row, kind: str) -> Row:
    out = {key: value for key, value in new.items() if key not in ("createdTime", "kind")}
    if kind == "drive#teamDrive":
        out.pop("hidden", None)
    return {"kind": kind, **out, "createdDate": new["createdTime"]}


def _drives(stem: str, kind: str, param: str, op: str) -> None:
    def as_drive(ask: Ask) -> Ask:
        if param in ask.params:
            ask.params["driveId"] = ask.params[param]
        return Newer(ask)

    def one(answer: Callable[[Ask], Any]) -> Callable[[Ask], Any]:
        return lambda ask: shown(ask, _drive(answer(as_drive(ask)), kind))

    def every(ask: Ask) -> Any:
        rows = [_drive(new, kind) for new in drives.list_drives(as_drive(ask))["drives"]]
        return shown(ask, {"kind": f"{kind}List", "items": rows})

    at = f"/{stem}/{{{param}}}"
    routes.add("POST", f"/{stem}", f"{op}.insert")(one(drives.create_drive))
    routes.add("GET", f"/{stem}", f"{op}.list", scopes=files.READ)(every)
    routes.add("GET", at, f"{op}.get", scopes=files.READ)(one(drives.get_drive))
    routes.add("PUT", at, f"{op}.update")(one(drives.update_drive))
    routes.add("DELETE", at, f"{op}.delete")(lambda ask: drives.delete_drive(as_drive(ask)))


_drives("drives", "drive#drive", "driveId", "drives")
_drives("teamdrives", "drive#teamDrive", "teamDriveId", "teamdrives")


def _hiding(name: str, *, hidden: bool) -> None:
    @routes.add("POST", f"/drives/{{driveId}}/{name}", f"drives.{name}")
    def hide(ask: Ask) -> Any:
        found = drives.get_drive(Newer(ask))
        row = ask.table("drives").patch(found["id"], hidden=hidden)
        return shown(ask, _drive(drives.shown_drive(ask, row), "drive#drive"))


_hiding("hide", hidden=True)
_hiding("unhide", hidden=False)
