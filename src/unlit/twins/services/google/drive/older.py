"""Drive v2: the same files under their older names."""

import hashlib
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import convert, files, listing, permissions, render, uploads

routes = Routes("/drive/v2", "drive.v2", files.WRITE)
_STEM: Final = "https://www.googleapis.com/drive/v2"
_DATES: Final = {
    "createdDate": "createdTime",
    "modifiedDate": "modifiedTime",
    "lastViewedByMeDate": "viewedByMeTime",
    "modifiedByMeDate": "modifiedByMeTime",
}
_SAME: Final = (
    "description",
    "mimeType",
    "originalFilename",
    "folderColorRgb",
    "writersCanShare",
    "copyRequiresWriterPermission",
    "shortcutDetails",
)


def older_user(shown: Row) -> Row:
    """Render a person as v2 does."""
    out = {k: v for k, v in shown.items() if k not in ("me", "photoLink")}
    picture = {"picture": {"url": shown["photoLink"]}} if "photoLink" in shown else {}
    return {**out, **picture, "isAuthenticatedUser": shown["me"]}


def older(ask: Ask, row: Row) -> Row:
    """Render a file as v2 does."""
    new = render.file(ask, row)
    link = f"{_STEM}/files/{row['id']}"
    tag = hashlib.blake2b(f"{row['id']}/{row['version']}".encode(), digest_size=15).hexdigest()
    owners = [older_user(p) for p in new.get("owners", ())]
    mine = {
        k: v
        for k, v in render.permission(
            {"id": "me", "type": "user", "role": store.role(ask, row) or "reader"}
        ).items()
        if k in ("kind", "id", "type", "role")
    }
    out: Row = {
        "kind": "drive#file",
        "userPermission": {**mine, "etag": f'"{tag}"', "selfLink": f"{link}/permissions/me"},
        "fileExtension": new.get("fileExtension", ""),
        "id": row["id"],
        "etag": f'"{tag}"',
        "selfLink": link,
        "alternateLink": new["webViewLink"],
        "embedLink": new["webViewLink"].replace("/edit", "/preview").replace("/view", "/preview"),
        "iconLink": new["iconLink"],
        "title": new["name"],
        "mimeType": new["mimeType"],
        "labels": {
            "starred": new["starred"],
            "hidden": False,
            "trashed": new["trashed"],
            "restricted": new["copyRequiresWriterPermission"],
            "viewed": new["viewedByMe"],
        },
        "version": new["version"],
        "parents": [parent(ask, row, ident) for ident in new["parents"]],
        "ownerNames": [p["displayName"] for p in owners],
        "owners": owners,
        "lastModifyingUserName": new["lastModifyingUser"]["displayName"],
        "lastModifyingUser": older_user(new["lastModifyingUser"]),
        "capabilities": new["capabilities"],
        "editable": new["capabilities"]["canEdit"],
        "copyable": new["capabilities"]["canCopy"],
        "shared": new["shared"],
        "explicitlyTrashed": new["explicitlyTrashed"],
        "appDataContents": False,
        "spaces": new["spaces"],
        "quotaBytesUsed": new["quotaBytesUsed"],
        "writersCanShare": new["writersCanShare"],
        "copyRequiresWriterPermission": new["copyRequiresWriterPermission"],
    }
    for name, source in _DATES.items():
        if source in new:
            out[name] = new[source]
    for name in (
        "description",
        "md5Checksum",
        "originalFilename",
        "headRevisionId",
        "exportLinks",
        "webContentLink",
        "shortcutDetails",
        "folderColorRgb",
        "driveId",
    ):
        if name in new:
            out[name] = new[name]
    if not row["mimeType"].startswith(store.NATIVE):
        out |= {"fileSize": new["size"], "downloadUrl": f"{link}?alt=media&source=downloadUrl"}
    else:
        out.pop("fileExtension")
    if row.get("properties"):
        out["properties"] = [
            {"kind": "drive#property", "key": k, "value": v, "visibility": "PUBLIC"}
            for k, v in row["properties"].items()
        ]
    return out


def parent(ask: Ask, row: Row, ident: str) -> Row:
    """Render a parent."""
    return {
        "kind": "drive#parentReference",
        "id": ident,
        "selfLink": f"{_STEM}/files/{row['id']}/parents/{ident}",
        "parentLink": f"{_STEM}/files/{ident}",
        "isRoot": ident == store.root_of(ask.world, str(ask.me.get("emailAddress", ""))),
    }


def newer(body: Row) -> Row:
    """Return a v2 body under v3's names."""
    out: Row = {k: body[k] for k in _SAME if k in body}
    if "title" in body:
        out["name"] = body["title"]
    for name, target in _DATES.items():
        if name in body:
            out[target] = body[name]
    if "parents" in body:
        out["parents"] = [str(p["id"]) for p in body["parents"] or [] if p.get("id")]
    labels = body.get("labels") or {}
    for name in ("starred", "trashed"):
        if name in labels:
            out[name] = labels[name]
    if "properties" in body:
        out["properties"] = {
            str(p["key"]): p.get("value") for p in body["properties"] or [] if p.get("key")
        }
    return out


