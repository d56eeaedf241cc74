"""Comment threads in batches of Docs and Sheets; they are the file's comments in Drive."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask

Row = dict[str, Any]
Refuse = Callable[[str], Exception]
MOST: Final = 2048
MODES: Final = ("OMITTED", "INCLUDED", "DEFAULT_FOR_CURRENT_ACCESS", "UNSPECIFIED")
KINDS: Final = frozenset(
    ("insertComment", "deleteComment", "addCommentReply", "deleteCommentReply", "updateCommentPost")
)
_ACTIONS: Final = {"RESOLVE": "resolve", "REOPEN": "reopen"}


class Threads:
    """The threads of one file, as one person changes them.

    Args:
        world: The world.
        file: Id of the document or spreadsheet.
        me: Who asks.
        refuse: Makes the vendor's error of the request at hand.
    """

    def __init__(self, world: World, file: str, me: Row, refuse: Refuse) -> None:
        self.world, self.file, self.refuse = world, file, refuse
        self.mail = str(me.get("emailAddress") or "")
        self.table = world.table("google.comments")

    def rows(self) -> tuple[Row, ...]:
        """Return every comment of the file."""
        found: tuple[Row, ...] = self.table.get(self.file) or ()
        return found

    # --- reading
    def shown(self, row: Row) -> Row:
        """Render a thread."""
        out: Row = {
            "commentId": row["id"],
            "headPost": self._post(row, row.get("assignee")),
            "status": "RESOLVED" if row["resolved"] else "OPEN",
        }
        if row.get("anchorId"):
            out["anchorId"] = row["anchorId"]
        quoted = (row.get("quotedFileContent") or {}).get("value")
        if quoted:
            out["plainTextQuote"] = quoted
        if row["replies"]:
            out["replies"] = [self._post(reply) for reply in row["replies"]]
        return out

    def _post(self, row: Row, assignee: str | None = None) -> Row:
        if row["deleted"]:
            return {"postId": row["id"], "deleted": True}
        person = self.world.table("google.people").get(row["author"]) or {}
        out = {
            "postId": row["id"],
            "author": {"displayName": person.get("displayName", row["author"]),
                       "me": row["author"] == self.mail},
            "content": row.get("content") or "", "contentHtml": row.get("content") or "",
            "createTime": row["createdTime"], "updateTime": row["modifiedTime"],
        }  # fmt: skip
        if assignee:
            out["assigneeEmail"] = assignee
        action = next((k for k, v in _ACTIONS.items() if v == row.get("action")), None)
        if action:
            out["commentAction"] = action
        return out

    def listed(self) -> list[Row]:
        """Render the threads that are there, oldest first."""
        return [self.shown(row) for row in self.rows() if not row["deleted"]]

    # --- writing
    def apply(self, kind: str, body: Row, place: Callable[[Row], tuple[str, str]]) -> Row:
        """Apply one request; `place` anchors a new comment: (id of the anchor, quoted text)."""
        if kind == "insertComment":
            return self._insert(body, place)
        if body.get("suggestionId"):
            raise self.refuse(f"The suggestion with ID {body['suggestionId']} was not found.")
        row = self._one(str(body.get("commentId") or ""))
        if kind == "deleteComment":
            self._own(row)
            self._keep({**row, "deleted": True})
        elif kind == "addCommentReply":
            return self._reply(row, body.get("post") or {})
        elif kind == "deleteCommentReply":
            self._drop_reply(row, str(body.get("postId") or ""))
        else:
            self._rewrite(row, str(body.get("postId") or ""), self._text(body.get("content")))
        return {}

    def _text(self, value: Any) -> str:
        text = str(value or "")
        if not text:
            raise self.refuse("The content must not be empty.")
        if len(text.encode()) > MOST:
            raise self.refuse(f"The content must not exceed {MOST} UTF-8 code units.")
        return text

    def _made(self, text: str) -> Row:
        when = store.now(self.world)
        return {
            "id": "AAAA" + self.world.text("google.comment", 7, store.ID_CHARS),
            "content": text, "createdTime": when, "modifiedTime": when, "author": self.mail,
            "deleted": False,
        }  # fmt: skip

    def _insert(self, body: Row, place: Callable[[Row], tuple[str, str]]) -> Row:
        text = self._text(body.get("content"))
        anchor, quote = place(body)
        row = {
            **self._made(text), "resolved": False, "replies": (), "anchor": anchor,
            "anchorId": anchor, "assignee": body.get("assigneeEmailAddress"),
            "quotedFileContent": {"mimeType": "text/plain", "value": quote} if quote else None,
        }  # fmt: skip
        self.table.put(self.file, (*self.rows(), row))
        return {"insertComment": {"commentThread": self.shown(row)}}

    def _one(self, key: str) -> Row:
        for row in self.rows():
            if row["id"] == key and not row["deleted"]:
                return row
        raise self.refuse(f"The comment with ID {key} was not found.")

    def _keep(self, new: Row) -> None:
        self.table.put(self.file, tuple(new if r["id"] == new["id"] else r for r in self.rows()))

    def _own(self, row: Row) -> None:
        if row["author"] != self.mail:
            raise self.refuse("The user is not the author of the post.")

    def _reply(self, row: Row, post: Row) -> Row:
        action = _ACTIONS.get(str(post.get("commentAction") or ""))
        if post.get("assigneeEmail") and (action or not row.get("assignee")):
            raise self.refuse("The thread cannot be assigned by this post.")
        text = str(post.get("content") or "") if action else self._text(post.get("content"))
        new = {**self._made(text), "action": action}
        resolved = {"resolve": True, "reopen": False}.get(str(action), row["resolved"])
        more = {"assignee": post["assigneeEmail"]} if post.get("assigneeEmail") else {}
        self._keep({
            **row, **more, "replies": (*row["replies"], new), "resolved": resolved,
            "modifiedTime": new["modifiedTime"],
        })  # fmt: skip
        return {"addCommentReply": {"post": self._post(new)}}

    def _found(self, row: Row, key: str) -> Row:
        for reply in row["replies"]:
            if reply["id"] == key and not reply["deleted"]:
                self._own(reply)
                return dict(reply)
        raise self.refuse(f"The post with ID {key} was not found.")

    def _swap(self, row: Row, new: Row) -> None:
        replies = tuple(new if r["id"] == new["id"] else r for r in row["replies"])
        self._keep({**row, "replies": replies})

    def _drop_reply(self, row: Row, key: str) -> None:
        reply = self._found(row, key)
        if reply.get("action"):
            raise self.refuse("A post with an action cannot be deleted.")
        self._swap(row, {**reply, "deleted": True})

    def _rewrite(self, row: Row, key: str, text: str) -> None:
        when = store.now(self.world)
        if key == row["id"]:
            self._own(row)
            self._keep({**row, "content": text, "modifiedTime": when})
            return
        self._swap(row, {**self._found(row, key), "content": text, "modifiedTime": when})


def included(ask: Ask, ident: str, word: str) -> bool:
    """Whether comments are shown; who may not see them, and insists, is refused."""
    if word not in ("INCLUDED", "DEFAULT_FOR_CURRENT_ACCESS"):
        return False
    row = store.find(ask, ident)
    may = row is not None and store.may(ask, row, "commenter")
    if word == "INCLUDED" and not may:
        raise errors.rpc(403, "The caller does not have permission")
    return may
