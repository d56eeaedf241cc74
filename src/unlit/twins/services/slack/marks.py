"""Reactions, pins, bookmarks and stars: what people put on things."""

import re
from typing import Any, Final

from unlit.twins.services.slack import channels, events, files, messages, timeline, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import seconds

_EMOJI: Final = re.compile(r"^[a-z0-9_+'\-]+(::skin-tone-[2-6])?$")


# --- reactions
def _message(ask: Ask) -> tuple[str, dict[str, Any]]:
    if not ask.has("channel") and not ask.has("timestamp"):
        raise SlackError("no_item_specified")
    row = channels.channel(ask)
    if not channels.is_member(ask, row):
        raise SlackError("message_not_found" if row["is_private"] else "not_in_channel")
    ts = ask.required("timestamp", "no_item_specified")
    return row["id"], messages.find(ask, row["id"], ts)


def _name(ask: Ask) -> str:
    name = ask.text("name").strip(":")
    if not name or not _EMOJI.match(name):
        raise SlackError("invalid_name")
    return name


def _set(ask: Ask, cid: str, row: dict[str, Any], marks: list[dict[str, Any]]) -> None:
    new = {key: value for key, value in row.items() if key != "reactions"}
    if marks:
        new["reactions"] = marks
    ask.table(f"messages:{cid}").put(row["ts"], new)


def react(ask: Ask) -> dict[str, Any]:
    """``reactions.add``."""
    name = _name(ask)
    cid, row = _message(ask)
    marks = list(row.get("reactions", ()))
    for at, mark in enumerate(marks):
        if mark["name"] == name:
            if ask.me in mark["users"]:
                raise SlackError("already_reacted")
            people = [*mark["users"], ask.me]
            marks[at] = {"name": name, "users": people, "count": len(people)}
            break
    else:
        if len(marks) >= 23:
            raise SlackError("too_many_reactions")
        marks.append({"name": name, "users": [ask.me], "count": 1})
    _set(ask, cid, row, marks)
    events.reaction(ask.world, "reaction_added", cid, row, name, ask.me)
    return {}


def unreact(ask: Ask) -> dict[str, Any]:
    """``reactions.remove``."""
    name = _name(ask)
    cid, row = _message(ask)
    marks, found = [], False
    for mark in row.get("reactions", ()):
        if mark["name"] == name and ask.me in mark["users"]:
            found = True
            people = [uid for uid in mark["users"] if uid != ask.me]
            if people:
                marks.append({"name": name, "users": people, "count": len(people)})
        else:
            marks.append(mark)
    if not found:
        raise SlackError("no_reaction")
    _set(ask, cid, row, marks)
    events.reaction(ask.world, "reaction_removed", cid, row, name, ask.me)
    return {}


def reactions_of(ask: Ask) -> dict[str, Any]:
    """``reactions.get``."""
    if ask.has("file"):
        return {"type": "file", "file": files.shown(ask, files.find(ask, ask.text("file")))}
    cid, row = _message(ask)
    return {"type": "message", "channel": cid, "message": _reacted(ask, cid, row)}


