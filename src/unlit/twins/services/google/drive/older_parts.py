"""Drive v2 beyond files: comments, revisions and changes, by v3's own answers."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import changes, comments, files, older
from unlit.twins.services.google.drive.newer import ETAG, STEM, Newer, listed, shown

routes = Routes("/drive/v2", "drive.v2", files.WRITE)


# --- comments and replies
def _comment(ask: Ask, new: Row) -> Row:
    row = files.the_file(ask)
    out = _said(new, "drive#comment")
    out |= {
        "commentId": new["id"],
        "selfLink": f"{STEM}/files/{row['id']}/comments/{new['id']}",
        "fileId": row["id"],
        "fileTitle": row["name"],
        "status": "resolved" if new.get("resolved") else "open",
        "replies": [_reply(reply) for reply in new.get("replies", ())],
    }
    if new.get("anchor") is not None:
        out["anchor"] = new["anchor"]
    quoted = new.get("quotedFileContent")
    if quoted:
        out["context"] = {"type": quoted.get("mimeType"), "value": quoted.get("value")}
    return out


def _said(new: Row, kind: str) -> Row:
    author = new["author"]
    out: Row = {
        "kind": kind,
        "createdDate": new["createdTime"],
        "modifiedDate": new["modifiedTime"],
        "author": {
            "kind": "drive#user",
            "displayName": author.get("displayName"),
            "isAuthenticatedUser": author.get("me", False),
        },
        "deleted": new["deleted"],
    }
    for name in ("content", "htmlContent"):
        if name in new:
            out[name] = new[name]
    return out


def _reply(new: Row) -> Row:
    out = {**_said(new, "drive#commentReply"), "replyId": new["id"]}
    if new.get("action"):
        out["verb"] = new["action"]
    return out


def _sent_comment(ask: Ask) -> Row:
    body = ask.body()
    out: Row = {k: body[k] for k in ("content", "anchor") if k in body}
    context = body.get("context")
    if isinstance(context, dict):
        out["quotedFileContent"] = {
            "mimeType": context.get("type"),
            "value": context.get("value"),
        }
    return out


def _sent_reply(ask: Ask) -> Row:
    body = ask.body()
    out: Row = {k: body[k] for k in ("content",) if k in body}
    if body.get("verb"):
        out["action"] = body["verb"]
    return out


_COMMENTS: Final = "/files/{fileId}/comments"
_COMMENT: Final = _COMMENTS + "/{commentId}"
_REPLIES: Final = _COMMENT + "/replies"
_REPLY: Final = _REPLIES + "/{replyId}"


@routes.add("GET", _COMMENTS, "comments.list", scopes=files.READ)
def list_comments(ask: Ask) -> Any:
    """Return a file's comments."""
    found = comments.list_comments(Newer(ask))
    items = [_comment(ask, new) for new in found["comments"]]
    return listed(ask, "drive#commentList", items, f"/files/{ask.params['fileId']}/comments")


@routes.add("POST", _COMMENTS, "comments.insert")
def insert_comment(ask: Ask) -> Any:
    """Comment on a file."""
    return shown(ask, _comment(ask, comments.create(Newer(ask, _sent_comment(ask)))))


@routes.add("GET", _COMMENT, "comments.get", scopes=files.READ)
def get_comment(ask: Ask) -> Any:
    """Return a comment."""
    return shown(ask, _comment(ask, comments.get(Newer(ask))))


@routes.add("PUT", _COMMENT, "comments.update")
@routes.add("PATCH", _COMMENT, "comments.patch")
def update_comment(ask: Ask) -> Any:
    """Change a comment's text."""
    return shown(ask, _comment(ask, comments.update(Newer(ask, _sent_comment(ask)))))


@routes.add("DELETE", _COMMENT, "comments.delete")
def delete_comment(ask: Ask) -> Any:
    """Delete a comment."""
    return comments.delete(ask)


@routes.add("GET", _REPLIES, "replies.list", scopes=files.READ)
def list_replies(ask: Ask) -> Any:
    """Return the replies to a comment."""
    items = [_reply(new) for new in comments.replies(Newer(ask))["replies"]]
    path = f"/files/{ask.params['fileId']}/comments/{ask.params['commentId']}/replies"
    return listed(ask, "drive#commentReplyList", items, path)


@routes.add("POST", _REPLIES, "replies.insert")
def insert_reply(ask: Ask) -> Any:
    """Reply to a comment."""
    return shown(ask, _reply(comments.create_reply(Newer(ask, _sent_reply(ask)))))


@routes.add("GET", _REPLY, "replies.get", scopes=files.READ)
def get_reply(ask: Ask) -> Any:
    """Return a reply."""
    return shown(ask, _reply(comments.get_reply(Newer(ask))))


@routes.add("PUT", _REPLY, "replies.update")
@routes.add("PATCH", _REPLY, "replies.patch")
def update_reply(ask: Ask) -> Any:
    """Change a reply's text."""
    return shown(ask, _reply(comments.update_reply(Newer(ask, _sent_reply(ask)))))


@routes.add("DELETE", _REPLY, "replies.delete")
def delete_reply(ask: Ask) -> Any:
    """Delete a reply."""
    return comments.delete_reply(ask)


