"""Files: the upload in three steps, sharing, lists, bytes."""

import mimetypes
import struct
from typing import Any, Final
from urllib.parse import quote

from unlit.twins.kit.http import Reply
from unlit.twins.kit.multipart import parse_multipart
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.slack import channels, events, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.timeline import put
from unlit.twins.services.slack.workspace import mint, seconds, team_id

_PRETTY: Final = {
    "text": "Plain Text", "txt": "Plain Text", "png": "PNG", "jpg": "JPEG", "gif": "GIF",
    "pdf": "PDF", "csv": "CSV", "json": "JSON", "zip": "Zip", "md": "Markdown (raw)",
    "html": "HTML", "xml": "XML", "binary": "Binary", "python": "Python", "yaml": "YAML",
}  # fmt: skip
_KINDS: Final = {
    "txt": "text", "log": "text", "py": "python", "yml": "yaml", "jpeg": "jpg", "markdown": "md",
    "js": "javascript", "ts": "typescript", "rb": "ruby", "sh": "shell",
}  # fmt: skip
_SNIPPETS: Final = frozenset(
    ("text", "python", "yaml", "json", "csv", "md", "html", "xml", "javascript", "typescript",
     "ruby", "shell", "sql", "diff", "go", "java", "c", "cpp", "rust", "toml")
)  # fmt: skip
THUMBS: Final = (64, 80, 360, 480, 160, 720)


def kind_of(name: str) -> str:
    """Return Slack's file type for a name."""
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if not suffix:
        return "text" if name and "." not in name else "binary"
    return _KINDS.get(suffix, suffix)


def find(ask: Ask, key: str) -> dict[str, Any]:
    """Return a file by id.

    Raises:
        SlackError: There is none, or it was deleted.
    """
    row = ask.table("files").get(key)
    if row is None:
        raise SlackError("file_not_found")
    if row.get("_deleted"):
        raise SlackError("file_deleted")
    return row  # type: ignore[no-any-return] # JSON


