"""Comments on files and replies to them."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.drive import files, render

routes = Routes("/drive/v3", "drive", files.WRITE)


def needs_fields(ask: Ask) -> None:
    """Refuse a call without a mask, as comments need one."""
    if not ask.arg("fields"):
        raise errors.drive(
            400,
            "required",
            "The 'fields' parameter is required for this method.",
            location="fields",
        )


def shown(ask: Ask, row: Row, *, deleted: bool = False) -> Row:
    """Render a comment."""
    out = _common(ask, row, "drive#comment")
    for name in ("anchor", "quotedFileContent"):
        if row.get(name) is not None:
            out[name] = row[name]
    out["resolved"] = row["resolved"]
    out["replies"] = [shown_reply(ask, r) for r in row["replies"] if deleted or not r["deleted"]]
    return out


def _common(ask: Ask, row: Row, kind: str) -> Row:
    out: Row = {
        "kind": kind,
        "id": row["id"],
        "createdTime": row["createdTime"],
        "modifiedTime": row["modifiedTime"],
        "author": {
            k: v
            for k, v in render.user(ask, row["author"]).items()
            if k in ("kind", "displayName", "me")
        },
        "deleted": row["deleted"],
    }
    if not row["deleted"]:
        out |= {"content": row["content"], "htmlContent": row["content"]}
    return out


def shown_reply(ask: Ask, row: Row) -> Row:
    """Render a reply."""
    out = _common(ask, row, "drive#reply")
    if row.get("action"):
        out["action"] = row["action"]
    return out


def _rows(ask: Ask, row: Row) -> tuple[Row, ...]:
    found: tuple[Row, ...] = ask.table("comments").get(row["id"]) or ()
    return found


def _one(ask: Ask, row: Row) -> Row:
    wanted = ask.params["commentId"]
    found = next((c for c in _rows(ask, row) if c["id"] == wanted), None)
    if found is None or (found["deleted"] and not ask.flag("includeDeleted")):
        raise errors.drive(404, "notFound", f"Comment not found: {wanted}.", location="commentId")
    return found


def _keep(ask: Ask, row: Row, new: Row) -> Row:
    rows = tuple(new if c["id"] == new["id"] else c for c in _rows(ask, row))
    ask.table("comments").put(row["id"], rows)
    return new


def _made(ask: Ask, body: Row) -> Row:
    when = store.now(ask.world)
    return {
        "id": "AAAA" + ask.world.text("google.comment", 7, store.ID_CHARS),
        "content": body.get("content"),
        "createdTime": when,
        "modifiedTime": when,
        "author": ask.me.get("emailAddress"),
        "deleted": False,
    }


@routes.add("GET", "/files/{fileId}/comments", "comments.list", scopes=files.READ)
def list_comments(ask: Ask) -> Any:
    """Return a file's comments, newest change first."""
    needs_fields(ask)
    deleted = ask.flag("includeDeleted")
    rows = [c for c in _rows(ask, files.the_file(ask)) if deleted or not c["deleted"]]
    rows.sort(key=lambda c: str(c["modifiedTime"]), reverse=True)
    out = {"kind": "drive#commentList", "comments": [shown(ask, c, deleted=deleted) for c in rows]}
    return files.masked(ask, out, "*")


@routes.add("POST", "/files/{fileId}/comments", "comments.create")
def create(ask: Ask) -> Any:
    """Comment on a file."""
    needs_fields(ask)
    row, body = files.the_file(ask, "commenter"), ask.body()
    if not body.get("content"):
        raise errors.drive(
            400,
            "required",
            "The comment content is required.",
            location="comment.content",
            kind="other",
        )
    new = {
        **_made(ask, body),
        "resolved": False,
        "replies": (),
        "anchor": body.get("anchor"),
        "quotedFileContent": body.get("quotedFileContent"),
    }
    ask.table("comments").put(row["id"], (*_rows(ask, row), new))
    return files.masked(ask, shown(ask, new), "*")


@routes.add("GET", "/files/{fileId}/comments/{commentId}", "comments.get", scopes=files.READ)
def get(ask: Ask) -> Any:
    """Return a comment."""
    needs_fields(ask)
    return files.masked(ask, shown(ask, _one(ask, files.the_file(ask))), "*")


