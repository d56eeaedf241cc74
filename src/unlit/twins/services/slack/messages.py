"""Messages: posting, editing, deleting, threads, history, schedules."""

import re
from collections.abc import Iterator
from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import channels, directs, events, richtext, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.blocks import check_attachments, check_blocks
from unlit.twins.services.slack.timeline import link, put, remove
from unlit.twins.services.slack.workspace import next_ts, seconds

MAX_TEXT: Final = 40_000
_RICH: Final = frozenset(("blocks", "attachments", "metadata"))
_EXTRAS: Final = frozenset(("username", "icon_emoji", "icon_url", "thread_ts"))
_TS: Final = re.compile(r"^\d{1,12}\.\d{1,6}$")


def find(ask: Ask, cid: str, ts: str, code: str = "message_not_found") -> dict[str, Any]:
    """Return a message by its timestamp.

    Raises:
        SlackError: There is none.
    """
    row = ask.table(f"messages:{cid}").get(ts)
    if row is None and cid in ask.table("older") and _TS.match(ts) and float(ts) < ask.world.now():
        # A channel older than the world, whose history nobody has asked for: see `welcome`.
        ask.believed.append(ts)
        row = {"type": "message", "ts": ts, **author(ask), "text": ""}
        table = ask.table(f"messages:{cid}")
        table.put(ts, row)
        table.reorder(sorted(table, key=float))
    if row is None or row.get("_deleted"):
        raise SlackError(code)
    return row  # type: ignore[no-any-return] # rows are JSON