def shown(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """Render a file."""
    out = {key: value for key, value in row.items() if not key.startswith("_")}
    if (row["id"]) in {key for kind, key in ask.table(f"stars:{ask.me}") if kind == "file"}:
        out["is_starred"] = True
    return out


def make(world: World, origin: str, fields: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Return a new file; `fields` has ``id``, ``name``, ``user``, perhaps ``title``."""
    name, uid, key = fields["name"], fields["user"], fields["id"]
    kind = kind_of(name)
    team = team_id(world)
    base = world.table("slack.meta")["team"]["url"]
    slug = quote(name.lower().replace(" ", "_"))
    mime = mimetypes.guess_type(name)[0] or (
        "text/plain" if kind in _SNIPPETS else "application/octet-stream"
    )
    mode = "snippet" if kind in _SNIPPETS else "hosted"
    row: dict[str, Any] = {
        "id": key,
        "created": seconds(world),
        "timestamp": seconds(world),
        "name": name,
        "title": fields.get("title") or name,
        "mimetype": mime,
        "filetype": kind,
        "pretty_type": _PRETTY.get(kind, kind.upper()),
        "user": uid,
        "user_team": team,
        "editable": mode == "snippet",
        "size": len(data),
        "mode": mode,
        "is_external": False,
        "external_type": "",
        "is_public": False,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{origin}/files-pri/{team}-{key}/{slug}",
        "url_private_download": f"{origin}/files-pri/{team}-{key}/download/{slug}",
        "media_display_type": "unknown",
        "permalink": f"{base}files/{uid}/{key}/{slug}",
        "permalink_public": f"https://slack-files.com/{team}-{key}-"
        + world.text("slack.public", 10, "0123456789abcdef"),
        "channels": [],
        "groups": [],
        "ims": [],
        "comments_count": 0,
        "is_starred": False,
        "shares": {},
        "has_more_shares": False,
        "has_rich_preview": False,
        "file_access": "visible",
        "_data": data,
    }
    if mode == "snippet":
        text = data.decode("utf-8", "replace")
        lines = text.splitlines()
        row |= {
            "edit_link": row["permalink"] + "/edit",
            "preview": "\n".join(lines[:5]),
            "preview_highlight": '<div class="CodeMirror cm-s-default CodeMirrorServer"></div>',
            "lines": max(1, len(lines)),
            "lines_more": max(0, len(lines) - 5),
            "preview_is_truncated": len(lines) > 5,
        }
    elif mime.startswith("image/"):
        row |= _picture(row, data)
    if fields.get("alt_txt"):
        row["alt_txt"] = fields["alt_txt"]
    return row


def _picture(row: dict[str, Any], data: bytes) -> dict[str, Any]:
    width, height = _pixels(data)
    base = row["url_private"].replace("/files-pri/", "/files-tmb/").rsplit("/", 1)[0]
    stem = row["name"].rsplit(".", 1)[0].lower().replace(" ", "_")
    out: dict[str, Any] = {}
    for size in THUMBS:
        if size <= 360 or max(width, height) > 360:
            out[f"thumb_{size}"] = f"{base}/{stem}_{size}.png"
        if size in (360, 480, 720) and f"thumb_{size}" in out:
            scale = min(1.0, size / max(width, height, 1))
            out[f"thumb_{size}_w"] = int(width * scale)
            out[f"thumb_{size}_h"] = int(height * scale)
    if row["filetype"] == "jpg":
        out["pjpeg"] = f"{base}/{stem}_pjpeg.jpg"
    elif row["filetype"] == "gif":
        out["deanimate_gif"] = f"{base}/{stem}_deanimate_gif.png"
    return {
        **out, "image_exif_rotation": 1, "original_w": width, "original_h": height,
        "thumb_tiny": "AwA=",
    }  # fmt: skip


def _pixels(data: bytes) -> tuple[int, int]:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return struct.unpack("<HH", data[6:10])
    return (1, 1)


# --- the upload in three steps
def upload_url(ask: Ask) -> dict[str, Any]:
    """``files.getUploadURLExternal``."""
    names = [name for name in ("filename", "length") if not ask.has(name)]
    if names:
        messages = [f"[ERROR] missing required field: {name}" for name in names]
        raise SlackError("invalid_arguments", response_metadata={"messages": messages})
    size = ask.number("length", 0)
    if size <= 0:
        raise SlackError(
            "invalid_arguments",
            response_metadata={
                "messages": ["[ERROR] must be greater than 0 [json-pointer:/length]"]
            },
        )
    key = mint(ask.world, "F")
    token = ask.world.text("slack.upload", 120)
    ask.table("uploads").put(token, {
        "id": key, "name": ask.text("filename"), "size": size, "user": ask.me,
        "alt_txt": ask.text("alt_txt"), "data": None,
    })  # fmt: skip
    ask.table("upload_ids").put(key, token)
    at = f"{_files_origin(ask.call)}/upload/v1/{token}"
    ask.world.issue(token)
    return {"upload_url": at, "file_id": key}


def _files_origin(call: Exchange) -> str:
    if call.request.host.endswith("slack.com"):
        return "https://files.slack.com"
    return call.request.origin


def receive(call: Exchange) -> Reply:
    """``POST /upload/v1/{token}``: the bytes; the token is the credential."""
    token = call.params["token"]
    row = call.table("uploads").get(token)
    if row is None:
        return Reply(404, b"Not found", [("content-type", "text/plain")])
    data = call.request.body
    if call.request.content_type == "multipart/form-data":
        parts = parse_multipart(call.request) or []
        data = next((p.data for p in parts if p.filename is not None), b"")
    call.table("uploads").put(token, {**row, "data": data})
    return Reply(200, f"OK - {len(data)}".encode(), [("content-type", "text/plain")])


def complete(ask: Ask) -> dict[str, Any]:
    """``files.completeUploadExternal``: files come into being, and into a channel."""
    wanted = ask.json("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError(
            "invalid_arguments",
            response_metadata={"messages": ["[ERROR] missing required field: files"]},
        )
    target = None
    if ask.has("channel_id"):
        target = channels.channel(ask, ask.text("channel_id"))
        if not channels.is_member(ask, target):
            raise SlackError("channel_not_found")
    more = [
        found
        for key in ask.text("channels").split(",")
        if (found := channels.known(ask, key.strip())) and channels.is_member(ask, found)
    ]
    origin = _files_origin(ask.call)
    made, sizes = [], {}
    for entry in wanted:
        key = str(entry.get("id", "")) if isinstance(entry, dict) else ""
        upload = ask.table("uploads").get(ask.table("upload_ids").get(key))
        if upload is None or upload["user"] != ask.me:
            raise SlackError("file_not_found")
        if upload["data"] is None:
            raise SlackError("file_not_found")
        sizes[key] = upload["size"]
        made.append(
            make(ask.world, origin, {**upload, "title": entry.get("title")}, upload["data"])
        )
    for row in made:
        ask.table("upload_ids").drop(row["id"])
        ask.table("files").put(row["id"], row)
        events.file(ask.world, "file_created", row)
    for place in ([target] if target is not None else []) + more:
        rows = [ask.table("files")[row["id"]] for row in made]
        share(ask, rows, place, ask.text("initial_comment"), ask.text("thread_ts"))
    return {"files": [_unprocessed(row, sizes[row["id"]]) for row in made]}


def _unprocessed(row: dict[str, Any], size: int) -> dict[str, Any]:
    """Return a file as the answer to its completion has it; kind, shares, true size come later."""
    late = (
        "preview",
        "preview_highlight",
        "lines",
        "lines_more",
        "preview_is_truncated",
        "edit_link",
        "thumb_tiny",
    )
    out = {
        key: value
        for key, value in row.items()
        if not key.startswith(("_", "thumb_", "original_")) and key not in late
    }
    return {
        **out, "mimetype": "", "filetype": "", "pretty_type": "", "mode": "hosted",
        "editable": False, "size": size, "shares": {}, "channels": [], "groups": [], "ims": [],
        "is_public": False,
    }  # fmt: skip


def share(
    ask: Ask, rows: list[dict[str, Any]], channel: dict[str, Any], comment: str, thread: str
) -> None:
    """Post files into a conversation."""
    cid = channel["id"]
    fields: dict[str, Any] = {
        "text": comment,
        "user": ask.me,
        "upload": True,
        "display_as_bot": False,
    }
    if thread:
        fields["thread_ts"] = thread
    actor = ask.call.actor
    if actor.extra.get("bot_id"):
        fields["bot_id"] = actor.extra["bot_id"]
    message = put(ask.world, cid, {**fields, "files": []})
    public = not channel["is_private"]
    where = "ims" if channel["is_im"] else ("channels" if public else "groups")
    place = "public" if public else "private"
    kept = []
    for row in rows:
        mark: dict[str, Any] = {
            "reply_users": [], "reply_users_count": 0, "reply_count": 0, "ts": message["ts"],
            "channel_name": channel.get("name", cid), "team_id": team_id(ask.world),
            "share_user_id": ask.me, "source": "UPLOAD",
        }  # fmt: skip
        shares: dict[str, Any] = {
            **row["shares"],
            place: {**row["shares"].get(place, {}), cid: [mark]},
        }
        row = {
            **row,
            where: [*row[where], cid],
            "shares": shares,
            "is_public": row["is_public"] or public,
        }
        ask.table("files").put(row["id"], row)
        kept.append(shown(ask, row))
        events.file(ask.world, "file_shared", row, cid)
    ask.table(f"messages:{cid}").put(message["ts"], {**message, "files": kept})


# --- methods
def info(ask: Ask) -> dict[str, Any]:
    """``files.info``."""
    row = find(ask, ask.required("file", "file_not_found"))
    out: dict[str, Any] = {"file": shown(ask, row), "comments": []}
    if row["mode"] == "snippet":
        out |= {
            "content": row["_data"].decode("utf-8", "replace"),
            "is_truncated": False,
            "content_highlight_html": row["preview_highlight"],
            "content_highlight_css": "",
        }
    return out


def listed(ask: Ask) -> dict[str, Any]:
    """``files.list``."""
    rows = [row for row in ask.table("files").values() if not row.get("_deleted")]
    if ask.has("user"):
        rows = [row for row in rows if row["user"] == ask.text("user")]
    if ask.has("channel"):
        cid = ask.text("channel")
        rows = [r for r in rows if cid in (*r["channels"], *r["groups"], *r["ims"])]
    if ask.has("types") and "all" not in ask.text("types").split(","):
        kinds = set(ask.text("types").split(","))
        rows = [row for row in rows if _types(row) & kinds]
    low, high = moment_of(ask, "ts_from", 0), moment_of(ask, "ts_to", float("inf"))
    rows = [row for row in rows if low <= row["created"] <= high]
    found, paging = workspace.numbered(ask, rows[::-1])
    return {"files": [shown(ask, row) for row in found], "paging": paging}


def moment_of(ask: Ask, name: str, default: float) -> float:
    """Return an argument that is a moment."""
    try:
        return float(ask.text(name) or default)
    except ValueError as error:
        raise SlackError("invalid_arguments") from error


def _types(row: dict[str, Any]) -> set[str]:
    out = {"snippets"} if row["mode"] == "snippet" else set()
    if row["mimetype"].startswith("image/"):
        out.add("images")
    if row["filetype"] in ("pdf", "gdoc", "zip"):
        out |= {row["filetype"] + "s"}
    return out


def delete(ask: Ask) -> dict[str, Any]:
    """``files.delete``."""
    row = find(ask, ask.required("file", "file_not_found"))
    if row["user"] != ask.me:
        raise SlackError("cant_delete_file")
    ask.table("files").put(row["id"], {**row, "_deleted": True})
    events.file(ask.world, "file_deleted", row)
    return {}


def publish(ask: Ask) -> dict[str, Any]:
    """``files.sharedPublicURL``."""
    row = find(ask, ask.required("file", "file_not_found"))
    if row["public_url_shared"]:
        raise SlackError("already_public")
    row = ask.table("files").patch(row["id"], public_url_shared=True)
    return {"file": shown(ask, row), "comments": [], "response_metadata": {"next_cursor": ""}}


def unpublish(ask: Ask) -> dict[str, Any]:
    """``files.revokePublicURL``."""
    row = find(ask, ask.required("file", "file_not_found"))
    row = ask.table("files").patch(row["id"], public_url_shared=False)
    return {"file": shown(ask, row)}


def upload(ask: Ask) -> dict[str, Any]:
    """``files.upload``: retired by Slack in 2025."""
    raise SlackError("method_deprecated")


def download(call: Exchange) -> Reply:
    """``GET /files-pri/{key}/…``: the bytes, for those who may see the file."""
    key = call.params["key"].split("-", 1)[-1]
    row = call.table("files").get(key)
    if row is None or row.get("_deleted"):
        return Reply(404, b"", [("content-type", "text/html")])
    headers = [("content-type", row["mimetype"])]
    if "/download/" in call.request.raw_path:
        headers.append(("content-disposition", f'attachment; filename="{row["name"]}"'))
    return Reply(200, row["_data"], headers)


METHODS: Final = {
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete,
    "files.info": info,
    "files.list": listed,
    "files.delete": delete,
    "files.sharedPublicURL": publish,
    "files.revokePublicURL": unpublish,
    "files.upload": upload,
}
ROUTES: Final = (
    Route("POST", "/upload/v1/{token}", receive, "upload", open=True),
    Route("GET", "/files-pri/{key}/{rest+}", download, "download", scopes=("files:read",)),
)
