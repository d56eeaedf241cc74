"""Files in one world: finding, permissions, making and changing them, and the list of changes."""

from typing import Any, Final

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import VendorError
from unlit.twins.services.google import channels, errors
from unlit.twins.services.google.call import Ask, Row

FOLDER: Final = "application/vnd.google-apps.folder"
SHEET: Final = "application/vnd.google-apps.spreadsheet"
DOCUMENT: Final = "application/vnd.google-apps.document"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
NATIVE: Final = "application/vnd.google-apps."
STRENGTH: Final = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
ID_CHARS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


def fresh_id(ask_world: Any, native: bool = False) -> str:
    """Return an id in Drive's form: 33 characters, 44 for documents of Google's editors."""
    return "1" + str(ask_world.text("google.file", 43 if native else 32, ID_CHARS))


def now(world: Any) -> str:
    """Return a time later than any before, as Drive shows it."""
    return str(iso(world.clock.tick()))


def not_found(ident: str) -> Exception:
    """Return Drive's 404."""
    return errors.drive(404, "notFound", f"File not found: {ident}.", location="fileId")


def root_of(world: Any, mail: str) -> str:
    """Return the id of a person's My Drive."""
    return str((world.table("google.roots").get(mail.lower())) or "")


def find(ask: Ask, ident: str) -> Row | None:
    """Return a file by id; ``root`` is the caller's My Drive."""
    if ident == "root":
        ident = root_of(ask.world, ask.me.get("emailAddress", ""))
    if ident == APP_DATA:
        return app_data(ask)
    found: Row | None = ask.table("files").get(ident)
    return found


def app_data(ask: Ask) -> Row:
    """Return the hidden folder that the caller's app has at the caller's; made when first named."""
    only = ask.exchange.actor.scopes
    if only is not None and DATA_SCOPE not in only:
        text = "The granted scopes do not give access to all of the requested spaces."
        raise errors.drive(403, "insufficientScopes", text, location="spaces")
    key = f"{APP_DATA} {ask.me.get('app')} {ask.me.get('emailAddress')}"
    roots, files = ask.table("roots"), ask.table("files")
    if key not in roots:
        entry = {"name": "App Data", "mimeType": FOLDER, "spaces": [APP_DATA]}
        row = add(ask.world, ask.me, entry)
        index(ask.world, row, [], row["parents"])
        roots.put(key, files.put(row["id"], {**row, "parents": []})["id"])
    return dict(files[roots[key]])


def held(ask: Ask, row: Row) -> list[Row]:
    """Return every permission that applies to a file: its own and those of its folders."""
    out = list(row["permissions"])
    seen = {row["id"]}
    parents = list(row.get("parents") or ())
    while parents:
        ident = parents.pop()
        parent = ask.table("files").get(ident)
        if parent is None or ident in seen:
            continue
        seen.add(ident)
        out += [p for p in parent["permissions"] if p["role"] != "owner"]
        parents += parent.get("parents") or ()
    drive = ask.table("drives").get(row.get("driveId"))
    if drive is not None:
        out += drive["permissions"]
    return out


def role(ask: Ask, row: Row) -> str | None:
    """Return the strongest role of the caller on a file."""
    mail = str(ask.me.get("emailAddress", "")).lower()
    domain = mail.partition("@")[2]
    best = -1
    for permission in held(ask, row):
        kind = permission["type"]
        mine = (
            kind == "anyone"
            or (kind == "domain" and permission.get("domain") == domain)
            or str(permission.get("emailAddress", "")).lower() == mail
            or (kind == "group" and mail in _members(ask, permission))
        )
        if mine:
            best = max(best, STRENGTH.index(permission["role"]))
    return STRENGTH[best] if best >= 0 else None


def _members(ask: Ask, permission: Row) -> tuple[str, ...]:
    found: tuple[str, ...] = ask.table("groups").get(permission.get("emailAddress")) or ()
    return found


def unseen(ask: Ask, ident: str) -> VendorError:
    """Return what Docs and Sheets answer for a file that `visible` does not give."""
    row = find(ask, ident)
    if row is not None and role(ask, row) is None:
        return errors.rpc(403, "The caller does not have permission")
    return errors.rpc(404, "Requested entity was not found.")


def visible(ask: Ask, ident: str) -> Row | None:
    """Return a file that the caller can see, or nothing."""
    row = find(ask, ident)
    if row is None or role(ask, row) is None:
        return None
    only = ask.exchange.actor.scopes
    if (
        only is not None
        and FILE_SCOPE in only
        and not only & BROAD
        and row.get("app") != ask.me.get("app")
    ):
        return None
    return row


APP_DATA: Final = "appDataFolder"
DATA_SCOPE: Final = "https://www.googleapis.com/auth/drive.appdata"
FILE_SCOPE: Final = "https://www.googleapis.com/auth/drive.file"
BROAD: Final = frozenset(
    f"https://www.googleapis.com/auth/{name}"
    for name in (
        "drive",
        "drive.readonly",
        "drive.metadata",
        "drive.metadata.readonly",
        "documents",
        "documents.readonly",
        "spreadsheets",
        "spreadsheets.readonly",
    )
)


