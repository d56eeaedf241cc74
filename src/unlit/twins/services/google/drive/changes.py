"""Changes, push channels, revisions."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import channels, errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import files, render

routes = Routes("/drive/v3", "drive", files.WRITE)
_LIFE: Final = 3600.0
_DEFAULT: Final = (
    "kind,nextPageToken,newStartPageToken,"
    "changes(kind,type,changeType,time,removed,fileId,file(kind,id,name,mimeType))"
)


# --- changes
@routes.add("GET", "/changes/startPageToken", "changes.getStartPageToken", scopes=files.READ)
def start_token(ask: Ask) -> Any:
    """Return where changes begin from now on."""
    number = ask.world.counters.get("google.change", 100)
    return ask.masked({"kind": "drive#startPageToken", "startPageToken": str(number)})


@routes.add("GET", "/changes", "changes.list", scopes=files.READ)
def list_changes(ask: Ask) -> Any:
    """Return what changed since a token."""
    token = ask.arg("pageToken")
    if not token:
        raise errors.drive(400, "required", "Required parameter: pageToken", location="pageToken")
    if not token.isdigit():
        raise errors.drive(400, "invalid", "Invalid Value", location="pageToken")
    size = int(ask.arg("pageSize", "100"))
    rows = [(n, row) for n, row in ask.table("changes").items() if n >= int(token)]
    rows.sort(key=lambda pair: pair[0])
    seen = [(n, row) for n, row in rows if _sees(ask, row)]
    if not ask.flag("includeRemoved", default=True):
        seen = [(n, row) for n, row in seen if not row["removed"]]
    part = seen[:size]
    out: Row = {"kind": "drive#changeList"}
    if len(seen) > size:
        out["nextPageToken"] = str(seen[size][0])
    else:
        out["newStartPageToken"] = str(ask.world.counters.get("google.change", 100))
    out["changes"] = [shown(ask, row) for _, row in part]
    return files.masked(ask, out, _DEFAULT)


def _sees(ask: Ask, row: Row) -> bool:
    return bool(row["removed"]) or store.visible(ask, row["file"]) is not None


def shown(ask: Ask, row: Row) -> Row:
    """Render a change."""
    out: Row = {
        "kind": "drive#change",
        "removed": row["removed"],
        "changeType": "file",
        "type": "file",
        "time": row["time"],
        "fileId": row["file"],
    }
    found = ask.table("files").get(row["file"])
    if found is not None and not row["removed"]:
        out["file"] = render.file(ask, found)
    return out


# --- push channels
def _channel(ask: Ask, resource: str, uri: str) -> Row:
    body = ask.body()
    for name in ("id", "type", "address"):
        if not body.get(name):
            raise errors.drive(400, "required", f"Required parameter: {name}", location=name)
    if body["type"] not in ("web_hook", "webhook"):
        raise errors.drive(400, "invalid", "Unknown channel type.")
    if body["id"] in ask.table("channels"):
        raise errors.drive(
            400, "channelIdNotUnique", f"Channel id {body['id']} not unique", domain="push"
        )
    if not str(body["address"]).startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise errors.drive(
            400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS", domain="global"
        )
    until = ask.world.now() + min(_LIFE * 24, float((body.get("params") or {}).get("ttl", _LIFE)))
    if body.get("expiration"):
        until = min(ask.world.now() + _LIFE * 24 * 7, int(body["expiration"]) / 1000)
    ident = ask.world.text("google.resource", 27, store.ID_CHARS)
    row = {
        "id": body["id"],
        "resource": resource,
        "resourceId": ident,
        "uri": uri,
        "address": body["address"],
        "token": body.get("token"),
        "until": until,
        "number": 1,
        "me": ask.me.get("emailAddress"),
    }
    ask.table("channels").put(body["id"], row)
    channels.send(ask.world, row, "sync", b"")
    out: Row = {
        "kind": "api#channel",
        "id": body["id"],
        "resourceId": ident,
        "resourceUri": uri,
        "expiration": str(int(until * 1000)),
    }
    if body.get("token"):
        out["token"] = body["token"]
    return out


@routes.add("POST", "/changes/watch", "changes.watch", scopes=files.READ)
def watch_changes(ask: Ask) -> Any:
    """Open a channel for all changes."""
    if not ask.arg("pageToken"):
        raise errors.drive(400, "required", "Required parameter: pageToken", location="pageToken")
    uri = f"https://www.googleapis.com/drive/v3/changes?alt=json&pageToken={ask.arg('pageToken')}"
    return ask.masked(_channel(ask, "changes", uri))


@routes.add("POST", "/files/{fileId}/watch", "files.watch", scopes=files.READ)
def watch_file(ask: Ask) -> Any:
    """Open a channel for one file."""
    row = files.the_file(ask)
    uri = f"https://www.googleapis.com/drive/v3/files/{row['id']}?alt=json"
    return ask.masked(_channel(ask, row["id"], uri))


@routes.add("POST", "/channels/stop", "channels.stop", scopes=files.READ)
def stop(ask: Ask) -> Any:
    """Close a channel."""
    body = ask.body()
    row = ask.table("channels").get(body.get("id"))
    if row is None or row["resourceId"] != body.get("resourceId"):
        raise errors.drive(
            404,
            "notFound",
            f"Channel '{body.get('id')}' not found for project"
            if body.get("id")
            else "Channel not found.",
        )
    ask.table("channels").drop(row["id"])
    return Reply(204)


# --- revisions
def _revisions(ask: Ask, row: Row) -> tuple[Row, ...]:
    found: tuple[Row, ...] = ask.table("revisions").get(row["id"]) or ()
    if found or row["mimeType"] == store.FOLDER:
        return found
    return (
        {
            "id": str(row["version"]),
            "modifiedTime": row["modifiedTime"],
            "mimeType": row["mimeType"],
            "modifier": row.get("modifier"),
            "keepForever": False,
        },
    )


def shown_revision(ask: Ask, row: Row) -> Row:
    """Render a revision."""
    out: Row = {
        "kind": "drive#revision",
        "id": row["id"],
        "mimeType": row["mimeType"],
        "modifiedTime": row["modifiedTime"],
        "keepForever": row["keepForever"],
        "published": bool(row.get("published", False)),
        "lastModifyingUser": render.user(ask, row.get("modifier")),
    }
    for name in ("md5Checksum", "originalFilename"):
        if row.get(name):
            out[name] = row[name]
    if "size" in row:
        out["size"] = str(row["size"])
    return out


@routes.add("GET", "/files/{fileId}/revisions", "revisions.list", scopes=files.READ)
def revisions(ask: Ask) -> Any:
    """Return a file's revisions, oldest first."""
    row = files.the_file(ask, "writer")
    rows = [shown_revision(ask, r) for r in _revisions(ask, row)]
    default = "kind,nextPageToken,revisions(kind,id,mimeType,modifiedTime)"
    return files.masked(ask, {"kind": "drive#revisionList", "revisions": rows}, default)


