"""What people do in Drive, Docs and Sheets by themselves."""

from typing import Any, Final

import msgspec

from unlit.twins.kit.http import Request
from unlit.twins.kit.router import Match
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.google import seed

Row = dict[str, Any]
EVENTS: Final = (
    "file_created",
    "file_trashed",
    "file_shared",
    "text_appended",
    "rows_appended",
    "import_allowed",
)


def happen(twin: Twin, world: World, event: str, data: Row) -> None:
    """Let a person do something.

    Args:
        twin: Whose routes do it.
        world: The world.
        event: One of `EVENTS`.
        data: ``user`` (mail), ``file`` (name or id), and what the event needs: ``name``,
            ``mimeType``, ``emailAddress``, ``role``, ``text``, ``values``, ``range``,
            ``source``.
    """
    person = seed.add_person(world, {"emailAddress": data.get("user") or seed.ADMIN})
    mail = str(person["emailAddress"]).lower()
    if event == "file_created":
        body = {k: v for k, v in data.items() if k != "user"}
        _do(twin, world, mail, "POST", "/drive/v3/files", body)
        return
    if event not in EVENTS:
        known = ", ".join(EVENTS)
        raise VendorError(400, "unknown_event", f"Google knows no event {event!r}: {known}")
    ident = _file(world, str(data.get("file") or ""))
    if event == "import_allowed":
        source = _file(world, str(data.get("source") or ""))
        world.table("google.imports").put((ident, source), True)
    elif event == "file_trashed":
        _do(twin, world, mail, "PATCH", f"/drive/v3/files/{ident}", {"trashed": True})
    elif event == "file_shared":
        grant = {
            "type": "user",
            "role": data.get("role", "reader"),
            "emailAddress": data.get("emailAddress"),
        }
        _do(twin, world, mail, "POST", f"/drive/v3/files/{ident}/permissions", grant)
    elif event == "text_appended":
        insert = {"insertText": {"endOfSegmentLocation": {}, "text": str(data.get("text") or "")}}
        _do(twin, world, mail, "POST", f"/v1/documents/{ident}:batchUpdate", {"requests": [insert]})
    else:
        path = f"/v4/spreadsheets/{ident}/values/{data.get('range', 'A1')}:append"
        values = {"values": data.get("values") or []}
        _do(twin, world, mail, "POST", path, values, "valueInputOption=USER_ENTERED")


def _file(world: World, name: str) -> str:
    table = world.table("google.files")
    if name in table:
        return name
    found = [row["id"] for row in table.values() if row["name"] == name and not row["trashed"]]
    if not found:
        raise VendorError(400, "unknown_file", f"there is no file {name!r}")
    return str(found[-1])


def _do(
    twin: Twin, world: World, mail: str, method: str, path: str, body: Any, query: str = ""
) -> None:
    headers = {"content-type": "application/json"}
    data = msgspec.json.encode(body)
    request = Request(method, path, query, headers, data, "https://www.googleapis.com")
    call = Exchange(twin, "drive", world, request, None)
    call.actor = Actor(mail, "user")
    found = twin.router.match(method, path)
    assert isinstance(found, Match)  # noqa: S101 # routes of this twin
    call.match = found
    found.route.handler(call)