@routes.add("PATCH", "/files/{fileId}/comments/{commentId}", "comments.update")
def update(ask: Ask) -> Any:
    """Change a comment's text."""
    needs_fields(ask)
    row = files.the_file(ask, "commenter")
    old = _one(ask, row)
    _own(ask, old)
    new = {
        **old,
        "content": ask.body().get("content", old["content"]),
        "modifiedTime": store.now(ask.world),
    }
    return files.masked(ask, shown(ask, _keep(ask, row, new)), "*")


def _own(ask: Ask, row: Row) -> None:
    if row["author"] != ask.me.get("emailAddress"):
        raise errors.drive(403, "forbidden", "The user is not the author of this comment or reply.")


@routes.add("DELETE", "/files/{fileId}/comments/{commentId}", "comments.delete")
def delete(ask: Ask) -> Any:
    """Delete a comment."""
    row = files.the_file(ask, "commenter")
    old = _one(ask, row)
    _own(ask, old)
    _keep(ask, row, {**old, "deleted": True, "modifiedTime": store.now(ask.world)})
    return Reply(204)


# --- replies
def _reply(ask: Ask, comment: Row) -> Row:
    wanted = ask.params["replyId"]
    found = next((r for r in comment["replies"] if r["id"] == wanted and not r["deleted"]), None)
    if found is None:
        raise errors.drive(404, "notFound", f"Reply not found: {wanted}.", location="replyId")
    return dict(found)


@routes.add(
    "GET", "/files/{fileId}/comments/{commentId}/replies", "replies.list", scopes=files.READ
)
def replies(ask: Ask) -> Any:
    """Return the replies to a comment."""
    needs_fields(ask)
    comment = _one(ask, files.the_file(ask))
    rows = [shown_reply(ask, r) for r in comment["replies"] if not r["deleted"]]
    return files.masked(ask, {"kind": "drive#replyList", "replies": rows}, "*")


@routes.add("POST", "/files/{fileId}/comments/{commentId}/replies", "replies.create")
def create_reply(ask: Ask) -> Any:
    """Reply to a comment; an action resolves or reopens it."""
    needs_fields(ask)
    row, body = files.the_file(ask, "commenter"), ask.body()
    comment = _one(ask, row)
    action = body.get("action")
    if not body.get("content") and not action:
        raise errors.drive(
            400,
            "required",
            "The reply content is required.",
            location="reply.content",
            kind="other",
        )
    new = {**_made(ask, body), "action": action}
    resolved = {"resolve": True, "reopen": False}.get(str(action), comment["resolved"])
    changed = {
        **comment,
        "replies": (*comment["replies"], new),
        "resolved": resolved,
        "modifiedTime": new["modifiedTime"],
    }
    _keep(ask, row, changed)
    return files.masked(ask, shown_reply(ask, new), "*")


_PATH = "/files/{fileId}/comments/{commentId}/replies/{replyId}"


@routes.add("GET", _PATH, "replies.get", scopes=files.READ)
def get_reply(ask: Ask) -> Any:
    """Return a reply."""
    needs_fields(ask)
    return files.masked(ask, shown_reply(ask, _reply(ask, _one(ask, files.the_file(ask)))), "*")


@routes.add("PATCH", _PATH, "replies.update")
def update_reply(ask: Ask) -> Any:
    """Change a reply's text."""
    needs_fields(ask)
    row = files.the_file(ask, "commenter")
    comment = _one(ask, row)
    old = _reply(ask, comment)
    _own(ask, old)
    new = {**old, "content": ask.body().get("content"), "modifiedTime": store.now(ask.world)}
    _keep(
        ask,
        row,
        {
            **comment,
            "replies": tuple(new if r["id"] == new["id"] else r for r in comment["replies"]),
        },
    )
    return files.masked(ask, shown_reply(ask, new), "*")


@routes.add("DELETE", _PATH, "replies.delete")
def delete_reply(ask: Ask) -> Any:
    """Delete a reply."""
    row = files.the_file(ask, "commenter")
    comment = _one(ask, row)
    old = _reply(ask, comment)
    _own(ask, old)
    new = {**old, "deleted": True}
    _keep(
        ask,
        row,
        {
            **comment,
            "replies": tuple(new if r["id"] == new["id"] else r for r in comment["replies"]),
        },
    )
    return Reply(204)
