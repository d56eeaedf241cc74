"""Which files a list runs over, which of them a query lets through, and in which order."""

from typing import Any, Final

from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Row
from unlit.twins.services.google.docs import document
from unlit.twins.services.google.drive import query, render

_ORDERS: Final = {
    "createdTime": "createdTime",
    "modifiedTime": "modifiedTime",
    "modifiedByMeTime": "modifiedTime",
    "viewedByMeTime": "viewedByMeTime",
    "sharedWithMeTime": "sharedWithMeTime",
    "name": "name",
    "name_natural": "name",
    "quotaBytesUsed": "size",
    "recency": "modifiedTime",
    "folder": "",
    "starred": "starred",
}


def text_of(ask: Ask, row: Row) -> str:
    """Return what full-text search sees of a file."""
    if row["mimeType"] == store.DOCUMENT:
        return document.text(ask.world, row["id"])
    content = ask.table("contents").get(row["id"])
    if isinstance(content, bytes) and row["mimeType"].startswith("text/"):
        return content.decode("utf-8", "replace")
    return ""


def ordered(rows: list[Row], order: str) -> list[Row]:
    """Sort files by `orderBy`."""
    for part in reversed([p.strip() for p in order.split(",") if p.strip()]):
        name, _, down = part.partition(" ")
        if name not in _ORDERS:
            raise errors.drive(400, "invalid", "Invalid Value", location="orderBy")
        column = _ORDERS[name]

        def key(row: Row, column: str = column) -> Any:
            if not column:
                return row["mimeType"] != store.FOLDER
            value = row.get(column)
            return (value is None, value.lower() if isinstance(value, str) else value or 0)

        rows.sort(key=key, reverse=down.strip() == "desc")
    return rows


def matching(ask: Ask, rows: list[Row], text: str) -> list[Row]:
    """Return the files that a query (``q``) lets through."""
    mail = str(ask.me.get("emailAddress", ""))
    hidden = store.app_data(ask)["id"] if store.APP_DATA in text else ""
    root = store.root_of(ask.world, mail)
    context = query.Context(mail, root, lambda row: text_of(ask, row), hidden)
    try:
        test = query.compile_query(text, context)
    except query.BadQuery as error:
        raise errors.drive(400, "invalid", "Invalid Value", location="q") from error
    return [row for row in rows if test({**row, "trashed": render.trashed(ask, row)})]


def spaces_of(ask: Ask) -> set[str]:
    """Return the spaces that a list runs over."""
    wanted = {part.strip() for part in (ask.arg("spaces") or "drive").split(",")}
    if not wanted <= {"drive", store.APP_DATA, "photos"}:
        raise errors.drive(400, "invalid", "Invalid Value", location="spaces")
    if store.APP_DATA in wanted:
        store.app_data(ask)  # refuses a caller that may not see it
    return wanted


CORPORA: Final = ("user", "domain", "drive", "teamDrive", "allDrives")


def candidates(ask: Ask) -> list[Row]:
    """Return the files a list runs over: corpora, shared drives and visibility considered."""
    shared = ask.flag("includeItemsFromAllDrives") or ask.flag("includeTeamDriveItems")
    supports = ask.flag("supportsAllDrives") or ask.flag("supportsTeamDrives")
    corpora, drive = ask.arg("corpora", "user"), ask.arg("driveId")
    if corpora not in CORPORA:
        raise errors.drive(400, "invalid", "Invalid Value", location="corpora")
    if drive and corpora != "drive":
        raise errors.drive(
            400, "invalid", "The driveId parameter requires corpora=drive.", location="corpora"
        )
    if drive and drive not in ask.table("drives"):
        raise errors.drive(404, "notFound", f"Shared drive not found: {drive}", location="driveId")
    spaces, roots = spaces_of(ask), set(ask.table("roots").values())
    out: list[Row] = []
    for row in ask.table("files").values():
        if row["id"] in roots or (row.get("driveId") and not (shared and supports)):
            continue
        if drive and row.get("driveId") != drive:
            continue
        if spaces.isdisjoint(row.get("spaces") or ("drive",)):
            continue
        if store.visible(ask, row["id"]) is not None:
            out.append(row)
    return out
