"""New Google worlds and seeds: people, folders, documents, tables."""

from typing import Any

from unlit.twins.kit.seeds import expand, iso, moment
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.google import oauth, store
from unlit.twins.services.google.docs import document, units
from unlit.twins.services.google.drive import render
from unlit.twins.services.google.sheets import book, entry
from unlit.twins.services.google.sheets.model import Cell, Editor

Row = dict[str, Any]
ADMIN = "admin@example.com"


def prepare(world: World) -> None:
    """Put the administrator and an empty My Drive into a new world."""
    add_person(world, {"emailAddress": ADMIN, "displayName": "Admin Person"})
    oauth.prepare(world)


def add_person(world: World, entry_row: Row) -> Row:
    """Add a person with an empty My Drive."""
    mail = str(entry_row.get("emailAddress") or entry_row.get("email") or entry_row["name"])
    people = world.table("google.people")
    known = people.get(mail.lower())
    if known is not None:
        return dict(known)
    row: Row = {
        "id": str(entry_row.get("id") or world.text("google.person", 21, "0123456789")),
        "emailAddress": mail,
        "displayName": str(entry_row.get("displayName") or mail.split("@")[0]),
        "permissionId": render.permission_id(mail),
        "app": "app",
    }
    people.put(mail.lower(), row)
    root = "0A" + world.text("google.root", 15) + "Uk9PVA"
    when = str(iso(world.now()))
    world.table("google.roots").put(mail.lower(), root)
    world.table("google.files").put(
        root,
        {
            "id": root,
            "name": "My Drive",
            "mimeType": store.FOLDER,
            "parents": (),
            "createdTime": when,
            "modifiedTime": when,
            "trashed": False,
            "starred": False,
            "version": 1,
            "permissions": (store.owner_permission(row),),
            "owner": mail,
            "modifier": mail,
        },
    )
    return row


def fill(world: World, spec: Any) -> None:
    """Add the objects of a seed."""
    spec = spec or {}
    for one in expand(spec.get("users")):
        add_person(world, one)
    for one in expand(spec.get("groups")):
        world.table("google.groups").put(one["email"], tuple(m.lower() for m in one["members"]))
    _credentials(world, spec)
    for one in expand(spec.get("folders")):
        add_file(world, {**one, "mimeType": store.FOLDER})
    for one in expand(spec.get("files")):
        add_file(world, one)
    for one in expand(spec.get("documents")):
        row = add_file(world, {"name": one.get("title"), **one, "mimeType": store.DOCUMENT})
        made = document.create(world, row["id"], row["name"])
        text = str(one.get("text") or "")
        if text:
            body = (
                units.blank()[0],
                *units.from_text(text.rstrip("\n") + "\n", units.NO_STYLE, units.PLAIN),
            )
            tabs = ({**made["tabs"][0], "body": body},)
            world.table("google.documents").put(row["id"], {**made, "tabs": tabs})
    for one in expand(spec.get("spreadsheets")):
        row = add_file(world, {"name": one.get("title"), **one, "mimeType": store.SHEET})
        book.create(world, row["id"], row["name"])
        _sheets(world, row["id"], one)


def _credentials(world: World, spec: Row) -> None:
    """Add OAuth clients, service accounts and tokens."""
    for one in expand(spec.get("clients")):
        row = {
            "id": one["client_id"],
            "secret": one.get("client_secret"),
            "redirects": tuple(one.get("redirect_uris") or ()),
        }
        world.table("google.clients").put(one["client_id"], row)
    for one in expand(spec.get("service_accounts")):
        mail = str(one.get("email") or one["name"]).lower()
        add_person(world, {"emailAddress": mail, "displayName": mail.split("@")[0]})
        world.table("google.accounts").put(mail, {**one, "email": mail})
    for one in expand(spec.get("refresh_tokens")):
        mail = str(one.get("user") or ADMIN).lower()
        client = one.get("client_id") or oauth.CLIENT_ID
        held = {"mail": mail, "scope": " ".join(one.get("scopes") or ()), "client": client}
        world.table("google.refresh_tokens").put(one["token"], held)
        world.issue(one["token"])
    for one in expand(spec.get("tokens")):
        person = add_person(world, {"emailAddress": one.get("user") or ADMIN})
        scopes = frozenset(one["scopes"]) if one.get("scopes") else None
        actor = Actor(person["emailAddress"].lower(), "user", scopes)
        world.table("google.tokens").put(one["token"], actor)
        world.issue(one["token"])


def _sheets(world: World, ident: str, one: Row) -> None:
    given = one.get("sheets") or (
        [{"title": "Sheet1", "rows": one["rows"]}] if one.get("rows") else []
    )
    numbers: list[int] = []
    for index, sheet in enumerate(given):
        number = int(sheet.get("id", index))
        editor = Editor(())
        lines = sheet.get("rows") or sheet.get("values") or []
        for r, line in enumerate(lines):
            for c, value in enumerate(line):
                got = entry.typed(value)
                editor.put(r, c, Cell(got.value, got.formula, got.style))
        row = book.new_sheet(
            number,
            str(sheet.get("title", f"Sheet{index + 1}")),
            index,
            cells=editor.grid(),
            rows=max(1000, len(lines)),
        )
        world.table("google.sheets").put((ident, number), row)
        numbers.append(number)
    if numbers:
        world.table("google.spreadsheets").patch(ident, sheets=tuple(numbers))


def add_file(world: World, one: Row) -> Row:
    """Add a file of a seed; folders are named, and made when new."""
    owner = add_person(world, {"emailAddress": one.get("owner") or ADMIN})
    parents = [_folder(world, owner, str(name)) for name in one.get("parents") or []]
    if one.get("folder"):
        parents = [_folder(world, owner, str(one["folder"]))]
    entry_row = {
        k: one[k]
        for k in ("id", "name", "mimeType", "description", "starred", "properties", "appProperties")
        if one.get(k) is not None
    }
    for name in ("createdTime", "modifiedTime"):
        when = moment(one.get(name), world.now())
        if when is not None:
            entry_row[name] = iso(when)
    if one.get("content") is not None and "mimeType" not in entry_row:
        entry_row["mimeType"] = "text/plain"
    row = store.add(world, {**owner, "app": None}, {**entry_row, "parents": parents})
    if one.get("content") is not None:
        data = str(one["content"]).encode()
        world.table("google.contents").put(row["id"], data)
        row = world.table("google.files").patch(row["id"], size=len(data))
    for grant in one.get("permissions") or []:
        person = add_person(world, {"emailAddress": grant["emailAddress"]})
        new = {**store.owner_permission(person), "role": grant.get("role", "reader")}
        row = world.table("google.files").patch(row["id"], permissions=(*row["permissions"], new))
    return dict(row)


def _folder(world: World, owner: Row, name: str) -> str:
    files = world.table("google.files")
    if name in files:
        return name
    for row in files.values():
        if row["name"] == name and row["mimeType"] == store.FOLDER:
            return str(row["id"])
    return str(store.add(world, owner, {"name": name, "mimeType": store.FOLDER})["id"])