def shown(ask: Ask, row: Row) -> Any:
    """Render the newest state of a file, cut down by the caller's mask."""
    return files.masked(ask, older(ask, ask.table("files")[row["id"]]), "*")


@routes.add("GET", "/files", "files.list", scopes=files.READ)
def list_files(ask: Ask) -> Any:
    """Return files that match `q`, in pages."""
    rows, text = listing.candidates(ask), ask.arg("q")
    if text.strip():
        rows = listing.matching(ask, rows, text)
    rows = listing.ordered(rows, _order(ask.arg("orderBy", "modifiedDate desc")))
    size = min(1000, max(1, int(ask.arg("maxResults", "100"))))
    start = files.start_of(ask)
    out: Row = {
        "kind": "drive#fileList",
        "etag": '"fake-etag"',
        "selfLink": f"{_STEM}/files",
        "incompleteSearch": False,
    }
    if start + size < len(rows):
        out["nextPageToken"] = files.page_token(start + size)
        out["nextLink"] = f"{_STEM}/files?pageToken={out['nextPageToken']}"
    out["items"] = [older(ask, row) for row in rows[start : start + size]]
    return files.masked(ask, out, "*")


def _order(text: str) -> str:
    for name, target in (*_DATES.items(), ("title", "name")):
        text = text.replace(name, target)
    return text


@routes.add("POST", "/files", "files.insert")
def insert(ask: Ask) -> Any:
    """Make a file without content."""
    return shown(ask, files.made(ask, newer(ask.body())))


@routes.add("GET", "/files/{fileId}", "files.get", scopes=files.READ)
def get(ask: Ask) -> Any:
    """Return a file's metadata or content."""
    row = files.the_file(ask)
    return files.download(ask, row) if ask.arg("alt") == "media" else shown(ask, row)


@routes.add("PUT", "/files/{fileId}", "files.update")
@routes.add("PATCH", "/files/{fileId}", "files.patch")
def update(ask: Ask) -> Any:
    """Change a file; v2 takes parents in the body."""
    row, body = files.the_file(ask), newer(ask.body())
    parents = body.pop("parents", None)
    row = files.changed(ask, row, body)
    if parents is not None and parents != list(row["parents"]):
        before = list(row["parents"])
        fresh = files.parents_of(ask, {"parents": parents})
        store.refuse_circle(ask, row, fresh)
        row = store.change(ask, row, parents=fresh)
        store.index(ask.world, row, list(row["parents"]), before)
    return shown(ask, row)


@routes.add("DELETE", "/files/{fileId}", "files.delete")
def delete(ask: Ask) -> Any:
    """Delete a file for good."""
    return files.delete(ask)


@routes.add("POST", "/files/{fileId}/trash", "files.trash")
def trash(ask: Ask) -> Any:
    """Put a file into the trash."""
    return shown(ask, files.changed(ask, files.the_file(ask, "writer"), {"trashed": True}))


@routes.add("POST", "/files/{fileId}/untrash", "files.untrash")
def untrash(ask: Ask) -> Any:
    """Take a file out of the trash."""
    return shown(ask, files.changed(ask, files.the_file(ask, "writer"), {"trashed": False}))


@routes.add("POST", "/files/{fileId}/touch", "files.touch")
def touch(ask: Ask) -> Any:
    """Mark a file as changed now."""
    return shown(ask, store.change(ask, files.the_file(ask, "writer")))


@routes.add("POST", "/files/{fileId}/copy", "files.copy")
def copy(ask: Ask) -> Any:
    """Copy a file."""
    return shown(ask, files.copied(ask, files.the_file(ask), newer(ask.body())))


@routes.add("GET", "/files/{fileId}/export", "files.export", scopes=files.READ)
def export(ask: Ask) -> Any:
    """Return a Google document in another format."""
    return convert.export(ask, files.the_file(ask), ask.arg("mimeType"))


@routes.add("GET", "/files/{fileId}/parents", "parents.list", scopes=files.READ)
def parents(ask: Ask) -> Any:
    """Return a file's parents."""
    row = files.the_file(ask)
    items = [parent(ask, row, ident) for ident in row["parents"]]
    link = f"{_STEM}/files/{row['id']}/parents"
    return files.masked(
        ask,
        {"kind": "drive#parentList", "etag": '"fake-etag"', "selfLink": link, "items": items},
        "*",
    )


