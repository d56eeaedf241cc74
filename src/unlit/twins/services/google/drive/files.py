"""Files: list, create, read, change, copy, delete."""

import base64
import binascii
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, masks, schemas, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.docs import document
from unlit.twins.services.google.drive import listing, render
from unlit.twins.services.google.sheets import book

_A: Final = "https://www.googleapis.com/auth/drive"
WRITE: Final = (_A, f"{_A}.file", f"{_A}.appdata")
READ: Final = (
    *WRITE,
    f"{_A}.readonly",
    f"{_A}.metadata",
    f"{_A}.metadata.readonly",
    f"{_A}.meet.readonly",
    f"{_A}.photos.readonly",
)
routes = Routes("/drive/v3", "drive.files", WRITE)
DEFAULT: Final = "kind,id,name,mimeType"
_WRITABLE: Final = (
    "name",
    "mimeType",
    "description",
    "starred",
    "properties",
    "appProperties",
    "folderColorRgb",
    "createdTime",
    "modifiedTime",
    "viewedByMeTime",
    "copyRequiresWriterPermission",
    "writersCanShare",
    "originalFilename",
    "contentRestrictions",
    "shortcutDetails",
)


def masked(ask: Ask, value: Row, default: str) -> Any:
    """Apply the caller's mask; a mask that names an unknown field is refused."""
    text = ask.arg("fields") or default
    try:
        tree = masks.parse(text)
    except masks.BadMask as error:
        raise bad_field(str(error) or text) from error
    wrong = schemas.unknown_field(ask.exchange.route, tree)
    if wrong is not None:
        raise bad_field(wrong.rpartition(".")[2])
    return masks.apply(value, tree)


def bad_field(name: str) -> Exception:
    """Return Drive's error for a mask."""
    return errors.drive(
        400, "invalidParameter", f"Invalid field selection {name}", location="fields"
    )


def the_file(ask: Ask, wanted: str = "reader", param: str = "fileId") -> Row:
    """Return the file that the path names.

    Raises:
        VendorError: There is none that the caller sees, or the role is too weak.
    """
    ident = ask.params[param]
    row = store.visible(ask, ident)
    if row is None:
        raise store.not_found(ident)
    if not store.may(ask, row, wanted):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    return row


@routes.add("GET", "/files", "list", scopes=READ)
def list_files(ask: Ask) -> Any:
    """Return files that match `q`, in pages."""
    size = _page_size(ask)
    rows = listing.candidates(ask)
    text = ask.arg("q")
    if text.strip():
        rows = listing.matching(ask, rows, text)
    rows = listing.ordered(rows, ask.arg("orderBy", "modifiedTime desc"))
    start = start_of(ask)
    out: Row = {"kind": "drive#fileList"}
    if start + size < len(rows):
        out["nextPageToken"] = page_token(start + size)
    out |= {
        "incompleteSearch": False,
        "files": [render.file(ask, row) for row in rows[start : start + size]],
    }
    return masked(ask, out, f"kind,nextPageToken,incompleteSearch,files({DEFAULT})")


def _page_size(ask: Ask) -> int:
    text = ask.arg("pageSize", "100")
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise errors.drive(
            400,
            "invalidParameter",
            f"Invalid value '{text}'. Values must be within the range: [1, 1000]",
            location="pageSize",
        )
    return int(text)


def page_token(start: int) -> str:
    """Return the token of the page that begins at `start`."""
    return base64.urlsafe_b64encode(f"~!!~{start}".encode()).decode()


def start_of(ask: Ask) -> int:
    """Return where the asked-for page begins."""
    token = ask.arg("pageToken")
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("~!!~"))
    except (ValueError, binascii.Error, UnicodeDecodeError) as error:
        raise errors.drive(400, "invalid", "Invalid Value", location="pageToken") from error


def made(ask: Ask, body: Row, content: bytes | None = None, content_type: str = "") -> Row:
    """Make a file from metadata and content."""
    entry = {name: body[name] for name in _WRITABLE if body.get(name) is not None}
    if body.get("id"):
        if body["id"] in ask.table("files"):
            raise errors.drive(
                409,
                "fileIdInUse",
                "A file already exists with the provided ID.",
                location="file.id",
            )
        entry["id"] = body["id"]
    entry["parents"] = parents_of(ask, body)
    mime = entry.get("mimeType") or content_type.split(";")[0].strip()
    if not mime and content is not None:
        mime = "application/octet-stream"
    entry["mimeType"] = mime or "application/octet-stream"
    if mime == store.SHORTCUT:
        target = store.visible(ask, str((entry.get("shortcutDetails") or {}).get("targetId")))
        if target is None:
            raise errors.drive(404, "notFound", "Shortcut target not found.")
        entry["shortcutDetails"] = {"targetId": target["id"], "targetMimeType": target["mimeType"]}
    row = store.add(ask.world, ask.me, entry)
    if mime == store.SHEET:
        book.create(ask.world, row["id"], row["name"])
    elif mime == store.DOCUMENT:
        document.create(ask.world, row["id"], row["name"])
    elif not mime.startswith(store.NATIVE):
        row = with_content(ask, row, content or b"")
    return row