# --- revisions
def _revision(ask: Ask, new: Row) -> Row:
    ident = ask.params["fileId"]
    out: Row = {
        "kind": "drive#revision",
        "etag": ETAG,
        "id": new["id"],
        "selfLink": f"{STEM}/files/{ident}/revisions/{new['id']}",
        "mimeType": new["mimeType"],
        "modifiedDate": new["modifiedTime"],
        "pinned": new["keepForever"],
        "published": new["published"],
        "lastModifyingUserName": new["lastModifyingUser"].get("displayName"),
        "lastModifyingUser": older.older_user(new["lastModifyingUser"]),
    }
    for name in ("md5Checksum", "originalFilename"):
        if name in new:
            out[name] = new[name]
    if "size" in new:
        out["fileSize"] = new["size"]
        out["downloadUrl"] = f"{out['selfLink']}?alt=media"
    return out


_REVISION: Final = "/files/{fileId}/revisions/{revisionId}"


@routes.add("GET", "/files/{fileId}/revisions", "revisions.list", scopes=files.READ)
def list_revisions(ask: Ask) -> Any:
    """Return a file's revisions."""
    items = [_revision(ask, new) for new in changes.revisions(Newer(ask))["revisions"]]
    return listed(ask, "drive#revisionList", items, f"/files/{ask.params['fileId']}/revisions")


@routes.add("GET", _REVISION, "revisions.get", scopes=files.READ)
def get_revision(ask: Ask) -> Any:
    """Return a revision's metadata or content."""
    found = changes.revision(Newer(ask))
    return found if isinstance(found, Reply) else shown(ask, _revision(ask, found))


@routes.add("PUT", _REVISION, "revisions.update")
@routes.add("PATCH", _REVISION, "revisions.patch")
def update_revision(ask: Ask) -> Any:
    """Pin a revision, or publish it."""
    body = ask.body()
    sent: Row = {k: body[k] for k in ("published", "publishAuto") if k in body}
    if "pinned" in body:
        sent["keepForever"] = body["pinned"]
    return shown(ask, _revision(ask, changes.update_revision(Newer(ask, sent))))


@routes.add("DELETE", _REVISION, "revisions.delete")
def delete_revision(ask: Ask) -> Any:
    """Delete a revision."""
    return changes.delete_revision(ask)


# --- changes
def _change(ask: Ask, number: int, row: Row) -> Row:
    out: Row = {
        "kind": "drive#change",
        "id": str(number),
        "fileId": row["file"],
        "selfLink": f"{STEM}/changes/{number}",
        "deleted": row["removed"],
        "modificationDate": row["time"],
        "changeType": "file",
        "type": "file",
    }
    found = ask.table("files").get(row["file"])
    if found is not None and not row["removed"]:
        out["file"] = older.older(ask, found)
    return out


@routes.add("GET", "/changes/startPageToken", "changes.getStartPageToken", scopes=files.READ)
def start_token(ask: Ask) -> Any:
    """Return where changes begin from now on."""
    return shown(ask, changes.start_token(Newer(ask)))


@routes.add("GET", "/changes", "changes.list", scopes=files.READ)
def list_changes(ask: Ask) -> Any:
    """Return what changed, from the beginning or since a token or change."""
    first = ask.arg("pageToken") or ask.arg("startChangeId") or "0"
    if not first.isdigit():
        raise errors.drive(400, "invalid", "Invalid Value", location="pageToken")
    size = ask.arg("maxResults", "100")
    rows = sorted(
        (number, row)
        for number, row in ask.table("changes").items()
        if number >= int(first)
        and (bool(row["removed"]) or store.visible(ask, row["file"]) is not None)
        and (ask.flag("includeDeleted", default=True) or not row["removed"])
    ) if size.isdigit() else []  # fmt: skip
    part = rows[: int(size) if size.isdigit() else 0]
    newest = ask.world.counters.get("google.change", 100)
    more: Row = {"largestChangeId": str(newest - 1)}
    if len(rows) > len(part):
        more["nextPageToken"] = str(rows[len(part)][0])
    else:
        more["newStartPageToken"] = str(newest)
    items = [_change(ask, number, row) for number, row in part]
    return listed(ask, "drive#changeList", items, "/changes", **more)


@routes.add("GET", "/changes/{changeId}", "changes.get", scopes=files.READ)
def get_change(ask: Ask) -> Any:
    """Return one change."""
    wanted = ask.params["changeId"]
    row = ask.table("changes").get(int(wanted)) if wanted.isdigit() else None
    if row is None:
        raise errors.drive(404, "notFound", f"Change not found: {wanted}", location="changeId")
    return shown(ask, _change(ask, int(wanted), row))


@routes.add("POST", "/changes/watch", "changes.watch", scopes=files.READ)
def watch_changes(ask: Ask) -> Any:
    """Open a channel for all changes."""
    token = ask.arg("pageToken") or "1"
    return shown(ask, changes.watch_changes(Newer(ask, pageToken=token)))


@routes.add("POST", "/files/{fileId}/watch", "files.watch", scopes=files.READ)
def watch_file(ask: Ask) -> Any:
    """Open a channel for one file."""
    return shown(ask, changes.watch_file(Newer(ask)))


@routes.add("POST", "/channels/stop", "channels.stop", scopes=files.READ)
def stop(ask: Ask) -> Any:
    """Close a channel."""
    return changes.stop(ask)


# --- the rest
@routes.add("DELETE", "/files/trash", "files.emptyTrash")
def empty_trash(ask: Ask) -> Any:
    """Delete for good what is in the trash."""
    return files.empty_trash(ask)


@routes.add("GET", "/files/generateIds", "files.generateIds")
def generate_ids(ask: Ask) -> Any:
    """Return ids for later inserts."""
    count = ask.arg("maxResults", "10")
    if not count.isdigit() or not 1 <= int(count) <= 1000:
        raise errors.drive(400, "invalid", "Invalid Value", location="maxResults")
    return shown(ask, files.generate_ids(Newer(ask, count=count)))
