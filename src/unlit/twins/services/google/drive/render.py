"""Files and permissions in Drive's JSON (v3)."""

import hashlib
from typing import Final

from unlit.twins.services.google import store
from unlit.twins.services.google.call import Ask, Row

PHOTO: Final = "https://lh3.googleusercontent.com/a/default-user=s64"
NATIVE_LINKS: Final = {
    store.SHEET: "https://docs.google.com/spreadsheets/d/{}/edit?usp=drivesdk",
    store.DOCUMENT: "https://docs.google.com/document/d/{}/edit?usp=drivesdk",
    store.FOLDER: "https://drive.google.com/drive/folders/{}",
}
_COPIED: Final = (
    "description",
    "properties",
    "appProperties",
    "folderColorRgb",
    "originalFilename",
    "fileExtension",
    "fullFileExtension",
    "headRevisionId",
    "shortcutDetails",
    "driveId",
    "contentRestrictions",
    "sharedWithMeTime",
    "trashedTime",
    "indexableText",
)


def user(ask: Ask, mail: str | None) -> Row:
    """Render a person."""
    person = ask.table("people").get(str(mail or "").lower())
    if person is None:
        return {
            "kind": "drive#user",
            "displayName": (mail or "").split("@")[0],
            "me": False,
            "permissionId": permission_id(mail or ""),
            "emailAddress": mail,
        }
    return {
        "kind": "drive#user",
        "displayName": person["displayName"],
        "me": person["emailAddress"] == ask.me.get("emailAddress"),
        "permissionId": person["permissionId"],
        "emailAddress": person["emailAddress"],
        "photoLink": PHOTO,
    }


def permission_id(mail: str) -> str:
    """Return the permission id of a mail address: twenty digits, always the same."""
    number = int.from_bytes(hashlib.blake2b(mail.lower().encode(), digest_size=8).digest())
    return f"{number % 10**20:020d}"


def permission(row: Row) -> Row:
    """Render a permission."""
    out: Row = {
        "kind": "drive#permission",
        "id": row["id"],
        "type": row["type"],
        "role": row["role"],
    }
    for name in ("emailAddress", "displayName", "domain", "expirationTime"):
        if row.get(name):
            out[name] = row[name]
    if row["type"] in ("anyone", "domain"):
        out["allowFileDiscovery"] = bool(row.get("allowFileDiscovery", False))
    if row["type"] == "user":
        out["photoLink"] = PHOTO
    if row["type"] in ("user", "group"):
        out["deleted"] = False
        out["pendingOwner"] = bool(row.get("pendingOwner", False))
    if row.get("permissionDetails"):
        out["permissionDetails"] = row["permissionDetails"]
    return out


def capabilities(ask: Ask, row: Row) -> Row:
    """Render what the caller may do with a file."""
    role = store.role(ask, row) or "reader"
    strength = store.STRENGTH.index(role)
    write, own = strength >= 2, role in ("owner", "organizer")
    folder = row["mimeType"] == store.FOLDER
    return {
        "canAcceptOwnership": False,
        "canAddChildren": write and folder,
        "canAddMyDriveParent": False,
        "canChangeCopyRequiresWriterPermission": write,
        "canChangeSecurityUpdateEnabled": False,
        "canChangeViewersCanCopyContent": write,
        "canComment": strength >= 1,
        "canCopy": not folder,
        "canDelete": own,
        "canDownload": not folder,
        "canEdit": write,
        "canListChildren": folder,
        "canModifyContent": write,
        "canModifyContentRestriction": write,
        "canModifyEditorContentRestriction": write,
        "canModifyLabels": False,
        "canModifyOwnerContentRestriction": own,
        "canMoveChildrenWithinDrive": write and folder,
        "canMoveItemIntoTeamDrive": own,
        "canMoveItemOutOfDrive": own,
        "canMoveItemWithinDrive": write,
        "canReadLabels": False,
        "canReadRevisions": write and not folder,
        "canRemoveChildren": write and folder,
        "canRemoveContentRestriction": False,
        "canRemoveMyDriveParent": own,
        "canRename": write,
        "canShare": write,
        "canTrash": own,
        "canUntrash": own,
    }