def parents_of(ask: Ask, body: Row) -> list[str]:
    """Check the parents of a new file."""
    parents = [str(p) for p in body.get("parents") or []]
    if len(parents) > 1:
        raise errors.drive(403, "cannotAddParent", "A file cannot have multiple parents.")
    out: list[str] = []
    for ident in parents:
        parent = store.visible(ask, ident)
        if parent is None:
            raise store.not_found(ident)
        if parent["mimeType"] != store.FOLDER:
            raise errors.drive(
                403, "parentNotAFolder", "The specified parent is not a folder.", location="parents"
            )
        if not store.may(ask, parent, "writer"):
            raise errors.drive(
                403,
                "insufficientParentPermissions",
                "Insufficient permissions for the specified parent.",
            )
        out.append(parent["id"])
    return out


def with_content(ask: Ask, row: Row, content: bytes) -> Row:
    """Store a file's content, its checksums and a revision."""
    import hashlib

    ident = row["id"]
    ask.table("contents").put(ident, content)
    revision = store.fresh_id(ask.world, native=True)
    entry = {
        "id": revision,
        "modifiedTime": store.now(ask.world),
        "mimeType": row["mimeType"],
        "size": len(content),
        "content": content,
        "modifier": ask.me.get("emailAddress"),
        "keepForever": False,
        "md5Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "originalFilename": row.get("originalFilename") or row["name"],
    }
    revisions = ask.table("revisions")
    revisions.put(ident, (*(revisions.get(ident) or ()), entry))
    name = row["name"]
    extension = name.rpartition(".")[2] if "." in name else ""
    return dict(
        ask.table("files").patch(
            ident,
            size=len(content),
            md5Checksum=entry["md5Checksum"],
            sha1Checksum=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            sha256Checksum=hashlib.sha256(content).hexdigest(),
            headRevisionId=revision,
            originalFilename=row.get("originalFilename") or name,
            fileExtension=extension,
            fullFileExtension=extension,
        )
    )


@routes.add("POST", "/files", "create")
def create(ask: Ask) -> Any:
    """Make a file without content."""
    return masked(ask, render.file(ask, made(ask, ask.body())), DEFAULT)


@routes.add("GET", "/files/generateIds", "generateIds")
def generate_ids(ask: Ask) -> Any:
    """Return ids for later creates."""
    count = int(ask.arg("count", "10"))
    ids = [store.fresh_id(ask.world) for _ in range(count)]
    return ask.masked(
        {"kind": "drive#generatedIds", "space": ask.arg("space", "drive"), "ids": ids}
    )


@routes.add("GET", "/files/{fileId}", "get", scopes=READ)
def get(ask: Ask) -> Any:
    """Return a file's metadata, or with ``alt=media`` its content."""
    row = the_file(ask)
    if ask.arg("alt") == "media":
        return download(ask, row)
    return masked(ask, render.file(ask, row), DEFAULT)


def download(ask: Ask, row: Row) -> Reply:
    """Return a file's content, or the range asked for."""
    if row["mimeType"].startswith(store.NATIVE):
        raise errors.drive(
            403,
            "fileNotDownloadable",
            "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
            location="alt",
        )
    content = ask.table("contents").get(row["id"]) or b""
    return ranged(ask, content, row["mimeType"])


def ranged(ask: Ask, content: bytes, mime: str) -> Reply:
    """Answer with content, honouring ``Range: bytes=a-b``."""
    head = [("content-type", mime)]
    asked = ask.request.headers.get("range", "")
    if not asked.startswith("bytes="):
        return Reply(200, content, head)
    first, _, last = asked[6:].partition("-")
    try:
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(len(content) - 1, int(last)) if first and last else len(content) - 1
    except ValueError:
        return Reply(200, content, head)
    if start >= len(content):
        raise errors.drive(
            416,
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
            location="Range",
            kind="header",
        )
    head.append(("content-range", f"bytes {start}-{end}/{len(content)}"))
    return Reply(206, content[start : end + 1], head)


@routes.add("GET", "/files/{fileId}/export", "export", scopes=READ)
def export(ask: Ask) -> Any:
    """Return a Google document in another format."""
    from unlit.twins.services.google.drive import convert

    return convert.export(ask, the_file(ask), ask.arg("mimeType"))


@routes.add("PATCH", "/files/{fileId}", "update")
def update(ask: Ask) -> Any:
    """Change a file's metadata."""
    row = changed(ask, the_file(ask), ask.body())
    return masked(ask, render.file(ask, row), DEFAULT)