def may(ask: Ask, row: Row, wanted: str) -> bool:
    """Say whether the caller's role on a file is at least `wanted`."""
    have = role(ask, row)
    return have is not None and STRENGTH.index(have) >= STRENGTH.index(wanted)


def owner_permission(person: Row) -> Row:
    """Return the permission that makes a person the owner."""
    return {
        "id": person["permissionId"],
        "type": "user",
        "emailAddress": person["emailAddress"],
        "displayName": person["displayName"],
        "role": "owner",
    }


def add(world: Any, person: Row, entry: Row) -> Row:
    """Add a file owned by a person (or by the shared drive it lies in).

    Args:
        world: The world.
        person: Who makes it.
        entry: Vendor's keys: name, mimeType, parents …; anything missing has Drive's default.
    """
    when = now(world)
    mime = entry.get("mimeType") or "application/octet-stream"
    parents = list(entry.get("parents") or [])
    drive = _drive_of(world, parents)
    parents = parents or [root_of(world, person["emailAddress"])]
    ident = entry.get("id") or fresh_id(world, mime in (SHEET, DOCUMENT))
    row: Row = {
        **entry,
        "id": ident,
        "name": str(entry.get("name") or "Untitled"),
        "mimeType": mime,
        "parents": parents,
        "createdTime": entry.get("createdTime") or when,
        "modifiedTime": entry.get("modifiedTime") or when,
        "trashed": False,
        "starred": bool(entry.get("starred", False)),
        "version": 1,
        "permissions": () if drive else (owner_permission(person),),
        "owner": None if drive else person["emailAddress"],
        "modifier": person["emailAddress"],
        "app": person.get("app"),
    }
    if drive:
        row["driveId"] = drive
    above = world.table("google.files").get(parents[0]) or {}
    if above.get("spaces"):
        row["spaces"] = above["spaces"]
    world.table("google.files").put(ident, row)
    index(world, row, parents)
    changed(world, ident)
    return row


def _drive_of(world: Any, parents: list[str]) -> str | None:
    for parent in parents:
        if parent in world.table("google.drives"):
            return parent
        row = world.table("google.files").get(parent)
        if row is not None and row.get("driveId"):
            return str(row["driveId"])
    return None


def index(world: Any, row: Row, parents: list[str], before: list[str] | None = None) -> None:
    """Keep the list of a folder's files right."""
    table = world.table("google.children")
    for parent in before or []:
        table.put(parent, tuple(x for x in table.get(parent) or () if x != row["id"]))
    for parent in parents:
        table.put(parent, (*(table.get(parent) or ()), row["id"]))


def change(ask: Ask, row: Row, *, touch: bool = True, **changes: Any) -> Row:
    """Change a file's metadata and note the change."""
    if touch:
        changes.setdefault("modifiedTime", now(ask.world))
        changes["modifier"] = ask.me.get("emailAddress")
    new = ask.table("files").patch(row["id"], **changes, version=row["version"] + 1)
    changed(ask.world, row["id"])
    return dict(new)


def modified(ask: Ask, ident: str) -> None:
    """Note that the content of a document changed."""
    change(ask, ask.table("files")[ident])


def changed(world: Any, ident: str, *, removed: bool = False) -> None:
    """Add an entry to the list of changes; only the newest of a file is kept."""
    table = world.table("google.changes")
    latest = world.table("google.latest")
    old = latest.get(ident)
    if old is not None:
        table.drop(old)
    number = world.number("google.change", 100)
    latest.put(ident, number)
    if len(world.table("google.channels")):
        channels.notify(world, ident, "remove" if removed else "update", "content,properties")
    table.put(number, {"file": ident, "removed": removed, "time": iso(world.now())})


def remove(world: Any, row: Row) -> None:
    """Delete a file for good, with everything inside a folder."""
    for child in world.table("google.children").get(row["id"]) or ():
        found = world.table("google.files").get(child)
        if found is not None:
            remove(world, found)
    index(world, row, [], list(row.get("parents") or ()))
    for table in ("files", "contents", "spreadsheets", "documents", "children"):
        world.table(f"google.{table}").drop(row["id"])
    changed(world, row["id"], removed=True)


def refuse_circle(ask: Ask, row: Row, parents: list[str]) -> None:
    """Refuse a folder inside itself, however deep."""
    waiting, table = list(parents), ask.table("files")
    while waiting:
        ident = waiting.pop()
        if ident == row["id"]:
            raise errors.drive(
                403,
                "cannotAddParent",
                "A folder cannot be moved into itself or into one of its descendants.",
            )
        waiting += (table.get(ident) or {}).get("parents") or ()