def file(ask: Ask, row: Row) -> Row:
    """Render a file with every key; masks cut it down."""
    mime = row["mimeType"]
    link = NATIVE_LINKS.get(mime, "https://drive.google.com/file/d/{}/view?usp=drivesdk")
    mine = row.get("modifier") == ask.me.get("emailAddress")
    seen = row.get("viewedByMeTime") or (row["createdTime"] if mine else None)
    out: Row = {
        "kind": "drive#file",
        "id": row["id"],
        "name": row["name"],
        "mimeType": mime,
        "starred": row["starred"],
        "trashed": trashed(ask, row),
        "explicitlyTrashed": row["trashed"],
        "parents": list(row.get("parents") or ()),
        "spaces": list(row.get("spaces") or ["drive"]),
        "version": str(row["version"]),
        "webViewLink": link.format(row["id"]),
        "iconLink": f"https://drive-thirdparty.googleusercontent.com/16/type/{mime}",
        "hasThumbnail": False,
        "thumbnailVersion": "0",
        "viewedByMe": seen is not None,
        "createdTime": row["createdTime"],
        "modifiedTime": row["modifiedTime"],
        "modifiedByMe": mine,
        "shared": len(store.held(ask, row)) > 1,
        "ownedByMe": row.get("owner") == ask.me.get("emailAddress"),
        "lastModifyingUser": user(ask, row.get("modifier")),
        "capabilities": capabilities(ask, row),
        "viewersCanCopyContent": not row.get("copyRequiresWriterPermission", False),
        "copyRequiresWriterPermission": bool(row.get("copyRequiresWriterPermission", False)),
        "writersCanShare": bool(row.get("writersCanShare", True)),
        "quotaBytesUsed": str(row.get("size", 1024 if mime in EXPORTS else 0)),
        "isAppAuthorized": True,
        "linkShareMetadata": {"securityUpdateEligible": False, "securityUpdateEnabled": True},
    }
    if seen is not None:
        out["viewedByMeTime"] = seen
    if mine:
        out["modifiedByMeTime"] = row["modifiedTime"]
    return out | _optional(ask, row)


def _optional(ask: Ask, row: Row) -> Row:
    """Render what only some files have."""
    mime = row["mimeType"]
    out: Row = {}
    if row.get("owner"):
        out["owners"] = [user(ask, row["owner"])]
    if store.may(ask, row, "writer"):
        held = unique(store.held(ask, row))
        out["permissions"] = [permission(p) for p in held]
        out["permissionIds"] = [p["id"] for p in held]
    for name in _COPIED:
        if row.get(name) is not None:
            out[name] = row[name]
    if not str(mime).startswith(store.NATIVE):
        out["webContentLink"] = f"https://drive.google.com/uc?id={row['id']}&export=download"
        for name in ("md5Checksum", "sha1Checksum", "sha256Checksum"):
            if row.get(name):
                out[name] = row[name]
        out["size"] = str(row.get("size", 0))
    elif mime in EXPORTS:
        out["size"] = str(row.get("size", 1024))
        out["exportLinks"] = export_links(row)
    return out


def unique(held: list[Row]) -> list[Row]:
    """Return one permission for each id, the strongest."""
    best: dict[str, Row] = {}
    for row in held:
        old = best.get(row["id"])
        if old is None or store.STRENGTH.index(row["role"]) > store.STRENGTH.index(old["role"]):
            best[row["id"]] = row
    return list(best.values())


def trashed(ask: Ask, row: Row) -> bool:
    """Say whether a file or one of its folders is in the trash."""
    if row["trashed"]:
        return True
    for ident in row.get("parents") or ():
        parent = ask.table("files").get(ident)
        if parent is not None and trashed(ask, parent):
            return True
    return False


EXPORTS: Final = {
    store.SHEET: {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/x-vnd.oasis.opendocument.spreadsheet": "ods",
        "application/pdf": "pdf",
        "text/csv": "csv",
        "text/tab-separated-values": "tsv",
        "application/zip": "zip",
    },
    store.DOCUMENT: {
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.oasis.opendocument.text": "odt",
        "application/rtf": "rtf",
        "application/pdf": "pdf",
        "text/plain": "txt",
        "text/html": "html",
        "application/zip": "zip",
        "application/epub+zip": "epub",
        "text/markdown": "md",
    },
}


def export_links(row: Row) -> dict[str, str]:
    """Return the export URLs of a Google document."""
    word = {store.SHEET: "spreadsheets", store.DOCUMENT: "documents"}.get(row["mimeType"], "")
    return {
        mime: f"https://docs.google.com/{word}/export?id={row['id']}&exportFormat={form}"
        for mime, form in EXPORTS.get(row["mimeType"], {}).items()
    }


__all__ = ["capabilities", "file", "permission", "permission_id", "user"]