def changed(ask: Ask, row: Row, body: Row) -> Row:
    """Change a file from a request body and the query's addParents and removeParents."""
    personal = set(body) <= {"starred", "viewedByMeTime"}
    if not personal and not store.may(ask, row, "writer"):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    if "parents" in body:
        raise errors.drive(
            403,
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. Use the addParents and "
            "removeParents parameters instead.",
        )
    changes: Row = {name: body[name] for name in _WRITABLE if name in body}
    for name in ("properties", "appProperties"):
        if name in changes:
            merged = {**(row.get(name) or {}), **(changes[name] or {})}
            changes[name] = {k: v for k, v in merged.items() if v is not None}
    if "trashed" in body:
        if not store.may(ask, row, "writer"):
            raise store.not_found(row["id"])
        changes["trashed"] = bool(body["trashed"])
        changes["trashedTime"] = store.now(ask.world) if body["trashed"] else None
    changes |= moved(ask, row)
    new = store.change(ask, row, touch=not personal and "trashed" not in body, **changes)
    if "name" in changes:
        _retitled(ask, new)
    if "parents" in changes:
        store.index(ask.world, new, list(new["parents"]), list(row["parents"]))
    return new


def _retitled(ask: Ask, row: Row) -> None:
    for name in ("spreadsheets", "documents"):
        if row["id"] in ask.table(name):
            ask.table(name).patch(row["id"], title=row["name"])


def moved(ask: Ask, row: Row) -> Row:
    """Return the change of parents that the query asks for."""
    adding = [p for p in ask.arg("addParents").split(",") if p]
    removing = [p for p in ask.arg("removeParents").split(",") if p]
    if not adding and not removing:
        return {}
    fresh = parents_of(ask, {"parents": adding})
    root = store.root_of(ask.world, str(ask.me.get("emailAddress", "")))
    removing = [root if p == "root" else p for p in removing]
    left = [p for p in row["parents"] if p not in removing]
    if fresh and left:
        raise errors.drive(
            403,
            "cannotAddParent",
            "Increasing the number of parents is not allowed",
        )
    store.refuse_circle(ask, row, fresh)
    return {"parents": fresh or left}


@routes.add("DELETE", "/files/{fileId}", "delete")
def delete(ask: Ask) -> Any:
    """Delete a file for good."""
    row = the_file(ask)
    if not (store.may(ask, row, "owner") or store.may(ask, row, "organizer")):
        raise errors.drive(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {row['id']}.",
        )
    store.remove(ask.world, row)
    return Reply(204)


@routes.add("DELETE", "/files/trash", "emptyTrash")
def empty_trash(ask: Ask) -> Any:
    """Delete everything in the caller's trash."""
    me = ask.me.get("emailAddress")
    for row in [r for r in ask.table("files").values() if r["trashed"] and r.get("owner") == me]:
        if row["id"] in ask.table("files"):
            store.remove(ask.world, row)
    return Reply(204)


@routes.add("POST", "/files/{fileId}/copy", "copy")
def copy(ask: Ask) -> Any:
    """Copy a file with its content."""
    row = copied(ask, the_file(ask), ask.body())
    return masked(ask, render.file(ask, row), DEFAULT)


def copied(ask: Ask, row: Row, body: Row) -> Row:
    """Copy a file under changed metadata."""
    if row["mimeType"] == store.FOLDER:
        raise errors.drive(403, "cannotCopyFile", "This file cannot be copied by the user.")
    keep = ("description", "properties", "appProperties", "folderColorRgb")
    entry = {name: row[name] for name in keep if row.get(name)}
    entry |= {name: body[name] for name in _WRITABLE if body.get(name) is not None}
    entry["name"] = body.get("name") or f"Copy of {row['name']}"
    entry["mimeType"] = row["mimeType"]
    parents = parents_of(ask, body) or [
        p for p in row["parents"] if store.may(ask, store.find(ask, p) or row, "writer")
    ]
    new = store.add(ask.world, ask.me, {**entry, "parents": parents})
    _copied(ask, row, new)
    return dict(ask.table("files")[new["id"]])


def _copied(ask: Ask, row: Row, new: Row) -> None:
    for name in ("spreadsheets", "documents"):
        found = ask.table(name).get(row["id"])
        if found is not None:
            ask.table(name).put(new["id"], {**found, "id": new["id"], "title": new["name"]})
    sheets = ask.table("sheets")
    for number in (ask.table("spreadsheets").get(row["id"]) or {}).get("sheets", ()):
        sheets.put((new["id"], number), sheets[row["id"], number])
    content = ask.table("contents").get(row["id"])
    if content is not None:
        with_content(ask, new, content)