def _reacted(ask: Ask, cid: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a message as lists of reactions have it: without what the caller has read."""
    out = messages.shown(ask, cid, row)
    kept = {key: value for key, value in out.items() if key not in ("last_read", "unread_count")}
    return {**kept, "permalink": timeline.link(ask.world, cid, row)}


def reacted(ask: Ask) -> dict[str, Any]:
    """``reactions.list``: what one has reacted to, newest first."""
    who = ask.text("user") or ask.me
    found = []
    for row in ask.table("channels").values():
        for message in ask.table(f"messages:{row['id']}").values():
            if any(who in mark["users"] for mark in message.get("reactions", ())):
                shown = _reacted(ask, row["id"], message)
                found.append({"type": "message", "channel": row["id"], "message": shown})
    found.sort(key=_when, reverse=True)
    if ask.has("page") or ask.has("count"):
        rows, paging = workspace.numbered(ask, found)
        return {"items": rows, "paging": paging, "response_metadata": {"next_cursor": ""}}
    rows, cursor = workspace.page(ask, found, "reaction", key=_when, usual=100, most=1000)
    return {"items": rows, "response_metadata": {"next_cursor": cursor}}


def _when(item: dict[str, Any]) -> str:
    return str(item["message"]["ts"])


# --- pins
def pin(ask: Ask) -> dict[str, Any]:
    """``pins.add``."""
    row = channels.channel(ask)
    ts = ask.required("timestamp", "no_item_specified")
    messages.find(ask, row["id"], ts)
    if (row["id"], ts) in ask.table("pins"):
        raise SlackError("already_pinned")
    ask.table("pins").put((row["id"], ts), {"created": seconds(ask.world), "created_by": ask.me})
    return {}


def unpin(ask: Ask) -> dict[str, Any]:
    """``pins.remove``."""
    row = channels.channel(ask)
    ts = ask.required("timestamp", "no_item_specified")
    if ask.table("pins").drop((row["id"], ts)) is None:
        raise SlackError("no_pin")
    return {}


def pinned(ask: Ask) -> dict[str, Any]:
    """``pins.list``."""
    row = channels.channel(ask)
    items = []
    for (cid, ts), mark in ask.table("pins").items():
        message = ask.table(f"messages:{cid}").get(ts)
        if cid == row["id"] and message is not None:
            shown = messages.shown(ask, cid, message)
            shown["permalink"] = timeline.link(ask.world, cid, message)
            items.append({"type": "message", "channel": cid, "message": shown, **mark})
    return {"items": items[::-1]}


# --- bookmarks
def _bookmark(ask: Ask) -> dict[str, Any]:
    row = channels.channel(ask, ask.required("channel_id"))
    found = ask.table("bookmarks").get(ask.required("bookmark_id"))
    if found is None or found["channel_id"] != row["id"]:
        raise SlackError("not_found")
    return found  # type: ignore[no-any-return] # JSON


def add_bookmark(ask: Ask) -> dict[str, Any]:
    """``bookmarks.add``."""
    row = channels.channel(ask, ask.required("channel_id"))
    title, kind = ask.required("title"), ask.required("type")
    if kind != "link":
        raise SlackError("invalid_bookmark_type")
    url = ask.text("link")
    if not re.match(r"^https?://", url):
        raise SlackError("invalid_link")
    key = workspace.mint(ask.world, "Bk")
    now = seconds(ask.world)
    bookmark = {
        "id": key, "channel_id": row["id"], "title": title, "link": url,
        "emoji": ask.text("emoji"), "icon_url": f"{url.rstrip('/')}/favicon.ico", "type": kind,
        "entity_id": ask.args.get("entity_id"), "date_created": now, "date_updated": 0,
        "rank": ask.world.text("slack.rank", 3, "abcdefghijklmnopqrstuvwxyz"),
        "last_updated_by_user_id": ask.me,
        "last_updated_by_team_id": workspace.team_id(ask.world), "shortcut_id": None,
        "app_id": ask.call.actor.extra.get("app_id"),
    }  # fmt: skip
    ask.table("bookmarks").put(key, bookmark)
    return {"bookmark": bookmark}


def edit_bookmark(ask: Ask) -> dict[str, Any]:
    """``bookmarks.edit``."""
    found = _bookmark(ask)
    changes = {name: ask.text(name) for name in ("title", "link", "emoji") if ask.has(name)}
    row = ask.table("bookmarks").patch(
        found["id"], **changes, date_updated=seconds(ask.world), last_updated_by_user_id=ask.me
    )
    return {"bookmark": row}


def bookmarks(ask: Ask) -> dict[str, Any]:
    """``bookmarks.list``."""
    row = channels.channel(ask, ask.required("channel_id"))
    found = [item for item in ask.table("bookmarks").values() if item["channel_id"] == row["id"]]
    return {"bookmarks": found}


def remove_bookmark(ask: Ask) -> dict[str, Any]:
    """``bookmarks.remove``."""
    ask.table("bookmarks").drop(_bookmark(ask)["id"])
    return {}


# --- stars
def _star_key(ask: Ask) -> tuple[str, str]:
    if ask.has("file"):
        return ("file", str(files.find(ask, ask.text("file"))["id"]))
    row = channels.channel(ask, ask.required("channel", "no_item_specified"))
    if ask.has("timestamp"):
        messages.find(ask, row["id"], ask.text("timestamp"))
        return (row["id"], ask.text("timestamp"))
    return ("channel", row["id"])


def star(ask: Ask) -> dict[str, Any]:
    """``stars.add``."""
    key = _star_key(ask)
    table = ask.table(f"stars:{ask.me}")
    if key in table:
        raise SlackError("already_starred")
    table.put(key, seconds(ask.world))
    return {}


def unstar(ask: Ask) -> dict[str, Any]:
    """``stars.remove``."""
    if ask.table(f"stars:{ask.me}").drop(_star_key(ask)) is None:
        raise SlackError("not_starred")
    return {}


def stars(ask: Ask) -> dict[str, Any]:
    """``stars.list``."""
    items: list[dict[str, Any]] = []
    for (kind, key), at in ask.table(f"stars:{ask.me}").items():
        if kind == "file":
            file = ask.table("files").get(key)
            if file is not None:
                items.append({"type": "file", "file": files.shown(ask, file), "date_create": at})
        elif kind == "channel":
            items.append({"type": "channel", "channel": key, "date_create": at})
        else:
            message = ask.table(f"messages:{kind}").get(key)
            if message is not None:
                items.append(
                    {
                        "type": "message",
                        "channel": kind,
                        "date_create": at,
                        "message": messages.shown(ask, kind, message),
                    }
                )
    rows, paging = workspace.numbered(ask, items[::-1])
    return {"items": rows, "paging": paging}


METHODS: Final = {
    "reactions.add": react,
    "reactions.remove": unreact,
    "reactions.get": reactions_of,
    "reactions.list": reacted,
    "pins.add": pin,
    "pins.remove": unpin,
    "pins.list": pinned,
    "bookmarks.add": add_bookmark,
    "bookmarks.edit": edit_bookmark,
    "bookmarks.list": bookmarks,
    "bookmarks.remove": remove_bookmark,
    "stars.add": star,
    "stars.remove": unstar,
    "stars.list": stars,
}