def _revision(ask: Ask, row: Row) -> Row:
    wanted = ask.params["revisionId"]
    found = next((r for r in _revisions(ask, row) if r["id"] == wanted), None)
    if found is None:
        raise errors.drive(404, "notFound", f"Revision not found: {wanted}.", location="revisionId")
    return found


@routes.add("GET", "/files/{fileId}/revisions/{revisionId}", "revisions.get", scopes=files.READ)
def revision(ask: Ask) -> Any:
    """Return a revision's metadata or content."""
    row = files.the_file(ask, "writer")
    found = _revision(ask, row)
    if ask.arg("alt") == "media":
        return files.ranged(ask, found.get("content", b""), found["mimeType"])
    return files.masked(ask, shown_revision(ask, found), "kind,id,mimeType,modifiedTime")


@routes.add("PATCH", "/files/{fileId}/revisions/{revisionId}", "revisions.update")
def update_revision(ask: Ask) -> Any:
    """Keep a revision, or publish it."""
    row = files.the_file(ask, "writer")
    found, body = _revision(ask, row), ask.body()
    new: Row = {
        **found,
        **{k: body[k] for k in ("keepForever", "published", "publishAuto") if k in body},
    }
    rows = tuple(new if r["id"] == found["id"] else r for r in _revisions(ask, row))
    ask.table("revisions").put(row["id"], rows)
    return files.masked(ask, shown_revision(ask, new), "kind,id,mimeType,modifiedTime")


@routes.add("DELETE", "/files/{fileId}/revisions/{revisionId}", "revisions.delete")
def delete_revision(ask: Ask) -> Any:
    """Delete a revision; the last one stays."""
    row = files.the_file(ask, "writer")
    found, rows = _revision(ask, row), _revisions(ask, row)
    if len(rows) == 1:
        raise errors.drive(
            400, "cannotDeleteOnlyRevision", "The only revision of a file cannot be deleted."
        )
    left = tuple(r for r in rows if r["id"] != found["id"])
    ask.table("revisions").put(row["id"], left)
    if row.get("headRevisionId") == found["id"]:
        ask.table("contents").put(row["id"], left[-1].get("content", b""))
        ask.table("files").patch(
            row["id"], headRevisionId=left[-1]["id"], size=left[-1].get("size", 0)
        )
    return Reply(204)