@routes.add("GET", "/files/{folderId}/children", "children.list", scopes=files.READ)
def children(ask: Ask) -> Any:
    """Return what a folder holds."""
    folder = files.the_file(ask, param="folderId")
    items = [
        {
            "kind": "drive#childReference",
            "id": ident,
            "selfLink": f"{_STEM}/files/{folder['id']}/children/{ident}",
            "childLink": f"{_STEM}/files/{ident}",
        }
        for ident in ask.table("children").get(folder["id"]) or ()
        if store.visible(ask, ident) is not None
    ]
    link = f"{_STEM}/files/{folder['id']}/children"
    return files.masked(
        ask,
        {"kind": "drive#childList", "etag": '"fake-etag"', "selfLink": link, "items": items},
        "*",
    )


# --- permissions
def older_permission(ask: Ask, row: Row, held: Row) -> Row:
    """Render a permission as v2 does: commenters are readers with one more role."""
    comment = held["role"] == "commenter"
    out: Row = {
        "kind": "drive#permission",
        "etag": '"fake-etag"',
        "id": held["id"],
        "selfLink": f"{_STEM}/files/{row['id']}/permissions/{held['id']}",
        "role": "reader" if comment else held["role"],
        "type": held["type"],
    }
    if comment:
        out["additionalRoles"] = ["commenter"]
    if held.get("emailAddress"):
        mail = str(held["emailAddress"])
        out |= {
            "name": held.get("displayName", ""),
            "emailAddress": mail,
            "domain": mail.partition("@")[2],
        }
    elif held.get("domain"):
        out |= {"name": held["domain"], "domain": held["domain"]}
    if held["type"] == "anyone":
        out["withLink"] = not held.get("allowFileDiscovery", False)
    if held["type"] in ("user", "group"):
        out |= {"deleted": False, "pendingOwner": False}
    return out


@routes.add("GET", "/files/{fileId}/permissions", "permissions.list", scopes=files.READ)
def list_permissions(ask: Ask) -> Any:
    """Return a file's permissions."""
    row = permissions.target(ask, "writer")
    items = [older_permission(ask, row, held) for held in permissions.shown(ask, row)]
    link = f"{_STEM}/files/{row['id']}/permissions"
    return files.masked(
        ask,
        {"kind": "drive#permissionList", "etag": '"fake-etag"', "selfLink": link, "items": items},
        "*",
    )


@routes.add("POST", "/files/{fileId}/permissions", "permissions.insert")
def insert_permission(ask: Ask) -> Any:
    """Grant a permission."""
    row, body = permissions.target(ask, "writer"), ask.body()
    role = "commenter" if "commenter" in (body.get("additionalRoles") or ()) else body.get("role")
    key = "domain" if body.get("type") == "domain" else "emailAddress"
    wanted: Row = {"type": body.get("type"), "role": role, key: body.get("value") or body.get(key)}
    if body.get("type") == "anyone":
        wanted = {
            "type": "anyone",
            "role": role,
            "allowFileDiscovery": not body.get("withLink", False),
        }
    held = permissions.add(ask, row, wanted)
    return files.masked(ask, older_permission(ask, row, held), "*")


@routes.add("DELETE", "/files/{fileId}/permissions/{permissionId}", "permissions.delete")
def delete_permission(ask: Ask) -> Any:
    """Revoke a permission."""
    return permissions.delete(ask)


@routes.add("GET", "/about", "about.get", scopes=files.READ)
def about(ask: Ask) -> Any:
    """Return who the caller is."""
    mail = str(ask.me.get("emailAddress", ""))
    out = {
        "kind": "drive#about",
        "etag": '"fake-etag"',
        "selfLink": f"{_STEM}/about",
        "name": ask.me.get("displayName"),
        "user": older_user(render.user(ask, mail)),
        "quotaBytesTotal": str(15 * 1024**3),
        "quotaBytesUsed": "0",
        "quotaType": "LIMITED",
        "largestChangeId": str(ask.world.counters.get("google.change", 100) - 1),
        "rootFolderId": store.root_of(ask.world, mail),
        "permissionId": ask.me.get("permissionId"),
        "isCurrentAppInstalled": False,
        "languageCode": "en-US",
    }
    return files.masked(ask, out, "*")


# --- uploads
@routes.add("POST", "/upload/drive/v2/files", "files.insert", prefix="")
def upload(ask: Ask) -> Any:
    """Make a file with content."""
    return _uploaded(ask, None)


@routes.add("PUT", "/upload/drive/v2/files/{fileId}", "files.update", prefix="")
def upload_again(ask: Ask) -> Any:
    """Change a file's content."""
    if ask.arg("upload_id"):
        return _finished(ask, uploads.put(ask))
    return _uploaded(ask, files.the_file(ask, "writer"))


@routes.add("PUT", "/upload/drive/v2/files", "files.insert", prefix="")
def upload_chunk(ask: Ask) -> Any:
    """Take a chunk of a resumable upload."""
    return _finished(ask, uploads.put(ask))


def _uploaded(ask: Ask, row: Row | None) -> Any:
    return _finished(ask, uploads.upload(ask, row, newer))


def _finished(ask: Ask, answer: Any) -> Any:
    if isinstance(answer, Reply):
        return answer
    return shown(ask, answer)