def shown(ask: Ask, cid: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a message; the first of a thread carries what is known of its replies."""
    out = {key: value for key, value in row.items() if not key.startswith("_")}
    if isinstance(out.get("bot_profile"), dict):
        out["bot_profile"] = {k: v for k, v in out["bot_profile"].items() if k != "user_id"}
    replies = ask.table("replies").get((cid, row["ts"]))
    if replies:
        table = ask.table(f"messages:{cid}")
        people = list(dict.fromkeys(table[ts].get("user") for ts in replies if ts in table))
        out |= {
            "thread_ts": row["ts"],
            "reply_count": len(replies),
            "reply_users_count": len(people),
            "latest_reply": replies[-1],
            "reply_users": people[:5],
            "is_locked": False,
            "subscribed": ask.me in (row.get("user"), *people),
        }
        if out["subscribed"]:
            out |= {"last_read": replies[-1], "unread_count": 0}
    pins = ask.table("pins").get((cid, row["ts"]))
    if pins is not None:
        out |= {
            "pinned_to": [cid],
            "pinned_info": {
                "channel": cid,
                "pinned_by": pins["created_by"],
                "pinned_ts": pins["created"],
            },
        }
    return out


def author(ask: Ask) -> dict[str, Any]:
    """Return the fields that say who wrote a message."""
    actor = ask.call.actor
    tables = ask.call.world.tables
    team = tables["slack.meta"]["team"]["id"]
    bot = tables["slack.bots"].get(actor.extra.get("bot_id", ""))
    if bot is None:
        return {"user": actor.id, "team": team}
    return {
        "user": actor.id,
        "bot_id": bot["id"],
        "app_id": bot["app_id"],
        "team": team,
        "bot_profile": _bot_profile(ask.world, bot, team),
    }


def _bot_profile(world: World, bot: dict[str, Any], team: str) -> dict[str, Any]:
    """Return what messages say of a bot; one object for all messages, as rows never change."""
    made, profile = world.caches.get("slack.bot_profile", (None, {}))
    if made is not bot:
        profile = {
            "id": bot["id"],
            "app_id": bot["app_id"],
            "user_id": bot["user_id"],
            "name": bot["name"],
            "icons": bot["icons"],
            "deleted": False,
            "updated": bot["updated"],
            "team_id": team,
        }
        world.caches["slack.bot_profile"] = bot, profile
    return profile  # type: ignore[no-any-return] # caches hold anything


def _words(ask: Ask) -> str:
    text = ask.args.get("text")
    if isinstance(text, str) and text:
        return text
    return ask.text("text") or ask.text("markdown_text")


def _content(ask: Ask) -> dict[str, Any]:
    """Return text, blocks, attachments and metadata of a message to be written."""
    text = _words(ask)
    if text.strip() and len(text) <= MAX_TEXT and _RICH.isdisjoint(ask.args):
        return {"text": text, "blocks": richtext.blocks(text, block_id(ask.world))}
    blocks = ask.json("blocks", "invalid_blocks_format")
    attachments = ask.json("attachments", "invalid_attachments")
    if not text.strip() and not blocks and not attachments:
        raise SlackError("no_text")
    if len(text) > MAX_TEXT:
        raise SlackError("msg_too_long")
    out: dict[str, Any] = {"text": text}
    if blocks:
        check_blocks(blocks)
        out["blocks"] = [
            block if block.get("block_id") else {**block, "block_id": block_id(ask.world)}
            for block in blocks
        ]
        if not text:
            ask.warnings.append("missing_text_in_message")
            out["text"] = fallback(out["blocks"])
    elif text and not attachments:
        out["blocks"] = richtext.blocks(text, block_id(ask.world))
    if attachments:
        out["attachments"] = check_attachments(ask, attachments)
    metadata = ask.json("metadata", "invalid_metadata_format")
    if metadata is not None:
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= set(metadata):
            raise SlackError("invalid_metadata_schema")
        out["metadata"] = metadata
    return out


def fallback(blocks: list[dict[str, Any]]) -> str:
    """Return the plain text of blocks, for notifications."""
    found = []
    for block in blocks:
        text = block.get("text")
        if isinstance(text, dict):
            found.append(str(text.get("text", "")))
    return " ".join(found)


def block_id(world: World) -> str:
    """Return a fresh id of a block."""
    return world.text("slack.block", 5)


def _target(ask: Ask) -> dict[str, Any]:
    key = ask.args.get("channel")
    if not isinstance(key, str) or not key:
        key = ask.required("channel", "channel_not_found")
    if key[0] not in "UW@":
        return channels.channel(ask, key, named=True)
    if key.startswith(("U", "W")) and key in ask.table("users"):
        return directs.direct(ask.world, ask.me, key)
    if key.startswith("@"):
        person = workspace.find_user(ask.world, key)
        if person is not None:
            return directs.direct(ask.world, ask.me, person["id"])
    return channels.channel(ask, key, named=True)


def _may_write(ask: Ask, row: dict[str, Any]) -> None:
    if row["is_archived"]:
        raise SlackError("is_archived")
    if not channels.is_member(ask, row):
        scopes = ask.call.actor.scopes
        if scopes is not None and "chat:write.public" not in scopes:
            raise SlackError("not_in_channel")


# --- methods
def post(ask: Ask) -> dict[str, Any]:
    """``chat.postMessage``."""
    row = _target(ask)
    _may_write(ask, row)
    fields = {**author(ask), **_content(ask)}
    cid = row["id"]
    if not _EXTRAS.isdisjoint(ask.args):
        dressed(ask, cid, fields)
    message = put(ask.world, cid, fields)
    return {"channel": cid, "ts": message["ts"], "message": message}


def dressed(ask: Ask, cid: str, fields: dict[str, Any]) -> None:
    """Give a message to be posted another face, or a place in a thread."""
    if ask.has("username"):
        fields |= {"username": ask.text("username"), "subtype": "bot_message"}
    if ask.has("icon_emoji"):
        fields |= {"icons": {"emoji": ask.text("icon_emoji")}, "subtype": "bot_message"}
    elif ask.has("icon_url"):
        fields |= {"icons": {"image_48": ask.text("icon_url")}, "subtype": "bot_message"}
    thread = ask.text("thread_ts")
    if thread:
        parent = _thread(ask, cid, thread)
        fields |= {"thread_ts": parent["ts"], "parent_user_id": parent.get("user")}
        if ask.flag("reply_broadcast"):
            fields["subtype"] = "thread_broadcast"
            fields["root"] = shown(ask, cid, parent)


def _answer(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if not key.startswith("_")}


def _thread(ask: Ask, cid: str, ts: str) -> dict[str, Any]:
    if not _TS.match(ts):
        raise SlackError("invalid_thread_ts")
    row = ask.table(f"messages:{cid}").get(ts)
    if row is None:
        raise SlackError("message_not_found")
    parent = row.get("thread_ts")
    return find(ask, cid, parent) if parent and parent != ts else row


def me(ask: Ask) -> dict[str, Any]:
    """``chat.meMessage``."""
    row = channels.channel(ask)
    _may_write(ask, row)
    text = ask.required("text", "no_text")
    message = put(ask.world, row["id"], {**author(ask), "subtype": "me_message", "text": text})
    return {"channel": row["id"], "ts": message["ts"]}


def ephemeral(ask: Ask) -> dict[str, Any]:
    """``chat.postEphemeral``: only the person sees it, so no history has it."""
    row = channels.channel(ask, named=True)
    person = ask.required("user")
    _content(ask)
    if row["id"] in ask.table("older"):
        workspace.user(ask, person)
    elif person not in ask.table("users") or not channels.is_member(ask, row, person):
        raise SlackError("user_not_in_channel")
    return {"message_ts": next_ts(ask.world)}


def update(ask: Ask) -> dict[str, Any]:
    """``chat.update``."""
    row = channels.channel(ask)
    ts = ask.required("ts")
    old = find(ask, row["id"], ts)
    if old.get("user") != ask.me:
        raise SlackError("cant_update_message")
    if row["is_archived"]:
        raise SlackError("is_archived")
    fields = _content(ask)
    if "blocks" not in fields:
        fields["blocks"] = []
    new = {
        **old,
        **fields,
        "edited": {
            "user": ask.call.actor.extra.get("bot_id") or ask.me,
            "ts": str(seconds(ask.world)) + ".000000",
        },
    }
    ask.table(f"messages:{row['id']}").put(ts, new)
    events.changed(ask.world, row["id"], new, old)
    return {"channel": row["id"], "ts": ts, "text": new["text"], "message": _edited(new)}


def _edited(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as the answer to its change has it."""
    out = {k: v for k, v in _answer(message).items() if k not in ("ts", "reactions")}
    if isinstance(out.get("bot_profile"), dict):
        out["bot_profile"] = {k: v for k, v in out["bot_profile"].items() if k != "user_id"}
    return out


def delete(ask: Ask) -> dict[str, Any]:
    """``chat.delete``; the first message of a thread leaves a tombstone."""
    row = channels.channel(ask)
    ts = ask.required("ts")
    old = find(ask, row["id"], ts)
    if old.get("user") != ask.me:
        raise SlackError("cant_delete_message")
    remove(ask.world, row["id"], old)
    return {"channel": row["id"], "ts": ts}


def permalink(ask: Ask) -> dict[str, Any]:
    """``chat.getPermalink``."""
    row = channels.channel(ask)
    ts = ask.required("message_ts")
    message = find(ask, row["id"], ts)
    return {"channel": row["id"], "permalink": link(ask.world, row["id"], message)}


def history(ask: Ask) -> dict[str, Any]:
    """``conversations.history``: newest first, without replies that were not broadcast."""
    row = channels.channel(ask)
    if not channels.is_member(ask, row):
        raise SlackError("not_in_channel")
    cid = row["id"]
    ask.table("older").drop(cid)
    rows, cursor = workspace.page(
        ask, _window(ask, cid), "next_ts", key=lambda m: str(m["ts"]), usual=100, most=1000
    )
    out: dict[str, Any] = {
        "messages": [shown(ask, cid, message) for message in rows],
        "has_more": bool(cursor),
        "pin_count": sum(1 for place in ask.table("pins") if place[0] == cid),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }
    if cursor:
        out["response_metadata"] = {"next_cursor": cursor}
    if ask.has("latest"):
        out["latest"] = ask.text("latest")
    return out


def _bounds(ask: Ask) -> tuple[float, float, bool]:
    try:
        oldest = float(ask.text("oldest") or 0)
        latest = float(ask.text("latest") or "inf")
    except ValueError as error:
        raise SlackError("invalid_ts_oldest") from error
    return oldest, latest, ask.flag("inclusive")


def _within(ts: str, bounds: tuple[float, float, bool]) -> bool:
    oldest, latest, inclusive = bounds
    value = float(ts)
    return oldest <= value <= latest if inclusive else oldest < value < latest


def _window(ask: Ask, cid: str) -> Iterator[dict[str, Any]]:
    bounds = _bounds(ask)
    table = ask.table(f"messages:{cid}")
    for ts in reversed(table):
        row = table[ts]
        thread = row.get("thread_ts")
        if thread and thread != ts and row.get("subtype") != "thread_broadcast":
            continue
        if _within(ts, bounds):
            yield row
        elif float(ts) < bounds[0]:
            return


def replies(ask: Ask) -> dict[str, Any]:
    """``conversations.replies``: the first message, then its replies, oldest first."""
    row = channels.channel(ask)
    if not channels.is_member(ask, row):
        raise SlackError("not_in_channel")
    cid, ts = row["id"], ask.required("ts", "thread_not_found")
    table = ask.table(f"messages:{cid}")
    first = table.get(ts)
    if first is None:
        raise SlackError("thread_not_found")
    start = first.get("thread_ts") or ts
    bounds = _bounds(ask)
    found = [item for item in ask.table("replies").get((cid, start), ()) if _within(item, bounds)]
    rows = [table[start], *(table[item] for item in found if item in table)]
    page, cursor = workspace.page(
        ask, rows, "next_ts", key=lambda m: str(m["ts"]), usual=1000, most=1000
    )
    out: dict[str, Any] = {
        "messages": [shown(ask, cid, message) for message in page],
        "has_more": bool(cursor),
    }
    if cursor:
        out["response_metadata"] = {"next_cursor": cursor}
    return out


def schedule(ask: Ask) -> dict[str, Any]:
    """``chat.scheduleMessage``."""
    row = _target(ask)
    _may_write(ask, row)
    at = ask.number("post_at", 0)
    now = seconds(ask.world)
    if not at:
        raise SlackError("invalid_time")
    if at <= now:
        raise SlackError("time_in_past")
    if at > now + 120 * 86400:
        raise SlackError("time_too_far")
    content = _content(ask)
    key = workspace.mint(ask.world, "Q")
    ask.table("scheduled").put(
        key,
        {
            "id": key,
            "channel_id": row["id"],
            "post_at": at,
            "date_created": now,
            "text": content["text"],
            "_fields": {**author(ask), **content},
            "_thread": ask.text("thread_ts"),
        },
    )
    message = _edited({**author(ask), **content, "type": "delayed_message"})
    return {"channel": row["id"], "scheduled_message_id": key, "post_at": at, "message": message}


def post_due(world: World) -> None:
    """Post what was scheduled for a time that has come."""
    now = seconds(world)
    table = world.table("slack.scheduled")
    for key, row in sorted(table.items(), key=lambda item: item[1]["post_at"]):
        if row["post_at"] <= now:
            table.drop(key)
            fields = dict(row["_fields"])
            if row["_thread"]:
                fields["thread_ts"] = row["_thread"]
            put(world, row["channel_id"], fields)


def scheduled(ask: Ask) -> dict[str, Any]:
    """``chat.scheduledMessages.list``."""
    wanted = ask.text("channel")
    rows = [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in ask.table("scheduled").values()
        if not wanted or row["channel_id"] == wanted
    ]
    found, cursor = workspace.page(
        ask, rows, "scheduled", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    return {"scheduled_messages": found, "response_metadata": {"next_cursor": cursor}}


def unschedule(ask: Ask) -> dict[str, Any]:
    """``chat.deleteScheduledMessage``."""
    row = _target(ask)
    found = ask.table("scheduled").get(ask.required("scheduled_message_id"))
    if found is None or found["channel_id"] != row["id"]:
        raise SlackError("invalid_scheduled_message_id")
    ask.table("scheduled").drop(found["id"])
    return {}


METHODS: Final = {
    "chat.postMessage": post,
    "chat.meMessage": me,
    "chat.postEphemeral": ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "chat.scheduleMessage": schedule,
    "chat.scheduledMessages.list": scheduled,
    "chat.deleteScheduledMessage": unschedule,
    "conversations.history": history,
    "conversations.replies": replies,
}
