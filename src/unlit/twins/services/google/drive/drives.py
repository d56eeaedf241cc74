"""Shared drives, and what the service says of the caller."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import files, render

routes = Routes("/drive/v3", "drive", files.WRITE)


# --- shared drives
def shown_drive(ask: Ask, row: Row, kind: str = "drive#drive") -> Row:
    """Render a shared drive."""
    return {
        "kind": kind,
        "id": row["id"],
        "name": row["name"],
        "colorRgb": row.get("colorRgb", "#0f9d58"),
        "backgroundImageLink": "https://ssl.gstatic.com/team_drive_themes/generic_background.jpg",
        "createdTime": row["createdTime"],
        "hidden": bool(row.get("hidden", False)),
        "capabilities": dict.fromkeys(
            (
                "canAddChildren",
                "canComment",
                "canCopy",
                "canDeleteDrive",
                "canDownload",
                "canEdit",
                "canListChildren",
                "canManageMembers",
                "canReadRevisions",
                "canRename",
                "canRenameDrive",
                "canShare",
            ),
            True,
        ),
        "restrictions": row.get("restrictions")
        or {
            "adminManagedRestrictions": False,
            "copyRequiresWriterPermission": False,
            "domainUsersOnly": False,
            "driveMembersOnly": False,
            "sharingFoldersRequiresOrganizerPermission": False,
        },
    }


def _drive(ask: Ask, param: str = "driveId", wanted: str = "reader") -> Row:
    ident = ask.params[param]
    row = ask.table("drives").get(ident)
    me = str(ask.me.get("emailAddress", "")).lower()
    held = [
        p
        for p in (row or {}).get("permissions", ())
        if str(p.get("emailAddress", "")).lower() == me
    ]
    if row is None or not held:
        raise errors.drive(404, "notFound", f"Shared drive not found: {ident}", location="driveId")
    if not any(store.STRENGTH.index(p["role"]) >= store.STRENGTH.index(wanted) for p in held):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            "The user does not have sufficient permissions for this shared drive.",
        )
    return dict(row)


@routes.add("POST", "/drives", "drives.create")
def create_drive(ask: Ask) -> Any:
    """Make a shared drive; the same request id makes none twice."""
    request, body = ask.arg("requestId"), ask.body()
    if not request:
        raise errors.drive(400, "required", "Required parameter: requestId", location="requestId")
    known = ask.table("drive_requests").get(request)
    if known is not None:
        raise errors.drive(
            409, "duplicate", "A shared drive was already created with the provided request ID."
        )
    if not body.get("name"):
        raise errors.drive(
            400,
            "required",
            "The shared drive name is required.",
            location="drive.name",
            kind="other",
        )
    ident = "0A" + ask.world.text("google.drive", 15, store.ID_CHARS) + "Uk9PVA"
    role = {**store.owner_permission(ask.me), "role": "organizer"}
    row: Row = {
        "id": ident,
        "name": body["name"],
        "createdTime": store.now(ask.world),
        "permissions": (role,),
        **{k: body[k] for k in ("colorRgb", "hidden", "restrictions") if k in body},
    }
    ask.table("drives").put(ident, row)
    ask.table("drive_requests").put(request, ident)
    ask.table("files").put(
        ident,
        {
            "id": ident,
            "name": "Drive",
            "mimeType": store.FOLDER,
            "parents": (),
            "createdTime": row["createdTime"],
            "modifiedTime": row["createdTime"],
            "trashed": False,
            "starred": False,
            "version": 1,
            "permissions": (),
            "driveId": ident,
            "owner": None,
            "modifier": ask.me.get("emailAddress"),
        },
    )
    ask.table("roots").put("drive " + ident, ident)
    return files.masked(ask, shown_drive(ask, row), "kind,id,name")


@routes.add("GET", "/drives", "drives.list", scopes=files.READ)
def list_drives(ask: Ask) -> Any:
    """Return the caller's shared drives."""
    me = str(ask.me.get("emailAddress", "")).lower()
    rows = [
        shown_drive(ask, row)
        for row in ask.table("drives").values()
        if any(str(p.get("emailAddress", "")).lower() == me for p in row["permissions"])
    ]
    return files.masked(
        ask, {"kind": "drive#driveList", "drives": rows}, "kind,nextPageToken,drives(kind,id,name)"
    )


@routes.add("GET", "/drives/{driveId}", "drives.get", scopes=files.READ)
def get_drive(ask: Ask) -> Any:
    """Return a shared drive."""
    return files.masked(ask, shown_drive(ask, _drive(ask)), "kind,id,name")


@routes.add("PATCH", "/drives/{driveId}", "drives.update")
def update_drive(ask: Ask) -> Any:
    """Change a shared drive."""
    row, body = _drive(ask, wanted="organizer"), ask.body()
    changes: Row = {k: body[k] for k in ("name", "colorRgb", "restrictions") if k in body}
    return files.masked(
        ask,
        shown_drive(ask, ask.table("drives").put(row["id"], {**row, **changes})),
        "kind,id,name",
    )


@routes.add("DELETE", "/drives/{driveId}", "drives.delete")
def delete_drive(ask: Ask) -> Any:
    """Delete an empty shared drive."""
    row = _drive(ask, wanted="organizer")
    inside = [
        f
        for f in ask.table("files").values()
        if f.get("driveId") == row["id"] and f["id"] != row["id"]
    ]
    if inside:
        raise errors.drive(
            403, "nonEmptyDrive", "A shared drive can only be deleted when it is empty."
        )
    for table, key in (
        ("drives", row["id"]),
        ("files", row["id"]),
        ("roots", "drive " + row["id"]),
    ):
        ask.table(table).drop(key)
    return Reply(204)


def _hiding(name: str, hidden: bool) -> None:
    @routes.add("POST", f"/drives/{{driveId}}/{name}", f"drives.{name}")
    def hide(ask: Ask) -> Any:
        row = ask.table("drives").patch(_drive(ask)["id"], hidden=hidden)
        return files.masked(ask, shown_drive(ask, row), "kind,id,name")


_hiding("hide", True)
_hiding("unhide", False)


@routes.add("GET", "/about", "about.get", scopes=files.READ)
def about(ask: Ask) -> Any:
    """Return who the caller is and what the service can do; a mask must be given."""
    if not ask.arg("fields"):
        raise errors.drive(
            400,
            "required",
            "The 'fields' parameter is required for this method.",
            location="fields",
        )
    used = sum(
        int(r.get("size", 0))
        for r in ask.table("files").values()
        if r.get("owner") == ask.me.get("emailAddress")
    )
    out = {
        "kind": "drive#about",
        "user": render.user(ask, ask.me.get("emailAddress")),
        "storageQuota": {
            "limit": str(15 * 1024**3),
            "usage": str(used),
            "usageInDrive": str(used),
            "usageInDriveTrash": "0",
        },
        "importFormats": {"text/csv": [store.SHEET], "text/plain": [store.DOCUMENT]},
        "exportFormats": {kind: list(forms) for kind, forms in render.EXPORTS.items()},
        "maxImportSizes": {store.SHEET: "104857600", store.DOCUMENT: "10485760"},
        "maxUploadSize": "5242880000000",
        "appInstalled": False,
        "folderColorPalette": ["#ac725e", "#d06b64", "#f83a22", "#fa573c"],
        "canCreateDrives": True,
        "canCreateTeamDrives": True,
    }
    return files.masked(ask, out, "*")
